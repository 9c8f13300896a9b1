"""What stands where on the Review page: components only."""

import gradio as gr

from causalseg.ui import html, shared_text
from causalseg.ui.browser_memory import name_box
from causalseg.ui.picture_list import clickable
from causalseg.ui.review import text


class ReviewPage:
    """Every component that an event reads or writes; made inside its route."""

    def __init__(self, page: gr.Blocks) -> None:
        self.message = gr.HTML("", elem_id="message")
        gr.HTML(html.page_head(text.REVIEW_TITLE, text.REVIEW_WHAT), elem_classes="page-head")
        choices = [(label, state) for state, label in text.SHOWN.items()]
        with gr.Row(elem_classes="page-row", equal_height=False):
            with gr.Column(scale=1, min_width=270, elem_classes="page-side"):
                self.person, self.named = name_box(page)
                self.show = gr.Dropdown(choices, value="done", label=text.SHOW, elem_id="review-show")
                self.search = gr.Textbox(label=shared_text.SEARCH, max_lines=1, elem_id="review-text")
                self.pictures = clickable("review-list")
            with gr.Column(scale=3, min_width=480):
                self.note = gr.Textbox(
                    label=text.NOTE, placeholder=text.NOTE_HINT, lines=1, max_lines=3, elem_id="review-note"
                )
                self.detail = clickable("review-detail")
