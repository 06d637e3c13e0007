"""The examples of messages in docs/errors.md are what the service answers."""

import re
from pathlib import Path

import pytest
from sessions.domain.websites import Website

from tests.support.stack import Stack

PAGE = Path(__file__).parents[2] / "docs/errors.md"
EXAMPLES = re.findall(r"^\| `\?(.+)` \| (\d+) \| `(.+)` \|$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize(("query", "status", "message"), EXAMPLES)
def test_an_example_is_what_is_answered(
    stack: Stack, website: Website, key: str, query: str, status: str, message: str
) -> None:
    answer = stack.request(f"/api/websites/{website.website_id}/sessions?{query}", key=key)
    assert (answer.status, answer.json["message"]) == (int(status), message)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) > 6
