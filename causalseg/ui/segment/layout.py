"""What stands where on the page: components only, no events."""

from dataclasses import dataclass

import gradio as gr

from causalseg import litemedsam
from causalseg.engine import Engine
from causalseg.ui import pictures, shared_text
from causalseg.ui.assets import script
from causalseg.ui.segment import panels, text
from causalseg.ui.segment.examples import Example
from causalseg.ui.segment.mask_export import CHOICES
from causalseg.ui.segment.session import SessionState

OPACITY = 0.35
"""Of the tint at first, in [0, 1]."""
START_SCREEN, START_OBSERVED, START_ADJUSTED = "screen", "observed", "adjusted"
"""Masks to start a correction from; any other choice is the id of a confounder to remove."""
_BUTTONS_JS = script("html-buttons.js")
_ACTS_JS = script("desk.js")
_STEPS_JS = script("first-steps.js")
BROWSER_KEY = "causalseg"
"""Where the browser keeps a name and the place of the last draft; no secret, for it never leaves the machine."""
STATE_SECONDS = 3600
"""How long a tab that nobody uses keeps its scan in memory."""


@dataclass(frozen=True, slots=True)
class ScanPanel:
    """Opening a scan and asking for something in it."""

    file: gr.File
    examples: gr.Dataset
    facts: gr.HTML
    window_fold: gr.Accordion
    window: gr.Dropdown
    center: gr.Number
    width: gr.Number
    description: gr.Textbox
    suggestions: gr.Dataset
    answer: gr.HTML
    anyway: gr.Checkbox


@dataclass(frozen=True, slots=True)
class StagePanel:
    """The scan itself: seen, compared, corrected."""

    tabs: gr.Tabs
    mask_tab: gr.Tab
    compare_tab: gr.Tab
    correct_tab: gr.Tab
    scan: gr.HTML
    mask: gr.HTML
    where: gr.HTML
    """A confounder's map over the scan."""
    checks: gr.HTML
    """Buttons of the least certain places."""
    slider: gr.ImageSlider
    editor: gr.ImageEditor
    bare: gr.HTML
    """The editor's scan without a mask; app.js shows it over the editor while the mask is hidden."""
    person: gr.Textbox
    save: gr.Button
    saved: gr.HTML
    download_saved: gr.DownloadButton
    start_from: gr.Dropdown
    fill: gr.Button
    smooth: gr.Button
    refine: gr.Button
    take_back: gr.Button
    keep: gr.Button
    """Pressed by app.js after a stroke; not to be seen."""
    kept: gr.HTML
    slices_row: gr.Row
    place: gr.Slider
    """Slice, frame or page, from 1."""
    segment_all: gr.Button
    stop: gr.Button
    volume: gr.HTML
    status: gr.HTML
    effect: gr.HTML
    """Of the switch that was clicked last."""
    opacity: gr.Slider
    outline: gr.Checkbox
    correct: gr.Button
    download: gr.DownloadButton


@dataclass(frozen=True, slots=True)
class SwitchPanel:
    """The confounders: off, on, all tried, one added."""

    observed: gr.Button
    adjusted: gr.Button
    caption: gr.HTML
    present: gr.CheckboxGroup
    present_bars: gr.HTML
    present_said: gr.HTML
    """Buttons to say that a confounder is there, or not there."""
    typed: gr.Textbox
    """A confounder in the person's own words."""
    absent: gr.CheckboxGroup
    absent_bars: gr.HTML
    absent_said: gr.HTML
    try_all: gr.Button
    ranking: gr.HTML
    which: gr.Dropdown
    strength: gr.Slider
    seed: gr.Number
    add: gr.Button
    original: gr.Button


@dataclass(frozen=True, slots=True)
class ExportPanel:
    """Masks out."""

    which: gr.Dropdown
    with_identity: gr.Checkbox
    make: gr.Button
    problems: gr.HTML
    files: gr.File


@dataclass(frozen=True, slots=True)
class RecoveryPanel:
    """Strokes that were not saved, offered again."""

    row: gr.Row
    note: gr.HTML
    restore: gr.Button
    discard: gr.Button


@dataclass(frozen=True, slots=True)
class Page:
    """Every component an event reads or writes."""

    browser: gr.BrowserState
    """`recovery.Memory`, kept by the browser between two visits."""
    session: gr.State
    draft: gr.State
    volume: gr.State
    comparing: gr.State
    """Whether the compare tab is open: its two pictures are drawn only then."""
    offer: gr.State
    """The draft that is offered for restoring."""
    where: gr.State
    """Id of the confounder whose map is on screen."""
    masthead: gr.HTML
    notice: gr.HTML
    """Why a promoted version is not served."""
    message: gr.HTML
    recovery: RecoveryPanel
    scan: ScanPanel
    stage: StagePanel
    switches: SwitchPanel
    export: ExportPanel


