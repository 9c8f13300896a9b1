"""Write the example scans of the app: `python -m causalseg.phantoms assets/examples`."""

import json
import sys
from pathlib import Path

from PIL import Image

from causalseg.phantoms import PHANTOMS, Phantom, make_phantom

EXAMPLES = {"ultrasound": 1, "endoscopy": 1, "dermoscopy": 0, "ct": 1}
"""Which seed of each phantom is an example."""


def examples() -> dict[str, Phantom]:
    """File name -> phantom, of every example."""
    return {f"{name}.png": make_phantom(name, EXAMPLES[name]) for name in PHANTOMS}


def index_of(phantoms: dict[str, Phantom]) -> list[dict[str, str]]:
    """What the app needs to know of each file."""
    return [
        {"file": file, "modality": phantom.modality, "description": phantom.description}
        for file, phantom in phantoms.items()
    ]


def main(arguments: list[str]) -> int:
    """Write the examples and their index into the folder named by the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m causalseg.phantoms FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    phantoms = examples()
    for file, phantom in phantoms.items():
        picture = Image.fromarray(phantom.image_u8)
        is_grey = (phantom.image_u8 == phantom.image_u8[..., :1]).all()
        (picture.convert("L") if is_grey else picture).save(folder / file, optimize=True)
    index = json.dumps(index_of(phantoms), indent=2) + "\n"
    (folder / "index.json").write_text(index, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
