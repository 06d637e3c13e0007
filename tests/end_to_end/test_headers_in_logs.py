"""No value of a header is in the log, whatever its bytes: a key stands in one."""

import base64
import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from analytics_sessions.v1.session_service_pb2 import ListSessionsRequest
from sessions.domain.websites import Website

from tests.support.stack import Stack


def log_of(stack: Stack) -> str:
    """All that Envoy, the workers and PostgreSQL wrote; workers write ten times a second."""
    time.sleep(0.5)
    return Path(f"{stack.environment['SESSIONS_DATA_DIR']}.log").read_text(errors="replace")


def status(stack: Stack, website: Website, value: bytes) -> int:
    """The answer to a request with a header of these bytes, 0 where there is none."""
    where = urlsplit(stack.address)
    path = f"/api/websites/{website.website_id}/sessions"
    lines = [f"GET {path} HTTP/1.1".encode(), b"Host: x", b"Connection: close"]
    lines += [b"Authorization: Bearer " + value, b"X-Other: " + value, b"Cookie: " + value]
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        answer = connection.makefile("rb").readline()
    return int(answer.split()[1]) if answer else 0


def shown(secret: str) -> list[str]:
    """The middle of a key as it is, in base64 at each offset, and in hex."""
    raw = secret.encode()
    in_base64 = [base64.b64encode(raw[offset : offset + 30]).decode()[4:-4] for offset in range(3)]
    return [secret, raw.hex(), *in_base64]


def test_no_byte_of_a_key_is_logged(stack: Stack, website: Website, key: str) -> None:
    for number in range(256):
        byte = bytes([number])
        for value in (key.encode() + byte, byte + key.encode(), key[:30].encode() + byte):
            refused = {400, 401, 0}
            if value.strip(b" \t") == key.encode():
                expected = {200}
            else:
                # HTTP may take the end of a line for blanks, or for the end of the header.
                expected = refused | {200} if byte in b"\r\n" else refused
            assert status(stack, website, value) in expected, value
    written = log_of(stack)
    assert "CREDENTIALS_INVALID" in written
    for form in shown(key[20:50]):
        assert form not in written


@pytest.mark.parametrize("name", ["authorization", "x-other", "x-other-bin", "x-request-id"])
def test_nor_over_grpc(stack: Stack, website: Website, key: str, name: str) -> None:
    """A request id is the one header that the log shows, and only as visible ASCII."""
    request = ListSessionsRequest(website_id=website.website_id).SerializeToString()
    with grpc.insecure_channel(urlsplit(stack.address).netloc) as channel:
        call: Any = channel.unary_unary("/analytics.sessions.v1.SessionService/ListSessions")
        for extra in ("", " ", "!", "~ x"):
            value = f"{key[:40]} {extra}"
            sent = value.encode() + b"\xff" if name.endswith("-bin") else value
            with pytest.raises(grpc.RpcError):
                call(request, metadata=((name, sent),), timeout=20)
    written = log_of(stack)
    for form in shown(key[15:40]):
        assert form not in written
    assert all(json.loads(line.partition("|")[2]) for line in written.splitlines() if "| {" in line)
