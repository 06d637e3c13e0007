"""Settings: keys are written in hex, and a wrong one says how to write it."""

import pytest
from pydantic import ValidationError
from sessions.settings import Settings

KEY = "ab" * 16


@pytest.mark.parametrize(
    ("text", "ring"),
    [
        ("", None),
        (f"1:{KEY}", {1: bytes.fromhex(KEY)}),
        (f"2:{KEY}, 1:{'CD' * 20}", {2: bytes.fromhex(KEY), 1: b"\xcd" * 20}),
    ],
)
def test_cursor_keys_keep_their_order(
    monkeypatch: pytest.MonkeyPatch, text: str, ring: dict[int, bytes] | None
) -> None:
    monkeypatch.setenv("SESSIONS_CURSOR_KEYS", text)
    found = Settings().cursor_keys
    assert found == ring
    assert list(found or ()) == list(ring or ())


@pytest.mark.parametrize(
    "text", ["x", "1", f"0:{KEY}", f"65536:{KEY}", "1:abc", "1:zz", f"1:{KEY},", f"1:{KEY},1:{KEY}"]
)
def test_wrong_cursor_keys_say_how_to_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SESSIONS_CURSOR_KEYS", text)
    with pytest.raises(ValidationError, match="write <id>:<hex>"):
        Settings()


@pytest.mark.parametrize(("text", "secret"), [("", None), (KEY, bytes.fromhex(KEY))])
def test_a_visitor_secret_is_hex(
    monkeypatch: pytest.MonkeyPatch, text: str, secret: bytes | None
) -> None:
    monkeypatch.setenv("SESSIONS_VISITOR_SECRET", text)
    assert Settings().visitor_secret == secret


@pytest.mark.parametrize("text", ["ab", "nonsense", KEY + "a"])
def test_a_wrong_visitor_secret_says_how_to_write_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SESSIONS_VISITOR_SECRET", text)
    with pytest.raises(ValidationError, match="at least 16 bytes in hex"):
        Settings()
