"""How well a small classifier tells our simulated artefacts from real ones: 0.5 where it cannot.

Crops around simulated artefacts on free scans are held against crops around real ones, one crop a scan, scored by a
tiny convolutional network that has not seen that scan. The scans themselves differ too (other skins, other machines),
so transplants are held against real ones in the same way: laid on the same free scans, they show what the background
alone gives away. Real crops and transplants come of different sources.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from causalseg.causal.dictionary import Confounder
from causalseg.causal.simulate import simulate
from training.data.transplants import TransplantBank, transplant
from training.evaluate.measures import RESAMPLES, Mean, auroc
from training.evaluate.scans import OnProgress, no_progress

CROP_PX = 64
Crops = UInt8[np.ndarray, "crop 64 64 3"]
Crop = UInt8[np.ndarray, "64 64 3"]


@dataclass(frozen=True, slots=True)
class RealismProtocol:
    """How the two kinds of crops are made and told apart."""

    most_crops: int = 120
    """Of each kind."""
    least_crops: int = 20
    """Entries with fewer of a kind are left out."""
    strengths: tuple[float, float] = (0.8, 1.0)
    """Of what is simulated or laid; what is real is opaque."""
    folds: int = 5
    epochs: int = 20
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RealismRow:
    """One line of the table: the lower, the more alike."""

    entry: str
    modality: str
    simulated: Mean
    """AUROC of simulated against real."""
    transplanted: Mean
    """AUROC of transplanted against real: what the background gives away."""


def realism_table(
    bank: TransplantBank,
    dictionary: Sequence[Confounder],
    protocol: RealismProtocol | None = None,
    on_progress: OnProgress = no_progress,
) -> list[RealismRow]:
    """A row for each entry of the dictionary that the bank has and a simulator makes, in each of its modalities."""
    asked = protocol or RealismProtocol()
    simulator_of = {entry.id: entry.simulator for entry in dictionary if entry.simulator}
    pairs = [
        (entry, modality)
        for entry, modalities in bank.kinds().items()
        for modality in modalities
        if entry in simulator_of
    ]
    rows = []
    for done, (entry, modality) in enumerate(pairs, start=1):
        if row := _row(bank, entry, modality, simulator_of[entry] or "", asked):
            rows.append(row)
        on_progress(done, len(pairs))
    return rows


def _row(
    bank: TransplantBank, entry: str, modality: str, simulator: str, protocol: RealismProtocol
) -> RealismRow | None:
    rng = np.random.default_rng(protocol.seed)
    sources = rng.permutation(bank.sources(entry, modality))
    free = rng.permutation(bank.free_scans(entry, modality))[: protocol.most_crops]
    real = _stacked(real_crops(bank, entry, sources[::2], rng), protocol.most_crops)
    laid = _stacked(transplanted_crops(bank, entry, sources[1::2], free, protocol, rng), protocol.most_crops)
    made = _stacked(simulated_crops(bank, simulator, free, protocol, rng), protocol.most_crops)
    if min(len(real), len(laid), len(made)) < protocol.least_crops:
        return None
    return RealismRow(entry, modality, told_apart(made, real, protocol), told_apart(laid, real, protocol))


def real_crops(
    bank: TransplantBank, entry: str, sources: Sequence[int] | np.ndarray, rng: np.random.Generator
) -> Iterator[Crop]:
    """Crops of scans around the artefact that was found in them."""
    for index in sources:
        lifted = bank.lifted(entry, int(index))
        if lifted is not None:
            yield crop_around(bank.picture(int(index)), lifted.alpha > 0.5, rng)


def transplanted_crops(
    bank: TransplantBank,
    entry: str,
    sources: Sequence[int] | np.ndarray,
    free: Sequence[int] | np.ndarray,
    protocol: RealismProtocol,
    rng: np.random.Generator,
) -> Iterator[Crop]:
    """Crops of free scans around an artefact that was laid on them, each artefact used once."""
    found = (lifted for index in sources if (lifted := bank.lifted(entry, int(index))))
    for lifted, onto in zip(found, free, strict=False):
        laid = transplant(bank.picture(int(onto)), lifted, rng, float(rng.uniform(*protocol.strengths)))
        if laid.region.any():
            yield crop_around(laid.image_u8, laid.region, rng)


def simulated_crops(
    bank: TransplantBank,
    simulator: str,
    free: Sequence[int] | np.ndarray,
    protocol: RealismProtocol,
    rng: np.random.Generator,
) -> Iterator[Crop]:
    """Crops of free scans around a simulated artefact."""
    for onto in free:
        strength, seed = float(rng.uniform(*protocol.strengths)), int(rng.integers(2**31))
        made = simulate(bank.picture(int(onto)), simulator, strength=strength, seed=seed)
        if made.region.any():
            yield crop_around(made.image_u8, made.region, rng)


def _stacked(crops: Iterator[Crop], most: int) -> Crops:
    taken = [crop for crop, _ in zip(crops, range(most), strict=False)]
    return np.stack(taken) if taken else np.empty((0, CROP_PX, CROP_PX, 3), np.uint8)


def crop_around(
    image_u8: UInt8[np.ndarray, "height width 3"], region: Bool[np.ndarray, "height width"], rng: np.random.Generator
) -> Crop:
    """A square around a pixel of the region, drawn by chance, moved into the picture where it would leave it."""
    places = np.argwhere(region)
    centre = places[rng.integers(len(places))] if len(places) else np.array(region.shape) // 2
    top, left = (
        int(np.clip(middle - CROP_PX // 2, 0, size - CROP_PX))
        for middle, size in zip(centre, region.shape, strict=True)
    )
    return image_u8[top : top + CROP_PX, left : left + CROP_PX].copy()


def told_apart(made: Crops, real: Crops, protocol: RealismProtocol) -> Mean:
    """AUROC of a crop's score by a network that has not seen its scan; the interval resamples the crops."""
    crops = torch.from_numpy(np.concatenate([made, real])).permute(0, 3, 1, 2).float() / 127.5 - 1
    is_made = torch.tensor([1.0] * len(made) + [0.0] * len(real))
    folds = np.random.default_rng(protocol.seed).permutation(len(crops)) % protocol.folds
    scores = np.empty(len(crops))
    for fold in range(protocol.folds):
        held = torch.from_numpy(folds == fold)
        scores[folds == fold] = _scores(crops[~held], is_made[~held], crops[held], protocol)
    return _auroc_with_interval(scores[: len(made)], scores[len(made) :], protocol.seed)


