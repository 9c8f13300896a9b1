"""The one door to the model: encode a scan once, answer many questions about it.

Concurrency contract. The network and the text cache are shared by all visitors and guarded by one lock; an
`EncodedScan` belongs to one visitor, is only read after `encode` has returned it, and may be kept as long as the
visitor looks at the scan. No Gradio here, and nothing of a scan or a description is logged.

Versions. Every scan is encoded with the version that is promoted at that moment, whoever promoted it, and answered
with the same one for as long as it is looked at: an `EncodedScan` holds on to its `Model`.
"""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.intervention import Removal as PairRemoval
from causalseg.causal.presence import gate, reach
from causalseg.causal.simulate import simulate
from causalseg.checkpoints import CheckpointEntry, changed_copy, find_entry, load_network
from causalseg.errors import BadDescription, BadVersion, CheckpointError, UnknownConfounder
from causalseg.models.network import SegmentationNetwork
from causalseg.models.preprocess import squash, to_network, to_scan_probability
from causalseg.models.text_to_pixel import Decoded
from causalseg.models.towers import TextCode
from causalseg.scan.types import Scan
from causalseg.settings import Settings
from causalseg.versions import Stamp, VersionStore

logger = logging.getLogger(__name__)

Removal = Literal["detected"] | Sequence[str] | None
"""Which confounders to remove: None (the observed mask), "detected" (the adjusted mask), or ids (a counterfactual)."""

_TEXTS_KEPT = 256


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """One answer: the mask of a description under a removal."""

    mask: Bool[np.ndarray, "height width"]
    """In the scan's own size; empty where what is described was not found."""
    probability: Float32[np.ndarray, "height width"]
    """Of each pixel belonging to the described thing, in [0, 1], were it present at all."""
    presence: float
    """How sure it is that what is described is in this scan at all, in [0, 1]; 0.5 is the threshold for this scan under
    this removal."""
    found: bool
    """Whether `presence` is at least 0.5; where it is not, `mask` is empty."""
    confounders: dict[str, float]
    """Strength in [0, 1] of every confounder in the observed scan, by id."""
    removed: tuple[str, ...]
    """Ids of the confounders removed for this mask, in the dictionary's order, those typed in last."""
    seconds: float
    """Wall time of this answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What answers: the checkpoint, or a version of it."""

    name: str
    """Checkpoint, its version, and the fine-tuned version if there is one: as labels record it."""
    network: SegmentationNetwork


@dataclass(frozen=True, slots=True, eq=False)
class EncodedScan:
    """A scan with everything the network needs of it that does not depend on the question."""

    scan: Scan
    strength: dict[str, float]
    """Strength in [0, 1] of every confounder in this scan, by id."""
    stages: tuple[Tensor, ...]
    """The observed stages of the tower: what an intervention begins with."""
    pyramid: tuple[Tensor, ...]
    """The observed pyramid."""
    maps: Float[Tensor, "confounder map_h map_w"]
    """Where each confounder is, in [0, 1]; 1 everywhere for a global one. In the order of `strength`."""
    codes: Float[Tensor, "confounder code"]
    """The text code of each confounder, in the order of `strength`."""
    model: Model | None = None
    """What encoded it, and answers for it; None: what the engine serves now."""


