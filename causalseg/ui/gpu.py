"""Hugging Face's shared GPU, where the app runs on it."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any


def on_gpu(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` on a borrowed GPU where the `spaces` package is installed; `call` itself everywhere else."""
    if importlib.util.find_spec("spaces") is None:
        return call
    return importlib.import_module("spaces").GPU(call)
