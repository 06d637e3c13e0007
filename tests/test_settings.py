"""Settings: a wrong one says how to write it."""

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError
from sessions.replica_urls import urls_of
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


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgres:/u:hush@db2/sessions", "libpq can read, such as postgresql://"),
        ("http://u:hush@db2/sessions", "libpq can read"),
        ("postgresql://u:hu sh@db2/sessions", "libpq can read"),
        ("postgresql://u:hush@db2,,db3/sessions", "one of its hosts is empty"),
        ("host=db2,db3, password=hush", "one of its hosts is empty"),
        ("host=db2,db3,db4 port=1,2 password=hush", "one port, or as many as hosts"),
        ("host=db2 port=1,2 password=hush", "one port, or as many as hosts"),
        ("host=db2,db3 hostaddr=10.0.0.2 password=hush", "as many hosts as addresses"),
        ("postgresql://u:hush@db2:x/sessions", "from 1 to 65535"),
        ("postgresql://u:hush@db2:70000/sessions", "from 1 to 65535"),
    ],
)
def test_a_wrong_url_of_replicas_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, url: str, problem: str
) -> None:
    monkeypatch.setenv("DATABASE_READ_URL", url)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "DATABASE_READ_URL" in str(refused.value)
    assert problem in str(refused.value)
    assert "hush" not in str(refused.value)
    assert "hu sh" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("", []),
        ("postgresql://u:p@one,two:6432/db?target_session_attrs=standby", ["one", "two:6432"]),
        ("host=one,two port=6432", ["one:6432", "two:6432"]),
        ("dbname=sessions", [""]),
    ],
)
def test_each_host_of_the_url_of_replicas_is_a_server(
    monkeypatch: pytest.MonkeyPatch, url: str, hosts: list[str]
) -> None:
    monkeypatch.setenv("DATABASE_READ_URL", url)
    urls = urls_of(Settings().database_read_url)
    assert list(urls) == hosts
    for one, host in zip(urls.values(), hosts, strict=True):
        expected = conninfo_to_dict(url) | conninfo_to_dict(one)
        assert conninfo_to_dict(one) == expected
        told = [str(expected[name]) for name in ("host", "port") if expected.get(name)]
        assert host == ":".join(told)
