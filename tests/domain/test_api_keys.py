"""API keys: how they are read from a header, when they are valid, and what they allow."""

from datetime import UTC, datetime, timedelta

import pytest
from sessions.domain.api_keys import (
    ApiKey,
    Scope,
    check_scope,
    check_valid,
    check_website,
    hash_secret,
    new_secret,
    secret_of,
)
from sessions.domain.errors import PermissionDenied, Reason, Unauthenticated

NOW = datetime(2026, 3, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = ApiKey("key_1", "ci", [Scope.SESSIONS_READ.value], None, {}, NOW, None, None, None)
BOUND = KEY._replace(website_id="site_abc123defg")


def test_secrets_are_long_random_and_fit_a_header() -> None:
    secrets = {new_secret() for _ in range(1000)}
    assert len(secrets) == 1000
    for secret in secrets:
        random = secret.removeprefix("spk_selfhosted_")
        assert len(random) == 43
        assert random.isascii()
        assert secret_of(f"Bearer {secret}") == secret


def test_a_key_with_a_wrong_character_is_no_key() -> None:
    """A checksum finds every change of one character, and two that changed positions."""
    secret = new_secret()
    others = [
        secret[:position] + char + secret[position + 1 :]
        for position in range(len(secret))
        for char in "aZ0_-ü\xa0\0 "
        if secret[position] != char
    ]
    swapped = [
        secret[:position] + secret[position + 1] + secret[position] + secret[position + 2 :]
        for position in range(len(secret) - 1)
        if secret[position] != secret[position + 1]
    ]
    cut = [secret[:-1], secret[:30], secret + "a", secret + "\xa0", "spk_selfhosted_", "x"]
    for wrong in others + swapped + cut:
        if wrong.strip(" ") != secret:
            with pytest.raises(Unauthenticated) as caught:
                secret_of(f"Bearer {wrong}")
            assert caught.value.reason == Reason.CREDENTIALS_INVALID


def test_only_a_hash_stands_for_a_secret() -> None:
    secret = new_secret()
    assert secret.encode() not in hash_secret(secret)
    assert hash_secret(secret) == hash_secret(secret) != hash_secret(new_secret())


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {} \t"])
def test_the_scheme_is_read_as_http_has_it(header: str) -> None:
    secret = new_secret()
    assert secret_of(header.format(secret)) == secret


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "abc",
        "Basic abc",
        "Bearerabc",
        "Bearer\tabc",
    ],
)
def test_what_is_no_bearer_token_is_missing(header: str | None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        secret_of(header)
    assert caught.value.reason == Reason.CREDENTIALS_MISSING


def test_a_key_is_valid_until_it_expires() -> None:
    assert check_valid(KEY, NOW) == KEY
    expiring = KEY._replace(expires_at=NOW)
    assert check_valid(expiring, NOW - SECOND) == expiring
    for late in (NOW, NOW + SECOND):
        with pytest.raises(Unauthenticated) as caught:
            check_valid(expiring, late)
        assert caught.value.reason == Reason.KEY_EXPIRED


def test_a_revoked_key_is_never_valid() -> None:
    revoked = KEY._replace(revoked_at=NOW, expires_at=NOW + SECOND)
    for moment in (NOW - SECOND, NOW, NOW + SECOND):
        with pytest.raises(Unauthenticated) as caught:
            check_valid(revoked, moment)
        assert caught.value.reason == Reason.KEY_REVOKED


def test_an_unknown_key_is_not_valid() -> None:
    with pytest.raises(Unauthenticated) as caught:
        check_valid(None, NOW)
    assert caught.value.reason == Reason.CREDENTIALS_INVALID


def test_a_key_allows_its_scopes_only() -> None:
    check_scope(KEY, Scope.SESSIONS_READ)
    for key, scope in ((KEY, Scope.EVENTS_WRITE), (KEY._replace(scopes=[]), Scope.SESSIONS_READ)):
        with pytest.raises(PermissionDenied) as caught:
            check_scope(key, scope)
        assert caught.value.reason == Reason.SCOPE_MISSING
        assert caught.value.metadata == {"scope": scope}
        assert caught.value.message == f"the key lacks the scope {scope}"


def test_a_bound_key_allows_its_website_only() -> None:
    check_website(BOUND, "site_abc123defg")
    check_website(KEY, "site_other")
    for other in ("site_other", "site_ABC123DEFG", "site_abc123defg ", "nonsense", ""):
        with pytest.raises(PermissionDenied) as caught:
            check_website(BOUND, other)
        assert caught.value.reason == Reason.WEBSITE_FORBIDDEN
        assert caught.value.metadata == {"website_id": other}
