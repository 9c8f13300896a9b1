"""Scans and masks coming in."""

from causalseg.annotations.imports.folder import Imported, Refused, import_folder

__all__ = ["Imported", "Refused", "import_folder"]
