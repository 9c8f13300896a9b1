"""What stands where on the Segment page: components only, no events. Each panel is made inside a `gr.Blocks`."""

from typing import Any

import gradio as gr

from causalseg import litemedsam
from causalseg.engine import Engine
from causalseg.ui import pictures, shared_text
from causalseg.ui.assets import script
from causalseg.ui.browser_memory import browser_memory
from causalseg.ui.picture_list import clickable
from causalseg.ui.segment import panels, text
from causalseg.ui.segment.examples import Example
from causalseg.ui.segment.mask_export import CHOICES
from causalseg.ui.segment.session import SessionState

OPACITY = 0.35
"""Of the tint at first, in [0, 1]."""
START_SCREEN, START_OBSERVED, START_ADJUSTED = "screen", "observed", "adjusted"
"""Masks to start a correction from; any other choice is the id of a confounder to remove."""
STATE_SECONDS = 3600
"""How long a tab that nobody uses keeps its scan in memory."""


class Page:
    """Every component that an event reads or writes."""

    def __init__(self, engine: Engine, samples: tuple[Example, ...], thumbnails: list[str]) -> None:
        self.browser = browser_memory()
        self.session = _state(SessionState())
        self.editor_mask = _state()
        self.volume = _state()
        self.comparing = _state(False)
        """Whether the compare tab is open: its two pictures are drawn only then."""
        self.offer = _state()
        """The draft that is offered for restoring."""
        self.where = _state()
        """Id of the confounder whose map is on screen."""
        self.without = _state()
        """The encoded scan and the removal whose picture is on screen."""
        self.masthead = gr.HTML(panels.masthead(engine.name), elem_id="masthead")
        self.notice = gr.HTML(panels.warning(engine.notice), elem_id="notice")
        """Why a promoted version is not served."""
        self.message = gr.HTML("", elem_id="message")
        gr.HTML(panels.sheets(), elem_id="sheets", js_on_load=script("first-steps.js"))
        self.restoring = RestorePanel()
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(elem_id="left", scale=0, min_width=270):
                self.scan = ScanPanel(samples, thumbnails)
                self.export = ExportPanel()
            with gr.Column(elem_id="middle", scale=1, min_width=520):
                self.stage = StagePanel()
            with gr.Column(elem_id="right", scale=0, min_width=310):
                self.switches = SwitchPanel(engine)
        gr.HTML(f"<p>{text.THREE_WORDS}</p><p>{text.FOOTER}</p>", elem_id="colophon")


class RestorePanel:
    """Strokes that were not saved, offered again."""

    def __init__(self) -> None:
        with gr.Row(elem_id="recovery", visible=False) as self.row:
            self.note = gr.HTML("", elem_id="recovery-note")
            self.restore = _button(text.RESTORE, "restore", 90, variant="primary", scale=0)
            self.discard = _button(text.DISCARD, "discard", 90, scale=0)


class ScanPanel:
    """Opening a scan and asking for something in it."""

    def __init__(self, samples: tuple[Example, ...], thumbnails: list[str]) -> None:
        self.file = gr.File(label=text.OPEN, file_count="multiple", type="filepath", height=96, elem_id="file")
        self.examples = gr.Dataset(
            label=text.EXAMPLES,
            components=[gr.HTML(visible=False)],
            samples=[[thumbnail] for thumbnail in thumbnails],
            samples_per_page=max(1, len(samples)),
            layout="gallery",
            type="index",
            elem_id="examples",
        )
        self.facts = gr.HTML("", elem_id="facts")
        # Open: a closed one makes its parts when it is opened, then gives them their old values, over what is typed.
        with gr.Accordion(text.WINDOW, open=True, visible=False, elem_id="window-fold") as self.window_fold:
            self.window = gr.Dropdown([], value=None, label=text.WINDOW_WHICH, elem_id="window")
            with gr.Row(elem_id="window-numbers"):
                self.center = gr.Number(label=text.WINDOW_CENTER, elem_id="window-center", min_width=90)
                self.width = gr.Number(label=text.WINDOW_WIDTH, minimum=0, elem_id="window-width", min_width=90)
        self.description = gr.Textbox(
            label=text.DESCRIPTION, placeholder=text.DESCRIPTION_HINT, lines=1, max_lines=3, elem_id="description"
        )
        self.suggestions = gr.Dataset(
            label=text.SUGGESTIONS,
            components=["textbox"],
            samples=[[phrase] for phrase in shared_text.suggestions(None)],
            samples_per_page=20,
            layout="gallery",
            elem_id="suggestions",
        )
        self.answer = gr.HTML(panels.note(text.NO_SCAN), elem_id="answer")
        self.anyway = gr.Checkbox(label=text.SHOW_ANYWAY, visible=False, container=False, elem_id="anyway")