def build_page(engine: Engine, samples: tuple[Example, ...], thumbnails: list[str]) -> Page:
    """Lay the page out; call it inside a `gr.Blocks`."""
    browser = gr.BrowserState(None, storage_key=BROWSER_KEY, secret=BROWSER_KEY)
    session = gr.State(SessionState(), time_to_live=STATE_SECONDS)
    draft = gr.State(None, time_to_live=STATE_SECONDS)
    volume = gr.State(None, time_to_live=STATE_SECONDS)
    comparing = gr.State(False, time_to_live=STATE_SECONDS)
    offer = gr.State(None, time_to_live=STATE_SECONDS)
    where = gr.State(None, time_to_live=STATE_SECONDS)
    masthead = gr.HTML(panels.masthead(engine.name), elem_id="masthead")
    notice = gr.HTML(panels.warning(engine.notice), elem_id="notice")
    message = gr.HTML("", elem_id="message")
    gr.HTML(panels.sheet() + panels.tour(), elem_id="sheets", js_on_load=_STEPS_JS)
    recovery = _recovery_panel()
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(elem_id="left", scale=0, min_width=270):
            scan = _scan_panel(samples, thumbnails)
            export = _export_panel()
        with gr.Column(elem_id="middle", scale=1, min_width=520):
            stage = _stage_panel()
        with gr.Column(elem_id="right", scale=0, min_width=310):
            switches = _switch_panel(engine)
    gr.HTML(f"<p>{text.THREE_WORDS}</p><p>{text.FOOTER}</p>", elem_id="colophon")
    return Page(
        browser, session, draft, volume, comparing, offer, where, masthead, notice, message, recovery,
        scan, stage, switches, export,
    )  # fmt: skip


def _recovery_panel() -> RecoveryPanel:
    with gr.Row(elem_id="recovery", visible=False) as row:
        note = gr.HTML("", elem_id="recovery-note")
        restore = gr.Button(text.RESTORE, variant="primary", size="sm", elem_id="restore", min_width=90, scale=0)
        discard = gr.Button(text.DISCARD, size="sm", elem_id="discard", min_width=90, scale=0)
    return RecoveryPanel(row, note, restore, discard)


def _scan_panel(samples: tuple[Example, ...], thumbnails: list[str]) -> ScanPanel:
    file = gr.File(label=text.OPEN, file_count="multiple", type="filepath", height=96, elem_id="file")
    examples = gr.Dataset(
        label=text.EXAMPLES,
        components=[gr.HTML(visible=False)],
        samples=[[thumbnail] for thumbnail in thumbnails],
        samples_per_page=max(1, len(samples)),
        layout="gallery",
        type="index",
        elem_id="examples",
    )
    facts = gr.HTML("", elem_id="facts")
    # Open: a closed one makes its parts when it is opened, then gives them their old values, over what is typed.
    with gr.Accordion(text.WINDOW, open=True, visible=False, elem_id="window-fold") as window_fold:
        window, center, width = _window_row()
    description = gr.Textbox(
        label=text.DESCRIPTION, placeholder=text.DESCRIPTION_HINT, lines=1, max_lines=3, elem_id="description"
    )
    suggestions = gr.Dataset(
        label=text.SUGGESTIONS,
        components=["textbox"],
        samples=[[phrase] for phrase in shared_text.suggestions(None)],
        samples_per_page=20,
        layout="gallery",
        elem_id="suggestions",
    )
    answer = gr.HTML(f'<p class="quiet">{text.NO_SCAN}</p>', elem_id="answer")
    anyway = gr.Checkbox(label=text.SHOW_ANYWAY, visible=False, container=False, elem_id="anyway")
    return ScanPanel(
        file, examples, facts, window_fold, window, center, width, description, suggestions, answer, anyway
    )


def _export_panel() -> ExportPanel:
    with gr.Accordion(text.EXPORT, open=False, elem_id="export-fold"):
        which = gr.Dropdown(CHOICES, value="screen", label=text.EXPORT_WHICH, elem_id="export-which")
        with_identity = gr.Checkbox(label=text.EXPORT_IDENTITY, container=False, elem_id="export-identity")
        make = gr.Button(text.EXPORT_MAKE, size="sm", elem_id="export")
        problems = gr.HTML(f'<p class="quiet">{text.EXPORT_HINT}</p>', elem_id="export-problems")
        files = gr.File(
            label=text.EXPORT_FILES, file_count="multiple", interactive=False, visible=False, elem_id="export-files"
        )
    return ExportPanel(which, with_identity, make, problems, files)


