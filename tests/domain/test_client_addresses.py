"""The one spelling of a client's address."""

import pytest
from sessions.domain.client_addresses import canonical_ip


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.256", ""),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        (" 192.0.2.1\n", "192.0.2.1"),
        ("192.0.2.1:", ""),
        ("192.0.2.1:http", ""),
        ("192.0.2.1, 10.0.0.1", ""),
        ("[2001:db8::1", ""),
        ("010.0.0.1", ""),  # octal or decimal? nobody knows
        ("localhost", ""),
        ("\ud800", ""),
    ],
)
def test_canonical_ip(text: str, canonical: str) -> None:
    assert canonical_ip(text) == canonical
