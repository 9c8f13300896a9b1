"""Parquet shards of a data folder: scans, masks and what is known of them, in few large files that can be streamed.

    shard-00000.parquet    columns of `Row`; image and mask as {bytes, path}, the files as they were, not coded again

`datasets.load_dataset("parquet", data_files=...)` reads the same files. A picture of a shard is named as if the shard
were a folder: `shard-00000.parquet/7/image` is that of row 7. Shards may lie on this machine or anywhere that fsspec
reaches: of `hf://datasets/OWNER/NAME` only the columns and the row groups that are looked at are fetched.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
import typer

from causalseg.errors import CannotLearn
from training.data.rows import Row

Kind = Literal["image", "mask"]
_SUFFIX = ".parquet"
_PICTURES: tuple[Kind, ...] = ("image", "mask")
_FACTS = tuple(field.name for field in fields(Row) if field.name not in _PICTURES)
_ROWS_A_GROUP = 32
"""What is fetched and unpacked at once: about a megabyte."""
_ROWS_A_SHARD = 2048
_NO_PYARROW = "Parquet shards need pyarrow: pip install pyarrow."


def write_shards(rows: Sequence[Row], folder: Path, *, rows_a_shard: int = _ROWS_A_SHARD) -> int:
    """Write `rows` into a new folder of shards; how many shards there are.

    Raises:
        CannotLearn: there is something in the folder already, or pyarrow is not installed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CannotLearn(f"There is something in {folder} already. Choose a new or an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(rows), rows_a_shard)
    for number, start in enumerate(starts):
        _write_shard(rows[start : start + rows_a_shard], folder / f"shard-{number:05d}{_SUFFIX}")
    return len(starts)


def shards(
    data: Annotated[Path, typer.Option(help="Folder with index.csv, label store, or other shards.")],
    out: Annotated[Path, typer.Option(help="A new folder.")],
) -> None:
    """Write a data folder as parquet shards, which --data takes too."""
    from training.data.reading import read_index  # which reads shards itself

    write_shards(read_index(data), out)


def shards_of(source: Path) -> list[str]:
    """The shards in a folder, here or behind a scheme, sorted; none where it has none."""
    filesystem, folder = _filesystem(source)
    return sorted(filesystem.glob(f"{folder}/**/*{_SUFFIX}")) if "://" in _url(source) or source.is_dir() else []


def read_rows(source: Path) -> list[Row]:
    """The rows of all shards of a folder; no picture is fetched.

    Raises:
        CannotLearn: pyarrow is not installed.
    """
    scheme = _url(source).partition("://")[0] + "://" if "://" in _url(source) else ""
    return [row for shard in shards_of(source) for row in _rows_of(Path(f"{scheme}{shard}"))]


def is_in_shard(path: Path) -> bool:
    """Whether a picture's name is one inside a shard."""
    return path.parent.parent.suffix == _SUFFIX


@lru_cache(maxsize=1024)
def shard_stamp(shard: Path) -> str:
    """What changes when the shard's content does."""
    filesystem, path = _filesystem(shard)
    return str(filesystem.ukey(path))


def picture_bytes(path: Path) -> bytes:
    """The file of a picture in a shard, as it was when the shard was written."""
    shard, number = path.parent.parent, int(path.parent.name)
    group, place = _place_of(shard, number)
    return _group(shard, group)[path.name][place]["bytes"]


def _write_shard(rows: Sequence[Row], path: Path) -> None:
    arrow, parquet = _pyarrow()
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in _FACTS}
    for kind in _PICTURES:
        files = [getattr(row, kind) for row in rows]
        columns[kind] = [{"bytes": _content(file), "path": PurePosixPath(file).name} for file in files]
    partial = path.with_name(f"{path.name}.partial")
    parquet.write_table(arrow.table(columns), partial, row_group_size=_ROWS_A_GROUP, compression="none")
    partial.replace(path)


def _content(file: Path) -> bytes:
    return picture_bytes(file) if is_in_shard(file) else file.read_bytes()


def _rows_of(shard: Path) -> Iterator[Row]:
    facts = _open(shard).read(columns=list(_FACTS)).to_pylist()
    for number, fact in enumerate(facts):
        yield Row(**fact, image=shard / str(number) / "image", mask=shard / str(number) / "mask")


def _place_of(shard: Path, number: int) -> tuple[int, int]:
    """Row group and place in it."""
    file = _open(shard)
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    ends = np.cumsum(sizes)
    group = int(np.searchsorted(ends, number, side="right"))
    return group, number - int(ends[group] - sizes[group])


@lru_cache(maxsize=2)
def _group(shard: Path, group: int) -> dict[str, list[dict[str, Any]]]:
    """The pictures of one row group; the next row is mostly in the same one."""
    return _open(shard).read_row_group(group, columns=list(_PICTURES)).to_pydict()


@lru_cache(maxsize=16)
def _open(shard: Path) -> Any:
    filesystem, path = _filesystem(shard)
    _, parquet = _pyarrow()
    return parquet.ParquetFile(filesystem.open(path, "rb"))


def _filesystem(source: Path) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    return url_to_fs(_url(source))


def _url(source: Path) -> str:
    """A scheme's second slash is lost in a `Path`."""
    text = source.as_posix()
    scheme, colon, rest = text.partition(":/")
    return f"{scheme}://{rest.lstrip('/')}" if colon and scheme.isalnum() and len(scheme) > 1 else text


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise CannotLearn(_NO_PYARROW) from None
    return pyarrow, parquet
