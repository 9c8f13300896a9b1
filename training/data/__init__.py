"""What a training reads: rows of scans with masks and names, squashed once to squares, and what is drawn from them."""

from training.data.reading import load_image, load_mask, read_index, train_rows
from training.data.rows import Row
from training.data.squares import Squares, batches, epoch_indices, load_squares

__all__ = [
    "Row",
    "Squares",
    "batches",
    "epoch_indices",
    "load_image",
    "load_mask",
    "load_squares",
    "read_index",
    "train_rows",
]