def _window_row() -> tuple[gr.Dropdown, gr.Number, gr.Number]:
    window = gr.Dropdown([], value=None, label=text.WINDOW_WHICH, elem_id="window")
    with gr.Row(elem_id="window-numbers"):
        center = gr.Number(label=text.WINDOW_CENTER, elem_id="window-center", min_width=90)
        width = gr.Number(label=text.WINDOW_WIDTH, minimum=0, elem_id="window-width", min_width=90)
    return window, center, width


def _slice_row() -> tuple[gr.Row, gr.Slider, gr.Button, gr.Button, gr.HTML]:
    with gr.Row(elem_id="slices-row", equal_height=True, visible=False) as row:
        place = gr.Slider(1, 2, 1, step=1, label="slice", buttons=[], elem_id="slices", min_width=180)
        volume = gr.HTML("", elem_id="volume", min_width=120)
        segment_all = gr.Button("", size="sm", elem_id="segment-all", min_width=150, scale=0)
        stop = gr.Button(text.STOP, size="sm", visible=False, elem_id="stop", min_width=80, scale=0)
    return row, place, segment_all, stop, volume


def _stage_panel() -> StagePanel:
    with gr.Tabs(elem_id="views") as tabs:
        with (
            gr.Tab(text.MASK_TAB, id="mask", elem_id="mask-tab") as mask_tab,
            gr.Column(elem_id="stage", elem_classes="square"),
        ):
            scan = gr.HTML(f'<p class="empty">{text.NO_SCAN}</p>', elem_id="scan-picture")
            mask = gr.HTML("", elem_id="mask-picture")
            where = gr.HTML("", elem_id="where", js_on_load=_BUTTONS_JS)
            checks = gr.HTML("", elem_id="checks")
        with gr.Tab(text.COMPARE_TAB, id="compare", elem_id="compare-tab") as compare_tab:
            slider = _slider()
            gr.HTML(text.LEGEND, elem_id="legend")
        with gr.Tab(text.CORRECT_TAB, id="correct", elem_id="correct-tab") as correct_tab:
            editor = _editor()
            bare = gr.HTML("", elem_id="bare")
            gr.HTML(_hide_button("hide-drawn"), elem_id="hide-corner")
            start_from, fill, smooth, refine, take_back = _reshape_row()
            person, save, kept, saved, download_saved = _save_row()
            keep = gr.Button(text.KEEP, visible="hidden", elem_id="keep")
    slices_row, place, segment_all, stop, volume = _slice_row()
    status = gr.HTML("", elem_id="status")
    effect = gr.HTML("", elem_id="effect")
    with gr.Row(elem_id="tools", equal_height=True):
        opacity = gr.Slider(0.0, 0.9, OPACITY, step=0.05, label=text.OPACITY, elem_id="opacity", min_width=110)
        outline = gr.Checkbox(label=text.OUTLINE, container=False, elem_id="outline", min_width=96, scale=0)
        gr.HTML(_hide_button("hide"), min_width=72)
        correct = gr.Button(text.CORRECT, size="sm", elem_id="correct", min_width=120)
        download = gr.DownloadButton(text.DOWNLOAD, size="sm", interactive=False, elem_id="download", min_width=84)
    return StagePanel(
        tabs, mask_tab, compare_tab, correct_tab, scan, mask, where, checks, slider, editor, bare, person, save, saved,
        download_saved, start_from, fill, smooth, refine, take_back, keep, kept, slices_row, place, segment_all, stop,
        volume, status, effect, opacity, outline, correct, download,
    )  # fmt: skip


def _slider() -> gr.ImageSlider:
    return gr.ImageSlider(
        label=text.COMPARE_LABEL,
        show_label=False,
        format="png",
        interactive=False,
        max_height=900,
        buttons=["fullscreen"],
        elem_id="slider",
        elem_classes="square",
    )


def _editor() -> gr.ImageEditor:
    stroke = (pictures.STROKE_HEX, pictures.STROKE_OPACITY)
    side_px = pictures.CANVAS_SIDE_PX
    return gr.ImageEditor(
        show_label=False,
        type="numpy",
        format="png",
        canvas_size=(side_px, side_px),
        sources=(),
        transforms=(),
        layers=False,
        brush=gr.Brush(colors=[stroke], default_color=stroke, color_mode="fixed", default_size=10),
        eraser=gr.Eraser(default_size=10),
        buttons=[],
        interactive=True,
        height=560,
        elem_id="editor",
    )


def _hide_button(elem_id: str) -> str:
    """app.js knows it by its id."""
    return f'<button type="button" class="hide" id="{elem_id}" aria-pressed="false">{text.HIDE}</button>'


