"""The parts of the explorer without a browser: tests beside its sources, run by Vitest."""

import shutil
import subprocess
from pathlib import Path

from tests.support.tools import missing

EXPLORER = Path(__file__).parents[2] / "explorer"


def test_the_tests_of_its_logic_pass() -> None:
    if not shutil.which("npm"):
        missing("npm is missing: the logic of the explorer was not tested")
    if not (EXPLORER / "node_modules/vitest").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=EXPLORER, check=True)
    done = subprocess.run(
        ["npm", "test", "--silent"], cwd=EXPLORER, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