class ExportPanel:
    """Masks out."""

    def __init__(self) -> None:
        with gr.Accordion(text.EXPORT, open=False, elem_id="export-fold"):
            self.which = gr.Dropdown(CHOICES, value="screen", label=text.EXPORT_WHICH, elem_id="export-which")
            self.with_identity = gr.Checkbox(label=text.EXPORT_IDENTITY, container=False, elem_id="export-identity")
            self.make = gr.Button(text.EXPORT_MAKE, size="sm", elem_id="export")
            self.problems = gr.HTML(panels.note(text.EXPORT_HINT), elem_id="export-problems")
            self.files = gr.File(
                label=text.EXPORT_FILES, file_count="multiple", interactive=False, visible=False, elem_id="export-files"
            )


class StagePanel:
    """The scan itself: seen, compared, corrected."""

    def __init__(self) -> None:
        with gr.Tabs(elem_id="views") as self.tabs:
            with (
                gr.Tab(text.MASK_TAB, id="mask", elem_id="mask-tab") as self.mask_tab,
                gr.Column(elem_id="stage", elem_classes="square"),
            ):
                self.scan = gr.HTML(f'<p class="empty">{text.NO_SCAN}</p>', elem_id="scan-picture")
                self.without = gr.HTML("", elem_id="without-picture")
                """The scan without what is switched off, seen where app.js is told to; empty where nothing is."""
                self.mask = gr.HTML("", elem_id="mask-picture")
                self.where = clickable("where")
                """A confounder's map over the scan."""
                self.checks = gr.HTML("", elem_id="checks")
                """Buttons of the least certain places."""
            with gr.Tab(text.COMPARE_TAB, id="compare", elem_id="compare-tab") as self.compare_tab:
                self.slider = gr.ImageSlider(
                    label=text.COMPARE_LABEL,
                    show_label=False,
                    format="png",
                    interactive=False,
                    max_height=900,
                    buttons=["fullscreen"],
                    elem_id="slider",
                    elem_classes="square",
                )
                gr.HTML(text.LEGEND, elem_id="legend")
            with gr.Tab(text.CORRECT_TAB, id="correct", elem_id="correct-tab") as self.correct_tab:
                self._correct()
        with gr.Row(elem_id="slices-row", equal_height=True, visible=False) as self.slices_row:
            self.place = gr.Slider(1, 2, 1, step=1, label="slice", buttons=[], elem_id="slices", min_width=180)
            """Slice, frame or page, from 1."""
            self.volume = gr.HTML("", elem_id="volume", min_width=120)
            self.segment_all = _button("", "segment-all", 150, scale=0)
            self.stop = _button(shared_text.STOP, "stop", 80, visible=False, scale=0)
        self.status = gr.HTML("", elem_id="status")
        self.effect = gr.HTML("", elem_id="effect")
        """Of the switch that was clicked last."""
        with gr.Row(elem_id="tools", equal_height=True):
            self.opacity = gr.Slider(0.0, 0.9, OPACITY, step=0.05, label=text.OPACITY, elem_id="opacity", min_width=110)
            self.outline = gr.Checkbox(label=text.OUTLINE, container=False, elem_id="outline", min_width=96, scale=0)
            gr.HTML(panels.hide_button("hide"), min_width=72)
            self.correct = _button(text.CORRECT, "correct", 120)
            self.download = _download(text.DOWNLOAD, "download", 84)

    def _correct(self) -> None:
        stroke, side_px = (pictures.STROKE_HEX, pictures.STROKE_OPACITY), pictures.CANVAS_SIDE_PX
        self.editor = gr.ImageEditor(
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
        self.bare = gr.HTML("", elem_id="bare")
        """The editor's scan without a mask; app.js shows it over the editor while the mask is hidden."""
        gr.HTML(panels.hide_button("hide-drawn"), elem_id="hide-corner")
        with gr.Row(elem_id="reshape-row", equal_height=True):
            starts = [(text.START_SCREEN, START_SCREEN)]
            self.start_from = gr.Dropdown(starts, value=START_SCREEN, label=text.START_FROM, elem_id="start-from")
            self.fill = _button(text.FILL, "fill", 80)
            self.smooth = _button(text.SMOOTH, "smooth", 90)
            self.refine = _button(text.REFINE, "refine", 80, visible=litemedsam.is_installed())
            self.take_back = _button(text.TAKE_BACK, "take-back", 80)
        self.saved = gr.HTML(panels.note(text.CORRECT_HINT), elem_id="saved")
        with gr.Row(elem_id="save-row", equal_height=True):
            self.person = gr.Textbox(
                shared_text.PERSON_DEFAULT, label=shared_text.PERSON, max_lines=1, elem_id="person", min_width=120
            )
            self.save = _button(text.SAVE, "save", 80, variant="primary")
            self.kept = gr.HTML("", elem_id="kept", min_width=110)
            self.download_saved = _download(text.DOWNLOAD_SAVED, "download-saved", 120)
        self.keep = gr.Button(text.KEEP, visible="hidden", elem_id="keep")
        """Pressed by app.js after a stroke; not to be seen."""


class SwitchPanel:
    """The confounders: off, on, all tried, one added."""

    def __init__(self, engine: Engine) -> None:
        gr.HTML(f"<h2>{text.CONFOUNDERS}</h2>", elem_classes="heading")
        with gr.Row(elem_id="masks"):
            self.observed = _button(text.OBSERVED, "observed", 100)
            self.adjusted = _button(text.ADJUSTED, "adjusted", 100, interactive=engine.removes_named)
        if not engine.removes_named:
            gr.HTML(panels.note(text.NO_SWITCHES), elem_id="no-switches")
        with gr.Column(visible=engine.removes_named, elem_id="switching"):
            with gr.Column(visible=engine.removes_named, elem_id="without-panel"):
                self.without = gr.HTML(panels.without_nothing(), elem_id="without")
                gr.HTML(panels.without_large(), elem_id="without-corner")
            self.caption = gr.HTML(panels.note(text.NO_SWITCHES_YET), elem_id="caption")
            self.present = SwitchGroup(text.IN_THIS_SCAN, "present")
            gr.HTML(panels.note(text.SAY), elem_id="say")
            self.typed = gr.Textbox(label=text.TYPED, placeholder=text.TYPED_HINT, max_lines=1, elem_id="typed")
            """A confounder in the person's own words."""
            with gr.Accordion(text.NOT_IN_THIS_SCAN, open=False, elem_id="absent-fold"):
                self.absent = SwitchGroup(text.NOT_IN_THIS_SCAN, "absent")
            with gr.Accordion(text.TRY_ALL_TITLE, open=False, elem_id="try-fold"):
                self.try_all = gr.Button(text.TRY_ALL, size="sm", elem_id="try-all")
                self.ranking = gr.HTML(panels.note(text.TRY_ALL_HINT), elem_id="ranking")
        with gr.Accordion(text.ADD_TITLE, open=False, elem_id="add-fold"):
            simulated = [(entry.label, entry.id) for entry in engine.confounders if entry.simulator]
            self.which = gr.Dropdown(simulated, value=None, label=text.ADD_WHICH, elem_id="add-which")
            self.strength = gr.Slider(0.0, 1.0, 0.6, step=0.05, label=text.ADD_STRENGTH, elem_id="add-strength")
            self.seed = gr.Number(0, label=text.ADD_SEED, precision=0, minimum=0, elem_id="add-seed")
            self.add = gr.Button(text.ADD, size="sm", elem_id="add")
        self.original = gr.Button(text.ORIGINAL, size="sm", visible=False, elem_id="original")


class SwitchGroup:
    """Switches of confounders; beside each its strength, and buttons to say that it is there, or not there."""

    def __init__(self, label: str, elem_id: str) -> None:
        with gr.Row(elem_classes="switches", equal_height=False):
            self.ticks = gr.CheckboxGroup([], label=label, container=False, elem_id=elem_id, min_width=120)
            self.bars = clickable(f"{elem_id}-bars", min_width=80)
            self.votes = clickable(f"{elem_id}-said", min_width=52)


def _state(value: object = None) -> gr.State:
    return gr.State(value, time_to_live=STATE_SECONDS)


def _button(words: str, elem_id: str, min_width: int, **options: Any) -> gr.Button:
    return gr.Button(words, size="sm", elem_id=elem_id, min_width=min_width, **options)


def _download(words: str, elem_id: str, min_width: int) -> gr.DownloadButton:
    return gr.DownloadButton(words, size="sm", interactive=False, elem_id=elem_id, min_width=min_width)
