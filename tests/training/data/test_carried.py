"""Present, absent, unknown: which confounders a scan may be given."""

from pathlib import Path

import numpy as np

from causalseg.causal.dictionary import load_dictionary
from training.data.carried import Carried, as_table
from training.data.rows import Row

DICTIONARY = load_dictionary()
PLACE = {entry.id: k for k, entry in enumerate(DICTIONARY)}


def row(modality: str = "dermoscopy") -> Row:
    return Row(
        "isic", "train", "source", modality, "skin lesion", "p", "here", Path("a.png"), Path("b.png"), "one lesion"
    )


def test_a_scan_labelled_with_it_is_no_clean_twin_and_one_labelled_free_is() -> None:
    carried = Carried.of([row(), row()], DICTIONARY, [{"hair": True}, {"hair": False}])
    hair = PLACE["hair"]
    assert not carried.known(0).may_be_put[hair] and not carried.known(0).is_free[hair]
    assert carried.known(1).may_be_put[hair] and carried.known(1).is_free[hair]


def test_unknown_is_not_absent_where_real_scans_carry_it() -> None:
    carried = Carried.of([row(), row(), row()], DICTIONARY, [{}, {"hair": False}, {"hair": True}])
    assert np.isnan(carried.said[0, PLACE["hair"]])
    assert not carried.known(0).may_be_put[PLACE["hair"]] and not carried.known(0).is_free[PLACE["hair"]]
    assert carried.known(0).may_be_put[PLACE["sensor_noise"]] and carried.known(0).is_free[PLACE["sensor_noise"]]


def test_where_hardly_a_scan_is_free_it_is_put_in_beside_what_is_there() -> None:
    carried = Carried.of([row("endoscopy")] * 4, DICTIONARY, [{"dark_frame": True}] * 3 + [{}])
    frame = PLACE["dark_frame"]
    assert carried.may_be_put[:, frame].all() and not carried.is_free[:, frame].any()


def test_nothing_is_put_into_a_modality_where_it_does_not_occur() -> None:
    carried = Carried.of([row("ct")], DICTIONARY, [{}])
    assert not carried.known(0).may_be_put[PLACE["hair"]]


def test_labels_of_entries_that_the_dictionary_lacks_are_left_out() -> None:
    said = as_table([{"hair": True, "unheard of": True}], DICTIONARY)
    assert said[0, PLACE["hair"]] == 1 and np.isnan(said).sum() == len(DICTIONARY) - 1
