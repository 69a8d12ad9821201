"""Site files: found, read, refused, written."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import files
from planner.core.errors import InputError
from planner.site import Site, dumps, find, load, loads, local_site, names

MINIMAL = """
name = "tiny"
description = "a small cluster"
source = "a test"
as_of = 2026-01-02

[[partitions]]
name = "main"
cores = 16
mem_mb = 64000

[[partitions]]
name = "fat"
cores = 16
mem_mb = 512000
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No site files but the bundled ones, whatever the machine that runs the tests has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def put(folder: Path, name: str, text: str = MINIMAL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text.replace("tiny", name))
    return path


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    site = load(put(tmp_path, "tiny"))
    assert (site.name, site.as_of, site.cap_mb()) == ("tiny", datetime.date(2026, 1, 2), 512_000)
    assert load("./tiny.toml") == load("tiny.toml") == site


def test_sites_are_found_in_the_project_before_the_user_s_and_the_bundled_ones(tmp_path: Path) -> None:
    users = put(tmp_path / "config" / "chromplan" / "sites", "cannon")
    assert find("cannon") == users
    put(tmp_path / "site_configs", "cannon")
    assert find("cannon") == Path("site_configs/cannon.toml")
    assert load("cannon").description == "a small cluster"


def test_names_lists_this_machine_and_every_file(tmp_path: Path) -> None:
    put(tmp_path / "site_configs", "tiny")
    assert names()[0] == "local"
    assert {"tiny", "cannon", "bell"} <= set(names())


def test_an_unknown_site_is_refused_with_near_names() -> None:
    with pytest.raises(InputError, match="unknown site 'canon'") as error:
        load("canon")
    assert "did you mean cannon?" in error.value.hint


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"nowhere/x\.toml: no such file"):
        load("nowhere/x.toml")


def test_a_file_found_by_name_must_carry_that_name(tmp_path: Path) -> None:
    (tmp_path / "site_configs").mkdir()
    (tmp_path / "site_configs" / "mine.toml").write_text(MINIMAL)
    with pytest.raises(InputError, match=r"mine\.toml: name: 'tiny' is not the name of the file") as error:
        load("mine")
    assert error.value.hint == 'write name = "mine"'


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "mem_mb = 512000",
            'mem_mb = "1.5T"',
            "partitions[1].mem_mb: not a memory size: '1.5T' (write 1572864M)",
            "",
        ),
        (
            "mem_mb = 512000",
            "mem_mb = 512000.0",
            "partitions[1].mem_mb: memory is a whole number of MiB, or a size such as 16G, not 512000.0",
            "",
        ),
        ("mem_mb = 512000", "mem_mb = true", "partitions[1].mem_mb: memory is a whole number of MiB", ""),
        ("mem_mb = 512000", 'mem_mb = "lots"', "partitions[1].mem_mb: not a memory size: 'lots'", ""),
        ("mem_mb = 512000", "mem_mb = 0", "partitions[1].mem_mb: should be greater than 0", ""),
        ("mem_mb = 512000", "memory = 512000", "partitions[1].memory: unknown field", "mem_mb"),
        (
            'name = "fat"',
            'name = "fat"\nmemory = 1',
            "partitions[1].memory: unknown field",
            "fields allowed here: name, ",
        ),
        ('name = "tiny"', 'name = "tiny"\nmax_jobs = 1', "max_jobs: unknown field", "max_array_size"),
        ('name = "tiny"', 'name = "tiny"\nmin_time = "soon"', "min_time: not a duration", ""),
        ('name = "tiny"', 'name = "tiny"\nmin_time = "00:00"', "min_time: a time such as", ""),
        ('"a small cluster"', '" "', "description: one line of printable text", ""),
        ('name = "tiny"', 'name = "tiny"\nsubmit_rate = "6"', "submit_rate: a rate such as 6/min", ""),
        ('name = "tiny"', 'name = "tiny"\nmem_policy = "none"', "mem_policy: should be 'mem', ", ""),
        ('name = "tiny"', 'name = "tiny"\nmem_policy = "cpus_only"', "needs mem_per_core_default_mb", ""),
        ('name = "tiny"', 'name = "tiny"\nheadroom_mb = 64000', "'main' has no memory left after the headroom", ""),
        ('name = "tiny"', 'name = "tiny"\noptions = ["--x\\ny"]', "options[0]: ", ""),
        ('name = "fat"', 'name = "main"', "the name 'main' is listed twice", ""),
        ('name = "fat"', 'name = "fat main"', "partitions[1].name: letters, digits", ""),
        ("cores = 16", "cores = 16\nopt_in = true", "every one is opt_in", ""),
        ("as_of = 2026-01-02", 'as_of = "yesterday"', "as_of: ", ""),
        ("[[partitions]]", "[[partitions]", "not valid TOML", "correct that line"),
    ],
)
def test_a_wrong_file_is_refused_naming_file_and_field(old: str, new: str, message: str, hint: str) -> None:
    with pytest.raises(InputError) as error:
        loads(MINIMAL.replace(old, new), path="site_configs/tiny.toml")
    assert error.value.message.startswith("site_configs/tiny.toml: ")
    assert message in error.value.message
    assert hint in error.value.hint


