"""The lines of docs/api.md for grpcurl, a client that knows only what reflection tells it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from sessions.domain.websites import Website

from tests.support.stack import Stack
from tests.support.tools import missing

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/api.md").read_text()
INSTALL_SECONDS = 900


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of the grpcurl that the page names, built once; skips where there is no Go."""
    module = re.search(r"`go install (\S+/grpcurl@(\S+))`", PAGE)
    assert module
    folder = ROOT / "build" / f"grpcurl-{module[2]}"
    if not (folder / "grpcurl").exists():
        if not shutil.which("go"):
            missing("Go is not installed")
        environment = os.environ | {"GOBIN": str(folder)}
        subprocess.run(
            ["go", "install", module[1]], env=environment, timeout=INSTALL_SECONDS, check=True
        )
    return folder


def commands() -> list[str]:
    """The commands of the page's block, in order."""
    block = re.search(r"```sh\n(grpcurl .*?)\n```", PAGE, re.DOTALL)
    assert block
    return re.split(r"\n(?=grpcurl )", block[1])


def record(stack: Stack, website: Website, key: str) -> None:
    """One pageview on a day that the page asks for."""
    event = {
        "event_type": "pageview",
        "timestamp": "2026-03-03T10:15:00Z",
        "visitor_id": "anna",
        "url": "/",
    }
    path = f"/api/websites/{website.website_id}/events"
    body = json.dumps({"events": [event]}).encode()
    assert stack.request(path, key=key, method="POST", body=body).status == 200


def test_the_lines_of_the_page(programs: Path, stack: Stack, website: Website, key: str) -> None:
    record(stack, website, key)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "address": urlsplit(stack.address).netloc,
        "key": key,
        "site": website.website_id,
    }

    def output(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed, described, called = map(output, commands())
    offered = set(listed.split())
    services = {"SessionService", "AnalysisService", "EventService", "VisitorService"}
    assert offered >= {f"analytics.sessions.v1.{service}" for service in services}
    assert "grpc.health.v1.Health" in offered
    assert "string session_id = 2;" in described
    [session] = json.loads(called)["sessions"]
    assert session["visitor_id"] == "anna"


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("SessionService", "rpc ListSessions"),
        ("SessionService.ListSessions", "option idempotency_level = NO_SIDE_EFFECTS;"),
        ("ErrorReason", "ERROR_REASON_INVALID_FIELD = 1"),
        ("Event.event_data", "google.protobuf.Struct event_data = 11"),
    ],
)
def test_every_symbol_is_described(programs: Path, stack: Stack, symbol: str, words: str) -> None:
    address = urlsplit(stack.address).netloc
    done = subprocess.run(
        [
            programs / "grpcurl",
            "-plaintext",
            address,
            "describe",
            f"analytics.sessions.v1.{symbol}",
        ],
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_answers_in_both_versions(stack: Stack, version: str) -> None:
    service = f"grpc.reflection.{version}.ServerReflection"
    listing = ServerReflectionRequest(list_services="")
    itself = ServerReflectionRequest(file_containing_symbol=service)
    with grpc.insecure_channel(urlsplit(stack.address).netloc) as channel:
        call: Any = channel.stream_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        services, files = call(iter([listing, itself]), timeout=20)
    names = {each.name for each in services.list_services_response.service}
    assert {service, "analytics.sessions.v1.SessionService"} <= names
    [raw] = files.file_descriptor_response.file_descriptor_proto
    assert FileDescriptorProto.FromString(raw).package == f"grpc.reflection.{version}"
