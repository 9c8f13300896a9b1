"""Every error causalseg raises on purpose, in one drawn tree.

    CausalsegError
    ├── InputError                what the visitor gave cannot be used; the message says what to do
    │   ├── UnreadableScan        empty, truncated, not a scan, or without pixels
    │   │   └── ScanTooLarge      more pixels than the settings allow, told from the header alone
    │   ├── BadView               a slice or a window that the scan does not have
    │   ├── BadDescription        empty, or longer than the settings allow
    │   ├── UnknownConfounder     an id the dictionary does not have
    │   ├── BadStrength           a strength outside [0, 1]
    │   ├── BadCorrection         a corrected mask of the wrong shape, or with pixels that moved by themselves
    │   ├── ExportRefused         a mask that cannot be written in the wanted format, and which to take instead
    │   └── SplitConflict         a patient's scans would stand in two parts of the split
    ├── CheckpointError           a checkpoint cannot be used
    │   ├── UnknownCheckpoint     a name the manifest does not have
    │   └── ChecksumMismatch      the file is not the one the manifest names
    ├── StoreError                the label store cannot be read or written
    └── Cancelled                 the visitor stopped a long task

An `InputError` is shown to the visitor as it is. Anything else gets a ticket number and a full log.
"""


class CausalsegError(Exception):
    """Base of all errors of this package."""


class InputError(CausalsegError):
    """What the visitor gave cannot be used; the message says what to do about it."""


class UnreadableScan(InputError):
    """The file is empty, truncated, not a scan, or carries no pixels."""


class ScanTooLarge(UnreadableScan):
    """The header announces more pixels than the settings allow."""


class BadView(InputError):
    """A slice, frame or page that the scan does not have, or a window for colours."""


class BadDescription(InputError):
    """The description is empty or too long."""


class UnknownConfounder(InputError):
    """A confounder id that the dictionary does not have."""


class BadStrength(InputError):
    """A confounder strength outside [0, 1]."""


class BadCorrection(InputError):
    """A corrected mask has the wrong shape, or pixels that nobody touched have moved."""


class ExportRefused(InputError):
    """A mask cannot be written in the wanted format; the message says which to take instead."""


class SplitConflict(InputError):
    """The scans of one patient would stand in two parts of the split."""


class CheckpointError(CausalsegError):
    """A checkpoint cannot be used."""


class UnknownCheckpoint(CheckpointError):
    """A checkpoint name that the manifest does not have."""


class ChecksumMismatch(CheckpointError):
    """The checkpoint file is not the one that the manifest names."""


class StoreError(CausalsegError):
    """The label store cannot be read or written."""


class Cancelled(CausalsegError):
    """The visitor stopped a long task."""
