"""HTML from the templates in this folder, one file a page. Whatever came from a file or a person is escaped there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from causalseg.ui import shared_text

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_ENVIRONMENT.globals["words"] = shared_text


def macros(file: str, **known: Any) -> Callable[[str], Callable[..., str]]:
    """The macros of a template by their names; `known` are the modules whose words it shows, beside `words`."""
    module = _ENVIRONMENT.get_template(file, globals=known).module

    def macro(name: str) -> Callable[..., str]:
        return lambda *values, **named: str(getattr(module, name)(*values, **named))

    return macro
