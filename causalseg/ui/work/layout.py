"""What stands where on the Work page: components only."""

from typing import Any

import gradio as gr

from causalseg.annotations.label_records import STATES
from causalseg.scan import MODALITIES
from causalseg.ui import html, shared_text
from causalseg.ui.browser_memory import name_box
from causalseg.ui.picture_list import clickable
from causalseg.ui.work import text


class WorkPage:
    """Every component that an event reads or writes; made inside its route."""

    def __init__(self, page: gr.Blocks) -> None:
        self.message = gr.HTML("", elem_id="message")
        gr.HTML(html.page_head(text.WORK_TITLE, text.WORK_WHAT), elem_classes="page-head")
        with gr.Row(elem_classes="page-row", equal_height=False):
            with gr.Column(scale=2, min_width=250, elem_classes="page-side"):
                self.person, self.named = name_box(page)
                self.next = gr.Button(text.NEXT_SCAN, variant="primary", elem_id="next-scan")
                self.filters = Filters()
                with gr.Accordion(text.IMPORT, open=False, elem_id="import-fold"):
                    self.importing = ImportPanel()
                with gr.Accordion(text.LOOK, open=False, elem_id="look-fold"):
                    self.signals = SignalsPanel()
                with gr.Accordion(text.PURGE, open=False, elem_id="purge-fold"):
                    self.purge = clickable("purge")
            with gr.Column(scale=4, min_width=300, elem_id="work-middle"):
                self.pictures = clickable("work-list")
            with gr.Column(scale=3, min_width=300, elem_classes="page-side"):
                self.detail = clickable("work-detail")
                self.reason = gr.Textbox(
                    label=text.REASON, placeholder=text.REASON_HINT, max_lines=2, elem_id="flag-reason"
                )


class Filters:
    """What narrows the list."""

    def __init__(self) -> None:
        every = [(text.ANY, "")]
        states = [*every, *((shared_text.STATES[one], one) for one in STATES)]
        self.state = gr.Dropdown(states, value="", label=text.STATE)
        self.mine = gr.Checkbox(label=text.MINE, container=False)
        modalities = [*every, *((one, one) for one in MODALITIES)]
        self.modality = gr.Dropdown(modalities, value="", label=text.MODALITY)
        self.search = gr.Textbox(label=shared_text.SEARCH, max_lines=1, elem_id="work-text")

    def all(self) -> list[Any]:
        """In the order in which handlers take them."""
        return [self.state, self.mine, self.modality, self.search]


class ImportPanel:
    """Importing files or a folder."""

    def __init__(self) -> None:
        self.files = gr.File(
            label=text.FILES, file_count="multiple", type="filepath", height=110, elem_id="import-files"
        )
        self.folder = gr.Textbox(label=text.FOLDER, placeholder=text.FOLDER_HINT, max_lines=1, elem_id="import-folder")
        self.description = gr.Textbox(label=text.MASKS_SHOW, placeholder=text.MASKS_SHOW_HINT, max_lines=1)
        self.checked = gr.Checkbox(label=text.CHECKED, container=False)
        self.start, self.stop = _start_and_stop(text.IMPORT_START, "import")
        self.told = gr.HTML(html.note(text.IMPORT_HINT), elem_id="import-told")


class SignalsPanel:
    """The model looks at what is new, for the queue."""

    def __init__(self) -> None:
        self.told = gr.HTML("", elem_id="look-told")
        self.start, self.stop = _start_and_stop(text.LOOK_START, "look")


def _start_and_stop(words: str, elem_id: str) -> tuple[gr.Button, gr.Button]:
    with gr.Row():
        start = gr.Button(words, size="sm", elem_id=elem_id, min_width=80)
        stop = gr.Button(shared_text.STOP, size="sm", interactive=False, elem_id=f"{elem_id}-stop", min_width=60)
    return start, stop
