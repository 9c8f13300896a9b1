"""Files and folders into the store, in a thread of their own, so that the page can show how far it is and stop it.

Typing a path on a server reads that server's disk. So a typed folder is taken only from inside `Settings.import_dir`;
where that is unset, from anywhere as long as the server listens to this machine alone, and else from nowhere.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from causalseg.annotations.imports.folder import Imported, import_folder
from causalseg.annotations.store import LabelStore
from causalseg.errors import Cancelled, InputError, StoreError
from causalseg.settings import Settings
from causalseg.ui.work import text

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOOK_SECONDS = 0.3
"""Between two looks at how far it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person wants imported."""

    person: str
    description: str
    """What masks show that no index describes."""
    is_checked: bool
    """Whether this person answers for the masks, so that they may be learnt from."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import is."""

    done: int
    total: int
    imported: Imported | None = None
    """At its end; None also where it was stopped."""


def typed_folder(settings: Settings, typed: str, environment: Mapping[str, str] | None = None) -> Path:
    """The folder that a person typed, where typing one is allowed.

    Raises:
        InputError: it is not allowed here, or there is no such folder.
    """
    folder = Path(typed.strip()).expanduser()
    if settings.import_dir != Path():
        inside = settings.import_dir.resolve()
        if not folder.resolve().is_relative_to(inside):
            raise InputError(text.FOLDER_ELSEWHERE)
    elif not _is_alone(os.environ if environment is None else environment):
        raise InputError(text.FOLDER_FORBIDDEN)
    if not folder.is_dir():
        raise InputError(text.NO_FOLDER)
    return folder


def gathered(uploads: Sequence[str]) -> Path:
    """Uploaded files moved together into a folder of their own, which the caller removes.

    Two of the same name would hide one another: the second goes into a folder inside.
    """
    folder = Path(tempfile.mkdtemp(prefix="causalseg-import-"))
    for number, upload in enumerate(map(Path, uploads)):
        place = folder / upload.name
        if place.exists():
            place = folder / str(number) / upload.name
            place.parent.mkdir()
        shutil.move(upload, place)
    return folder


def importing(
    store: LabelStore, folder: Path, request: Request, settings: Settings, is_stopped: Callable[[], bool]
) -> Iterator[Step]:
    """Import, and say how far it is now and then; the last step holds what came of it.

    Raises:
        InputError: the folder or its index cannot be used.
        StoreError: the disk refuses.
    """
    step = Step(0, 0)

    def tell(done: int, total: int) -> None:
        nonlocal step
        step = Step(done, total)
        if is_stopped():
            raise Cancelled

    with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
        running = pool.submit(
            import_folder,
            store,
            folder,
            person=request.person,
            description=request.description.strip(),
            approved_by=request.person if request.is_checked else None,
            settings=settings,
            on_progress=tell,
        )
        while not wait([running], _LOOK_SECONDS).done:
            yield step
    try:
        yield Step(step.done, step.total, running.result())
    except Cancelled:
        yield step
    except StoreError as error:
        raise InputError(str(error)) from error


def _is_alone(environment: Mapping[str, str]) -> bool:
    """Whether the server listens to this machine alone; Gradio's own default is to."""
    return environment.get("GRADIO_SERVER_NAME", LOOPBACK[0]) in LOOPBACK and "SPACE_ID" not in environment
