"""A small world to fine-tune in: a network that knows bright discs, people elsewhere who include a rim around theirs.

The tower keeps its random start, so only heads are taught, on features that are made once: seconds.
"""

import numpy as np
import torch

from causalseg.checkpoints import CheckpointEntry, changed_copy
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.models.preprocess import squash
from training.finetune.corrections import Correction
from training.finetune.features import Encoder, Features, answer, batch_of, joined
from training.losses import mask_loss

SIDE_PX = 64
ENTRY = CheckpointEntry(
    "tiny",
    "tiny.safetensors",
    "0" * 64,
    "none",
    Architecture(channels=32, code_width=16, input_side_px=SIDE_PX),
    presence_threshold=0.01,
    temperature=1.0,
    detection_threshold=0.25,
)
KNOWN = ((60, 40, 40), (230, 190, 180))
"""Ground and disc of the scans that the checkpoint was taught with."""
NEW = ((60, 50, 70), (150, 140, 150))
"""Of the site that people correct: fainter, another colour."""
RIM = 1.35
"""Radius that people there draw, over the one that is painted."""


def disc(
    number: int, colours: tuple[tuple[int, int, int], tuple[int, int, int]], rim: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """A picture of one disc somewhere, and its mask, drawn `rim` times as wide."""
    rng = np.random.default_rng(number)
    y, x, radius = rng.uniform(14, 50), rng.uniform(14, 50), rng.uniform(7, 12)
    yy, xx = np.mgrid[:SIDE_PX, :SIDE_PX]
    distance = np.hypot(yy - y, xx - x)
    ground, paint = np.asarray(colours[0]), np.asarray(colours[1])
    image = np.where((distance < radius)[..., None], paint, ground) + rng.normal(0, 4, (SIDE_PX, SIDE_PX, 1))
    return image.clip(0, 255).astype(np.uint8), distance < rim * radius


def corrections(count: int, *, first: int = 0) -> list[Correction]:
    """Rightly corrected masks of the new site, two of each patient."""
    return [
        Correction(*disc(1000 + i, NEW, RIM), "polyp", f"patient {i // 2}", f"{i}", "endoscopy")
        for i in range(first, first + count)
    ]


def taught_network() -> CausalSegNetwork:
    """Random towers, heads taught on known discs."""
    torch.manual_seed(0)
    network = with_removal(build_network(ENTRY.architecture)).eval().requires_grad_(requires_grad=False)
    items = replay_of(network, 24)
    taught = changed_copy(network, {}, "taught")
    parameters = [*taught.neck.parameters(), *taught.decoder.parameters()]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.AdamW(parameters, 3e-3)
    rng, text = np.random.default_rng(0), network.text_tower(["polyp"] * 8)
    for _ in range(60):
        batch = batch_of(items, rng.choice(len(items), 8, replace=False))
        decoded = answer(taught, batch, text)
        full = torch.nn.functional.interpolate(decoded.mask_logits, size=(SIDE_PX, SIDE_PX), mode="bilinear")
        presence = torch.nn.functional.softplus(-decoded.presence_logits).mean()
        optimizer.zero_grad()
        (mask_loss(full, batch.masks) + 0.3 * presence).backward()
        optimizer.step()
    return taught.requires_grad_(requires_grad=False)


def replay_of(network: CausalSegNetwork, count: int) -> Features:
    """Features of known discs."""
    encoder = Encoder(network, ENTRY)
    parts = []
    for number in range(count):
        image_u8, mask = disc(number, KNOWN)
        seen = encoder.observe(squash(image_u8, SIDE_PX)[None].copy())
        parts.append(encoder.items(seen, mask[None], ["polyp"], ["known"]))
    return joined(parts)
