"""sbatch's options and odd files: each a script, and the shell line that hands it over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PUBLISHED = Path(__file__).parent.parent / "wrap" / "published"

TOLD = (
    'env | grep -aE "^(SLURM_(ARRAY|JOB_NAME|MEM|CPUS|NTASKS|NNODES|SUBMIT_DIR|JOB_PARTITION|GPUS)|SBATCH_|COHORT)"'
    " | grep -av ARRAY_JOB_ID | sort; pwd"
)
BODY = f'({TOLD}; echo "$@") > "told.${{SLURM_ARRAY_TASK_ID:-one}}"; echo "on stdout"; echo "on stderr" >&2\n'


@dataclass(frozen=True, kw_only=True)
class Case:
    """A script, and the shell line that hands it over.

    Attributes
    ----------
    line : str
        ``$SBATCH`` stands for the command.
    script : bytes
        What lies in ``s.sh``.
    env : mapping of str to str
        The submitting shell's own variables.
    refused : bool
        Whether sbatch takes no job of it.
    needs : str
        A program without which it cannot be tried.
    """

    line: str = "$SBATCH s.sh"
    script: bytes
    env: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False
    needs: str = "bash"


def script(*lines: str, body: str = BODY, shell: str = "/bin/bash") -> bytes:
    """Return a batch script of two elements with 50 MB, with further ``#SBATCH`` lines."""
    asked = ["#SBATCH --array=1-2 --mem=50M --time=5", *(f"#SBATCH {line}" for line in lines)]
    return "\n".join([f"#!{shell}", *asked, body]).encode()


