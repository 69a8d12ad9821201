"""What logs of Java programs say of their heaps: real lines of each collector, of JDK 8, 17 and 25."""

import pytest

from planner.history.java_log import JavaHeap, heap_of, kept_mb

SERIAL_17 = """\
[0.003s][info][gc] Using Serial
[0.259s][info][gc] GC(0) Pause Young (Allocation Failure) 79M->60M(290M) 63.584ms
[0.283s][info][gc] GC(1) Pause Young (Allocation Failure) 140M->60M(290M) 10.530ms
[0.506s][info][gc] GC(2) Pause Full (Allocation Failure) 289M->61M(290M) 0.109ms
"""
PARALLEL_17_WITH_DETAILS = """\
[0.219s][info][gc,start     ] GC(0) Pause Young (Allocation Failure)
[0.219s][info][gc,heap      ] GC(0) PSYoungGen: 74752K(89600K)->12256K(89600K) Eden: 64512K(76800K)->0K(76800K)
[0.219s][info][gc,metaspace ] GC(0) Metaspace: 178K(384K)->178K(384K) NonClass: 170K(256K)->170K(256K)
[0.219s][info][gc           ] GC(0) Pause Young (Allocation Failure) 74M->60M(287M) 38.785ms
[0.712s][info][gc,heap,exit ] Heap
[0.712s][info][gc,heap,exit ]  PSYoungGen      total 91648K, used 22441K [0x00000000f9c00000, 0x00000000ffe80000)
[0.712s][info][gc,heap,exit ]   eden space 82432K, 27% used [0x00000000f9c00000,0x00000000fb1ea568)
[0.712s][info][gc,heap,exit ]  ParOldGen       total 204800K, used 61913K [0x00000000ed400000, 0x00000000f9c00000)
[0.712s][info][gc,heap,exit ]  Metaspace       used 226K, committed 448K, reserved 1114112K
"""
G1_17 = """\
[0.202s][info][gc] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 135M->121M(300M) 1.907ms
[0.591s][info][gc] GC(1) Pause Young (Concurrent Start) (G1 Humongous Allocation) 266M->120M(300M) 2.203ms
[0.788s][info][gc,heap     ] GC(1) Old regions: 0->0
[0.851s][info][gc,heap,exit]  garbage-first heap   total 307200K, used 178192K [0x00000000ed400000, 0x0000000100000000)
"""
Z_17 = """\
[0.420s][info][gc] GC(0) Garbage Collection (Warmup) 64M(21%)->132M(44%)
[1.014s][info][gc] GC(1) Garbage Collection (Allocation Stall) 300M(100%)->124M(41%)
[0.726s][info][gc,heap,exit]  ZHeap           used 124M, capacity 300M, max capacity 300M
"""
Z_25 = """\
[0.497s][info][gc] GC(0) Major Collection (Warmup)
[0.593s][info][gc] GC(0) Major Collection (Warmup) 64M(21%)->94M(31%) 0.096s
[1.044s][info][gc] GC(1) Minor Collection (Allocation Rate) Aborted
"""
SERIAL_8 = """\
[GC (Allocation Failure)  78656K->61440K(126720K), 0.0635840 secs]
[Full GC (Allocation Failure)  120000K->62464K(126720K), 0.0105300 secs]
"""
PARALLEL_8_WITH_DETAILS = """\
0.219: [GC (Allocation Failure) [PSYoungGen: 74752K->12256K(89600K)] 74752K->61440K(293888K), 0.0387850 secs]
0.411: [Full GC (Ergonomics) [PSYoungGen: 12256K->0K(89600K)] [ParOldGen: 49184K->60928K(204288K)] \
61440K->60928K(293888K), [Metaspace: 2650K->2650K(1056768K)], 0.0093530 secs]
"""
G1_8 = """\
2026-03-01T10:00:00.123+0100: 0.202: [GC pause (G1 Evacuation Pause) (young) 135M->121M(300M), 0.0019070 secs]
0.591: [GC cleanup 130M->130M(300M), 0.0002203 secs]
"""
G1_8_WITH_DETAILS = """\
0.202: [GC pause (G1 Evacuation Pause) (young), 0.0019070 secs]
   [Eden: 14.0M(14.0M)->0.0B(12.0M) Survivors: 0.0B->2048.0K Heap: 135.0M(300.0M)->61952.0K(300.0M)]
"""
HEAP_AT_GC_8 = """\
{Heap before GC invocations=0 (full 0):
 PSYoungGen      total 38400K, used 33280K [0x00000000d5f80000, 0x00000000d8a00000)
 ParOldGen       total 87552K, used 0K [0x0000000081e00000, 0x0000000087380000)
Heap after GC invocations=1 (full 0):
 PSYoungGen      total 38400K, used 4096K [0x00000000d5f80000, 0x00000000d8a00000)
 ParOldGen       total 87552K, used 8192K [0x0000000081e00000, 0x0000000087380000)
 Metaspace       used 2650K, capacity 4486K, committed 4864K, reserved 1056768K
}
"""
PICARD = """\
[Sun Mar 01 10:00:00 CET 2026] picard.sam.SortSam done. Elapsed time: 1.20 minutes.
Runtime.totalMemory()=2076180480
"""


@pytest.mark.parametrize(
    ("log", "collections", "kept", "total"),
    [
        (SERIAL_17, 3, 61, 290),
        (PARALLEL_17_WITH_DETAILS, 1, 60, 289.5),
        (G1_17, 2, 121, 300),
        (Z_17, 2, 132, 300),
        (Z_25, 1, 94, None),
        (SERIAL_8, 2, 61, 123.75),
        (PARALLEL_8_WITH_DETAILS, 2, 60, 287),
        (G1_8, 2, 130, 300),
        (G1_8_WITH_DETAILS, 1, 60.5, 300),
        (HEAP_AT_GC_8, 0, 12, 123),
        (PICARD, 0, None, 1980),
    ],
)
def test_each_collector_s_log_says_what_was_kept_and_how_large_the_heap_was(
    log: str, collections: int, kept: float | None, total: float | None
) -> None:
    expected = JavaHeap(collections=collections, kept_mb=kept, total_mb=total)
    assert heap_of(f"Beagle started\n{log}done\n".splitlines()) == expected


@pytest.mark.parametrize("log", ["", "Window 1: 12M->3M\n", "chr1: 10K->5K(20K) records kept\n", "GC content: 41%\n"])
def test_other_logs_say_nothing(log: str) -> None:
    assert heap_of(log.splitlines()) is None


def test_a_few_collections_do_not_tell_what_is_enough() -> None:
    line = "[0.5s][info][gc] GC(%d) Pause Young (Allocation Failure) 140M->%dM(290M) 10.5ms\n"
    assert kept_mb("".join(line % (n, 60 + n) for n in range(7))) is None
    assert kept_mb("".join(line % (n, 60 + n) for n in range(8))) == 67
