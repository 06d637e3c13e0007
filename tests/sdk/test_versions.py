"""The service and its SDKs have one version."""

import json
import re
import tomllib
from typing import Any

from tests.sdk.conftest import ROOT


def project(folder: str) -> Any:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


def go_version() -> str:
    sources = sorted((ROOT / "sdk/go").glob("*.go"))
    text = "\n".join(path.read_text() for path in sources)
    [version] = re.findall(r'^const Version = "(.+)"$', text, re.MULTILINE)
    return str(version)


def typescript_agent() -> str:
    calls = (ROOT / "sdk/typescript/src/calls.ts").read_text()
    [version] = re.findall(r'"analytics-sessions-typescript/(.+)"', calls)
    return str(version)


def test_one_version() -> None:
    package = json.loads((ROOT / "sdk/typescript/package.json").read_text())
    versions = {project(".")["version"], project("sdk/python")["version"]}
    assert versions == {package["version"], go_version(), typescript_agent()}
