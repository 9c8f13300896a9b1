"""The app as `make demo` starts it: in the user's environment, in a process of its own, with folders of its own."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ui.conftest import free_port
from tests.user.environment import PYTHON, ROOT

LONGEST_START_SECONDS = 900
"""On a machine that is busy; a few seconds where it is not."""
BETWEEN_LOOKS_SECONDS = 0.1


@dataclass(frozen=True)
class Server:
    """The running app; store, versions, uploads and log are in `folder`."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path

    def log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8")

    def acknowledged(self) -> int:
        """Saves that went well, as the log has them: before the browser is told of each."""
        return self.log().count("event=save outcome=ok")

    def wait_until_it_answers(self) -> None:
        ends = time.monotonic() + LONGEST_START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < ends, self.log()
            time.sleep(BETWEEN_LOOKS_SECONDS)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=5):
                return True
        except (urllib.error.URLError, TimeoutError):
            return False


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    port = free_port()
    own = {
        "CAUSALSEG_STORE_DIR": str(folder / "store"),
        "CAUSALSEG_VERSIONS_DIR": str(folder / "versions"),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "GRADIO_SERVER_PORT": str(port),
    }
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, "app.py"], cwd=ROOT, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT
        )
        server = Server(process, f"http://127.0.0.1:{port}", folder)
        try:
            server.wait_until_it_answers()
            yield server
        finally:
            process.kill()
            process.wait()
