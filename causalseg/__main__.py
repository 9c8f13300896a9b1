"""`python -m causalseg`: segment a scan, list the confounders.

    python -m causalseg segment SCAN --text "polyp" [--remove none|detected|id,id] [--typed "a cable"]
                             [--slice N] [--window C,W|NAME] [--out mask.png] [--json]
    python -m causalseg confounders [--json]

Exit code 0: answered (also where nothing was found). 2: the scan, the text or an id cannot be used; why is on stderr.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from causalseg.annotations.export import mask_to_png
from causalseg.causal.dictionary import load_dictionary
from causalseg.engine import EncodedScan, Engine, Segmentation, ToRemove
from causalseg.errors import BadView, CausalsegError, InputError
from causalseg.scan import Scan, Window, read_scan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except CausalsegError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m causalseg", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    segment = commands.add_parser("segment", help="the mask of a description in a scan")
    segment.add_argument("scan", type=Path)
    segment.add_argument("--text", required=True, help="what to look for")
    segment.add_argument("--remove", default="detected", help="none (observed), detected (adjusted) or id,id,...")
    segment.add_argument("--typed", action="append", default=[], help="a confounder in your own words, removed as well")
    segment.add_argument("--slice", type=int, help="which slice, frame or page, from 1; default: the one first shown")
    segment.add_argument("--window", help='centre and width ("40,400"), or one of the scan\'s windows ("lung")')
    segment.add_argument("--out", type=Path, help="where to write the mask, a PNG of the scan's own size, 0 or 255")
    segment.add_argument("--json", action="store_true", help="print the answer as JSON")
    segment.add_argument("--checkpoint", default="causalseg-lite")
    segment.set_defaults(command=_segment)
    confounders = commands.add_parser("confounders", help="ids, labels, families and modalities")
    confounders.add_argument("--json", action="store_true")
    confounders.set_defaults(command=_confounders)
    return parser


def _segment(options: argparse.Namespace) -> None:
    scan = _look(read_scan(options.scan), options.slice, options.window)
    engine = Engine.load(options.checkpoint)
    encoded, removal = engine.encode(scan), _removal(options.remove)
    if options.typed:
        encoded, removal = _with_typed(engine, encoded, removal, [" ".join(text.split()) for text in options.typed])
    answer = engine.segment(encoded, options.text, removal)
    if options.out is not None:
        _write(options.out, mask_to_png(answer.mask))
    report = _report(scan, answer)
    _say(json.dumps(report) if options.json else _sentence(answer))


def _look(scan: Scan, slice_number: int | None, window: str | None) -> Scan:
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


def _with_typed(
    engine: Engine, encoded: EncodedScan, removal: ToRemove, typed: Sequence[str]
) -> tuple[EncodedScan, ToRemove]:
    """The scan with the `typed` confounders looked for, and a removal that takes them away too."""
    for text in typed:
        encoded = engine.look_for(encoded, text)
    chosen = engine.detected(encoded) if removal == "detected" else removal or ()
    return encoded, [*chosen, *typed]


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


def _confounders(options: argparse.Namespace) -> None:
    entries = load_dictionary()
    if options.json:
        _say(
            json.dumps(
                [{"id": e.id, "label": e.label, "family": e.family, "modalities": e.modalities} for e in entries]
            )
        )
        return
    for entry in entries:
        _say(f"{entry.id:20} {entry.label:28} {entry.family:20} {', '.join(entry.modalities)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
