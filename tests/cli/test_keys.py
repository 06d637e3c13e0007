"""`sessions keys`: its options. No database is needed here."""

import pytest
from click.testing import CliRunner
from sessions.cli.keys import keys


@pytest.mark.parametrize(
    "text", ["calls", "calls=", "calls=0", "calls=-1", "calls=1.5", "calls=1000001", "visits=1"]
)
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    options = ["create", "--name", "a", "--scope", "sessions:read", "--limit", text]
    result = CliRunner().invoke(keys, options)
    assert result.exit_code == 2
    assert "is not one of calls, events, analyses, exports with 1 to 1000000" in result.stderr


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_an_expiry_that_no_calendar_holds_is_refused(moment: str) -> None:
    options = ["create", "--name", "a", "--scope", "sessions:read", "--expires", moment]
    result = CliRunner().invoke(keys, options)
    assert result.exit_code == 2
    assert "--expires: is outside of the years 1 to 9999" in result.stderr