def _auroc_with_interval(made: Float[np.ndarray, " made"], real: Float[np.ndarray, " real"], seed: int) -> Mean:
    rng = np.random.default_rng(seed)
    drawn = [auroc(rng.choice(made, len(made)), rng.choice(real, len(real))) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Mean(auroc(made, real), float(low), float(high), len(made) + len(real))


class CropClassifier(nn.Module):
    """Three strided convolutions, then the mean and the maximum of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            *(nn.Conv2d(3, 16, 5, 2, 2), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
        )
        self.decide = nn.Linear(64, 1)

    def forward(self, crops: Float[Tensor, "crop 3 height width"]) -> Float[Tensor, " crop"]:
        """Logit of being made rather than real, a crop."""
        seen = self.look(crops)
        return self.decide(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1))[:, 0]


_BATCH = 32


def _scores(
    crops: Float[Tensor, "crop 3 64 64"],
    is_made: Float[Tensor, " crop"],
    held: Float[Tensor, "held 3 64 64"],
    protocol: RealismProtocol,
) -> Float[np.ndarray, " held"]:
    """Learn on some crops, mirrored by chance, and score the others; the world's random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(protocol.seed)
        network = CropClassifier()
        adam = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
        balance = (is_made == 0).sum() / is_made.sum()
        for _ in range(protocol.epochs):
            for batch in torch.randperm(len(crops)).split(_BATCH):
                if len(batch) < 2:
                    continue
                seen = crops[batch].flip(3) if torch.rand(()) < 0.5 else crops[batch]
                loss = nn.functional.binary_cross_entropy_with_logits(network(seen), is_made[batch], pos_weight=balance)
                adam.zero_grad()
                loss.backward()
                adam.step()
    with torch.no_grad():
        return network.eval()(held).double().numpy()
