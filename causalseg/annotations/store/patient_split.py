"""Training, validation or test: drawn once for each patient, and never again.

The draw is a hash of the patient's key, salted with a secret of the store, so that it is the same for every scan of
the patient, whoever adds it and in whatever order. It is then written in the scan's row, where a trigger keeps it:
another rule of a later version changes nothing for scans that are there.
"""

import hashlib
import hmac
import secrets

from causalseg.annotations.label_records import Split

TRAIN_SHARE = 0.8
VAL_SHARE = 0.1
_SALT_BYTES = 32


def new_salt() -> str:
    """A secret for a new store, in hex."""
    return secrets.token_hex(_SALT_BYTES)


def patient_key(salt: str, *, patient: str | None, scan_sha256: str) -> str:
    """What the store writes in place of a patient's name or number; a scan of nobody known is a patient of its own.

    Args:
        salt: of the store, in hex.
        patient: name or number, with spaces around it ignored; None or blank where it is not known.
        scan_sha256: of the scan's file.
    """
    said = f"scan:{scan_sha256}" if patient is None or not patient.strip() else f"patient:{patient.strip()}"
    return hmac.new(bytes.fromhex(salt), said.encode(), hashlib.sha256).hexdigest()


def draw(key: str) -> Split:
    """The part that a patient's key falls into: train with 0.8, val with 0.1, test with 0.1."""
    share = int(key[:16], 16) / 16**16
    if share < TRAIN_SHARE:
        return "train"
    return "val" if share < TRAIN_SHARE + VAL_SHARE else "test"
