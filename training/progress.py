"""Progress on a terminal."""

from tqdm import tqdm


class Bar:
    """A tqdm bar that takes (done, total)."""

    def __init__(self, name: str) -> None:
        self._bar = tqdm(desc=name, unit="")

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self._bar.total = total
        self._bar.update(done - self._bar.n)
