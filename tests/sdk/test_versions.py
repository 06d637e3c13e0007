"""The service and its SDKs have one version, and the Python SDK the libraries it needs."""

import json
import re
import tomllib
from typing import Any

import pytest

from tests.sdk.conftest import ROOT

GENERATED = ROOT / "sdk/python/analytics_sessions/v1"
NEEDED = {
    "grpcio": r"^GRPC_GENERATED_VERSION = '(.+)'$",
    "protobuf": r"^# Protobuf Python Version: (.+)$",
}
"""How generated code says which library it refuses to be without."""


def project(folder: str) -> Any:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


def go_version() -> str:
    sources = sorted((ROOT / "sdk/go").glob("*.go"))
    text = "\n".join(path.read_text() for path in sources)
    [version] = re.findall(r'^const Version = "(.+)"$', text, re.MULTILINE)
    return str(version)


def test_one_version() -> None:
    package = json.loads((ROOT / "sdk/typescript/package.json").read_text())
    versions = {project(".")["version"], project("sdk/python")["version"]}
    assert versions == {package["version"], go_version()}


@pytest.mark.parametrize("library", NEEDED)
def test_generated_code_finds_what_it_needs(library: str) -> None:
    text = "\n".join(path.read_text() for path in sorted(GENERATED.glob("*_pb2*.py")))
    [needed] = set(re.findall(NEEDED[library], text, re.MULTILINE))
    dependencies = project("sdk/python")["dependencies"]
    assert any(each.startswith(f"{library}>={needed},") for each in dependencies), dependencies
