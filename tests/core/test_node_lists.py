"""Node lists, as real accounting databases print them."""

import pytest

from planner.core.node_lists import expand_nodes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n[1-3,07-10],login1", ["n1", "n2", "n3", "n07", "n08", "n09", "n10", "login1"]),
        ("n1", ["n1"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("c[098-101]-ib", ["c098-ib", "c099-ib", "c100-ib", "c101-ib"]),
        ("", []),
        ("None assigned", []),
    ],
)
def test_node_lists_are_expanded(text: str, names: list[str]) -> None:
    assert expand_nodes(text) == names


@pytest.mark.parametrize(
    "text", ["n[1-", "n[3-1]", "n[a-b]", "n[1[2]]", "a,,b", "n[]", "n1]", "n[1-99999999]", "a b", "n[1-2000]m[1-2000]"]
)
def test_malformed_node_lists_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="node"):
        expand_nodes(text)


def test_a_node_list_beyond_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        expand_nodes(",".join(f"{prefix}[1-90000]" for prefix in "abc"))
