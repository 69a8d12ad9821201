"""The largest heap within a request, and back."""

import math

import pytest

from planner.core.command import logs_its_heap
from planner.core.java import heap_mb, request_for_mb


@pytest.mark.parametrize("heap", [1, 60, 119, 120, 121, 128, 129, 500, 2048, 12_000, 100_000])
def test_a_heap_fits_into_the_request_for_it_and_hardly_less_would_do(heap: int) -> None:
    request = math.ceil(request_for_mb(heap))
    assert heap_mb(request) >= heap
    assert heap_mb(request - 5) < heap or request <= 240


@pytest.mark.parametrize(
    ("options", "logs"),
    [
        ("-Xlog:gc", True),
        ("-Xlog:gc*", True),
        ("-Xlog:gc*=debug:stdout", True),
        ("-Xlog:gc::time", True),
        ("-verbose:gc", True),
        ("-XX:+PrintGCDetails", True),
        ("-Xlog:gc:gc.log", False),
        ("-Xlog:gc*:file=gc.log", False),
        ("-Xlog:safepoint", False),
        ("", False),
    ],
)
def test_a_command_is_known_to_log_its_heap(options: str, logs: bool) -> None:
    assert logs_its_heap(f"java {options} -Xmx{{java_heap_mb}}m -jar beagle.jar") is logs
    assert not logs_its_heap(f"java {options} -Xmx4g -jar beagle.jar")
