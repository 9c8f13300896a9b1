"""The Train page: what there is to learn from, a fine-tuning as it goes, its verdict, the versions and which is served.

The page keeps nothing: what runs is the `Tuner`'s, the rest the store's and the versions'. So a reload, or another
tab, shows the same.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr

from causalseg.annotations.review.approved_for_training import Learnable, learnable, too_few
from causalseg.errors import BadVersion, InputError
from causalseg.ui import html, shared_text
from causalseg.ui.bind import STORE, Updates, bind
from causalseg.ui.picture_list import clickable
from causalseg.ui.services import Services
from causalseg.ui.train import loss_curve, text
from causalseg.ui.train.process import Tuning
from causalseg.ui.train.training_entry import Order, missing
from causalseg.versions import Comparison, VersionCard

logger = logging.getLogger(__name__)

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


def build(page: gr.Blocks, services: Services) -> None:
    """Lay the page out and wire it up; call it inside its route."""
    parts = _layout(page, services)
    if why := missing():
        logger.warning(why)
    events = _Events(services, parts, why)
    seen = events.outputs()
    bind("train", page.load, events.show, [], seen, parts.message, wipes=False, queue=STORE)
    asked = [parts.parent, parts.name, parts.seed]
    bind("finetune", parts.start.click, events.start, asked, seen, parts.message, busy=parts.start, queue=STORE)
    bind("finetune_stop", parts.stop.click, events.stop, [], seen, parts.message, busy=parts.stop, queue=STORE)
    bind("finetune_look", parts.timer.tick, events.look, [], seen, parts.message, wipes=False, queue=STORE)
    bind("version", parts.versions.click, events.choose, [], seen, parts.message, queue=STORE)


def _layout(page: gr.Blocks, services: Services) -> TrainPage:
    message = gr.HTML("", elem_id="message")
    gr.HTML(f"<h1>{text.TRAIN_TITLE}</h1><p class='quiet'>{text.TRAIN_WHAT}</p>", elem_classes="page-head")
    served = gr.HTML("", elem_id="served")
    with gr.Row(elem_classes="page-row", equal_height=False):
        with gr.Column(scale=2, min_width=300, elem_classes="page-side"):
            material = gr.HTML("", elem_id="material")
            parent = gr.Dropdown([services.entry.name], value=services.entry.name, label=text.PARENT, elem_id="parent")
            name = gr.Textbox(
                label=text.VERSION_NAME, placeholder=text.VERSION_NAME_HINT, max_lines=1, elem_id="version-name"
            )
            with gr.Accordion(text.MORE, open=False):
                seed = gr.Number(0, label=text.SEED, precision=0, minimum=0, elem_id="train-seed")
            with gr.Row():
                start = gr.Button(text.START, variant="primary", elem_id="finetune", min_width=120)
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
    services: Services
    page: TrainPage
    missing: str
    """Why nothing can be fine-tuned here; empty where all is well."""

    def outputs(self) -> list[Any]:
        page = self.page
        boxes = [page.served, page.material, page.opinions, page.progress, page.verdict, page.versions]
        return [*boxes, page.parent, page.name, page.start, page.stop, page.timer]

    def show(self) -> Updates:
        """All of it, as it is now."""
        page, store, tuning = self.page, self.services.store, self.services.tuner.now
        served = self._served_name()
        there = learnable(store)
        names = [self.services.entry.name, *(card.name for card in self._cards())]
        return {
            **self._running(tuning),
            page.served: self._served(),
            page.material: material(there),
            page.opinions: opinions(there, {entry.id: entry.label for entry in self.services.engine.confounders}),
            page.verdict: self._verdict(tuning),
            page.versions: versions(self.services, self._cards(), served),
            page.parent: gr.Dropdown(choices=names, value=served),
            page.name: _free_name(names),
        }

    def start(self, parent: str, name: str, seed: int | float | None) -> Updates:
        """Begin a fine-tuning."""
        services, there = self.services, learnable(self.services.store)
        if seed is None or seed != int(seed) or seed < 0:
            raise InputError(text.BAD_SEED)
        services.versions.raise_if_unusable(name.strip())
        if sentence := too_few(there.corrections, there.patients):
            raise InputError(sentence)
        folders = (services.store.folder, services.versions.folder)
        return self._running(
            services.tuner.start(Order(*folders, services.entry.name, parent, name.strip(), int(seed)))
        )

    def stop(self) -> Updates:
        """End what runs; the parent goes on being served."""
        self.services.tuner.stop()
        return {}

    def look(self) -> Updates:
        """How far it is; everything, once it has ended."""
        tuning = self.services.tuner.now
        return self._running(tuning) if tuning is not None and tuning.is_running else self.show()

    def choose(self, click: gr.EventData) -> Updates:
        """A button of the table of versions: serve one, or go back to one."""
        act, name = str(click.act), str(click.version)
        if act == "promote":
            self.services.versions.promote(name, self.services.entry)
        elif act == "go-back":
            self.services.versions.roll_back(name, self.services.entry)
        return {**self.show(), self.page.served: self._served() + html.note(text.promoted(name))}

    def _running(self, tuning: Tuning | None) -> Updates:
        page, is_running = self.page, tuning is not None and tuning.is_running
        return {
            page.progress: html.note(self.missing, "warning") or progress(tuning),
            page.start: gr.Button(interactive=not is_running and not self.missing),
            page.stop: gr.Button(interactive=is_running),
            page.timer: gr.Timer(active=is_running),
            **({page.verdict: ""} if is_running else {}),
        }

    def _served(self) -> str:
        notice = self.services.engine.notice
        return html.note(text.serving(self.services.engine.name), "served") + html.note(notice, "warning")

    def _served_name(self) -> str:
        """Of the version that is served, or of the checkpoint; also where a promoted one is lost."""
        try:
            card = self.services.versions.promoted(self.services.entry)
        except BadVersion:
            return self.services.entry.name
        return self.services.entry.name if card is None else card.name

    def _cards(self) -> list[VersionCard]:
        return self.services.versions.cards(self.services.entry.name)

    def _verdict(self, tuning: Tuning | None) -> str:
        if tuning is None or tuning.state != "made":
            return ""
        return verdict(self.services.versions.card(tuning.version))


def material(there: Learnable) -> str:
    """How much there is to learn from, and what is missing."""
    counted = text.to_learn_from(there.corrections, there.patients, there.held_back, there.statements)
    missing = too_few(there.corrections, there.patients)
    return html.heading(text.LEARN_FROM, html.note(counted) + html.note(missing, "warning"))


def opinions(there: Learnable, labels: dict[str, str]) -> str:
    """What people say of confounders, one a line."""
    if not there.opinions:
        return html.folded(text.OPINIONS, html.note(text.NO_OPINIONS))
    rows = [
        (labels.get(one.confounder, one.confounder), str(one.present), str(one.absent), str(one.contradicted))
        for one in there.opinions
    ]
    sheet = html.table(text.OPINION_HEAD, rows, name=text.OPINIONS)
    return html.folded(text.OPINIONS, sheet + html.note(text.NOT_TRAIN), is_open=True)


def progress(tuning: Tuning | None) -> str:
    """How far a fine-tuning is, or how it ended, with its curve."""
    if tuning is None:
        return html.note(text.NOTHING_RUNS)
    drawn = loss_curve.svg(tuning.points, text.CURVE, text.CURVE_AXIS)
    picture = f"<figure>{drawn}<figcaption>{text.CURVE}</figcaption></figure>" if drawn else ""
    if tuning.is_running:
        return html.heading(tuning.version, _bar(tuning) + picture)
    ended = text.STOPPED if tuning.state == "stopped" else tuning.sentence
    return html.heading(tuning.version, html.note(ended, "warning") + picture)


def verdict(card: VersionCard) -> str:
    """How it compares with its parent, with the numbers."""
    rows = [_measured(text.MEASURES.get(name, name), comparison) for name, comparison in card.scores.items()]
    kind = "passed" if card.passed else "gated"
    return (
        f'<div class="verdict {kind}">{html.heading(text.verdict(card), html.sentences(card.reasons))}</div>'
        + html.table(text.MEASURE_HEAD, rows, name=text.verdict(card))
    )


def versions(services: Services, cards: Sequence[VersionCard], served: str) -> str:
    """All versions with where they come from, and a button for each that can be served."""
    history = services.versions.history(services.entry.name)
    been_served = {line["version"] for line in history}
    rows: list[tuple[html.Cell, ...]] = [_checkpoint_row(services, is_served=served == services.entry.name)]
    rows += [_version_row(card, is_served=served == card.name, was_served=card.name in been_served) for card in cards]
    marked = next((number for number, card in enumerate(cards, start=1) if card.name == served), 0)
    past = [(_when(line["at"]), line["action"], line["version"] or services.entry.name) for line in reversed(history)]
    told = html.folded(text.HISTORY, html.table(text.HISTORY_HEAD, past, name=text.HISTORY)) if past else ""
    return html.heading(text.VERSIONS, html.table(text.VERSION_HEAD, rows, name=text.VERSIONS, marked=marked) + told)


def _checkpoint_row(services: Services, *, is_served: bool) -> tuple[html.Cell, ...]:
    name = services.entry.name
    action = text.SERVED if is_served else html.button("go-back", text.GO_BACK, version=name)
    return name, "", text.AS_IT_CAME, services.entry.version, "", "", action


def _version_row(card: VersionCard, *, is_served: bool, was_served: bool) -> tuple[html.Cell, ...]:
    gate = html.folded(text.PASSED if card.passed else text.GATED, html.sentences(card.reasons))
    action: html.Cell = ""
    if is_served:
        action = text.SERVED
    elif was_served:
        action = html.button("go-back", text.GO_BACK, version=card.name)
    elif card.passed:
        action = html.button("promote", text.PROMOTE, is_first=True, version=card.name)
    gain = text.before_after(card.scores["corrections"]) if "corrections" in card.scores else ""
    return card.name, card.parent, text.made_from(card), _when(card.made_at), gain, html.Raw(gate), action


def _measured(name: str, comparison: Comparison) -> tuple[str, ...]:
    return name, text.score(comparison.before), text.score(comparison.after), text.change(comparison)


def _bar(tuning: Tuning) -> str:
    if tuning.total == 0 or tuning.done == 0:
        return html.bar(None, text.READING)
    return html.bar(tuning.done / tuning.total, text.progress(tuning.done, tuning.total, tuning.seconds_left))


def _when(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M")


def _free_name(taken: Sequence[str]) -> str:
    number = next(number for number in range(1, len(taken) + 2) if f"version-{number}" not in taken)
    return f"version-{number}"
