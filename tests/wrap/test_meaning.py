"""What an index stands for is found where published scripts say it, and nothing is guessed elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.wrap import elements, meaning
from planner.wrap.meaning import Meaning

SHEET = "NA1 a.bam\nNA2 b.bam\nNA3 c.bam\nNA4 d.bam\n"
TABLE = "ArrayTaskID\tSample\tSex\n1\tBobby\tM\n2\tBen\tM\n3\tAmelia\tF\n"
FILES = {
    "samples.txt": SHEET,
    "lists/s 1.txt": SHEET,
    "table.tsv": TABLE,
    "chroms.txt": "chr1\nchr2\nchrX\nchrM\n",
    "intervals.list": "chr20:1-5,000,000\nchr20:5000001-10000000\nchr21\nHLA-A*01:01:01:01:1-100\n",
    "regions.bed": "chr1\t0\t5000000\nchr1\t5000000\t9000000\nscaffold_7\t10\t20\nS1\t30\t70\n",
    "chunks.txt": "0\tchr22\tchr22:1-6000000\tchr22:1-5000000\n1\tchr22\tchr22:4000000-9000000\t.\n",
    "both.txt": "S1 20:1-5000000 x\nS2 20:1-5000000 x\nchr1,1,99\nS4 20:9-5\n",
}


def find(text: str, indices: Sequence[int] = (1, 2, 3, 4), **variables: str) -> Meaning:
    return meaning.find(text, indices, variables=variables, read=FILES.get)


@pytest.mark.parametrize(
    "text",
    [
        'line=$(sed -n "${SLURM_ARRAY_TASK_ID}p" samples.txt)',
        "line=$(sed -n ${SLURM_ARRAY_TASK_ID}p samples.txt)",
        'line=`sed -n "$SLURM_ARRAY_TASK_ID"p samples.txt`',
        "sed -n ''${SLURM_ARRAY_TASK_ID}p'' samples.txt",
        'sed "${SLURM_ARRAY_TASK_ID}q;d" samples.txt',
        'sed -n "${SLURM_ARRAY_TASK_ID}{p;q}" samples.txt',
        'cat samples.txt | sed -n "${SLURM_ARRAY_TASK_ID}p"',
        'sed -n "${SLURM_ARRAY_TASK_ID}p" < samples.txt',
        "i=$SLURM_ARRAY_TASK_ID\nsed -n ${i}p samples.txt",
        'LIST=samples.txt\nsed -n "${SLURM_ARRAY_TASK_ID}p" "$LIST"',
        'DIR=lists; LIST="$DIR/s 1.txt"\nLIST=samples.txt\nsed -n "${SLURM_ARRAY_TASK_ID}p" ${LIST}',
        'sed -n "${SLURM_ARRAY_TASK_ID}p" "$1"',
        'sed -n "${SLURM_ARRAY_TASK_ID}p" ${SHEET:-samples.txt}',
        'awk "NR==$SLURM_ARRAY_TASK_ID" samples.txt',
        "awk 'NR=='$SLURM_ARRAY_TASK_ID samples.txt",
        'awk "NR==${SLURM_ARRAY_TASK_ID} {print}" samples.txt',
        "awk -v n=$SLURM_ARRAY_TASK_ID 'NR==n {print $1}' samples.txt",
        "awk -v n=\"$SLURM_ARRAY_TASK_ID\" 'NR == n' samples.txt",
        "head -n $SLURM_ARRAY_TASK_ID samples.txt | tail -n 1",
        "head -$SLURM_ARRAY_TASK_ID samples.txt | tail -1",
        "mapfile -t all < samples.txt\necho ${all[$SLURM_ARRAY_TASK_ID - 1]}",
        'readarray -t all <samples.txt\necho "${all[$((SLURM_ARRAY_TASK_ID-1))]}"',
        "i=$((SLURM_ARRAY_TASK_ID - 1))\nmapfile -t all < samples.txt\necho ${all[$i]} ${all[i]}",
        "cat samples.txt | head -n $SLURM_ARRAY_TASK_ID | tail -n1",
        "tail -n +$SLURM_ARRAY_TASK_ID samples.txt | head -n 1",
        "cut -f1 -d, samples.txt | sed -n ${SLURM_ARRAY_TASK_ID}p",
        "((n = SLURM_ARRAY_TASK_ID))\nsed -n ${n}p samples.txt",
        "let n=SLURM_ARRAY_TASK_ID-1\nmapfile -t all < samples.txt\necho ${all[$n]}",
        "awk -v n=$(( SLURM_ARRAY_TASK_ID - 1 )) 'NR==n+1 {print $1}' samples.txt",
        "awk -F, 'NR==ENVIRON[\"SLURM_ARRAY_TASK_ID\"] {print $1}' samples.txt",
        "IFS=$'\\n' read -d '' -r -a all < samples.txt\necho ${all[SLURM_ARRAY_TASK_ID-1]}",
        "all=($(cut -f1 samples.txt))\necho ${all[$SLURM_ARRAY_TASK_ID-1]}",
        "all=( $(awk '{print $1}' samples.txt) )\necho ${all[$SLURM_ARRAY_TASK_ID-1]}",
        "i=$(expr $SLURM_ARRAY_TASK_ID - 1)\nmapfile -t all < samples.txt\necho ${all[$i]}",
    ],
)
def test_a_line_of_a_file_is_read_as_the_script_reads_it(text: str) -> None:
    found = find(text, (1, 2, 3, 4), **{"1": "samples.txt"})
    assert found.lines == dict(enumerate(SHEET.splitlines(), start=1))
    assert not found.is_chromosome
    tasks = elements.of_meaning(found, (1, 2, 3, 4))
    assert [(one.task, one.chromosome, one.sample) for one in tasks] == [(f"NA{i}", "", f"NA{i}") for i in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("text", "indices", "tasks"),
    [
        ("s=(a b c)\necho ${s[$SLURM_ARRAY_TASK_ID]}", (0, 1, 2), ["a", "b", "c"]),
        ("s=( 'x y' \"b\"\n  c ) # three\necho ${s[$SLURM_ARRAY_TASK_ID-1]}", (1, 2, 3), ["x", "b", "c"]),
        ("chr=({1..3} X)\necho ${chr[$SLURM_ARRAY_TASK_ID]}", (0, 1, 2, 3), ["chr1", "chr2", "chr3", "chrX"]),
        ("c=($(seq 20 22))\necho ${c[SLURM_ARRAY_TASK_ID]}", (0, 1, 2), ["chr20", "chr21", "chr22"]),
        ("c=($(cat chroms.txt))\necho ${c[$SLURM_ARRAY_TASK_ID]}", (0, 3), ["chr1", "chrMT"]),
        ("c=($(<chroms.txt))\necho ${c[$SLURM_ARRAY_TASK_ID]}", (0, 2), ["chr1", "chrX"]),
        ("sed -n ${SLURM_ARRAY_TASK_ID}p chroms.txt", (1, 3), ["chr1", "chrX"]),
        ("awk -v i=$SLURM_ARRAY_TASK_ID '$1==i {print $2}' table.tsv", (1, 2, 3), ["Bobby", "Ben", "Amelia"]),
        ("s=(a a b)\necho ${s[$SLURM_ARRAY_TASK_ID]}", (0, 1, 2), ["a.0", "a.1", "b"]),
        ("s=(a b)\necho ${s[$SLURM_ARRAY_TASK_ID]}", (0, 1, 2), ["a", "b", "2"]),
    ],
)
def test_a_word_of_a_list_names_its_task(text: str, indices: tuple[int, ...], tasks: list[str]) -> None:
    assert [one.task for one in elements.of_meaning(find(text, indices), indices)] == tasks


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "intervals.list",
            {
                "chr20_1-5000000": ("20", (1, 5_000_000)),
                "chr20_5000001-10000000": ("20", (5_000_001, 10_000_000)),
                "chr21": ("21", None),
                "HLA-A_01_01_01_01-67359a1e_1-100": ("HLA-A*01:01:01:01", (1, 100)),
            },
        ),
        (
            "regions.bed",
            {
                "chr1_1-5000000": ("1", (1, 5_000_000)),
                "chr1_5000001-9000000": ("1", (5_000_001, 9_000_000)),
                "scaffold_7_11-20": ("scaffold_7", (11, 20)),
                "S1": ("", None),
            },
        ),
        (
            "chunks.txt",
            {"chr22_1-6000000": ("22", (1, 6_000_000)), "chr22_4000000-9000000": ("22", (4000000, 9000000))},
        ),
        (
            "both.txt",
            {
                "S1.chr20_1-5000000": ("20", (1, 5_000_000)),
                "S2.chr20_1-5000000": ("20", (1, 5_000_000)),
                "chr1_1-99": ("1", (1, 99)),
                "S4": ("", None),
            },
        ),
    ],
)
def test_a_line_with_a_part_of_a_chromosome_is_a_task_on_that_part(
    file: str, expected: dict[str, tuple[str, tuple[int, int] | None]]
) -> None:
    indices = range(1, len(expected) + 1)
    found = elements.of_meaning(find(f'sed -n "${{SLURM_ARRAY_TASK_ID}}p" {file}', indices), indices)
    assert {one.task: (one.chromosome, one.span) for one in found} == expected


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("plink2 --chr $SLURM_ARRAY_TASK_ID", range(1, 23)),
        ("echo $SLURM_ARRAY_TASK_ID", range(1, 23)),
        ("echo $SLURM_ARRAY_TASK_ID", range(1, 24)),
        ("beagle gt=chr${SLURM_ARRAY_TASK_ID}.vcf.gz", range(20, 23)),
        ("CHR=$SLURM_ARRAY_TASK_ID\necho $CHR", (21, 22)),
        ("regenie --chr=${SLURM_ARRAY_TASK_ID}", (22, 23)),
        ("chrom = os.environ['SLURM_ARRAY_TASK_ID']", range(1, 23)),
        ('chr=$SLURM_ARRAY_TASK_ID\n[ "$SLURM_ARRAY_TASK_ID" != 20 ] || exit 1', range(19, 23)),
        ("chr=$SLURM_ARRAY_TASK_ID\nif [[ $SLURM_ARRAY_TASK_ID -eq 20 ]]; then exit 1; fi", range(19, 23)),
        ("chr=${SLURM_ARRAY_TASK_ID}\ncase $chr in [1-9]) ;; esac; touch x[$chr]", range(19, 23)),
        ("seed=$SLURM_ARRAY_TASK_ID\nshapeit --chr $SLURM_ARRAY_TASK_ID --seed $seed", range(1, 23)),
        ("awk -v chr=$SLURM_ARRAY_TASK_ID '$1==chr' all.bim | head -n 5", range(1, 23)),
        ("awk -v chr=$SLURM_ARRAY_TASK_ID '$1==chr' few.bim", range(1, 23)),
    ],
)
def test_an_index_is_a_human_chromosome_where_script_and_range_say_so(text: str, indices: Sequence[int]) -> None:
    assert find(text, tuple(indices)).is_chromosome


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ('sed -n "${SLURM_ARRAY_TASK_ID}p" missing.txt', range(1, 23)),  # a sheet that cannot be read here
        ('sed -n "${SLURM_ARRAY_TASK_ID}p" $(ls *.txt)', range(1, 23)),
        ("f=(*.vcf)\necho ${f[$SLURM_ARRAY_TASK_ID]}", range(1, 23)),
        ("X=$(ls *.bam | sed -n ${SLURM_ARRAY_TASK_ID}p)", range(1, 23)),
        ("X=$(ls *.bam | head -n $SLURM_ARRAY_TASK_ID | tail -n 1)", range(1, 23)),
        ("find . -name '*.bam' | sort | awk \"NR==$SLURM_ARRAY_TASK_ID\"", range(1, 23)),
        ("grep -v '^#' samples.txt | sed -n \"${SLURM_ARRAY_TASK_ID}p\"", range(1, 23)),
        ("i <- as.integer(Sys.getenv('SLURM_ARRAY_TASK_ID'))\ns <- readLines('s.txt')[i]", range(1, 23)),
        ("i = int(os.environ['SLURM_ARRAY_TASK_ID']) - 1\ns = open('s.txt').readlines()[i]", range(1, 23)),
        ("seed=$SLURM_ARRAY_TASK_ID\n./simulate --seed $seed", range(1, 23)),
        ("python train.py --fold=${SLURM_ARRAY_TASK_ID}", range(1, 23)),
        ("bwa mem mm10.fa chr${SLURM_ARRAY_TASK_ID}.fq", range(1, 20)),
        ("ref=ARS-UCD1.2.fa; gatk -L chr$SLURM_ARRAY_TASK_ID", range(1, 23)),
        ("gatk -L chr$SLURM_ARRAY_TASK_ID", range(1, 20)),
        ("gatk -L chr$SLURM_ARRAY_TASK_ID", range(1, 30)),
        ("gatk -L chr$SLURM_ARRAY_TASK_ID", range(22)),
        ("echo $SLURM_ARRAY_TASK_ID", range(1, 4)),
        ("echo $SLURM_ARRAY_TASK_ID", range(1, 501)),
    ],
)
def test_nothing_else_is_taken_for_a_human_chromosome(text: str, indices: Sequence[int]) -> None:
    found = find(text, tuple(indices))
    assert not found.is_chromosome
    tasks = elements.of_meaning(found, tuple(indices))
    assert [(one.task, one.chromosome) for one in tasks] == [(str(index), "") for index in indices]


def test_a_comment_says_nothing() -> None:
    assert find('# sed -n "${SLURM_ARRAY_TASK_ID}p" samples.txt\necho hi').lines == {}


def test_what_an_index_stands_for_is_said() -> None:
    assert find('sed -n "${SLURM_ARRAY_TASK_ID}p" samples.txt').said == "the index is a line of samples.txt"
    short = find('sed -n "${SLURM_ARRAY_TASK_ID}p" samples.txt', (3, 4, 5))
    assert short.said == "the index is a line of samples.txt (1 of 3 indices have none)"
    assert "--map" in find("echo").said


@given(
    st.text(alphabet="sedawk -n\"'${}()[]<>|;=_SLURMARYTASKID\n0123456789px.", max_size=80),
    st.sets(st.integers(0, 50), min_size=1),
)
def test_any_text_is_understood_or_left_alone(text: str, indices: set[int]) -> None:
    wanted = sorted(indices)
    found = find(text, wanted)
    assert set(found.lines) <= set(wanted)
    with contextlib.suppress(ValueError):
        tasks = [one.task for one in elements.of_meaning(found, wanted)]
        assert len(set(tasks)) == len(tasks)
