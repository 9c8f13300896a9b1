"""How far a switch can be believed: what a checkpoint's entry says was measured of it, as two marks in words.

    seen in real scans   `metrics: {real: {id: {auroc: ..., present: ..., absent: ..., labels: ...}}}`: how often a real
                         scan with the confounder scores above one without
    removal              `metrics: {switches: {by confounder: {id: {damage: ..., recovery: ..., ...}}}}`: damage is the
                         Dice that the confounder took in simulated twins; recovery, the share of it that the switch got
                         back; "better than control", whether removing something else gives back less

A checkpoint of before may lack any of these: then nothing was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causalseg.causal.recovery import LEAST_DAMAGE, Worth, worth
from causalseg.ui.segment import text


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands beside a switch."""

    word: str
    reason: str
    """The numbers, as a sentence."""


_WORDS: Mapping[Worth, str] = {
    "reliable": text.RELIABLE,
    "partly reliable": text.PARTLY,
    "unreliable": text.UNRELIABLE,
}
NEVER_TESTED = Mark(text.NEVER_TESTED, text.NEVER_TESTED_WHY)
NOT_MEASURED = Mark(text.NOT_MEASURED, text.NOT_MEASURED_WHY)


def seen_in_real_scans(metrics: Mapping[str, Any], confounder: str) -> Mark:
    """How well `confounder` is told in real, labelled scans; `NEVER_TESTED` where the entry does not say."""
    told = metrics.get("real", {}).get(confounder)
    if told is None:
        return NEVER_TESTED
    auroc = float(told["auroc"])
    why = text.real_scans_why(auroc, int(told["present"]), int(told["absent"]), told.get("labels"))
    return Mark(text.real_scans(auroc), why)


def removal(metrics: Mapping[str, Any], confounder: str) -> Mark:
    """What was measured of removing `confounder`; `NOT_MEASURED` where the entry does not say."""
    scores = metrics.get("switches", {}).get("by confounder", {}).get(confounder)
    if scores is None or scores.get("damage") is None:
        return NOT_MEASURED
    damage, recovery = float(scores["damage"]), scores.get("recovery")
    if damage < LEAST_DAMAGE:
        return Mark(text.HARDLY_MATTERS, text.hardly_matters(damage))
    if recovery is None:
        return NOT_MEASURED
    measured = text.recovery(damage, float(recovery))
    if scores.get("better than control") is False:
        return Mark(text.UNRELIABLE, f"{measured} {text.NO_BETTER}")
    return Mark(_WORDS[worth(float(recovery))], measured)
