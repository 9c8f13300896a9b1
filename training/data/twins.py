"""Twins: the same scan with and without a confounder, so that the true counterfactual is known.

A twin pair is an `input` to be intervened on, a `goal` that it should become, and the confounders to remove. The
goal may itself carry another confounder, which must stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, UInt8
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from causalseg.causal.dictionary import Confounder
from causalseg.causal.simulate import Simulated, simulate
from training.data.carried import Known
from training.data.transplants import TransplantBank, transplant

STRENGTH_FLOOR = 0.35
"""z_k taught for a just visible confounder; 1 is taught for the strongest. Absent is 0."""
PHOTOMETRIC = frozenset(
    {"low_contrast", "under_exposure", "over_exposure", "colour_cast", "gain", "bias_field", "scanner_style"}
)
"""Confounders that the augmentation's changes of light and colour may look like."""
_LIKELY_SHARE = 0.75
"""Of the pairs from which an absent confounder is removed: how often it is one that this scan might have had."""
MAP_STRIDE = 8
"""Pixels of a picture for one cell of a confounder map, as in `causal.presence`."""


@dataclass(frozen=True, slots=True, eq=False)
class Twin:
    """One pair; `labels` and `maps` speak of both pictures, input first."""

    input_u8: UInt8[np.ndarray, "height width 3"]
    goal_u8: UInt8[np.ndarray, "height width 3"]
    removed: tuple[int, ...]
    """Indices in the dictionary."""
    is_null: bool
    """The removed confounder is absent: the input must stay as it is."""
    goal_is_clean: bool
    """Nothing was put into the goal."""
    labels: Float32[np.ndarray, "2 confounder"]
    maps: Float32[np.ndarray, "2 confounder map_h map_w"]


