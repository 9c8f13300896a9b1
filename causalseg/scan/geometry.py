"""A scan in a square and back: one value with an inverse, so that no mask moves on the way.

The scan is scaled as a whole until its longer side is the square's side, and centred on black. Masks follow one
rule, in both directions: *a pixel takes the value of the pixel, on the other side, that contains its centre*. The
centre of pixel i is at i + 0.5. The rule is computed in whole numbers, so it is the same on every machine.
"""

from dataclasses import dataclass
from typing import overload

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from causalseg.errors import BadCorrection


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a scan of `height_px` x `width_px` lies in a square of `side_px`.

    Law: `invert(apply(mask)) == mask` wherever the scan is not larger than `content_hw`, and
    `apply(invert(canvas)) == canvas` inside the content box wherever it is not smaller.
    """

    height_px: int
    width_px: int
    side_px: int

    def __post_init__(self) -> None:
        if min(self.height_px, self.width_px, self.side_px) < 1:
            raise ValueError(f"a letterbox needs sizes of at least 1 px, got {self}")

    @classmethod
    def fit(cls, height_px: int, width_px: int, *, side_px: int) -> "Letterbox":
        """The letterbox of a scan of that size in a square of `side_px`."""
        return cls(height_px, width_px, side_px)

    @property
    def content_hw(self) -> tuple[int, int]:
        """Height and width, in the square's pixels, of the part that the scan fills."""
        longer_px = max(self.height_px, self.width_px)
        height, width = (
            max(1, (2 * length_px * self.side_px + longer_px) // (2 * longer_px))
            for length_px in (self.height_px, self.width_px)
        )
        return height, width

    @property
    def content_box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of that part; right and bottom are the first pixels outside."""
        height, width = self.content_hw
        left, top = (self.side_px - width) // 2, (self.side_px - height) // 2
        return left, top, left + width, top + height

    @overload
    def apply(self, picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "side side 3"]: ...
    @overload
    def apply(self, picture: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "side side"]: ...
    def apply(
        self, picture: UInt8[np.ndarray, "height width 3"] | Bool[np.ndarray, "height width"]
    ) -> UInt8[np.ndarray, "side side 3"] | Bool[np.ndarray, "side side"]:
        """Scan -> square. An image is resampled smoothly on black; a mask follows the rule of pixel centres.

        Raises:
            ValueError: the picture does not have the size of the letterbox.
        """
        if picture.shape[:2] != (self.height_px, self.width_px):
            raise ValueError(f"expected {self.height_px} x {self.width_px} px, got {picture.shape}")
        left, top, right, bottom = self.content_box
        square = np.zeros((self.side_px, self.side_px, *picture.shape[2:]), dtype=picture.dtype)
        content = self._nearest(picture) if picture.ndim == 2 else self._smooth(picture)
        square[top:bottom, left:right] = content
        return square

    def invert(self, square_mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height_px width_px"]:
        """Square -> a mask in the scan's own size; what lies outside the content box is dropped.

        Raises:
            BadCorrection: the mask does not have the size of the square.
        """
        if square_mask.shape != (self.side_px, self.side_px):
            got = " x ".join(map(str, square_mask.shape))
            raise BadCorrection(
                f"The drawn mask has {got} px where {self.side_px} x {self.side_px} px are expected. "
                "Load the mask again and repeat the correction."
            )
        left, top, right, bottom = self.content_box
        content = square_mask[top:bottom, left:right]
        rows = centre_indices(self.height_px, bottom - top)
        columns = centre_indices(self.width_px, right - left)
        return content[np.ix_(rows, columns)]

    def invert_edit(
        self,
        mask: Bool[np.ndarray, "height_px width_px"],
        shown: Bool[np.ndarray, "side side"],
        drawn: Bool[np.ndarray, "side side"],
    ) -> Bool[np.ndarray, "height_px width_px"]:
        """`mask` with the pixels changed that a person changed on the square, and no others.

        A scan larger than the square has more detail than the square shows; where nothing was drawn it is kept.

        Args:
            mask: what was proposed, in the scan's own size.
            shown: what the square showed of it, `apply(mask)`.
            drawn: what the square showed when the person was done.

        Raises:
            BadCorrection: a square mask does not have the size of the square.
        """
        return np.where(self.invert(shown ^ drawn), self.invert(drawn), mask)

    def to_image_xy(self, square_xy: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points (x, y) of the square -> points of the scan, both continuous: pixel i spans i to i + 1.

        A point outside the content box has a coordinate outside the scan.
        """
        left, top, _, _ = self.content_box
        height, width = self.content_hw
        return (square_xy - (left, top)) * (self.width_px / width, self.height_px / height)

    def _nearest(self, mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "content_height content_width"]:
        height, width = self.content_hw
        return mask[np.ix_(centre_indices(height, self.height_px), centre_indices(width, self.width_px))]

    def _smooth(
        self, image_u8: UInt8[np.ndarray, "height width 3"]
    ) -> UInt8[np.ndarray, "content_height content_width 3"]:
        height, width = self.content_hw
        if (height, width) == image_u8.shape[:2]:
            return image_u8
        return np.asarray(Image.fromarray(image_u8).resize((width, height), Image.Resampling.BICUBIC))


def centre_indices(length_px: int, other_length_px: int) -> Int[np.ndarray, " length_px"]:
    """For each of `length_px` pixels, which of `other_length_px` over the same span contains its centre."""
    return (2 * np.arange(length_px) + 1) * other_length_px // (2 * length_px)
