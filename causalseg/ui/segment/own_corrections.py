"""What the person in front of the page corrected of the scan on it: saved before, saved just now, or only drawn."""

from collections.abc import Mapping
from typing import Any

from causalseg.annotations.exports.corrections import Correction, is_same, saved_corrections
from causalseg.annotations.store import LabelStore
from causalseg.scan import Scan
from causalseg.ui.segment import editor
from causalseg.ui.segment.session import EditorMask


def corrections_of(
    scan: Scan,
    description: str,
    editing: EditorMask | None,
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
        store: where corrections of other slices are; None: only what `editing` knows counts.
        person: whose; nobody has none in the store.
        edited: the editor's value.
    """
    known: dict[int, Correction] = {}
    if store is not None and person.strip():
        known = saved_corrections(store, scan.sha256, person=person, description=description)
    if editing is None or editing.scan.sha256 != scan.sha256 or not is_same(editing.description, description):
        return known
    if editing.kept is not None:
        known[editing.scan.index] = Correction(editing.kept, editing.revision)
    drawn = editor.unsaved(editing, edited)
    if drawn is not None:
        known[editing.scan.index] = Correction(drawn)
    return known