def test_partitions_that_are_no_tables_are_refused() -> None:
    with pytest.raises(InputError, match=r"partitions\[0\]: "):
        loads(MINIMAL.partition("[[")[0] + "partitions = [3]\n")


def test_a_site_without_partitions_is_refused() -> None:
    with pytest.raises(InputError, match="partitions: missing"):
        loads(MINIMAL.partition("[[")[0])


@pytest.mark.parametrize("path", sorted(files.shipped("site_configs").glob("*.toml")), ids=lambda path: path.stem)
def test_a_bundled_site_loads_is_dated_and_reads_back(path: Path) -> None:
    site = load(path)
    assert site.name == path.stem
    assert site.source.startswith("nf-core/configs 6799ce15, conf/")
    assert site.as_of == datetime.date(2026, 8, 18)
    assert loads(dumps(site)) == site


def test_bundled_sites_cover_every_memory_policy_and_rule() -> None:
    sites = [load(name) for name in names() if name != "local"]
    assert {site.mem_policy for site in sites} == {"mem", "mem_per_cpu", "cpus_only", "whole_node"}
    partitions = [partition for site in sites for partition in site.partitions]
    for rule in ("min_cores", "qos", "constraint", "gres", "opt_in"):
        assert any(getattr(partition, rule) for partition in partitions), rule
    for rule in ("min_mem_mb", "min_time", "submit_rate", "max_submit", "clusters", "options", "preamble"):
        assert any(getattr(site, rule) for site in sites), rule
    assert any(partition.option == "" for partition in partitions)
    assert any("," in partition.option for partition in partitions)
    assert any(site.account.env for site in sites)
    assert any(site.account.max_time for site in sites)
    assert any(site.max_array_size < 1001 for site in sites)


def test_bell_raises_the_cores_of_a_task_that_needs_its_large_nodes() -> None:
    bell = load("bell")
    assert bell.choose(200_000).name == "cpu"
    large = bell.choose(300_000, 8, 3600)
    assert large.name == "highmem"
    assert bell.adjust(large, 300_000, 8, 3600).cpus == 65


def test_cheaha_chooses_by_memory_and_time() -> None:
    cheaha = load("cheaha")
    needs = [(8000, 1.0), (8000, 10.0), (8000, 40.0), (8000, 100.0), (60_000, 10.0), (60_000, 100.0)]
    assert [cheaha.choose(mem_mb, 1, hours * 3600).name for mem_mb, hours in needs] == [
        "express",
        "short",
        "medium",
        "long",
        "largemem",
        "largemem-long",
    ]


def test_fred_hutch_asks_for_cores_instead_of_memory() -> None:
    hutch = load("fred_hutch")
    partition = hutch.choose(20_000, 1, 3600)
    assert (partition.name, hutch.adjust(partition, 20_000).cpus) == ("short", 5)
    with pytest.raises(InputError, match="too many cores"):
        hutch.choose(200_000)


