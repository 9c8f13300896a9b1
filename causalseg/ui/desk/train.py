"""The Train page: what there is to learn from, a fine-tuning as it goes, its verdict, the versions and which is served.

The page keeps nothing: what runs is the `Tuner`'s, the rest the store's and the versions'. So a reload, or another
tab, shows the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr

from causalseg.annotations.review.approved_for_training import Learnable, learnable, too_few
from causalseg.errors import BadVersion, InputError
from causalseg.ui import html, shared_text
from causalseg.ui.bind import STORE, Updates, bind
from causalseg.ui.desk import curve, words
from causalseg.ui.desk.tuner import Order, Tuning
from causalseg.ui.picture_list import clickable
from causalseg.ui.services import Services
from causalseg.versions import Comparison, VersionCard

_LOOK_SECONDS = 1.0
"""Between two looks at what runs."""


@dataclass(frozen=True, slots=True)
class TrainPage:
    """Every component that an event reads or writes."""

    message: gr.HTML
    served: gr.HTML
    material: gr.HTML
    opinions: gr.HTML
    parent: gr.Dropdown
    name: gr.Textbox
    seed: gr.Number
    start: gr.Button
    stop: gr.Button
    progress: gr.HTML
    verdict: gr.HTML
    versions: gr.HTML
    timer: gr.Timer


def build(page: gr.Blocks, desk: Services) -> None:
    """Lay the page out and wire it up; call it inside its route."""
    parts = _layout(page, desk)
    events = _Events(desk, parts)
    seen = events.outputs()
    bind("train", page.load, events.show, [], seen, parts.message, wipes=False, queue=STORE)
    asked = [parts.parent, parts.name, parts.seed]
    bind("finetune", parts.start.click, events.start, asked, seen, parts.message, busy=parts.start, queue=STORE)
    bind("finetune_stop", parts.stop.click, events.stop, [], seen, parts.message, busy=parts.stop, queue=STORE)
    bind("finetune_look", parts.timer.tick, events.look, [], seen, parts.message, wipes=False, queue=STORE)
    bind("version", parts.versions.click, events.choose, [], seen, parts.message, queue=STORE)


def _layout(page: gr.Blocks, desk: Services) -> TrainPage:
    message = gr.HTML("", elem_id="message")
    gr.HTML(f"<h1>{words.TRAIN_TITLE}</h1><p class='quiet'>{words.TRAIN_WHAT}</p>", elem_classes="desk-head")
    served = gr.HTML("", elem_id="served")
    with gr.Row(elem_classes="desk-row", equal_height=False):
        with gr.Column(scale=2, min_width=300, elem_classes="desk-side"):
            material = gr.HTML("", elem_id="material")
            parent = gr.Dropdown([desk.entry.name], value=desk.entry.name, label=words.PARENT, elem_id="parent")
            name = gr.Textbox(
                label=words.VERSION_NAME, placeholder=words.VERSION_NAME_HINT, max_lines=1, elem_id="version-name"
            )
            with gr.Accordion(words.MORE, open=False):
                seed = gr.Number(0, label=words.SEED, precision=0, minimum=0, elem_id="train-seed")
            with gr.Row():
                start = gr.Button(words.START, variant="primary", elem_id="finetune", min_width=120)
                stop = gr.Button(shared_text.STOP, interactive=False, elem_id="finetune-stop", min_width=80)
            opinions = gr.HTML("", elem_id="opinions")
        with gr.Column(scale=3, min_width=420):
            progress = gr.HTML("", elem_id="progress")
            verdict = gr.HTML("", elem_id="verdict")
    versions = clickable("versions")
    timer = gr.Timer(_LOOK_SECONDS, active=False)
    return TrainPage(
        message, served, material, opinions, parent, name, seed, start, stop, progress, verdict, versions, timer
    )


@dataclass(frozen=True, slots=True)
class _Events:
    desk: Services
    page: TrainPage

    def outputs(self) -> list[Any]:
        page = self.page
        boxes = [page.served, page.material, page.opinions, page.progress, page.verdict, page.versions]
        return [*boxes, page.parent, page.name, page.start, page.stop, page.timer]

    def show(self) -> Updates:
        """All of it, as it is now."""
        page, store, tuning = self.page, self.desk.store, self.desk.tuner.now
        served = self._served_name()
        there = learnable(store)
        names = [self.desk.entry.name, *(card.name for card in self._cards())]
        return {
            **self._running(tuning),
            page.served: self._served(),
            page.material: material(there),
            page.opinions: opinions(there, {entry.id: entry.label for entry in self.desk.engine.confounders}),
            page.verdict: self._verdict(tuning),
            page.versions: versions(self.desk, self._cards(), served),
            page.parent: gr.Dropdown(choices=names, value=served),
            page.name: _free_name(names),
        }

    def start(self, parent: str, name: str, seed: int | float | None) -> Updates:
        """Begin a fine-tuning."""
        desk, there = self.desk, learnable(self.desk.store)
        if seed is None or seed != int(seed) or seed < 0:
            raise InputError(words.BAD_SEED)
        desk.versions.raise_if_unusable(name.strip())
        if sentence := too_few(there.corrections, there.patients):
            raise InputError(sentence)
        folders = (desk.store.folder, desk.versions.folder)
        return self._running(desk.tuner.start(Order(*folders, desk.entry.name, parent, name.strip(), int(seed))))

    def stop(self) -> Updates:
        """End what runs; the parent goes on being served."""
        self.desk.tuner.stop()
        return {}

    def look(self) -> Updates:
        """How far it is; everything, once it has ended."""
        tuning = self.desk.tuner.now
        return self._running(tuning) if tuning is not None and tuning.is_running else self.show()

    def choose(self, click: gr.EventData) -> Updates:
        """A button of the table of versions: serve one, or go back to one."""
        act, name = str(click.act), str(click.version)
        if act == "promote":
            self.desk.versions.promote(name, self.desk.entry)
        elif act == "go-back":
            self.desk.versions.roll_back(name, self.desk.entry)
        return {**self.show(), self.page.served: self._served() + html.note(words.promoted(name))}

    def _running(self, tuning: Tuning | None) -> Updates:
        page, is_running = self.page, tuning is not None and tuning.is_running
        return {
            page.progress: progress(tuning),
            page.start: gr.Button(interactive=not is_running),
            page.stop: gr.Button(interactive=is_running),
            page.timer: gr.Timer(active=is_running),
            **({page.verdict: ""} if is_running else {}),
        }

    def _served(self) -> str:
        notice = self.desk.engine.notice
        return html.note(words.serving(self.desk.engine.name), "served") + html.note(notice, "warning")

    def _served_name(self) -> str:
        """Of the version that is served, or of the checkpoint; also where a promoted one is lost."""
        try:
            card = self.desk.versions.promoted(self.desk.entry)
        except BadVersion:
            return self.desk.entry.name
        return self.desk.entry.name if card is None else card.name

    def _cards(self) -> list[VersionCard]:
        return self.desk.versions.cards(self.desk.entry.name)

    def _verdict(self, tuning: Tuning | None) -> str:
        if tuning is None or tuning.state != "made":
            return ""
        return verdict(self.desk.versions.card(tuning.version))


def material(there: Learnable) -> str:
    """How much there is to learn from, and what is missing."""
    counted = words.to_learn_from(there.corrections, there.patients, there.held_back, there.statements)
    missing = too_few(there.corrections, there.patients)
    return html.heading(words.LEARN_FROM, html.note(counted) + html.note(missing, "warning"))


def opinions(there: Learnable, labels: dict[str, str]) -> str:
    """What people say of confounders, one a line."""
    if not there.opinions:
        return html.folded(words.OPINIONS, html.note(words.NO_OPINIONS))
    rows = [
        (labels.get(one.confounder, one.confounder), str(one.present), str(one.absent), str(one.contradicted))
        for one in there.opinions
    ]
    sheet = html.table(words.OPINION_HEAD, rows, name=words.OPINIONS)
    return html.folded(words.OPINIONS, sheet + html.note(words.NOT_TRAIN), is_open=True)


def progress(tuning: Tuning | None) -> str:
    """How far a fine-tuning is, or how it ended, with its curve."""
    if tuning is None:
        return html.note(words.NOTHING_RUNS)
    drawn = curve.svg(tuning.points, words.CURVE, words.CURVE_AXIS)
    picture = f"<figure>{drawn}<figcaption>{words.CURVE}</figcaption></figure>" if drawn else ""
    if tuning.is_running:
        return html.heading(tuning.version, _bar(tuning) + picture)
    ended = words.STOPPED if tuning.state == "stopped" else tuning.sentence
    return html.heading(tuning.version, html.note(ended, "warning") + picture)


def verdict(card: VersionCard) -> str:
    """What the gate said, with the numbers."""
    rows = [_measured(words.MEASURES.get(name, name), comparison) for name, comparison in card.scores.items()]
    kind = "passed" if card.passed else "gated"
    return (
        f'<div class="verdict {kind}">{html.heading(words.verdict(card), html.sentences(card.reasons))}</div>'
        + html.table(words.MEASURE_HEAD, rows, name=words.verdict(card))
    )


def versions(desk: Services, cards: Sequence[VersionCard], served: str) -> str:
    """All versions with where they come from, and a button for each that can be served."""
    history = desk.versions.history(desk.entry.name)
    been_served = {line["version"] for line in history}
    rows: list[tuple[html.Cell, ...]] = [_checkpoint_row(desk, is_served=served == desk.entry.name)]
    rows += [_version_row(card, is_served=served == card.name, was_served=card.name in been_served) for card in cards]
    marked = next((number for number, card in enumerate(cards, start=1) if card.name == served), 0)
    past = [(_when(line["at"]), line["action"], line["version"] or desk.entry.name) for line in reversed(history)]
    told = html.folded(words.HISTORY, html.table(words.HISTORY_HEAD, past, name=words.HISTORY)) if past else ""
    return html.heading(words.VERSIONS, html.table(words.VERSION_HEAD, rows, name=words.VERSIONS, marked=marked) + told)


def _checkpoint_row(desk: Services, *, is_served: bool) -> tuple[html.Cell, ...]:
    name = desk.entry.name
    action = words.SERVED if is_served else html.button("go-back", words.GO_BACK, version=name)
    return name, "", words.AS_IT_CAME, desk.entry.version, "", "", action


def _version_row(card: VersionCard, *, is_served: bool, was_served: bool) -> tuple[html.Cell, ...]:
    gate = html.folded(words.PASSED if card.passed else words.GATED, html.sentences(card.reasons))
    action: html.Cell = ""
    if is_served:
        action = words.SERVED
    elif was_served:
        action = html.button("go-back", words.GO_BACK, version=card.name)
    elif card.passed:
        action = html.button("promote", words.PROMOTE, is_first=True, version=card.name)
    gain = words.before_after(card.scores["corrections"]) if "corrections" in card.scores else ""
    return card.name, card.parent, words.made_from(card), _when(card.made_at), gain, html.Raw(gate), action


def _measured(name: str, comparison: Comparison) -> tuple[str, ...]:
    return name, words.score(comparison.before), words.score(comparison.after), words.change(comparison)


def _bar(tuning: Tuning) -> str:
    if tuning.total == 0 or tuning.done == 0:
        return html.bar(None, words.READING)
    return html.bar(tuning.done / tuning.total, words.progress(tuning.done, tuning.total, tuning.seconds_left))


def _when(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M")


def _free_name(taken: Sequence[str]) -> str:
    number = next(number for number in range(1, len(taken) + 2) if f"version-{number}" not in taken)
    return f"version-{number}"
