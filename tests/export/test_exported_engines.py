"""The engines themselves read what they are told: Snakemake, Nextflow's closures in Groovy, miniwdl."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import plans
import pytest

from planner.core.samples import Sample
from planner.export import targets
from planner.export.rules import Rule, RuleTask, of_plan

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
# names that a tag, a regular expression and Groovy could take for something else
SAMPLES = ["NA1", "NA12", "a.b-1", "it's", "back\\slash", "${tag}", "7"]


def program(name: str) -> str:
    """Return a program's path, also beside this interpreter; skip where there is none (root could install it: fail)."""
    path = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if path is None:
        demanded = os.environ.get("CHROMPLAN_REQUIRE_SLURM") == "1" and os.geteuid() == 0 and name != "nextflow"
        (pytest.fail if demanded else pytest.skip)(f"{name} is not installed")
    return path


def run(argv: list[str], cwd: Path, **environment: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


SNAKEFILE = """
from chromplan_resources import chromplan
rule all:
    input: expand("scores/{sample}.chr{chrom}", sample=["A", "B"], chrom=range(1, 23)), "merged"
rule impute:
    output: "dosages/{sample}.chr{chrom}"
    threads: chromplan("impute", "threads")
    resources:
        mem_mb=chromplan("impute"),
        runtime=chromplan("impute", "runtime"),
    shell: "touch {output}"
rule score:
    input: "dosages/{sample}.chr{chrom}"
    output: "scores/{sample}.chr{chrom}"
    resources: mem_mb=chromplan("score", default=300)
    shell: "touch {output}"
rule merge:
    output: "merged"
    retries: 3
    resources: mem_mb=chromplan("merge")
    shell: "echo {resources.mem_mb} >> asked; test $(wc -l < asked) = 4 && touch {output}"
"""


def test_snakemake_gives_every_job_what_the_plan_asks_for(tmp_path: Path) -> None:
    named = [Sample(name=name, columns={"sample": name}) for name in ("A", "B")]
    plan = plans.plan(plans.config(pipeline={"samples": ["A", "B"], "cpus": 2}), samples=named)
    merge = Rule(name="merge", tasks=[RuleTask(sample="", chromosome="", cpus=1, mem_mb=(50, 65, 130, 260), time_s=())])
    write(targets.write([of_plan(plan), merge], "snakemake"), tmp_path)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    told = run([program("snakemake"), "--dry-run", "--cores", "4"], tmp_path)
    blocks = [block for block in told.split("\n[") if "rule impute:" in block]
    got = {
        (
            *re.findall(r"wildcards: sample=(\w+), chrom=(\w+)", block)[0],
            int(re.findall(r"\bmem_mb=(\d+)", block)[0]),
            60 * int(re.findall(r"\bruntime=(\d+)", block)[0]),
            int(re.findall(r"threads: (\d+)", block)[0]),
        )
        for block in blocks
    }
    assert got == {(one.sample, one.chromosome, one.request_mb, one.time_limit_s, 2) for one in plan.tasks}
    assert set(re.findall(r"\bmem_mb=(\d+)", "".join(b for b in told.split("\n[") if "rule score:" in b))) == {"300"}
    # each retry asks for what the model asks for after a kill
    run([program("snakemake"), "--cores", "1", "merged"], tmp_path)
    assert (tmp_path / "asked").read_text().split() == ["50", "65", "130", "260"]


PLAIN = """
rule all:
    input: expand("dosages/{sample}.chr{chrom}", sample=["A", "B"], chrom=range(1, 23)), "summary"
rule impute:
    output: "dosages/{sample}.chr{chrom}"
    resources: mem_mb=8000
    shell: "touch {output}"
rule merge:
    output: "merged"
    shell: "echo {resources.mem_mb} >> asked; test $(wc -l < asked) = 4 && touch {output}"
rule summary:
    output: "summary"
    resources: mem_mb=77
    shell: "touch {output}"
"""


def test_snakemakes_profile_gives_every_job_what_the_plan_asks_for_and_leaves_the_snakefile_alone(
    tmp_path: Path,
) -> None:
    named = [Sample(name=name, columns={"sample": name}) for name in ("A", "B")]
    plan = plans.plan(plans.config(pipeline={"samples": ["A", "B"]}), samples=named)
    merge = Rule(name="merge", tasks=[RuleTask(sample="", chromosome="", cpus=1, mem_mb=(50, 65, 130, 260), time_s=())])
    elsewhere = Rule(name="of another workflow", tasks=merge.tasks)
    unused = Rule(name="not_in_this_snakefile", tasks=merge.tasks)
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").write_text(PLAIN)
    write(targets.write([of_plan(plan), merge, elsewhere, unused], "snakemake"), tmp_path / "workflow")
    argv = [program("snakemake"), "--workflow-profile", "workflow/chromplan_profile"]
    told = run([*argv, "--dry-run", "--cores", "4"], tmp_path)
    got = {
        (
            *re.findall(r"wildcards: sample=(\w+), chrom=(\w+)", block)[0],
            *re.findall(r"(?:mem_mb|runtime)=(\d+)", block),
        )
        for block in told.split("\n[")
        if "rule impute:" in block
    }
    wanted = {(one.sample, one.chromosome, f"{one.request_mb}", f"{one.time_limit_s // 60}") for one in plan.tasks}
    assert got == wanted
    assert re.findall(r"\bmem_mb=(\d+)", "".join(b for b in told.split("\n[") if "rule summary:" in b)) == ["77"]
    run([*argv, "--cores", "1", "merged"], tmp_path)
    assert (tmp_path / "asked").read_text().split() == ["50", "65", "130", "260"]


BENCHMARK = "s\th:m:s\tmax_rss\n{s}\t0:10:00\t{mb}\n"


def test_the_example_asks_for_its_defaults_first_and_then_for_what_its_benchmarks_say(tmp_path: Path) -> None:
    def dry() -> dict[str, dict[str, int]]:
        told = run([program("snakemake"), "-s", "workflow.smk", "--dry-run", "--cores", "4"], tmp_path)
        asked: dict[str, dict[str, int]] = {}
        for block in told.split("\n["):
            for rule, output, mem_mb in re.findall(r"rule (\w+):.*output: (\S+).*\bmem_mb=(\d+)", block, re.DOTALL):
                asked.setdefault(rule, {})[output] = int(mem_mb)
        return asked

    shutil.copy(EXAMPLES / "snakemake" / "workflow.smk", tmp_path)
    shutil.copy(EXAMPLES.parent / "templates" / "chromplan_resources.py", tmp_path)
    (tmp_path / "input").mkdir()
    for chromosome in ("20", "21", "22"):
        (tmp_path / "input" / f"chr{chromosome}.vcf.gz").touch()
    first = dry()
    assert {rule: set(asked.values()) for rule, asked in first.items()} == {
        "phase": {4000},
        "impute": {6000},
        "score": {1000},
    }
    assert len(first["impute"]) == 4 + 3 + 3
    for number in range(1, 23):
        write({f"chr{number}.tsv": BENCHMARK.format(s=600, mb=900 + 50 * number)}, _folder(tmp_path, "phase"))
        name = f"chr{number}.1-20000000.tsv"
        write({name: BENCHMARK.format(s=600, mb=2000 + 10 * number)}, _folder(tmp_path, "impute"))
    patterns = [f"benchmarks/{{rule}}/chr{{chromosome}}{rest}.tsv" for rest in ("", ".{start}-{end}")]
    imported = [word for pattern in patterns for word in ("--import", pattern)]
    update = [sys.executable, "-m", "planner", "export", "--to", "snakemake", "--overhead", "300M", *imported]
    run(update, tmp_path)
    rules = json.loads((tmp_path / "chromplan.json").read_text())["rules"]
    then = dry()
    assert then["phase"] == {f"phased/chr{n}.vcf.gz": rules["phase"][n][""]["mem_mb"][0] for n in ("20", "21", "22")}
    assert all(900 + 50 * 20 < mem_mb - 300 < 4000 for mem_mb in then["phase"].values())
    assert all(2000 < mem_mb - 300 < 4000 for mem_mb in then["impute"].values())
    assert set(then["score"].values()) == {1000}
    # the same command once more finds nothing new, and says the same
    before = (tmp_path / "chromplan.json").read_bytes()
    run(update, tmp_path)
    assert (tmp_path / "chromplan.json").read_bytes() == before


def _folder(folder: Path, rule: str) -> Path:
    found = folder / "benchmarks" / rule
    found.mkdir(parents=True, exist_ok=True)
    return found


GROOVY = """
def config = new ConfigSlurper().parse(new File('chromplan.config').text.replaceAll(/withName: /, ''))
def process = config.process
new File('asked.tsv').readLines().each { line ->
    def (name, attempt, tag) = line.split('\\t', 3) as List
    def rule = process[name]
    def told = ['cpus', 'memory', 'time'].collect { directive ->
        def value = rule[directive]
        if (value instanceof Closure) {
            value.delegate = [task: [tag: tag ?: null, attempt: attempt as int]]
            value.resolveStrategy = Closure.DELEGATE_FIRST
            value = value()
        }
        value
    }
    println told.join('\\t')
}
println process['IMPUTE'].resourceLimits
println process.maxRetries
"""


def test_nextflows_closures_give_the_plans_value_by_tag_and_attempt(tmp_path: Path) -> None:
    named = [Sample(name=name, columns={"sample": name}) for name in SAMPLES]
    plan = plans.plan(plans.config(pipeline={"samples": SAMPLES}), samples=named)
    # sizes that differ from sample to sample, too
    rule = of_plan(plan, name="IMPUTE")
    tasks = [
        RuleTask(
            sample=one.sample,
            chromosome=one.chromosome,
            cpus=1 + number % 2,
            mem_mb=tuple(mb + number for mb in one.mem_mb),
            time_s=one.time_s,
        )
        for number, one in enumerate(rule.tasks)
    ]
    rules = [
        Rule(name="IMPUTE", tasks=tasks, ceiling=rule.ceiling),
        Rule(name="PART", tasks=[_part("20:1-5000", 11), _part("20:5001-10000", 22), _part("2", 33)]),
    ]
    write(targets.write(rules, "nextflow"), tmp_path)
    tags = {f"{one.sample} chr{one.chromosome}": one for one in tasks}
    lines = [(f"IMPUTE\t{attempt}\t{tag}", one, attempt) for tag, one in tags.items() for attempt in (1, 2, 3)]
    expected = [
        f"{one.cpus}\t{one.mem_mb[attempt - 1]} MB\t{one.time_s[attempt - 1] // 60}m" for _, one, attempt in lines
    ]
    table = rules[0].table()
    others = {
        "IMPUTE\t1\t": table[""][""],
        "IMPUTE\t1\tsomebody": table[""][""],
        "IMPUTE\t1\tsomebody chr9": table["9"][""],
        "IMPUTE\t1\tNA12_9": table["9"]["NA12"],
        "IMPUTE\t9\tNA1.chrX": table[""]["NA1"],
    }
    asked = [line for line, _, _ in lines] + list(others)
    expected += [
        f"{one.cpus}\t{one.mem_mb[last]} MB\t{one.time_s[last] // 60}m"
        for line, one in others.items()
        for last in [3 if "\t9\t" in line else 0]
    ]
    asked += ["PART\t1\tchr20:1-5000", "PART\t2\tchr20:5001-10000", "PART\t1\tchr2", "PART\t1\tchr20"]
    expected += ["1\t11 MB\t10m", "1\t44 MB\t10m", "1\t33 MB\t10m", "1\t33 MB\t10m"]
    (tmp_path / "asked.tsv").write_text("\n".join(asked) + "\n")
    (tmp_path / "ask.groovy").write_text(GROOVY)
    *told, limits, retries = run([program("groovy"), "ask.groovy"], tmp_path).splitlines()
    assert dict(zip(asked, told, strict=True)) == dict(zip(asked, expected, strict=True))
    assert limits == "[memory:64000 MB, time:4320m]"
    assert retries == "3"


def _part(place: str, mem_mb: int) -> RuleTask:
    return RuleTask(sample="", chromosome=place, cpus=1, mem_mb=(mem_mb, 2 * mem_mb), time_s=(600, 600))


NEXTFLOW = """
process IMPUTE {
    tag "chr${chrom}"
    input: val chrom
    output: stdout
    script: "echo ${chrom} ${task.memory.toMega()}"
}
workflow { IMPUTE(Channel.of(1..22)) | view }
"""


def test_nextflow_itself_runs_with_it(tmp_path: Path) -> None:
    nextflow = program("nextflow")
    plan = plans.plan()
    write(targets.write([of_plan(plan, name="IMPUTE")], "nextflow"), tmp_path)
    (tmp_path / "nextflow.config").write_text("includeConfig 'chromplan.config'\nprocess.executor = 'local'\n")
    (tmp_path / "main.nf").write_text(NEXTFLOW)
    told = run([nextflow, "run", "main.nf"], tmp_path)
    got = dict(line.split() for line in told.splitlines() if re.fullmatch(r"\d+ \d+", line))
    assert got == {one.chromosome: str(one.request_mb) for one in plan.tasks}


WDL = """version 1.0
import "chromplan.wdl"
workflow main {
  input { Array[ChromplanTask] impute_tasks }
  scatter (one in impute_tasks) {
    call impute { input: chromosome = one.chromosome, mem_mb = one.mem_mb, cpu = one.cpu }
  }
  output { Array[String] names = impute.name }
}
task impute {
  input {
    String chromosome
    Int mem_mb
    Int cpu
  }
  command { echo chr~{chromosome} }
  output { String name = read_string(stdout()) }
  runtime {
    docker: "none"
    memory: "~{mem_mb} MiB"
    cpu: cpu
  }
}
"""
# miniwdl's own runner of tasks, without a container around the command
BACKEND = """
from WDL.runtime.backend.cli_subprocess import SubprocessBase, _SubprocessScheduler

class Bare(SubprocessBase):
    _resource_limits = {"cpu": 64, "mem_bytes": 1 << 50}
    cli_name = "bare"

    @classmethod
    def global_init(cls, cfg, logger):
        _SubprocessScheduler.global_init(cls._resource_limits)

    @classmethod
    def detect_resource_limits(cls, cfg, logger):
        return cls._resource_limits

    def _pull(self, logger, cleanup):
        return ""

    def _run_invocation(self, logger, cleanup, image):
        with open(self.host_dir + "/given", "w") as told:
            told.write(str(self.runtime_values["memory_reservation"]))
        return ["env", "-C", self.host_dir + "/work"]
"""


def test_miniwdl_gives_every_shard_its_memory_to_the_mib(tmp_path: Path) -> None:
    plan = plans.plan()
    write(targets.write([of_plan(plan)], "wdl"), tmp_path)
    (tmp_path / "main.wdl").write_text(WDL)
    info = tmp_path / "plugin" / "bare-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[miniwdl.plugin.container_backend]\nbare = bare:Bare\n")
    (info.parent / "bare.py").write_text(BACKEND)
    argv = [program("miniwdl"), "run", "main.wdl", "-i", "chromplan.inputs.json", "-d", "out/."]
    told = run(
        argv, tmp_path, PYTHONPATH=str(info.parent), MINIWDL__SCHEDULER__CONTAINER_BACKEND="bare", HOME=str(tmp_path)
    )
    assert json.loads(told)["outputs"]["main.names"] == [f"chr{one.chromosome}" for one in plan.tasks]
    given = {path.parent.name.split("-")[2]: int(path.read_text()) for path in tmp_path.glob("out/call-impute-*/given")}
    assert given == {f"{shard:02}": one.request_mb << 20 for shard, one in enumerate(plan.tasks)}
