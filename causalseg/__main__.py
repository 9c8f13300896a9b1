"""`python -m causalseg`: segment a scan, list the confounders.

Exit code 0: answered (also where nothing was found). 2: the scan, the text or an id cannot be used; why is on stderr.
"""

import json
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from causalseg.annotations.exports import mask_to_png
from causalseg.causal.dictionary import load_dictionary
from causalseg.engine import Engine, Segmentation, ToRemove
from causalseg.errors import BadView, CausalsegError, InputError
from causalseg.scan import Scan, Window, read_scan

app = typer.Typer(help=__doc__, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        app(arguments, prog_name="python -m causalseg")
    except SystemExit as left:
        return int(left.code or 0)
    except CausalsegError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, InputError) else 1
    return 0


@app.command()
def segment(
    scan: Annotated[Path, Argument(help="PNG, JPEG, TIFF, BMP, WebP, DICOM, NIfTI, a zip or folder of slices")],
    text: Annotated[str, Option(help="what to look for")],
    remove: Annotated[str, Option(help="none (observed), detected (adjusted) or id,id,...")] = "detected",
    typed: Annotated[list[str] | None, Option(help="a confounder in your own words, removed as well")] = None,
    slice_number: Annotated[int | None, Option("--slice", help="which slice, frame or page, from 1")] = None,
    window: Annotated[str | None, Option(help='centre and width ("40,400"), or one of the scan\'s ("lung")')] = None,
    out: Annotated[Path | None, Option(help="where to write the mask, a PNG of the scan's own size, 0 or 255")] = None,
    as_json: Annotated[bool, Option("--json", help="print the answer as JSON")] = False,
    checkpoint: Annotated[str, Option(help="a name of checkpoints_manifest.yaml")] = "causalseg-lite",
) -> None:
    """The mask of a description in a scan."""
    shown = _view(read_scan(scan), slice_number, window)
    engine = Engine.load(checkpoint)
    encoded = engine.encode(shown)
    names = [" ".join(name.split()) for name in typed or ()]
    for name in names:
        encoded = engine.look_for(encoded, name)
    removal = _removal(remove)
    if names:
        removal = [*(engine.detected(encoded) if removal == "detected" else removal or ()), *names]
    answer = engine.segment(encoded, text, removal)
    if out is not None:
        _write(out, mask_to_png(answer.mask))
    typer.echo(json.dumps(_report(shown, answer)) if as_json else _sentence(answer))


@app.command()
def confounders(as_json: Annotated[bool, Option("--json")] = False) -> None:
    """Ids, labels, families and modalities."""
    entries = load_dictionary()
    if as_json:
        kept = ("id", "label", "family", "modalities")
        typer.echo(json.dumps([{name: getattr(entry, name) for name in kept} for entry in entries]))
        return
    for entry in entries:
        typer.echo(f"{entry.id:20} {entry.label:28} {entry.family:20} {', '.join(entry.modalities)}")


def _view(scan: Scan, slice_number: int | None, window: str | None) -> Scan:
    """The slice (from 1) and the window that were asked for.

    Raises:
        BadView: the scan does not have them.
    """
    if slice_number is None and window is None:
        return scan
    index = None if slice_number is None else slice_number - 1
    return scan.view(index, None if window is None else _window(scan, window))


def _window(scan: Scan, text: str) -> Window:
    named = {choice.label.lower(): choice.window for choice in scan.windows}
    if text.lower() in named:
        return named[text.lower()]
    with suppress(ValueError):
        center, width = (float(number) for number in text.split(","))
        return Window(center, width)
    raise BadView(f"There is no such window. Give centre and width, for example 40,400, or one of: {', '.join(named)}.")


def _removal(text: str) -> ToRemove:
    if text in ("none", "detected"):
        return "detected" if text == "detected" else None
    return [part.strip() for part in text.split(",") if part.strip()]


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"The mask cannot be written to {path}: {error.strerror}. Give another --out.") from error


def _report(scan: Scan, answer: Segmentation) -> dict[str, object]:
    return {
        "scan_sha256": scan.sha256,
        "height": scan.hw[0],
        "width": scan.hw[1],
        "slice": scan.index + 1,
        "slices": scan.count,
        "window": None if scan.window is None else [scan.window.center, scan.window.width],
        "found": answer.found,
        "presence": round(answer.presence, 4),
        "area_px": int(answer.mask.sum()),
        "removed": list(answer.removed),
        "confounders": {name: round(value, 4) for name, value in answer.confounders.items()},
        "seconds": round(answer.seconds, 4),
    }


def _sentence(answer: Segmentation) -> str:
    removed = ", ".join(answer.removed) or "nothing"
    if not answer.found:
        return f"Nothing like that found in this scan (presence {answer.presence:.2f}; removed: {removed})."
    return f"Found, presence {answer.presence:.2f}; {int(answer.mask.sum())} pixels; removed: {removed}."


if __name__ == "__main__":
    sys.exit(main())
