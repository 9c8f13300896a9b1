"""Find a Chromium for the browser tests; `python -m tests.browser` installs Debian's where it may.

Looked for in this order: the variable CHROMIUM, the usual names on PATH, Playwright's own download.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
HOW_TO_INSTALL = (
    "The browser tests need a Chromium and none was found. Install one (Debian, Ubuntu: `apt-get install chromium`; "
    "elsewhere: `.venv/bin/playwright install chromium`) or set CHROMIUM to its path, then run the tests again."
)


def find_chromium() -> str | None:
    """Path of a Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named and Path(named).exists():
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    return _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def _install() -> None:
    """Try Debian's package as root, then Playwright's download; quiet failures, the caller looks again."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, env=environment)
    if find_chromium() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    """Find or install; exit code 1 with a sentence where neither works."""
    if find_chromium() is None:
        _install()
    path = find_chromium()
    sys.stdout.write(f"browser for the tests: {path}\n" if path else f"{HOW_TO_INSTALL}\n")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
