"""pydicom's warnings quote the values they complain about: nothing of a scan goes to a log."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """pydicom says nothing inside. One thread at a time: filters of `warnings` belong to the whole process."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        yield
