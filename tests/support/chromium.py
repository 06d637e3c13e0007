"""A real browser for tests: Chromium out of an npm package, unpacked once, without root.

The package is made for machines without a desktop: it brings the libraries and a font, too.
"""

import fcntl
import os
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.support.tools import missing

_PACKAGE = Path(__file__).with_name("browser")
_UNPACKED = Path(__file__).parents[2] / "build/browser"
_LIBRARIES = "al2023/lib"

AXE = _PACKAGE / "node_modules/axe-core/axe.min.js"
"""The script that checks rules of accessibility; there once `chromium` was called."""

PATIENCE = 60_000.0
"""Milliseconds that one step may take on a busy machine."""

# A browser that is fresh, and asks nobody for anything by itself.
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

# The fonts of the machine, if it has any, and that of the package.
_FONTS = f"""<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{_UNPACKED / "fonts"}</dir>
  <cachedir>{_UNPACKED / "fonts-cache"}</cachedir>
</fontconfig>
"""


@cache
def chromium() -> Path:
    """The browser, which is installed at the first call; without Node the test is skipped."""
    if not shutil.which("npm"):
        missing("npm is missing, which installs the browser")
    _UNPACKED.mkdir(parents=True, exist_ok=True)
    program = _UNPACKED / "chromium"
    with (_UNPACKED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes run side by side
        if not program.exists() or not AXE.exists():
            _install(program)
    return program


def _install(program: Path) -> None:
    # The package's own loader wants a newer Node than unpacking takes.
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--silent", "--engine-strict=false"],
        cwd=_PACKAGE,
        check=True,
    )
    packed = _PACKAGE / "node_modules/@sparticuz/chromium/bin"
    for name in ("al2023", "fonts"):
        archive = _unpack(packed / f"{name}.tar.br", _UNPACKED / f"{name}.tar")
        with tarfile.open(archive) as tar:
            # There are no filters before Python 3.11.4.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(_UNPACKED / name)  # noqa: S202 - the lock file has its checksum
    (_UNPACKED / "fonts.conf").write_text(_FONTS)
    _unpack(packed / "chromium.br", _UNPACKED / "part").rename(program)


def _unpack(packed: Path, to: Path) -> Path:
    subprocess.run(["node", _PACKAGE / "unpack.js", packed, to], check=True)
    return to


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """A browser that runs; each context in it is a fresh profile."""
    program = chromium()
    environment: dict[str, str | float | bool] = {
        **os.environ,
        "LD_LIBRARY_PATH": str(_UNPACKED / _LIBRARIES),
        "FONTCONFIG_FILE": str(_UNPACKED / "fonts.conf"),
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=_FLAGS, timeout=2 * PATIENCE, env=environment
        )
        yield browser
        await browser.close()