class TwinShares(BaseModel):
    """How often each kind of pair is drawn; the rest are simple pairs: one confounder, removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kept_other: float = 0.15
    """Two confounders, one removed."""
    both: float = 0.10
    """Two confounders, both removed."""
    null: float = 0.15
    """One confounder or none, an absent one removed."""
    weakest: float = 0.3
    """Strengths are drawn from here to 1."""
    transplanted: float = 0.0
    """How often what is put in is a real one, lifted out of another scan, where its kind can be."""
    often: dict[str, float] = {}
    """How many times as often as its share an entry is drawn, by id; once where it is not named."""


def as_u8(images: Float[Tensor, "batch 3 height width"]) -> list[UInt8[np.ndarray, "height width 3"]]:
    """Pictures in [-1, 1] as bytes, as the simulators take them."""
    return list(((images.cpu() + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().numpy())


def applicable(dictionary: Sequence[Confounder], modality: str) -> list[int]:
    """Indices of the entries that a scan of `modality` can be given."""
    return [i for i, entry in enumerate(dictionary) if entry.simulator and modality in entry.modalities]


def draw_twin(
    image_u8: UInt8[np.ndarray, "height width 3"],
    modality: str,
    dictionary: Sequence[Confounder],
    rng: np.random.Generator,
    shares: TwinShares,
    known: Known | None = None,
    bank: TransplantBank | None = None,
) -> Twin:
    """Draw one pair from a scan; without what is `known` of it, it is assumed to be clean.

    What is put in is simulated, or lifted out of another scan of the `bank`.
    """
    fitting = applicable(dictionary, modality)
    if known is not None:
        fitting = [k for k in fitting if known.may_be_put[k]]
    first, second = rng.choice(fitting, 2, replace=False, p=_shares([dictionary[i] for i in fitting], shares.often))
    draw = rng.random()
    clean = _Carrier(image_u8, len(dictionary), _Source(dictionary, modality, rng, shares, bank))
    if draw < shares.null:
        carrier = clean if rng.random() < 0.4 else clean.with_one(int(first))
        free = [modality not in entry.native_to for entry in dictionary] if known is None else known.is_free
        absent = [i for i in range(len(dictionary)) if carrier.labels[i] == 0 and free[i]]
        likely = [i for i in absent if i in fitting]
        if likely and rng.random() < _LIKELY_SHARE:
            chances = _shares([dictionary[i] for i in likely], shares.often)
            return _pair(carrier, carrier, (int(rng.choice(likely, p=chances)),), is_null=True)
        return _pair(carrier, carrier, (int(rng.choice(absent)),), is_null=True)
    draw -= shares.null
    if draw < shares.kept_other + shares.both:
        other = clean.with_one(int(second))
        loaded = other.with_one(int(first))
        if draw < shares.kept_other:
            return _pair(loaded, other, (int(first),), is_null=False)
        return _pair(loaded, clean, (int(first), int(second)), is_null=False)
    return _pair(clean.with_one(int(first)), clean, (int(first),), is_null=False)


def _shares(entries: Sequence[Confounder], often: Mapping[str, float]) -> Float64[np.ndarray, " entry"]:
    """How often each entry is drawn: those of one modality oftener, for no other scans teach them."""
    weights = np.array([often.get(entry.id, 1.0) * len(entry.modalities) ** -0.5 for entry in entries])
    return weights / weights.sum()


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """Where confounders come from."""

    dictionary: Sequence[Confounder]
    modality: str
    rng: np.random.Generator
    shares: TwinShares
    bank: TransplantBank | None

    def put(self, image_u8: UInt8[np.ndarray, "height width 3"], entry: Confounder, strength: float) -> Simulated:
        """The picture with the confounder: a real one of another scan, where there is one, or a simulated one."""
        if self.bank is not None and self.rng.random() < self.shares.transplanted:
            lifted = self.bank.draw(entry.id, self.modality, self.rng)
            if lifted is not None:
                laid = transplant(image_u8, lifted, self.rng, strength)
                if laid.region.any():
                    return laid
        return simulate(image_u8, entry.simulator or "", strength=strength, seed=int(self.rng.integers(2**31)))


class _Carrier:
    """A picture with what was put into it."""

    def __init__(self, image_u8: UInt8[np.ndarray, "height width 3"], count: int, source: _Source) -> None:
        self.image_u8, self.source = image_u8, source
        self.labels = np.zeros(count, np.float32)
        self.maps = np.zeros((count, *_map_hw(image_u8.shape[:2])), np.float32)

    def with_one(self, index: int) -> "_Carrier":
        """One confounder more, at a strength drawn by chance."""
        strength = float(self.source.rng.uniform(self.source.shares.weakest, 1))
        made = self.source.put(self.image_u8, self.source.dictionary[index], strength)
        carrier = _Carrier(made.image_u8, len(self.labels), self.source)
        carrier.labels[:], carrier.maps[:] = self.labels, self.maps
        carrier.labels[index] = STRENGTH_FLOOR + (1 - STRENGTH_FLOOR) * strength
        carrier.maps[index] = region_map(made.region)
        return carrier


def region_map(region: Bool[np.ndarray, "height width"]) -> Float32[np.ndarray, "map_h map_w"]:
    """1 in every cell that the region touches; the sides of the region are multiples of `MAP_STRIDE`."""
    map_h, map_w = _map_hw(region.shape)
    cells = region.reshape(map_h, MAP_STRIDE, map_w, MAP_STRIDE)
    return np.asarray(cells.any(axis=(1, 3)), np.float32)


def _map_hw(hw: tuple[int, ...]) -> tuple[int, int]:
    return hw[0] // MAP_STRIDE, hw[1] // MAP_STRIDE


def _pair(source: _Carrier, goal: _Carrier, removed: tuple[int, ...], *, is_null: bool) -> Twin:
    return Twin(
        source.image_u8,
        goal.image_u8,
        removed,
        is_null,
        not goal.labels.any(),
        np.stack([source.labels, goal.labels]),
        np.stack([source.maps, goal.maps]),
    )