def _reshape_row() -> tuple[gr.Dropdown, gr.Button, gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_id="reshape-row", equal_height=True):
        start_from = gr.Dropdown(
            [(text.START_SCREEN, START_SCREEN)], value=START_SCREEN, label=text.START_FROM, elem_id="start-from"
        )
        fill = gr.Button(text.FILL, size="sm", elem_id="fill", min_width=80)
        smooth = gr.Button(text.SMOOTH, size="sm", elem_id="smooth", min_width=90)
        refine = gr.Button(text.REFINE, size="sm", elem_id="refine", min_width=80, visible=litemedsam.is_installed())
        take_back = gr.Button(text.TAKE_BACK, size="sm", elem_id="take-back", min_width=80)
    return start_from, fill, smooth, refine, take_back


def _save_row() -> tuple[gr.Textbox, gr.Button, gr.HTML, gr.HTML, gr.DownloadButton]:
    saved = gr.HTML(f'<p class="quiet">{text.CORRECT_HINT}</p>', elem_id="saved")
    with gr.Row(elem_id="save-row", equal_height=True):
        person = gr.Textbox(
            shared_text.PERSON_DEFAULT, label=shared_text.PERSON, max_lines=1, elem_id="person", min_width=120
        )
        save = gr.Button(text.SAVE, variant="primary", size="sm", elem_id="save", min_width=80)
        kept = gr.HTML("", elem_id="kept", min_width=110)
        download = gr.DownloadButton(
            text.DOWNLOAD_SAVED, size="sm", interactive=False, elem_id="download-saved", min_width=120
        )
    return person, save, kept, saved, download


def _switch_panel(engine: Engine) -> SwitchPanel:
    gr.HTML(f"<h2>{text.CONFOUNDERS}</h2>", elem_classes="heading")
    with gr.Row(elem_id="masks"):
        observed = gr.Button(text.OBSERVED, size="sm", elem_id="observed", min_width=100)
        adjusted = gr.Button(
            text.ADJUSTED, size="sm", elem_id="adjusted", min_width=100, interactive=engine.removes_named
        )
    if not engine.removes_named:
        gr.HTML(panels.note(text.NO_SWITCHES), elem_id="no-switches")
    with gr.Column(visible=engine.removes_named, elem_id="switching"):
        caption = gr.HTML(panels.note(text.NO_SWITCHES_YET), elem_id="caption")
        present, present_bars, present_said = _switches(text.IN_THIS_SCAN, "present")
        gr.HTML(panels.note(text.SAY), elem_id="say")
        typed = gr.Textbox(label=text.TYPED, placeholder=text.TYPED_HINT, max_lines=1, elem_id="typed")
        with gr.Accordion(text.NOT_IN_THIS_SCAN, open=False, elem_id="absent-fold"):
            absent, absent_bars, absent_said = _switches(text.NOT_IN_THIS_SCAN, "absent")
        with gr.Accordion(text.TRY_ALL_TITLE, open=False, elem_id="try-fold"):
            try_all = gr.Button(text.TRY_ALL, size="sm", elem_id="try-all")
            ranking = gr.HTML(panels.note(text.TRY_ALL_HINT), elem_id="ranking")
    with gr.Accordion(text.ADD_TITLE, open=False, elem_id="add-fold"):
        which, strength, seed, add = _adder(engine)
    original = gr.Button(text.ORIGINAL, size="sm", visible=False, elem_id="original")
    return SwitchPanel(
        observed, adjusted, caption, present, present_bars, present_said, typed, absent, absent_bars, absent_said,
        try_all, ranking, which, strength, seed, add, original,
    )  # fmt: skip


def _switches(label: str, elem_id: str) -> tuple[gr.CheckboxGroup, gr.HTML, gr.HTML]:
    with gr.Row(elem_classes="switches", equal_height=False):
        group = gr.CheckboxGroup([], label=label, container=False, elem_id=elem_id, min_width=120)
        bars = gr.HTML("", elem_id=f"{elem_id}-bars", min_width=80, js_on_load=_BUTTONS_JS)
        said = gr.HTML("", elem_id=f"{elem_id}-said", min_width=52, js_on_load=_ACTS_JS)
    return group, bars, said


def _adder(engine: Engine) -> tuple[gr.Dropdown, gr.Slider, gr.Number, gr.Button]:
    simulated = [(entry.label, entry.id) for entry in engine.confounders if entry.simulator]
    which = gr.Dropdown(simulated, value=None, label=text.ADD_WHICH, elem_id="add-which")
    strength = gr.Slider(0.0, 1.0, 0.6, step=0.05, label=text.ADD_STRENGTH, elem_id="add-strength")
    seed = gr.Number(0, label=text.ADD_SEED, precision=0, minimum=0, elem_id="add-seed")
    add = gr.Button(text.ADD, size="sm", elem_id="add")
    return which, strength, seed, add
