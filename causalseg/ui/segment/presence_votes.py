"""What a person says of the confounders in the picture on screen, there or not there: kept at once, shown again.

Fine-tuning learns from it. Each button carries the picture that it speaks of, so one that is pressed while another
picture comes on screen says nothing of that one.
"""

from dataclasses import dataclass

import gradio as gr

from causalseg.annotations.review import confounder_statements
from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.errors import InputError
from causalseg.scan import Scan
from causalseg.ui.bind import Updates, bind
from causalseg.ui.segment import handlers, panels, text
from causalseg.ui.segment.layout import Page
from causalseg.ui.segment.session import SessionState

_WORDS = {"yes": True, "no": False}
"""Button -> whether the confounder is there."""


@dataclass(frozen=True, slots=True)
class PresenceVotes:
    """Binds the buttons beside the switches to the store."""

    engine: Engine
    store: LabelStore
    page: Page

    def bind(self) -> None:
        """Another picture or another name shows what was said; a button says something."""
        groups, person = (self.page.switches.present, self.page.switches.absent), self.page.stage.person
        asked, shown, message = [self.page.session, person], [group.votes for group in groups], self.page.message
        for changed in (groups[0].bars.change, person.change):
            bind("said", changed, self._shown, asked, shown, message, wipes=False)
        for group in groups:
            bind("say", group.votes.click, self._say, asked, shown, message)

    def _say(self, state: SessionState, person: str, click: gr.EventData) -> Updates:
        scan = None if state.opened is None else state.opened.scan
        if scan is None or (click.scan, click.index) != (scan.sha256, str(scan.index)):
            raise InputError(text.SAID_OF_ANOTHER)
        say(self.store, scan, str(click.confounder), _WORDS[click.act], person)
        return self._shown(state, person)

    def _shown(self, state: SessionState, person: str) -> Updates:
        """Buttons for what the dictionary knows; none while the scan on screen is simulated."""
        switches = self.page.switches
        if state.encoded is None or state.original is not None:
            return {switches.present.votes: "", switches.absent.votes: ""}
        scan, labels = state.encoded.scan, {entry.id: entry.label for entry in self.engine.confounders}
        known = said(self.store, scan, person)
        present, absent = (
            panels.votes([panels.Vote(id_, labels.get(id_), known.get(id_)) for id_ in ids], scan.sha256, scan.index)
            for ids in handlers.listed(self.engine, state)
        )
        return {switches.present.votes: present, switches.absent.votes: absent}


def said(store: LabelStore, scan: Scan, person: str) -> dict[str, bool | None]:
    """What a person says now of a picture: id of a confounder -> it is there, or not; None: taken back."""
    if not person.strip():
        return {}
    before = confounder_statements.of(store, scan.sha256, person=person, index=scan.index)
    return {one.confounder: one.present for one in before}


def say(store: LabelStore, scan: Scan, confounder: str, present: bool, person: str) -> None:
    """Keep it; what the person says already is taken back. The picture enters the store where it is new.

    Raises:
        BadCorrection: nobody signed.
        StoreError: the disk refuses; nothing was said.
    """
    store.add(scan, person=person)
    is_repeated = said(store, scan, person).get(confounder) == present
    confounder_statements.say(
        store, scan.sha256, {confounder: None if is_repeated else present}, person=person, index=scan.index
    )
