"""Training data: rows of scans with masks and names, resized once to squares, and the batches drawn from them."""

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
