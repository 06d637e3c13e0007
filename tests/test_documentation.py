"""The documentation is true: its commands run as they stand, and its tables equal the code."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from analytics_sessions.v1 import options_pb2
from analytics_sessions.v1.error_reason_pb2 import ErrorReason
from sessions.domain.comparisons import parse_filter
from sessions.domain.filter_fields import OPERATORS, SESSION_FIELDS, Kind
from sessions.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]

RUN = [
    README,
    *(
        DOCS / f"{name}.md"
        for name in (
            "api",
            "filters",
            "analysis",
            "behaviour",
            "errors",
            "import",
            "export",
            "settings",
            "operations",
            "tls",
        )
    ),
]
"""The pages whose commands run, one after the other in one shell, as a reader would go on."""
README_LINES = 150
GLOSSARY_LINES = 60

RUN_SECONDS = 240
STOP_SECONDS = 20
FACTORIES = {
    "SESSIONS_DATA_DIR": "`/var/lib/sessions` for root, `~/.local/share/sessions` for others",
    "SESSIONS_WORKERS": "one per core",
}
"""How the table writes defaults that depend on the machine."""


@dataclass(frozen=True)
class Block:
    """A fenced block; `not_run` is the reason in a comment in front of it."""

    page: str
    language: str
    text: str
    not_run: str

    @property
    def command(self) -> str:
        """What the shell runs for it."""
        if self.language == "python":
            return f"python3 - <<'END_OF_PYTHON'\n{self.text}\nEND_OF_PYTHON"
        return self.text


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    fence = re.compile(r"(?:<!-- not run: (.+?) -->\n)?```(\w+)\n(.*?)\n?```\n", re.DOTALL)
    return [
        Block(page.name, language, text, reason)
        for reason, language, text in fence.findall(page.read_text())
    ]


def commands() -> Iterator[tuple[Block, str]]:
    """Each block that is run, with the output that its page shows for it, empty if none."""
    for page in RUN:
        for block, following in pairwise([*blocks(page), Block("", "", "", "")]):
            if block.language in ("sh", "python") and not block.not_run:
                yield block, following.text if following.language in ("json", "text") else ""


def opening() -> str:
    """The answer at the top of the README."""
    return next(block.text for block in blocks(README) if block.language == "json")


def normal(output: str) -> Any:
    """Output without what differs from run to run; JSON as the value that it stands for."""
    for made in (r"(sess)_[0-9a-f]{32}", r"(site)_[0-9a-z]{10}", r"(spk)_selfhosted_[\w-]+"):
        output = re.sub(made, r"\1_…", output)
    output = re.sub(r'"as_of": "[^"]+"', '"as_of": "…"', output)
    try:
        return json.loads(output)
    except ValueError:
        return output.strip()


def environment(folder: Path) -> Mapping[str, str]:
    """That of a newcomer, with a data directory and a port that nobody uses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIONS_")}
    kept.pop("DATABASE_URL", None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "HOME": str(folder),
        "SESSIONS_DATA_DIR": str(folder / "data"),
        "SESSIONS_PORT": str(port),
        "SESSIONS_WORKERS": "1",
    }


def run(script: str, folder: Path) -> str:
    """What a shell script prints; whatever it leaves running is stopped."""
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = shell.communicate(timeout=RUN_SECONDS)
    finally:
        stop(shell.pid)
        shell.wait()
    assert shell.returncode == 0, printed
    return printed


def stop(group: int) -> None:
    """End a group of processes: `up` first gets the time to stop what it started."""
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)


def test_commands_print_what_is_shown(tmp_path: Path) -> None:
    expected = list(commands())
    assert {block.page for block, shown in expected if shown} == {page.name for page in RUN}
    script = "\n".join(f"{block.command}\nprintf '\\f'" for block, _ in expected)
    printed = run(script, tmp_path).split("\f")
    assert len(printed) == len(expected) + 1
    for (block, shown), output in zip(expected, printed, strict=False):
        if shown:
            assert normal(output) == normal(shown), block
        assert '"code":' in shown or '"code":' not in output, (block, output)
    [listed] = [
        output
        for (block, _), output in zip(expected, printed, strict=False)
        if "tee sessions.json" in block.text
    ]
    assert normal(listed) == normal(opening())