class Engine:
    """A loaded checkpoint that answers questions about scans."""

    def __init__(
        self,
        network: SegmentationNetwork,
        entry: CheckpointEntry,
        settings: Settings | None = None,
        versions: VersionStore | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._entry = entry
        self._device = _pick_device(self._settings.device)
        network = network.to(self._device).to(memory_format=torch.channels_last).eval()
        self._checkpoint = Model(f"{entry.name} {entry.version}".strip(), network)
        self._model = self._checkpoint
        self._versions = versions
        self._seen: Stamp = None
        self._notice = ""
        self._dictionary = load_dictionary()
        self._codes = network.dictionary_codes([list(entry.prompts) for entry in self._dictionary])
        self._targets = network.text_tower(list(entry.targets)) if entry.targets else None
        self._index = {entry.id: i for i, entry in enumerate(self._dictionary)}
        self._texts: OrderedDict[str, TextCode] = OrderedDict()
        self._lock = threading.RLock()
        self._serve_promoted()

    @classmethod
    def load(cls, name: str = "causalseg-lite", *, settings: Settings | None = None) -> "Engine":
        """The checkpoint called `name` in `checkpoints_manifest.yaml`, its file verified, in its promoted version.

        Raises:
            UnknownCheckpoint: the manifest has no such name.
            CheckpointError: the file is missing, is another one, or does not fit.
        """
        entry = find_entry(name)
        chosen = settings or Settings()
        return cls(load_network(entry), entry, chosen, VersionStore(chosen.versions_dir))

    @property
    def name(self) -> str:
        """The checkpoint's name and version and the promoted fine-tuned version: what encodes the next scan."""
        self._serve_promoted()
        return self._model.name

    @property
    def notice(self) -> str:
        """Why the promoted version is not served, in a sentence; empty where all is well."""
        self._serve_promoted()
        return self._notice

    def name_for(self, encoded: EncodedScan) -> str:
        """What answers for `encoded`, as its labels record it: the version that it was encoded with."""
        return self.name if encoded.model is None else encoded.model.name

    @property
    def removes_named(self) -> bool:
        """Whether confounders can be removed by name: only by core `causalseg`.

        The cores of the two papers find no named confounder in any scan, so their adjusted mask is the observed one.
        """
        return self._checkpoint.network.removes_named

    @property
    def confounders(self) -> tuple[Confounder, ...]:
        """The dictionary, in its order."""
        return self._dictionary

    @torch.inference_mode()
    def encode(self, scan: Scan) -> EncodedScan:
        """Read everything off a scan that no question changes: the dear step, once a scan."""
        started = time.perf_counter()
        square = torch.from_numpy(squash(scan.image_u8, self._entry.architecture.input_side_px).copy())
        with self._lock:
            self._serve_promoted()
            model = self._model
            stages = model.network.observe(to_network(square[None]).to(self._device))
            presence = model.network.presence(stages, self._codes)
            pyramid = model.network.observed_pyramid(stages)
        strength = presence.strength[0].tolist()
        is_local = torch.tensor([entry.scope == "local" for entry in self._dictionary], device=self._device)
        maps = torch.where(is_local[:, None, None], presence.maps[0], 1.0)
        height, width = scan.hw
        logger.info("encode height=%d width=%d px seconds=%.3f", height, width, time.perf_counter() - started)
        return EncodedScan(
            scan,
            {entry.id: value for entry, value in zip(self._dictionary, strength, strict=True)},
            tuple(stage.cpu() for stage in stages),
            tuple(level.cpu() for level in pyramid),
            maps.cpu(),
            self._codes.cpu(),
            model,
        )

    @torch.inference_mode()
    def look_for(self, encoded: EncodedScan, confounder: str) -> EncodedScan:
        """`encoded` with one more confounder, known by its text alone; the text is its id.

        How strong it is and where is read off the scan like that of the dictionary's entries; whether it is local is
        taken from the entry whose text is nearest. Nothing of the dictionary is changed.

        Raises:
            BadDescription: the text is empty or too long.
            UnknownConfounder: this checkpoint removes no named confounder.
        """
        self._raise_if_none_removed()
        text = self._tidy(confounder, "Type what disturbs the scan, for example: a cable across the image.")
        if text in encoded.strength:
            return encoded
        with self._lock:
            network = (encoded.model or self._model).network
            code = network.dictionary_codes([[text]])
            presence = network.presence([stage.to(self._device) for stage in encoded.stages], code)
        nearest = self._dictionary[int((self._codes @ code[0]).argmax())]
        where = presence.maps[0].cpu()
        return replace(
            encoded,
            strength={**encoded.strength, text: float(presence.strength[0, 0])},
            maps=torch.cat([encoded.maps, where if nearest.scope == "local" else torch.ones_like(where)]),
            codes=torch.cat([encoded.codes, code.cpu()]),
        )

    def detected(self, encoded: EncodedScan) -> tuple[str, ...]:
        """Ids of the confounders that the adjusted mask removes; one that was typed in is removed by hand alone."""
        return tuple(name for name in self._index if encoded.strength[name] >= self._entry.detected_from(name))

    def segment(self, encoded: EncodedScan, description: str, remove: Removal = "detected") -> Segmentation:
        """The mask of `description`: observed (None), adjusted ("detected") or counterfactual (ids removed).

        Raises:
            BadDescription: empty or too long.
            UnknownConfounder: an id that is neither in the dictionary nor typed in (`look_for`), or any id where
                `removes_named` is false.
        """
        ids = self._removed_ids(encoded, remove)
        return self._answer(encoded, description, [ids])[0]

    def counterfactuals(self, encoded: EncodedScan, description: str) -> dict[str, Segmentation]:
        """One mask for each confounder removed alone, the dictionary's and those typed in, all in one batch."""
        answers = self._answer(encoded, description, [(name,) for name in encoded.strength])
        return {answer.removed[0]: answer for answer in answers}

    def add(self, scan: Scan, confounder: str, strength: float, seed: int) -> Scan:
        """The scan as it would look with `confounder` in it, simulated in the pixels of the one slice it shows.

        Raises:
            UnknownConfounder: unknown, or nothing simulates it.
            BadStrength: strength outside [0, 1].
        """
        entry = self._dictionary[self._known_index(confounder)]
        if entry.simulator is None:
            raise UnknownConfounder(f"{entry.label} cannot be simulated; choose another confounder to add.")
        made = simulate(scan.image_u8, entry.simulator, strength=strength, seed=seed)
        said = (*scan.warnings, f"Simulated on this scan: {entry.label}.")
        return replace(scan, image_u8=made.image_u8, warnings=said, volume=None)

    def _serve_promoted(self) -> None:
        """Turn to the promoted version if it is another one than at the last look."""
        if self._versions is None:
            return
        with self._lock:
            if (stamp := self._versions.stamp()) == self._seen:
                return
            try:
                self._model, self._notice = self._promoted_model(self._versions), ""
            except (BadVersion, CheckpointError) as error:
                # Scans are still answered, by what is served now; the page shows the notice.
                self._notice = f"The promoted version cannot be used, {self._model.name} is. {error}"
                logger.error("promoted version refused error=%s", type(error).__name__)
            self._seen = stamp

    def _promoted_model(self, versions: VersionStore) -> Model:
        card = versions.promoted(self._entry)
        name = self._checkpoint.name if card is None else f"{self._checkpoint.name} + {card.name}"
        if name == self._model.name:
            return self._model
        if card is None:
            return self._checkpoint
        logger.info("serve version=%s", card.name)
        return Model(name, changed_copy(self._checkpoint.network, versions.changes(card), card.name))

    def _removed_ids(self, encoded: EncodedScan, remove: Removal) -> tuple[str, ...]:
        if remove is None:
            return ()
        if isinstance(remove, str):
            if remove != "detected":
                raise UnknownConfounder(f"Give a list of confounder ids, 'detected' or None, not {remove!r}.")
            return self.detected(encoded)
        for name in remove:
            if name not in encoded.strength:
                raise _unknown(name)
        return tuple(name for name in encoded.strength if name in remove)

    def _raise_if_none_removed(self) -> None:
        if not self.removes_named:
            raise UnknownConfounder(f"{self.name} cannot remove a confounder by name; ask for its observed mask.")

    def _known_index(self, confounder: str) -> int:
        if confounder not in self._index:
            raise _unknown(confounder)
        return self._index[confounder]

    @torch.inference_mode()
    def _answer(
        self, encoded: EncodedScan, description: str, removals: Sequence[tuple[str, ...]]
    ) -> list[Segmentation]:
        """One answer a removal; those that nothing is done for share one pass over the observed pyramid."""
        if any(removals):
            self._raise_if_none_removed()
        started = time.perf_counter()
        with self._lock:
            text = self._text_code(description)
            acting = [tuple(name for name in ids if self._amount(encoded, name) > 0) for ids in removals]
            distinct = sorted(set(acting))
            network = (encoded.model or self._model).network
            pyramid = self._pyramid(network, encoded, distinct)
            count = len(distinct)
            decoded = network.decode(pyramid, text[torch.zeros(count, dtype=torch.long, device=self._device)])
            surest = [self._surest(network, [level[i : i + 1] for level in pyramid]) for i in range(count)]
        answers = []
        for ids, acts in zip(removals, acting, strict=True):
            row = distinct.index(acts)
            answers.append(self._segmentation(encoded, decoded, row, surest[row], ids))
        total = time.perf_counter() - started
        logger.info("segment removals=%d description_chars=%d seconds=%.3f", len(removals), len(description), total)
        return [replace(answer, seconds=total) for answer in answers]

    def _text_code(self, description: str) -> TextCode:
        text = self._tidy(description, "Type what to look for, for example: one small polyp in the upper left.")
        if text not in self._texts:
            self._texts[text] = self._checkpoint.network.text_tower([text])
        self._texts.move_to_end(text)
        while len(self._texts) > _TEXTS_KEPT:
            self._texts.popitem(last=False)
        return self._texts[text]

    def _tidy(self, text: str, if_empty: str) -> str:
        words = " ".join(text.split())
        if not words:
            raise BadDescription(if_empty)
        limit = self._settings.max_description_chars
        if len(words) > limit:
            raise BadDescription(f"The description has {len(words)} characters; shorten it to at most {limit}.")
        return words

    def _pyramid(
        self, network: SegmentationNetwork, encoded: EncodedScan, removals: Sequence[tuple[str, ...]]
    ) -> list[Tensor]:
        """What the decoder reads of the scan under each removal, all in one batch."""
        count = len(removals)
        known = list(encoded.strength)
        pairs = [(row, known.index(name)) for row, ids in enumerate(removals) for name in ids]
        if not pairs:
            return [level.to(self._device).expand(count, -1, -1, -1) for level in encoded.pyramid]
        row, confounder = torch.tensor(pairs, device=self._device).unbind(1)
        amount = torch.tensor([self._amount(encoded, known[k]) for _, k in pairs], device=self._device)
        where = reach(encoded.maps.to(self._device)[confounder])[:, None]
        removal = PairRemoval(row, encoded.codes.to(self._device)[confounder], amount, where)
        stages = [stage.to(self._device).expand(count, -1, -1, -1) for stage in encoded.stages]
        return network.intervened_pyramid(stages, removal)

    def _surest(self, network: SegmentationNetwork, pyramid: list[Tensor]) -> float:
        """Highest raw presence, in [0, 1], of what the checkpoint learnt to find, in a scan under one removal."""
        return 0.0 if self._targets is None else float(network.presences(pyramid, self._targets).sigmoid().max())

    def _amount(self, encoded: EncodedScan, confounder: str) -> float:
        """How much of its removal acts, in [0, 1]."""
        return float(gate(torch.tensor(encoded.strength[confounder]), self._entry.detected_from(confounder)))

    def _segmentation(
        self, encoded: EncodedScan, decoded: Decoded, row: int, surest: float, removed: tuple[str, ...]
    ) -> Segmentation:
        logits = decoded.mask_logits[row : row + 1]
        probability = to_scan_probability(logits, encoded.scan.hw, self._entry.temperature)
        threshold = self._entry.found_from(surest)
        threshold_logit = math.log(threshold / (1 - threshold))
        presence = float((decoded.presence_logits[row] - threshold_logit).sigmoid())
        found = presence >= 0.5
        mask = (probability > 0.5) & found
        return Segmentation(mask, probability, presence, found, dict(encoded.strength), removed, seconds=0.0)


def _unknown(confounder: str) -> UnknownConfounder:
    return UnknownConfounder(f"There is no confounder {confounder!r}. `python -m causalseg confounders` lists all ids.")


def _pick_device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
