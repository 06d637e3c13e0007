"""The examples of a README: its Python blocks, run as one script, and what they print."""

import re
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from tests.sdk.conftest import ROOT

README = ROOT / "sdk/python/README.md"


def check_examples(python: Path, environment: Mapping[str, str], website: str, folder: Path) -> int:
    """Run the examples by an interpreter, away from the sources, and compare what they show."""
    examples = _examples()
    script = "\f".join(code for code, _ in examples).replace("\f", "\nprint(end='\\f')\n")
    done = subprocess.run(
        [python, "-c", f"website = {website!r}\n{script}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for (code, shown), printed in zip(examples, done.stdout.split("\f"), strict=True):
        assert not shown or printed == shown, code
    return len([shown for _, shown in examples if shown])


def _examples() -> list[tuple[str, str]]:
    """Each Python block, with the output that is shown for it, if any."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    return [
        (text, following[1] if following[0] == "text" else "")
        for (language, text), following in pairwise([*blocks, ("", "")])
        if language == "python"
    ]