def test_blocks_that_are_not_run_say_why() -> None:
    left_out = [block for page in RUN for block in blocks(page) if block.not_run]
    assert "make run" in {block.text for block in left_out}
    assert all(block.language == "sh" for block in left_out)


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = re.split(rf"^#+ {heading}\n", page.read_text(), flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table, heading
    lines = table[0].splitlines()[2:]
    return [re.split(r" *(?<!\\)\| *", line.strip("| ")) for line in lines]


def test_settings_are_those_of_the_code() -> None:
    tree = ast.parse((ROOT / "service/sessions/settings.py").read_text())
    [definition] = (
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    meanings = {
        field.target.id: text.value.value
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    settings = [
        [f"`{variable}`", shown_default(variable, field.default), meanings[name]]
        for name, field in Settings.model_fields.items()
        for variable in [str(field.validation_alias or f"SESSIONS_{name.upper()}")]
    ]
    assert rows(DOCS / "settings.md", "Settings") == settings


def shown_default(variable: str, default: object) -> str:
    if variable in FACTORIES:
        return FACTORIES[variable]
    if default in ("", None):
        return "empty"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_reasons_are_those_of_the_contract() -> None:
    option: Any = options_pb2.error
    values = ErrorReason.DESCRIPTOR.values[1:]
    errors = {value.name: value.GetOptions().Extensions[option] for value in values}
    documented = {f"`{name}`": [each.code, str(each.http_status)] for name, each in errors.items()}
    assert {row[0]: row[1:3] for row in rows(DOCS / "errors.md", "Reasons")} == documented


def test_fields_of_expressions_are_those_of_the_code() -> None:
    documented = {
        name.strip("`"): (Kind(kind), tuple(operators.replace("`", "").split()))
        for names, kind, operators in rows(DOCS / "filters.md", "Expressions")
        for name in names.split(", ")
    }
    assert documented == {name: (kind, OPERATORS[kind]) for name, kind in SESSION_FIELDS.items()}


def test_expressions_of_the_documentation_are_right() -> None:
    examples = rows(DOCS / "filters.md", "Examples")
    assert len(examples) > 5
    for expression, _ in examples:
        assert parse_filter(expression.strip("`"), include_bots=False)


def test_the_folder_map_names_what_exists() -> None:
    places = [row[0].strip("`") for row in rows(ROOT / "CONTRIBUTING.md", "Where things are")]
    assert all((ROOT / place).exists() for place in places), places
    folders = {path.name for path in (ROOT / "service/sessions").iterdir() if path.is_dir()}
    named = {place.rstrip("/").rpartition("/")[2] for place in places}
    assert folders - named <= {"__pycache__"}


def links(page: Path) -> set[str]:
    """The relative links of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return {link for link in found if not re.match(r"[a-z]+:", link)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_page_is_linked_from_the_readme_or_an_index_of_it() -> None:
    linked = {README, *targets(README), *targets(DECISIONS / "README.md")}
    assert set(PAGES) <= linked


def targets(page: Path) -> set[Path]:
    return {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}


def test_the_index_of_decisions_has_each_with_number_date_and_title() -> None:
    index = [row[:3] for row in rows(DECISIONS / "README.md", "Decisions")]
    pages = sorted(page for page in DECISIONS.iterdir() if page.name != "README.md")
    assert index == [
        [f"[{number}]({page.name})", date[:10], title.removeprefix("# ")]
        for number, page in ((f"{count:04}", page) for count, page in enumerate(pages, 1))
        for title, _, date in [page.read_text().splitlines()[:3]]
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row[1]) for row in index)


def test_the_pages_for_newcomers_stay_short() -> None:
    assert len(README.read_text().splitlines()) <= README_LINES
    assert len((DOCS / "glossary.md").read_text().splitlines()) <= GLOSSARY_LINES


def test_the_diagram_has_all_tables() -> None:
    """Those of the migrations, and the one in which `migrate` remembers them."""
    [diagram] = (
        block.text for block in blocks(ROOT / "CONTRIBUTING.md") if block.language == "mermaid"
    )
    shown = set(re.findall(r"\w+", diagram))
    files = (ROOT / "service/sessions/storage/migrations").glob("*.sql")
    created = {
        name
        for file in files
        for name in re.findall(r"^CREATE TABLE (\w+)", file.read_text(), re.M)
    }
    assert created | {"migrations"} <= shown


def test_the_example_of_one_test_names_one() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    example = re.search(r"`\.venv/bin/pytest (\S+) -k (\w+)`", page)
    assert example
    assert re.search(rf"def test_\w*{example[2]}", (ROOT / example[1]).read_text())
