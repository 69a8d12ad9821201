"""What errors offer."""

from planner.core.errors import near


def test_a_word_is_compared_without_its_capitals_and_offered_with_them() -> None:
    assert near("a.chr2", ["A.chr21", "C.chr22", "B.chr1"]).startswith("did you mean 'A.chr21'")
    assert near("zzz", ["A.chr21"]) == ""
