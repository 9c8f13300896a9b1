"""The app as `make demo` starts it: in the user's environment, in a process of its own, with folders of its own."""

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ui.conftest import free_port
from tests.user.environment import PYTHON, ROOT


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
        try:
            yield Server(process, f"http://127.0.0.1:{port}", folder)
        finally:
            process.kill()
            process.wait()
