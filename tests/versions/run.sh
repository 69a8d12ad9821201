#!/usr/bin/env bash
# run.sh VERSION [PYTEST ARGUMENTS]: the cluster tests on another version of Slurm, by default all of tests/cluster.
#
# Each version is that of a Debian release, whose packages lie in a root of their own (debootstrap, half a GB, some three
# minutes), kept outside the checkout in CHROMPLAN_ROOTS for the next time. The tests run in it, with its Python, in mount and
# process namespaces of their own: nothing stays mounted, nothing goes on running. Several may run in one root at once; only one
# makes it, or installs there, and waits for the others to end. It takes root. Where it cannot be done this says so, and fails
# where CHROMPLAN_REQUIRE_SLURM=1.
set -euo pipefail

declare -A suites=([22.05]=bookworm [24.11]=trixie [26.05]=sid)
version=${1:-}
suite=${suites[$version]:-}
[ -n "$suite" ] || { echo "error: no Slurm '$version' to test with" >&2; echo "hint: VERSION is 22.05, 24.11 or 26.05" >&2; exit 2; }
shift
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
roots=${CHROMPLAN_ROOTS:-/var/cache/chromplan/roots}
root=$roots/$suite
mirror=${CHROMPLAN_MIRROR:-http://deb.debian.org/debian}
packages=(slurmctld slurmd slurmdbd slurm-client slurm-wlm-basic-plugins slurm-wlm-mysql-plugin munge mariadb-server)
packages+=(python3-venv time iproute2)
# who submits; 26.05 holds the jobs of a user without a login shell
person=tester

impossible() {
    echo "no Slurm $version to test with: $1" >&2
    [ "${CHROMPLAN_REQUIRE_SLURM:-}" != 1 ] || exit 1
    exit 0
}

make_root() {
    local making=$root.$$
    trap 'rm -rf --one-file-system "$making"' EXIT
    echo "making a root of Debian $suite in $root"
    if ! debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" "$suite" "$making" "$mirror" >"$root.log" 2>&1; then
        tail -n 20 "$root.log" >&2
        impossible "debootstrap failed, see $root.log"
    fi
    rm -rf "$making"/var/cache/apt/archives/*.deb "$making"/var/lib/apt/lists/*
    useradd --root "$making" --create-home --shell /bin/bash "$person"
    mv "$making" "$root"
    trap - EXIT
}

# inside COMMAND...: run it in the root, with the checkout at /src
inside() {
    mkdir -p "$root/src"
    # shellcheck disable=SC2016  # what is in the inner shells is for them
    root=$root checkout=$checkout person=$person unshare --mount --propagation private --pid --fork --kill-child bash -c '
        set -e
        mount --bind -o ro "$checkout" "$root/src"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        cp /etc/hosts /etc/resolv.conf "$root/etc/"
        certificates=/etc/ssl/certs/ca-certificates.crt
        [ ! -e $certificates ] || { mkdir -p "$root/etc/ssl/certs" && cp $certificates "$root$certificates"; }
        given=()
        for name in PIP_CERT PIP_INDEX_URL http_proxy https_proxy no_proxy CHROMPLAN_BOTH_WAYS CHROMPLAN_EVERY_VARIABLE \
            CHROMPLAN_CRASHES CHROMPLAN_CRASH CHROMPLAN_KILLS CHROMPLAN_SEED; do
            [ -z "${!name:-}" ] || given+=("$name=${!name}")
        done
        exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            CHROMPLAN_REQUIRE_SLURM=1 CHROMPLAN_TEST_USER="$person" PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis \
            "${given[@]}" \
            bash -c "cd /src && { \"\$@\"; exit \$?; }" - "$@" # not exec: a first process must reap what others leave
    ' - "$@"
}

[ "$(id -u)" -eq 0 ] || impossible "a root of another Debian takes root"
"$checkout/.ci/packages" debootstrap
command -v debootstrap >/dev/null || impossible "debootstrap is not installed"
unshare --mount --propagation private true 2>/dev/null || impossible "mount namespaces are forbidden here"

# the packages that chromplan needs are installed once; itself it is the checkout
wanted=$(sed -n '/^dependencies = \[/,/^\]/p' "$checkout/pyproject.toml" | sha256sum | cut -d' ' -f1)
is_ready() {
    [ "$(cat "$root/venv/made-for" 2>/dev/null || true)" = "$wanted" ]
}

make_ready() {
    [ -d "$root" ] || make_root
    echo "installing chromplan's packages for the Python of Debian $suite"
    # shellcheck disable=SC2016
    inside bash -c 'rm -rf /venv && python3 -m venv /venv && mkdir /tmp/copy && cp -r pyproject.toml README.md LICENSE planner templates \
        site_configs /tmp/copy && pip install --quiet --no-cache-dir /tmp/copy pytest pytest-xdist hypothesis && pip uninstall --quiet --yes \
        chromplan && echo /src >"$(python3 -c "import sysconfig; print(sysconfig.get_path(\"purelib\"))")/checkout.pth" && chmod -R a+rX /venv'
    echo "$wanted" >"$root/venv/made-for"
}

# whoever runs in the root shares its lock, until all that runs there has ended
mkdir -p "$roots"
exec 9>"$root.lock"
flock --shared 9
until is_ready; do
    flock --unlock 9
    flock --exclusive --nonblock 9 || { echo "waiting for the runs in $root to end"; flock --exclusive 9; }
    is_ready || make_ready
    flock --unlock 9
    flock --shared 9
done
inside bash -c 'sbatch --version; python3 --version' 2>/dev/null || true
[ $# -gt 0 ] || set -- tests/cluster
inside python3 -m pytest -p no:cacheprovider "$@"
