"""The one door to the model: encode a scan once, answer many questions about it.

Concurrency contract. The network and the text cache are shared by all visitors and guarded by one lock; an
`EncodedScan` belongs to one visitor, is only read after `encode` has returned it, and may be kept as long as the
visitor looks at the scan. No Gradio here, and nothing of a scan or a description is logged.

Versions. Every scan is encoded with the version that is promoted at that moment, whoever promoted it, and answered
with the same one for as long as it is looked at: an `EncodedScan` names its version and holds no model.
"""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.intervention import Evidence, Removal, evidence_of, make_removal
from causalseg.causal.simulate import simulate
from causalseg.checkpoints import CheckpointEntry, changed_copy, find_entry, load_network
from causalseg.errors import BadDescription, BadVersion, CheckpointError, UnknownConfounder
from causalseg.models.network import SegmentationNetwork, with_removal
from causalseg.models.preprocess import at_scan_size, map_at_scan_size, squash, to_network, to_scan_probability
from causalseg.models.text_to_pixel import Decoded
from causalseg.models.towers import TextCode
from causalseg.scan import Scan
from causalseg.settings import Settings
from causalseg.versions import Stamp, VersionStore

logger = logging.getLogger(__name__)

ToRemove = Literal["detected"] | Sequence[str] | None
"""Which confounders to remove: None (the observed mask), "detected" (the adjusted mask), or ids (a counterfactual)."""

