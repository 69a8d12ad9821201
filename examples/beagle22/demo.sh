#!/usr/bin/env bash
# The whole loop on this machine: real history in, a plan, 22 real tasks, their results learnt, the next batch planned.
# With Java and Beagle it imputes; without, it computes relationship matrices with what pip alone installs.
#
#     examples/beagle22/demo.sh [DIR]      works in DIR (default: demo), which it empties first
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-demo}
history=$(dirname "$here")/data/beagle_chr22.csv
bold='' plain=''
[ ! -t 1 ] || bold=$'\e[1m' plain=$'\e[0m'

title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
run() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
}
rounds() { find rounds -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }
last_round() { find rounds -mindepth 1 -maxdepth 1 | sort | tail -n 1; }

if [ -e "$dir" ] && [ ! -e "$dir/.chromplan-demo" ]; then
    echo "error: $dir is there and no earlier demo made it" >&2
    echo "hint: name another folder: examples/beagle22/demo.sh DIR" >&2
    exit 2
fi
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
touch .chromplan-demo
printf 'sample\nbatch1\n' >samples.tsv

if command -v java >/dev/null && command -v beagle >/dev/null; then
    task="impute with Beagle"
    cp "$here/chromplan.toml" "$here/simulate.py" .
    title "Simulating 22 chromosomes in GRCh38's proportions, a reference panel and two batches of people"
    run python simulate.py --out input --quiet
else
    task="compute a relationship matrix"
    cp "$here/chromplan-grm.toml" chromplan.toml
    cp "$here/grm.py" .
    title "No Java or no Beagle here: the tasks are relationship matrices"
fi

title "History: 66 real Beagle runs"
run chromplan history import "$history" --tool beagle \
    --feature n_ref_variants=n_ref_variants --feature n_samples=n_samples
run chromplan fit

title "A plan for 22 tasks: $task, chromosome by chromosome"
run chromplan plan
run chromplan render

title "Running it on this machine, two tasks at a time, each held to its request"
while true; do
    run chromplan run --local --cores 2
    before=$(rounds)
    run chromplan next
    [ "$(rounds)" -gt "$before" ] || break
done

title "A second batch arrives: its requests come from what the first batch really used"
echo batch2 >>samples.tsv
run chromplan next

title "Which order would need least memory, two tasks at a time, by what is predicted now"
run chromplan order --slots 2 --table "$(last_round)/plan.json"

title "What it saved"
chromplan status --json | python "$here/summary.py"

title "Done. Everything is in $dir: plans and scripts in rounds/, results in output/"
