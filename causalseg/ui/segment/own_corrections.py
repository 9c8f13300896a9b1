"""What the person in front of the page corrected of the scan on it: saved before, saved just now, or only drawn."""

from collections.abc import Mapping
from typing import Any

from causalseg.annotations.exports.corrections import Correction, is_same, saved_corrections
from causalseg.annotations.store import LabelStore
from causalseg.scan import Scan
from causalseg.ui.segment import editor
from causalseg.ui.segment.session import Draft


def corrections_of(
    scan: Scan,
    description: str,
    draft: Draft | None,
    *,
    store: LabelStore | None = None,
    person: str = "",
    edited: Mapping[str, Any] | None = None,
) -> dict[int, Correction]:
    """Index -> the person's mask: from the store, over it what was last saved here, over it what is drawn.

    Args:
        scan: any slice of it.
        description: corrections of another one do not count.
        draft: what is in the editor, and what was saved of it.
        store: where corrections of other slices are; None: only what `draft` knows counts.
        person: whose; nobody has none in the store.
        edited: the editor's value.
    """
    known: dict[int, Correction] = {}
    if store is not None and person.strip():
        known = saved_corrections(store, scan.sha256, person=person, description=description)
    if draft is None or draft.scan.sha256 != scan.sha256 or not is_same(draft.description, description):
        return known
    if draft.kept is not None:
        known[draft.scan.index] = Correction(draft.kept, draft.revision)
    drawn = editor.unsaved(draft, edited)
    if drawn is not None:
        known[draft.scan.index] = Correction(drawn)
    return known
