"""A copy of the store that is whole, also while others write into it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from causalseg.annotations.store import LabelStore
from causalseg.errors import StoreError


def copy_to(store: LabelStore, folder: Path) -> LabelStore:
    """Copy the store into a new folder: first the database as it is at one moment, then every file that it names.

    Raises:
        StoreError: the folder has something in it, or the disk refuses.
    """
    copy = LabelStore(folder)
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"The folder {folder} is not empty. Choose a new one for the copy of the label store.")
    with copy.database.explained("written"):
        folder.mkdir(parents=True, exist_ok=True)
    with store.database.reading() as connection, copy.database.explained("written"):
        with closing(sqlite3.connect(copy.database.path)) as target:
            connection.backup(target)
        for source, target_folder in ((store.images, copy.images), (store.masks, copy.masks)):
            if source.is_dir():
                shutil.copytree(source, target_folder, ignore=shutil.ignore_patterns("*.part"))
    return copy
