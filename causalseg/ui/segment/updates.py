"""A state -> what the page's components show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache
from jaxtyping import Bool

from causalseg.annotations.exports import mask_to_png
from causalseg.engine import EncodedScan, Engine
from causalseg.scan import Scan
from causalseg.ui import pictures, shared_text
from causalseg.ui.bind import Updates
from causalseg.ui.segment import handlers, panels, text
from causalseg.ui.segment.layout import START_ADJUSTED, START_OBSERVED, START_SCREEN, Page
from causalseg.ui.segment.session import SessionState, VolumeMask, Without, shown_mask
from causalseg.ui.segment.switch_reliability import removal, seen_in_real_scans
from causalseg.ui.segment.uncertain_places import Place, least_certain

_NAME_CHARS = 12
"""Of the scan's SHA-256 in the name of a downloaded file."""


@dataclass(frozen=True, slots=True)
class PageUpdates:
    """Turns states into updates of one page's components; a component left out keeps what it shows."""

    engine: Engine
    page: Page
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Of the checkpoint's entry in the manifest."""

    def outputs(self) -> list[Any]:
        """Every component that a state can change."""
        page, scan, stage, switches = self.page, self.page.scan, self.page.stage, self.page.switches
        return [
            *(page.session, page.comparing, page.masthead, page.notice, page.where, page.volume),
            *(stage.scan, stage.mask, stage.slider, stage.status, stage.effect, stage.download, stage.tabs),
            *(stage.checks, stage.where, stage.start_from),
            *(page.without, stage.without, switches.without),
            *(stage.slices_row, stage.place, stage.segment_all, stage.volume),
            *(scan.window_fold, scan.window, scan.center, scan.width),
            *(scan.facts, scan.description, scan.suggestions, scan.answer, scan.anyway),
            *(switches.observed, switches.adjusted, switches.original, switches.which, switches.ranking),
            *(switches.present.ticks, switches.present.bars, switches.absent.ticks, switches.absent.bars),
            *(switches.caption, switches.typed),
        ]

    def mask(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """The answer and the mask; never the switches, where a tick may be newer than this state."""
        scan, stage, switches = self.page.scan, self.page.stage, self.page.switches
        is_absent = state.current is not None and not state.current.found
        updates: Updates = {
            self.page.session: state,
            scan.answer: panels.answer(state),
            scan.anyway: gr.Checkbox(visible=is_absent),
            stage.mask: self.overlay(state, opacity),
            stage.checks: panels.checks(*_places(state)),
            stage.status: panels.status(state, self._labels(state)),
            stage.effect: panels.effect_line(state),
            stage.download: _current_download(stage.download, state),
            switches.observed: gr.Button(variant=_variant(state, "observed")),
            switches.adjusted: gr.Button(variant=_variant(state, "adjusted")),
        }
        return updates | ({stage.slider: self.pair(state)} if comparing else {})

    def switched(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """The mask and the switches as they are in `state`."""
        switches = self.page.switches
        present, absent = handlers.listed(self.engine, state)
        return {
            **self.mask(state, comparing, opacity),
            switches.present.ticks: gr.CheckboxGroup(value=[id_ for id_ in present if id_ in state.removed]),
            switches.absent.ticks: gr.CheckboxGroup(value=[id_ for id_ in absent if id_ in state.removed]),
        }

    def picture(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """Another picture is on screen: all that depends on its pixels."""
        if state.encoded is None:
            return {}
        seen = state.encoded.scan
        present, absent = handlers.listed(self.engine, state)
        page, switches = self.page, self.page.switches
        return {
            **self.mask(state, comparing, opacity),
            **self.without(state, None),
            page.without: None,
            page.where: None,
            page.stage.where: "",
            page.stage.start_from: gr.Dropdown(choices=self._starts(state.encoded, present), value=START_SCREEN),
            page.scan.facts: panels.facts(seen, state.simulated),
            page.scan.window_fold: gr.Accordion(visible=seen.window is not None),
            page.scan.center: handlers.shown_number(seen.window.center) if seen.window else None,
            page.scan.width: handlers.shown_number(seen.window.width) if seen.window else None,
            page.stage.scan: panels.scan_picture(
                pictures.png_uri(pictures.on_square(seen, pictures.VIEW_SIDE_PX)), state.simulated
            ),
            switches.caption: panels.note(text.IN_THIS_SCAN if present else text.NONE_DETECTED),
            switches.present.ticks: self._group(present, state),
            switches.present.bars: self._bars(state.encoded, present),
            switches.absent.ticks: self._group(absent, state),
            switches.absent.bars: self._bars(state.encoded, absent),
            switches.ranking: panels.note(text.TRY_ALL_HINT),
            switches.original: gr.Button(visible=state.original is not None),
        }

    def typed(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """A confounder was typed in: it has a switch now, and the box is free for another."""
        return {**self.picture(state, comparing, opacity), self.page.switches.typed: ""}

    def example(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """An example was opened: as any scan, and the words in the description are its own."""
        return {**self.opened(state, comparing, opacity), self.page.scan.description: state.description}

    def opened(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """Another scan was opened: its picture, its slices, its windows, its suggestions.

        Not the description: the person may have typed on while the scan was read. Nor the editor: what is drawn in
        it is not lost before the person says so.
        """
        if state.encoded is None:
            return {}
        page, scan, kind = self.page, state.encoded.scan, state.encoded.scan.modality
        return {
            **self.picture(state, comparing, opacity),
            page.masthead: panels.masthead(self.engine.name_for(state.encoded)),
            page.notice: panels.warning(self.engine.notice),
            page.scan.suggestions: gr.Dataset(samples=[[phrase] for phrase in shared_text.suggestions(kind)]),
            page.scan.anyway: gr.Checkbox(value=False, visible=state.current is not None and not state.current.found),
            page.switches.which: gr.Dropdown(choices=self._simulated(kind), value=None),
            page.volume: None,
            page.stage.volume: "",
            page.stage.slices_row: gr.Row(visible=scan.count > 1),
            page.stage.place: gr.Slider(value=scan.index + 1, maximum=max(2, scan.count), label=scan.axis),
            page.stage.segment_all: gr.Button(text.segment_all(scan)),
            page.scan.window: gr.Dropdown(choices=_windows(scan), value=handlers.FILE_WINDOW),
            page.stage.tabs: gr.Tabs(selected="mask"),
            page.comparing: False,
        }

    def windowed(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """The person typed a window of their own: no preset is chosen any more, unless it is the same."""
        seen = state.encoded.scan if state.encoded else None
        if seen is None or seen.window is None:
            return {}
        numbers = (seen.window.center, seen.window.width)
        same = (n for n, named in enumerate(seen.windows) if (named.window.center, named.window.width) == numbers)
        return {**self.picture(state, comparing, opacity), self.page.scan.window: next(same, None)}

    def asked(self, state: SessionState, comparing: bool, opacity: float) -> Updates:
        """A suggestion was taken: the mask, and the words in the description."""
        return {**self.mask(state, comparing, opacity), self.page.scan.description: state.description}

    def overlay(self, state: SessionState, opacity: float) -> str:
        """The mask over the scan; `opacity` in [0, 1]."""
        if state.current is None:
            return ""
        layer = pictures.mask_layer(shown_mask(state.current, anyway=state.anyway), opacity=opacity)
        return panels.picture(layer, alt=f"{state.mask_word} mask") + panels.rings(*_places(state))

    def where(self, state: SessionState, confounder: str | None) -> Updates:
        """The map of one confounder over the scan, or of none."""
        if state.encoded is None:
            return {}
        present, absent = handlers.listed(self.engine, state)
        switches = self.page.switches
        return {
            self.page.where: confounder,
            self.page.stage.where: self._map(state.encoded, confounder) if confounder else "",
            switches.present.bars: self._bars(state.encoded, present, confounder),
            switches.absent.bars: self._bars(state.encoded, absent, confounder),
        }

    def without(self, state: SessionState, made: Without | None) -> Updates:
        """The scan without what is switched off, or nothing."""
        page, labels = self.page, self._labels(state)
        if made is None:
            return {page.switches.without: panels.without_nothing(), page.stage.without: ""}
        hiding = [entry.label for entry in self.engine.confounders if entry.hides and entry.id in state.removed]
        return {
            page.switches.without: panels.without(made, labels, hiding),
            page.stage.without: panels.without_picture(made, labels),
        }

    def _map(self, encoded: EncodedScan, confounder: str) -> str:
        label, where = handlers.labels(self.engine, encoded)[confounder], handlers.where(encoded, confounder)
        if (where == 1).all():
            return panels.where(text.where(label, is_everywhere=True), None)
        return panels.where(text.where(label, is_everywhere=False), pictures.where_layer(where, encoded.scan.hw))

    def _starts(self, encoded: EncodedScan, present: Sequence[str]) -> list[tuple[str, str]]:
        """Masks that a correction can start from."""
        fixed = [(text.START_SCREEN, START_SCREEN), (text.START_OBSERVED, START_OBSERVED)]
        fixed += [(text.START_ADJUSTED, START_ADJUSTED)] if present else []
        labels = handlers.labels(self.engine, encoded)
        return fixed + [(text.start_without(labels[id_]), id_) for id_ in present]

    def pair(self, state: SessionState) -> tuple[pictures.Picture, pictures.Picture] | None:
        """The observed mask, and the mask on screen as what it adds and removes."""
        if state.encoded is None or state.observed is None or state.current is None:
            return None
        scan = pictures.on_square(state.encoded.scan, pictures.VIEW_SIDE_PX)
        observed = shown_mask(state.observed, anyway=state.anyway)
        current = shown_mask(state.current, anyway=state.anyway)
        tint = pictures.mask_layer(observed, opacity=pictures.COMPARE_OPACITY)
        return pictures.blend(scan, tint), pictures.blend(scan, pictures.difference_layer(observed, current))

    def volume(self, volume: VolumeMask | None, state: SessionState) -> str:
        """What the masks of all slices amount to."""
        return panels.volume(volume, state.encoded.scan) if state.encoded else ""

    def ranking(self, state: SessionState) -> str:
        """Each confounder removed alone, by how far the mask moves."""
        effects = handlers.try_all(self.engine, state)
        return panels.ranking(effects, state.encoded.scan.spacing_mm if state.encoded else None)

    def _bars(self, encoded: EncodedScan, ids: Sequence[str], shown: str | None = None) -> str:
        labels, strength = handlers.labels(self.engine, encoded), encoded.strength
        rows = (
            panels.Bar(
                id_, labels[id_], strength[id_], seen_in_real_scans(self.metrics, id_), removal(self.metrics, id_)
            )
            for id_ in ids
        )
        return panels.bars(rows, f"{encoded.scan.sha256[:_NAME_CHARS]} {encoded.scan.index}", shown)

    def _labels(self, state: SessionState) -> list[str]:
        labels = {} if state.encoded is None else handlers.labels(self.engine, state.encoded)
        return [labels[id_] for id_ in state.removed]

    def _group(self, ids: Sequence[str], state: SessionState) -> gr.CheckboxGroup:
        labels = {} if state.encoded is None else handlers.labels(self.engine, state.encoded)
        return gr.CheckboxGroup(
            choices=[(labels[id_], id_) for id_ in ids],
            value=[id_ for id_ in ids if id_ in state.removed],
            visible=bool(ids),
        )

    def _simulated(self, modality: str | None) -> list[tuple[str, str]]:
        return [
            (entry.label, entry.id)
            for entry in self.engine.confounders
            if entry.simulator and (modality is None or modality in entry.modalities)
        ]


def _places(state: SessionState) -> tuple[list[Place], tuple[int, int]]:
    """The least certain places of the mask on screen, and the size of its scan."""
    if state.current is None:
        return [], (1, 1)
    mask = shown_mask(state.current, anyway=state.anyway)
    return least_certain(state.current.probability, mask), (mask.shape[0], mask.shape[1])


def mask_download(
    button: gr.DownloadButton, scan: Scan, mask: Bool[np.ndarray, "height width"], name: str
) -> gr.DownloadButton:
    """A mask as a PNG of the scan's own size, named after the scan's hash and not after its file."""
    slice_name = f"-{scan.axis}-{scan.index + 1}" if scan.count > 1 else ""
    file_name = f"{scan.sha256[:_NAME_CHARS]}{slice_name}-{name}.png"
    path = save_bytes_to_cache(mask_to_png(mask), file_name, button.GRADIO_CACHE)
    return gr.DownloadButton(value=path, interactive=True)


def _current_download(button: gr.DownloadButton, state: SessionState) -> gr.DownloadButton:
    if state.encoded is None or state.current is None:
        return gr.DownloadButton(value=None, interactive=False)
    mask = shown_mask(state.current, anyway=state.anyway)
    name = f"simulated-{state.mask_word}" if state.original else state.mask_word
    return mask_download(button, state.encoded.scan, mask, name)


def _windows(scan: Scan) -> list[tuple[str, int]]:
    return [
        (text.WINDOW_OF_FILE, handlers.FILE_WINDOW),
        *((named.label, place) for place, named in enumerate(scan.windows)),
    ]


def _variant(state: SessionState, mask_word: str) -> Literal["primary", "secondary"]:
    return "primary" if state.current is not None and state.mask_word == mask_word else "secondary"


def _view(scan: Scan) -> str:
    return pictures.png_uri(pictures.on_square(scan, pictures.VIEW_SIDE_PX))
