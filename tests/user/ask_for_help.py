"""Reads command lines from standard input as JSON, runs each with `--help` added, writes what each said and its code.

One process for all, since most of a command's time is spent on importing PyTorch.
"""

import contextlib
import io
import json
import runpy
import sys
import traceback
import warnings


def ask(words: list[str]) -> tuple[int, str]:
    """Exit code and words of `python -m WORDS --help`."""
    said = io.StringIO()
    sys.argv = [*words, "--help"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the module is run once more
        try:
            runpy.run_module(words[0], run_name="__main__", alter_sys=False)
        except SystemExit as end:
            return (end.code if isinstance(end.code, int) else int(end.code is not None)), said.getvalue()
        except Exception:
            return 1, said.getvalue() + traceback.format_exc()
    return 0, said.getvalue()


if __name__ == "__main__":
    sys.stdout.write(json.dumps([ask(words) for words in json.load(sys.stdin)]))
