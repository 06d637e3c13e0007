"""Many regular expressions at once."""

from sessions.domain.patterns import Patterns


def test_one_of_the_patterns_is_enough() -> None:
    patterns = Patterns("curl", r"wget/\d")
    assert patterns.found_in("a wget/1 b")
    assert not patterns.found_in("wget")
    assert not patterns.found_in("Curl")


def test_case_can_be_ignored() -> None:
    assert Patterns("curl", ignore_case=True).found_in("CURL/8")


def test_no_pattern_is_never_found() -> None:
    assert not Patterns().found_in("curl")