_HIDES_FROM = 0.5
"""Value of its map from which an opaque confounder covers a pixel."""
_TEXTS_KEPT = 256
_VERSIONS_KEPT = 2
"""Fine-tuned versions whose weights stay in memory; a scan of an older one loads it again."""


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
class EncodedScan:
    """A scan with everything the network needs of it that does not depend on the question."""

    scan: Scan
    strength: dict[str, float]
    """Strength in [0, 1] of every confounder in this scan, by id."""
    picture: Tensor
    """The scan as the network sees it, (1, 3, side, side) in [-1, 1]: what an intervention begins with."""
    stages: tuple[Tensor, ...]
    """The observed stages of the tower."""
    pyramid: tuple[Tensor, ...]
    """The observed pyramid."""
    evidence: Evidence
    """Of each confounder, in the order of `strength`: where it is, and its text code."""
    version: str | None = None
    """The fine-tuned version that encoded it and answers for it; None: the checkpoint as it came."""


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
        self._checkpoint = network
        self._tuned: OrderedDict[str, SegmentationNetwork] = OrderedDict()
        self._version: str | None = None
        self._versions = versions
        self._seen: Stamp = None
        self._notice = ""
        self._dictionary = load_dictionary()
        self._codes = network.dictionary_codes([list(entry.prompts) for entry in self._dictionary])
        self._targets = network.text_tower(list(entry.targets)) if entry.targets else None
        self._is_local = torch.tensor([entry.scope == "local" for entry in self._dictionary], device=self._device)
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
        return self._name_of(self._version)

    @property
    def notice(self) -> str:
        """Why the promoted version is not served, in a sentence; empty where all is well."""
        self._serve_promoted()
        return self._notice

    def name_for(self, encoded: EncodedScan) -> str:
        """What answers for `encoded`, as its labels record it: the version that it was encoded with."""
        return self._name_of(encoded.version)

    @property
    def removes_named(self) -> bool:
        """Whether confounders can be removed by name: only by core `causalseg`.

        The cores of the two papers find no named confounder in any scan, so their adjusted mask is the observed one.
        """
        return self._checkpoint.removes_named

    @property
    def confounders(self) -> tuple[Confounder, ...]:
        """The dictionary, in its order."""
        return self._dictionary

    @torch.inference_mode()
    def encode(self, scan: Scan) -> EncodedScan:
        """Compute all features of a scan that do not depend on a question: the slow step, once a scan."""
        started = time.perf_counter()
        square = torch.from_numpy(squash(scan.image_u8, self._entry.architecture.input_side_px).copy())
        with self._lock:
            self._serve_promoted()
            version = self._version
            network = self._network(version)
            picture = to_network(square[None])
            stages = network.observe(picture.to(self._device))
            presence = network.presence(stages, self._codes)
            pyramid = network.observed_pyramid(stages)
        evidence = evidence_of(presence, self._codes, self._is_local)
        height, width = scan.hw
        logger.info("encode height=%d width=%d px seconds=%.3f", height, width, time.perf_counter() - started)
        return EncodedScan(
            scan,
            dict(zip((entry.id for entry in self._dictionary), presence.strength[0].tolist(), strict=True)),
            picture,
            tuple(stage.cpu() for stage in stages),
            tuple(level.cpu() for level in pyramid),
            Evidence(evidence.maps.cpu(), evidence.codes.cpu()),
            version,
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
            network = self._network(encoded.version)
            code = network.dictionary_codes([[text]])
            presence = network.presence([stage.to(self._device) for stage in encoded.stages], code)
        nearest = int((self._codes @ code[0]).argmax())
        typed = evidence_of(presence, code, self._is_local[nearest, None])
        known = encoded.evidence
        return replace(
            encoded,
            strength={**encoded.strength, text: float(presence.strength[0, 0])},
            evidence=Evidence(
                torch.cat([known.maps, typed.maps.cpu()], dim=1),
                torch.cat([known.codes, typed.codes.cpu()]),
            ),
        )

    def detected(self, encoded: EncodedScan) -> tuple[str, ...]:
        """Ids of the confounders that the adjusted mask removes; a typed one is removed only when it is named."""
        return tuple(
            entry.id for entry in self._dictionary if encoded.strength[entry.id] >= self._entry.detected_from(entry.id)
        )

    def segment(self, encoded: EncodedScan, description: str, remove: ToRemove = "detected") -> Segmentation:
        """The mask of `description`: observed (None), adjusted ("detected") or counterfactual (ids removed).

        Raises:
            BadDescription: empty or too long.
            UnknownConfounder: an id that is neither in the dictionary nor typed in (`look_for`), or any id where
                `removes_named` is false.
        """
        ids = self._removed_ids(encoded, remove)
        return self._answer(encoded, description, [ids])[0]

    def counterfactuals(
        self, encoded: EncodedScan, description: str, each: Sequence[str] | None = None
    ) -> dict[str, Segmentation]:
        """One mask for each confounder removed alone, all in one batch; `each` of these ids, or all there are.

        Raises:
            BadDescription: empty or too long.
            UnknownConfounder: as `segment`.
        """
        ids = self._removed_ids(encoded, [*encoded.strength] if each is None else each)
        return {answer.removed[0]: answer for answer in self._answer(encoded, description, [(name,) for name in ids])}

    @torch.inference_mode()
    def without(self, encoded: EncodedScan, remove: ToRemove) -> UInt8[np.ndarray, "height width 3"]:
        """The scan as it would look without what is removed: an estimate, in the scan's own size.

        Where nothing changes it is the scan itself, pixel by pixel; elsewhere it is as coarse as the network's square.
        What it has where something `hidden` was is made up.

        Raises:
            UnknownConfounder: as `segment`; or this checkpoint removes no named confounder.
        """
        self._raise_if_none_removed()
        ids = self._removed_ids(encoded, remove)
        with self._lock:
            network = with_removal(self._network(encoded.version))
            places = tuple(map(list(encoded.strength).index, ids))
            restored = network.restored(self._picture(encoded, 1), self._removal(encoded, [places]))
        return at_scan_size(encoded.scan.image_u8, encoded.picture, restored.cpu())

    def hidden(self, encoded: EncodedScan, remove: ToRemove) -> Bool[np.ndarray, "height width"]:
        """Where what is removed covers the scan, so that nobody knows what lies beneath: all True where it does.

        A confounder that was typed in covers nothing: nobody has said whether it does.

        Raises:
            UnknownConfounder: as `segment`.
        """
        covered = np.zeros(encoded.scan.hw, bool)
        for place in self._covers(encoded, self._removed_ids(encoded, remove)):
            covered |= map_at_scan_size(encoded.evidence.maps[0, place], encoded.scan.hw) >= _HIDES_FROM
        return covered

    def add(self, scan: Scan, confounder: str, strength: float, seed: int) -> Scan:
        """The scan as it would look with `confounder` in it, simulated in the pixels of the one slice it shows.

        Raises:
            UnknownConfounder: unknown, or nothing simulates it.
            BadStrength: strength outside [0, 1].
        """
        entry = next((entry for entry in self._dictionary if entry.id == confounder), None)
        if entry is None:
            raise _unknown(confounder)
        if entry.simulator is None:
            raise UnknownConfounder(f"{entry.label} cannot be simulated; choose another confounder to add.")
        made = simulate(scan.image_u8, entry.simulator, strength=strength, seed=seed)
        said = (*scan.warnings, f"Simulated on this scan: {entry.label}.")
        return replace(scan, image_u8=made.image_u8, warnings=said, volume=None)

    def _serve_promoted(self) -> None:
        """Load the promoted version if another one was promoted since the last call."""
        if self._versions is None:
            return
        with self._lock:
            if (stamp := self._versions.stamp()) == self._seen:
                return
            try:
                card = self._versions.promoted(self._entry)
                version = None if card is None else card.name
                self._network(version)
                if version not in (None, self._version):
                    logger.info("serve version=%s", version)
                self._version, self._notice = version, ""
            except (BadVersion, CheckpointError) as error:
                # Scans are still answered, by what is served now; the page shows the notice.
                served = self._name_of(self._version)
                self._notice = f"The promoted version cannot be used, {served} is. {error}"
                logger.error("promoted version refused error=%s", type(error).__name__)
            self._seen = stamp

    def _name_of(self, version: str | None) -> str:
        """Checkpoint, its version, and the fine-tuned version if there is one: as labels record it."""
        name = f"{self._entry.name} {self._entry.version}".strip()
        return name if version is None else f"{name} + {version}"

    def _network(self, version: str | None) -> SegmentationNetwork:
        """The checkpoint's network, or that of a fine-tuned version of it, loaded again where it was let go."""
        if version is None or self._versions is None:
            return self._checkpoint
        if version not in self._tuned:
            changes = self._versions.changes(self._versions.card(version))
            self._tuned[version] = changed_copy(self._checkpoint, changes, version)
        _keep_latest(self._tuned, version, _VERSIONS_KEPT)
        return self._tuned[version]

    def _removed_ids(self, encoded: EncodedScan, remove: ToRemove) -> tuple[str, ...]:
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

    @torch.inference_mode()
    def _answer(
        self, encoded: EncodedScan, description: str, removals: Sequence[tuple[str, ...]]
    ) -> list[Segmentation]:
        """One answer a removal; equal sets share one pass, and the empty set is the observed pyramid."""
        if any(removals):
            self._raise_if_none_removed()
        started = time.perf_counter()
        with self._lock:
            text = self._text_code(description)
            known = list(encoded.strength)
            acting = [tuple(map(known.index, ids)) for ids in removals]
            distinct = sorted(set(acting))
            network = self._network(encoded.version)
            pyramid = self._pyramid(network, encoded, distinct)
            count = len(distinct)
            decoded = network.decode(pyramid, text[torch.zeros(count, dtype=torch.long, device=self._device)])
            surest = [self._surest(network, [level[i : i + 1] for level in pyramid]) for i in range(count)]
            covering = any(self._covers(encoded, ids) for ids in removals)
            observed = self._observed(network, encoded, text) if covering else None
        answers = []
        for ids, acts in zip(removals, acting, strict=True):
            row = distinct.index(acts)
            answer = self._segmentation(encoded, decoded, row, surest[row], ids)
            if observed is not None and self._covers(encoded, ids):
                answer = not_grown_where_hidden(answer, observed, self.hidden(encoded, ids))
            answers.append(answer)
        total = time.perf_counter() - started
        logger.info("segment removals=%d description_chars=%d seconds=%.3f", len(removals), len(description), total)
        return [replace(answer, seconds=total) for answer in answers]

    def _covers(self, encoded: EncodedScan, removed: tuple[str, ...]) -> list[int]:
        """Places of the opaque confounders among those removed."""
        known = list(encoded.strength)
        return [known.index(entry.id) for entry in self.confounders if entry.hides and entry.id in removed]

    def _observed(self, network: SegmentationNetwork, encoded: EncodedScan, text: TextCode) -> Segmentation:
        """The answer with nothing removed, as `segment` gives it."""
        pyramid = self._pyramid(network, encoded, [()])
        decoded = network.decode(pyramid, text[torch.zeros(1, dtype=torch.long, device=self._device)])
        return self._segmentation(encoded, decoded, 0, self._surest(network, pyramid), ())

    def _text_code(self, description: str) -> TextCode:
        text = self._tidy(description, "Type what to look for, for example: one small polyp in the upper left.")
        if text not in self._texts:
            self._texts[text] = self._checkpoint.text_tower([text])
        _keep_latest(self._texts, text, _TEXTS_KEPT)
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
        self, network: SegmentationNetwork, encoded: EncodedScan, removals: Sequence[tuple[int, ...]]
    ) -> list[Tensor]:
        """What the decoder reads of the scan under each removal (places in the dictionary), all in one batch."""
        count = len(removals)
        if not any(removals):
            return [level.to(self._device).expand(count, -1, -1, -1) for level in encoded.pyramid]
        stages = [stage.to(self._device).expand(count, -1, -1, -1) for stage in encoded.stages]
        return network.intervened_pyramid(self._picture(encoded, count), stages, self._removal(encoded, removals))

    def _picture(self, encoded: EncodedScan, count: int) -> Tensor:
        return encoded.picture.to(self._device).expand(count, -1, -1, -1)

    def _removal(self, encoded: EncodedScan, removals: Sequence[tuple[int, ...]]) -> Removal:
        evidence = encoded.evidence
        there = Evidence(evidence.maps.to(self._device), evidence.codes.to(self._device))
        return make_removal(there, removals)

    def _surest(self, network: SegmentationNetwork, pyramid: list[Tensor]) -> float:
        """Highest raw presence, in [0, 1], of what the checkpoint learnt to find, in a scan under one removal."""
        return 0.0 if self._targets is None else float(network.presences(pyramid, self._targets).sigmoid().max())

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


def not_grown_where_hidden(
    answer: Segmentation, observed: Segmentation, hidden: Bool[np.ndarray, "height width"]
) -> Segmentation:
    """`answer` without what it has inside `hidden` beyond `observed`: what lies there is not known.

    It may shrink there: what the model took for the thing may have been the cover.
    """
    least = np.minimum(answer.probability, observed.probability)
    return replace(
        answer,
        mask=answer.mask & (observed.mask | ~hidden),
        probability=np.where(hidden, least, answer.probability),
    )


def _keep_latest(cache: OrderedDict[str, Any], used: str, count: int) -> None:
    """Mark an entry as just used, and let the oldest go."""
    cache.move_to_end(used)
    while len(cache) > count:
        cache.popitem(last=False)


def _unknown(confounder: str) -> UnknownConfounder:
    return UnknownConfounder(f"There is no confounder {confounder!r}. `python -m causalseg confounders` lists all ids.")


def _pick_device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