PLAIN = script()
BARE = f"#!/bin/bash\n{BODY}".encode()
CASES: dict[str, Case] = {
    # shells and files
    "tcsh": Case(
        script=script(shell="/bin/tcsh", body='echo "$1 of $SLURM_ARRAY_TASK_ID" > t.$SLURM_ARRAY_TASK_ID\n'),
        line="$SBATCH s.sh a",
        needs="tcsh",
    ),
    "ksh": Case(script=script(shell="/bin/ksh"), needs="ksh"),
    "zsh": Case(script=script(shell="/usr/bin/env zsh"), needs="zsh"),
    "symlink": Case(
        script=PLAIN, line="mkdir -p d && mv s.sh d/real.sh && ln -s d/real.sh link.sh && $SBATCH link.sh x"
    ),
    "symlink elsewhere": Case(script=PLAIN, line="mkdir -p d && ln -s ../s.sh d/link.sh && $SBATCH d/link.sh"),
    "from a folder below": Case(script=PLAIN, line="mkdir -p d && cd d && $SBATCH ../s.sh"),
    "by its whole path": Case(script=PLAIN, line='mkdir -p d && cd d && $SBATCH "$OLDPWD/s.sh"'),
    "folder is a symlink": Case(script=PLAIN, line="mkdir -p d && ln -s d e && cd e && $SBATCH ../s.sh"),
    "on the path": Case(
        script=PLAIN, line='mkdir bin && mv s.sh bin/onpath.sh && PATH="$PWD/bin:$PATH" $SBATCH onpath.sh'
    ),
    "standard input": Case(script=PLAIN, line="$SBATCH < s.sh"),
    "heredoc": Case(
        script=PLAIN,
        line="$SBATCH <<EOF\n#!/bin/sh\n#SBATCH -a 1-2 --mem 50\necho $((1 + 1)) > h.\\$SLURM_ARRAY_TASK_ID\nEOF",
    ),
    "pipe": Case(script=PLAIN, line="cat s.sh | $SBATCH -J piped"),
    "no final newline": Case(script=PLAIN.rstrip(b"\n")),
    "only a directive": Case(script=b"#!/bin/sh\n#SBATCH --mem=50M -a 1-2"),
    "byte order mark": Case(script=b"\xef\xbb\xbf" + PLAIN, refused=True),
    "windows line ends": Case(script=PLAIN.replace(b"\n", b"\r\n"), refused=True),
    "one windows line end": Case(script=PLAIN.replace(b"M --time=5\n", b"M --time=5\r\n"), refused=True),
    "carriage return inside": Case(script=PLAIN + b"printf 'a\rb' > cr.$SLURM_ARRAY_TASK_ID\n"),
    "not utf-8": Case(script=PLAIN + b"echo caf\xe9 > 'f\xe9.'$SLURM_ARRAY_TASK_ID # \xff\xfe\n"),
    "not utf-8 in a directive": Case(script=script("--comment=caf").replace(b"caf", b"caf\xe9")),
    "very long lines": Case(
        script=PLAIN + b"x='" + b"y" * 200_000 + b"'\necho ${#x} > x.$SLURM_ARRAY_TASK_ID\n#" + b"z" * 300_000 + b"\n"
    ),
    "long comment before a directive": Case(
        script=b"#!/bin/bash\n#" + b"z" * 5000 + b"\n#SBATCH -a 1-2 --mem=50M -J late\n" + BODY.encode()
    ),
    "directive after a command": Case(script=PLAIN + b"\n#SBATCH --array=1-9\n"),
    "directive after blank and comment": Case(
        script=b"#!/bin/bash\n\n# about\n   \n#SBATCH -a 3-4\n##SBATCH -a 5\n# SBATCH -a 6\n"
        b" #SBATCH -a 7\n#SBATCH --mem=50\n" + BODY.encode()
    ),
    "blanks in its name": Case(
        script=PLAIN, line="mv s.sh 'my script (v2).sh' && $SBATCH 'my script (v2).sh' 'an argument'"
    ),
    "quotes in its name": Case(
        script=PLAIN, line="""mv s.sh "it's \\"q\\".sh" && $SBATCH "it's \\"q\\".sh" "it's" '"' """
    ),
    "newline in its name": Case(script=PLAIN, line="mv s.sh $'a\\nb.sh' && $SBATCH $'a\\nb.sh' $'c\\nd'"),
    "tab and dollar in its name": Case(
        script=PLAIN, line="mv s.sh $'a\\t$x*.sh' && $SBATCH $'a\\t$x*.sh' $'\\t' '*' '$x' '\\'"
    ),
    "percent in its name": Case(script=PLAIN, line="mv s.sh 'p%a%%.sh' && $SBATCH 'p%a%%.sh'"),
    "name begins with a dash": Case(script=PLAIN, line="mv s.sh ./-s.sh && $SBATCH -- -s.sh"),
    "not utf-8 in its name": Case(script=PLAIN, line="mv s.sh $'f\\xe9.sh' && $SBATCH $'f\\xe9.sh' $'\\xff'"),
    "newline in the job's name": Case(script=PLAIN, line="$SBATCH -J $'a\\nb' s.sh"),
    "blanks in the job's name": Case(script=PLAIN, line="$SBATCH --job-name='a b  c' -o 'out %x.%a' s.sh"),
    "very long job name": Case(script=PLAIN, line="$SBATCH -J $(printf 'n%.0s' {1..300}) s.sh"),
    "percent in the job's name": Case(script=PLAIN, line="$SBATCH -J 'p%a%%j%x' -o 'out.%a' s.sh"),
    "every pattern in its output": Case(script=PLAIN, line="$SBATCH -J named -o 'slurm-%A_%a_%x_%u.%%.log' s.sh"),
    "a file beside it": Case(
        script=script(body='. "$SLURM_SUBMIT_DIR/d/lib.sh"; . ./d/lib.sh; said > said.$SLURM_ARRAY_TASK_ID\n'),
        line="mkdir d; echo 'said() { echo from the library; }' > d/lib.sh; $SBATCH s.sh",
    ),
    "an R script": Case(
        script=script(
            shell="/usr/bin/env Rscript",
            body='i <- Sys.getenv("SLURM_ARRAY_TASK_ID"); cat(commandArgs(TRUE), file = paste0("r.", i))\n',
        ),
        line="$SBATCH s.sh a 'b c'",
        needs="Rscript",
    ),
    "a Python script": Case(
        script=script(
            shell="/usr/bin/env python3",
            body='import os, sys\nopen("p." + os.environ["SLURM_ARRAY_TASK_ID"], "w").write(repr(sys.argv[1:]))\n',
        ),
        line="$SBATCH s.sh a 'b c'",
    ),
    "arguments": Case(script=PLAIN, line="$SBATCH s.sh --mem=1 -a '' ' ' $'\\n' '{chromosome}' '{{x}}'"),
    "many arguments": Case(script=PLAIN, line="$SBATCH s.sh $(seq 1 3000)"),
    "under /tmp": Case(
        script=PLAIN,
        line="d=$(mktemp -d /tmp/chromplan-t.XXXXXX) && cp s.sh $d && $SBATCH $d/s.sh; code=$?; rm -r $d; exit $code",
    ),
    "gone after it was submitted": Case(script=PLAIN, line="$SBATCH s.sh; code=$?; rm s.sh; exit $code"),
    # refused
    "empty": Case(script=b"", refused=True),
    "empty standard input": Case(script=b"", line="$SBATCH < /dev/null", refused=True),
    "no interpreter": Case(script=b"echo hello\n", refused=True),
    "blank first line": Case(script=b"\n" + PLAIN, refused=True),
    "no such script": Case(script=PLAIN, line="$SBATCH nowhere.sh", refused=True),
    "unreadable": Case(
        script=PLAIN, line="chmod 0 s.sh; $SBATCH s.sh; code=$?; chmod 600 s.sh; exit $code", refused=True
    ),
    "a folder": Case(script=PLAIN, line="$SBATCH .", refused=True),
    "a program": Case(
        script=PLAIN, line="cp /bin/true prog && $SBATCH prog; code=$?; rm prog; exit $code", refused=True
    ),
    "a zero byte": Case(script=PLAIN + b"\0\n", refused=True),
    "unknown option": Case(script=script("--nonsense=1"), refused=True),
    "unknown partition": Case(script=PLAIN, line="$SBATCH -p nowhere s.sh", refused=True),
    "bad memory": Case(script=PLAIN, line="$SBATCH --mem=1.5G s.sh", refused=True),
    "bad array": Case(script=PLAIN, line="$SBATCH --array=2-1 s.sh", refused=True),
    "bad dependency": Case(script=PLAIN, line="$SBATCH --dependency=afterok:nothing s.sh", refused=True),
    "wrap and a script": Case(script=PLAIN, line="$SBATCH --wrap=true s.sh", refused=True),
    "too long an array": Case(script=PLAIN, line="$SBATCH --array=0-99999 s.sh", refused=True),
    "folder that is not there": Case(script=PLAIN, line="$SBATCH --chdir=nowhere s.sh"),
    # other schedulers' lines
    "pbs ignored": Case(
        script=b"#!/bin/bash\n#PBS -l walltime=9:00:00\n#PBS -J 1-99\n#BSUB -J x[1-9]\n#SBATCH -a 1-2 --mem=50M -t 5\n"
        + BODY.encode(),
        line="$SBATCH --ignore-pbs s.sh",
    ),
    "pbs ignored by the environment": Case(
        script=b"#!/bin/bash\n#PBS -N other\n#SBATCH -a 1-2 --mem=50M -t 5\n" + BODY.encode(),
        env={"SBATCH_IGNORE_PBS": "1"},
    ),
    "pbs ignored by the script": Case(
        script=b"#!/bin/bash\n#SBATCH --ignore-pbs\n#PBS -N other\n#SBATCH -a 1-2 --mem=50M -t 5\n" + BODY.encode()
    ),
    # memory
    "per cpu beside SBATCH_MEM_PER_NODE": Case(
        script=b"#!/bin/bash\n#SBATCH -a 1-2 --mem-per-cpu=30M -c 2 -t 5\n" + BODY.encode(),
        env={"SBATCH_MEM_PER_NODE": "70"},
    ),
    "per node beside SBATCH_MEM_PER_CPU": Case(script=PLAIN, env={"SBATCH_MEM_PER_CPU": "20"}),
    "per cpu beside SBATCH_MEM_PER_CPU": Case(
        script=b"#!/bin/bash\n#SBATCH -a 1-2 --mem-per-cpu=30M -c 2 -t 5\n" + BODY.encode(),
        env={"SBATCH_MEM_PER_CPU": "40"},
    ),
    "only SBATCH_MEM_PER_CPU": Case(script=BARE, line="$SBATCH -a 1-2 -c 2 s.sh", env={"SBATCH_MEM_PER_CPU": "40"}),
    "all memory of a node": Case(script=BARE, line="$SBATCH -a 1-2 --mem=0 s.sh"),
    "no memory asked": Case(script=BARE, line="$SBATCH -a 1-2 s.sh"),
    "no memory asked of one job": Case(script=BARE),
    "exclusive": Case(script=script("--exclusive")),
    "exclusive=user": Case(script=script("--exclusive=user")),
    "oversubscribe": Case(script=script("-s")),
    "tasks": Case(script=script("-n 2", "--ntasks-per-node=2", "-c 2")),
    "mem per cpu and tasks": Case(
        script=b"#!/bin/bash\n#SBATCH -a 1-2 --mem-per-cpu=20 -n 2 -c 2 -t 5\n" + BODY.encode()
    ),
    "one node": Case(script=script("-N 1")),
    "one node as a range": Case(script=script("-N 1-1")),
    "nodes and their place": Case(script=script("-w n2", "--mincpus=2", "--hint=nomultithread")),
    "more disk than a node has": Case(script=script("--tmp=100T"), refused=True),
    "more processors than a node has": Case(script=script("--mincpus=500"), refused=True),
    "more GPUs than a node has": Case(script=script("--gres=gpu:9"), refused=True),
    "cores": Case(script=script("--threads-per-core=1", "--distribution=block:cyclic", "--cpu-freq=medium")),
    # arrays
    "throttled": Case(script=PLAIN, line="$SBATCH --array=1-40%10 --mem=10M s.sh"),
    "steps and lists": Case(script=PLAIN, line="$SBATCH --array=1-9:4,20,30-31 s.sh"),
    "steps of three, four at once": Case(script=PLAIN, line="$SBATCH --array=1-22:3%4 --mem=10M s.sh"),
    "one element": Case(script=PLAIN, line="$SBATCH --array=7 s.sh"),
    "from nought": Case(script=PLAIN, line="$SBATCH -a0-1 s.sh"),
    "listed twice": Case(script=PLAIN, line="$SBATCH --array=1,1-2,2 s.sh"),
    "by the environment": Case(
        script=PLAIN,
        env={"SBATCH_ARRAY_INX": "4-5", "SBATCH_TIMELIMIT": "7", "SBATCH_JOB_NAME": "env", "SBATCH_PARTITION": "main"},
    ),
    "environment against command line": Case(
        script=PLAIN,
        line="$SBATCH -a 4 -t 3 -J line s.sh",
        env={"SBATCH_ARRAY_INX": "4-5", "SBATCH_TIMELIMIT": "7", "SBATCH_JOB_NAME": "env"},
    ),
    "environment of outputs": Case(
        script=PLAIN, env={"SBATCH_OUTPUT": "o.%a", "SBATCH_ERROR": "e.%a", "SBATCH_OPEN_MODE": "append"}
    ),
    # what sbatch prints and how it ends
    "wait": Case(script=script(body="exit $SLURM_ARRAY_TASK_ID\n"), line="$SBATCH --wait s.sh"),
    "wait by the environment": Case(
        script=script(body="exit $((3 - SLURM_ARRAY_TASK_ID))\n"), env={"SBATCH_WAIT": "1"}
    ),
    "wait for a signal": Case(script=script(body="kill -TERM $$; sleep 5\n"), line="$SBATCH -W s.sh"),
    "wrap": Case(
        script=PLAIN, line="$SBATCH -a 1-2 --mem=50M --wrap='echo $SLURM_ARRAY_TASK_ID \"$0\" > w.$SLURM_ARRAY_TASK_ID'"
    ),
    "wrap of several lines": Case(script=PLAIN, line="$SBATCH --mem=50M --wrap=$'echo 1 > w.1\\necho 2 > w.2; exit 3'"),
    "test only": Case(script=PLAIN, line="$SBATCH --test-only s.sh", refused=True),
    # sbatch says nothing then, chromplan the id
    "quiet": Case(
        script=PLAIN,
        line="$SBATCH -Q s.sh > /dev/null && squeue -h -t all -o '%F %Z' | sed -n \"s| $PWD\\$||p\" | head -n 1",
    ),
    "parsable twice": Case(script=PLAIN, line="$SBATCH --parsable s.sh"),
    # of the job
    "clusters": Case(script=PLAIN, line="$SBATCH -M $(scontrol show config | sed -n 's/^ClusterName *= //p') s.sh"),
    "aftercorr": Case(
        script=PLAIN,
        line="a=$(sbatch --parsable -a 1-2 -o /dev/null --mem=20 --wrap true) && $SBATCH -d aftercorr:$a s.sh",
    ),
    "followed by another": Case(
        script=PLAIN,
        line="a=$($SBATCH s.sh) && echo $a && sbatch -W -d afterok:$a -o /dev/null --mem=20 --wrap 'ls told.* > after'",
    ),
    "its last element submits it again": Case(
        script=script(
            "-o again.%a",
            "--open-mode=append",
            body='echo "$1"; [ "$SLURM_ARRAY_TASK_ID" != 2 ] || [ -n "$1" ] || sbatch s.sh again > /dev/null\n',
        ),
    ),
    "afterany": Case(
        script=PLAIN,
        line="a=$(sbatch --parsable -o /dev/null --mem=20 --wrap 'sleep 2; touch b') && $SBATCH -d afterany:$a s.sh",
    ),
    "signal": Case(
        script=script(
            "--signal=B:USR1@60",
            body='trap "echo usr1 > sig.$SLURM_ARRAY_TASK_ID; exit 4" USR1; for n in $(seq 300); do sleep 0.1; done\n',
        ),
        line="$SBATCH -t 1 s.sh",
    ),
    "export none": Case(script=script("--export=NONE"), env={"COHORT": "A"}),
    "export some": Case(script=script("--export=ALL,COHORT=B"), env={"COHORT": "A"}),
    "export alone": Case(script=PLAIN, line="$SBATCH --export=COHORT s.sh", env={"COHORT": "A", "OTHER": "x"}),
    "export by the environment": Case(script=PLAIN, env={"COHORT": "A", "SBATCH_EXPORT": "NONE"}),
    "get-user-env": Case(script=script("--get-user-env")),
    "no requeue": Case(
        script=script(
            "--no-requeue", body='scontrol show job "$SLURM_JOB_ID" | grep -o "Requeue=." > r.$SLURM_ARRAY_TASK_ID\n'
        )
    ),
    "requeue": Case(
        script=script(
            "--requeue", body='scontrol show job "$SLURM_JOB_ID" | grep -o "Requeue=." > r.$SLURM_ARRAY_TASK_ID\n'
        )
    ),
    "what scontrol shows": Case(
        script=script(
            "--comment='my own'",
            "--nice=7",
            "--mail-type=FAIL",
            "--mail-user=a@b.c",
            "-e err.%a",
            "--open-mode=truncate",
            body='scontrol show job "$SLURM_JOB_ID" | grep -E "^ *(Command|WorkDir|Std|Mail|NumNodes|MinCPUs|OverSub)" '
            "> c.$SLURM_ARRAY_TASK_ID\n",
        )
    ),
    "gres": Case(script=script("--gres=gpu:1"), env={}),
    "gpus": Case(script=script("--gpus=1"), env={}),
    "gpus per task": Case(script=script("--gpus-per-node=1", "--ntasks=1", "--cpus-per-gpu=2"), env={}),
    "begin": Case(script=PLAIN, line="$SBATCH --begin=now+2 s.sh"),
    "deadline": Case(script=PLAIN, line="$SBATCH --deadline=now+1hour s.sh"),
    "time forms": Case(script=PLAIN, line="$SBATCH -t 0-0:04:30 s.sh"),
    "time-min": Case(script=PLAIN, line="$SBATCH -t 10 --time-min=10 s.sh"),  # below, the backfill may choose any
    "input": Case(
        script=script("--input=in.%a", body="cat > got.$SLURM_ARRAY_TASK_ID\n"),
        line="echo 1 > in.1; echo 2 > in.2; $SBATCH s.sh",
    ),
    "chdir": Case(script=PLAIN, line="mkdir d; $SBATCH -D d s.sh"),
    # 'task=30' is not here: sbatch refuses what is coarser than the site's own, chromplan has Slurm look every second
    "acctg-freq": Case(script=script("--acctg-freq=network=30")),
    "unlimited": Case(script=PLAIN, line="$SBATCH -t UNLIMITED s.sh"),
    "kill on invalid": Case(
        script=PLAIN,
        line="a=$(sbatch --parsable -o /dev/null --wrap false); $SBATCH -d afterok:$a --kill-on-invalid-dep=yes s.sh",
    ),
    "reservation that is not there": Case(script=PLAIN, line="$SBATCH --reservation=none s.sh", refused=True),
    "licenses that are not there": Case(script=PLAIN, line="$SBATCH -L matlab:1 s.sh", refused=True),
    "abbreviated": Case(script=script("--job-na=ab", "--comm=x"), line="$SBATCH --arr 1-2 s.sh"),
}


def _published(folder: Path) -> Case:
    """Return the case of a folder: the script, and, unless it is simply submitted, the lines that do it."""
    text, lines = (folder / "s.sh").read_bytes(), folder / "submit.sh"
    interpreter = Path(os.fsdecode(text.splitlines()[0]).removeprefix("#!").split()[0]).name
    return Case(
        script=text,
        line=lines.read_text() if lines.exists() else Case.line,
        needs=interpreter if interpreter in ("csh", "zsh") else "bash",
    )


CASES |= {f"published: {path.name}": _published(path) for path in sorted(PUBLISHED.iterdir())}

# the kinds that once differed; the others with CHROMPLAN_BOTH_WAYS=all
USUAL = (
    "tcsh",
    "not utf-8 in a directive",
    "newline in its name",
    "name begins with a dash",
    "not utf-8 in its name",
    "too long an array",
    "pbs ignored",
    "per cpu beside SBATCH_MEM_PER_NODE",
    "all memory of a node",
    "no memory asked",
    "more processors than a node has",
    "aftercorr",
    "published: a_named_pipe",
    "published: exported_function",
    "published: no_input",
    "published: process_substitution",
    "published: read_loop",
)