def test_csd3_accounts_of_service_level_3_have_twelve_hours() -> None:
    limited, _ = load("csd3").for_account("SMITH-SL3-CPU", {})
    assert {partition.max_time for partition in limited.partitions} == {"12:00:00"}


def test_this_machine_is_a_site_with_one_node() -> None:
    site = load("local")
    assert site == local_site()
    (partition,) = site.partitions
    assert partition.nodes == 1
    assert partition.cores >= 1
    assert 0 < partition.cap_mb < partition.mem_mb


text = st.text(st.characters(codec="utf-8"), max_size=30)
printable = st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" ")
lines = st.text(printable, max_size=30).filter(str.isprintable).map(lambda line: f"x{line}")
options = st.text("aZ0_.,:|&()[]*+%@/=-", max_size=8).map(lambda rest: f"n{rest}")
times = st.sampled_from(["00:10:00", "12:00:00", "7-00:00:00", "UNLIMITED", "90"])
mib = st.integers(2000, 5_000_000)
partition_fields = st.fixed_dictionaries(
    {"cores": st.integers(1, 512), "mem_mb": mib},
    optional={
        "partition": options | st.just(""),
        "nodes": st.integers(1, 9999),
        "max_time": times,
        "min_cores": st.integers(1, 100),
        "min_mem_mb": mib,
        "qos": options,
        "constraint": options,
        "clusters": options,
        "gres": options,
        "default": st.booleans(),
        "headroom_mb": st.integers(0, 1999),
    },
)
site_fields = st.fixed_dictionaries(
    {
        "name": st.text("aZ0_.-", max_size=8).map(lambda rest: f"n{rest}"),
        "description": lines,
        "source": lines,
        "as_of": st.dates(),
    },
    optional={
        "nominal_mem": st.booleans(),
        "mem_policy": st.sampled_from(["mem", "mem_per_cpu", "whole_node"]),
        "mem_per_core_default_mb": mib,
        "mem_per_core_max_mb": mib,
        "min_mem_mb": mib,
        "min_time": times,
        "headroom_mb": st.integers(0, 1999),
        "max_array_size": st.integers(1, 100_000),
        "max_submit": st.integers(1, 100_000),
        "submit_rate": st.sampled_from(["6/min", "10/s", "100/h"]),
        "query_interval_s": st.integers(1, 3600),
        "job_updates": st.booleans(),
        "scheduler": st.sampled_from(["backfill", "builtin"]),
        "priority": st.sampled_from(["multifactor", "basic"]),
        "acctg_freq_s": st.integers(0, 600),
        "acctg_counts_shared": st.booleans(),
        "max_job_count": st.integers(1, 100_000),
        "billing_by_largest": st.booleans(),
        "money_per_unit_h": st.floats(0, 1e6),
        "currency": lines,
        "co2_g_per_unit_h": st.floats(0, 1e6),
        "clusters": options,
        "options": st.lists(st.sampled_from(["--nodes=1", "--exclusive", '--comment="#'])),
        "preamble": st.lists(lines, max_size=3),
        "account": st.fixed_dictionaries(
            {}, optional={"required": st.booleans(), "env": st.just("A_1"), "max_time": st.dictionaries(text, times)}
        ),
    },
)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    named = [draw(partition_fields) | {"name": name} for name in draw(st.lists(options, min_size=1, unique=True))]
    values: dict[str, Any] = draw(site_fields) | {"partitions": named}
    return Site.model_validate(values)


@settings(deadline=None, max_examples=100)
@given(sites())
def test_any_site_written_reads_back_identically(site: Site) -> None:
    assert loads(dumps(site)) == site


@settings(deadline=None, max_examples=50)
@given(sites())
def test_any_site_survives_json(site: Site) -> None:
    """As it does within plan.json."""
    assert Site.model_validate_json(site.model_dump_json()) == site


DOCUMENTED = (Path(__file__).parent.parent.parent / "docs" / "sites.md").read_text()


def test_the_documented_file_is_a_site() -> None:
    example = DOCUMENTED.partition("```toml\n")[2].partition("```")[0]
    site = loads(example)
    assert site.choose(500_000, 8).name == "fat"
    assert site.adjust(site.partition("fat"), 500_000, 8).cpus == 33
