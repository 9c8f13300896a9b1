"""What the person sees and what the log keeps when a handler raises."""

import logging
import re

import gradio as gr
import pytest

from causalseg.errors import BadDescription, StoreError
from causalseg.ui.bind import guarded

MESSAGE = "the message component"
SECRET = "pleomorphic mass of Mrs Meier"
PATH = "/tmp/cache/0f/Meier_Anna_1961.dcm"


def raises(error: Exception) -> dict[object, object]:
    raise error


def test_all_well_empties_the_message() -> None:
    assert guarded("ask", lambda: {"mask": 1}, MESSAGE)() == {MESSAGE: "", "mask": 1}


def test_what_the_page_does_by_itself_leaves_the_message_of_before() -> None:
    assert guarded("load", lambda: {"mask": 1}, MESSAGE, wipes=False)() == {MESSAGE: gr.skip(), "mask": 1}
    assert guarded("load", lambda: {MESSAGE: "Look!"}, MESSAGE, wipes=False)() == {MESSAGE: "Look!"}


def test_a_handler_that_says_something_did_not_simply_go_well(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert guarded("save", lambda: {MESSAGE: "Late."}, MESSAGE)() == {MESSAGE: "Late."}
    assert "event=save outcome=told" in caplog.text


def test_an_input_error_is_shown_as_it_is_and_touches_nothing_else() -> None:
    shown = guarded("ask", lambda: raises(BadDescription("Shorten it <now>.")), MESSAGE)()
    assert list(shown) == [MESSAGE]
    assert "Shorten it &lt;now&gt;." in str(shown[MESSAGE])


def test_what_the_disk_refuses_is_a_sentence_too() -> None:
    shown = guarded("save", lambda: raises(StoreError("The disk is full.")), MESSAGE)()
    assert "The disk is full." in str(shown[MESSAGE]) and "Ticket" not in str(shown[MESSAGE])


def test_anything_else_gets_the_ticket_that_the_log_has(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        shown = guarded("ask", lambda: raises(ZeroDivisionError("1/0")), MESSAGE)()
    ticket = re.search(r"Ticket (\w+)", str(shown[MESSAGE]))
    assert ticket is not None
    assert f"ticket={ticket[1]}" in caplog.text
    assert "ZeroDivisionError: 1/0" in caplog.text and "in raises" in caplog.text


def test_the_visitors_words_never_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(description: str, path: str) -> dict[object, object]:
        raise RuntimeError(f"no tensor for {description} in {path} nor Meier_Anna_1961")

    with caplog.at_level(logging.DEBUG):
        guarded("ask", breaks, MESSAGE)(SECRET, PATH)
    assert "no tensor for [...]" in caplog.text
    assert "Meier" not in caplog.text and "mass" not in caplog.text


def test_one_line_a_request_with_its_outcome_and_time(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        guarded("switch", dict, MESSAGE)()
        guarded("ask", lambda: raises(BadDescription("no")), MESSAGE)()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert re.fullmatch(r"event=switch outcome=ok seconds=\d+\.\d{3}", lines[0])
    assert re.fullmatch(r"event=ask outcome=BadDescription seconds=\d+\.\d{3}", lines[1])
