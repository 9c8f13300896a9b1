import numpy as np
import pytest

from causalseg.scan.window import Window, WindowShape, look_up, percentile_window


def test_ends_of_a_window_are_black_and_white() -> None:
    greys = Window.between(-10.0, 30.0).apply(np.array([[-50.0, -10.0, 10.0, 30.0, 50.0]]))

    np.testing.assert_array_equal(greys, [[0, 0, 128, 255, 255]])


def test_linear_window_of_width_one_is_a_threshold_as_dicom_wants_it() -> None:
    greys = Window(10.0, 1.0, "LINEAR").apply(np.array([[9, 10, 11]]))

    np.testing.assert_array_equal(greys, [[0, 255, 255]])


def test_values_that_are_no_numbers_are_black() -> None:
    shapes: tuple[WindowShape, ...] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    for shape in shapes:
        greys = Window(0.0, 2.0, shape).apply(np.array([[np.nan, -np.inf, np.inf]]))
        np.testing.assert_array_equal(greys, [[0, 0, 255]])


def test_values_are_not_changed_in_place() -> None:
    values = np.array([[np.nan, 1.0]])

    Window(0.0, 2.0).apply(values)

    assert np.isnan(values[0, 0])


def test_window_of_the_data_ignores_what_is_not_finite_and_what_does_not_count() -> None:
    values = np.array([[0.0, 1.0, np.inf, np.nan, 900.0]])
    ignore = values == 900

    assert percentile_window(values, ignore=ignore) == percentile_window(np.array([[0.0, 1.0]]))
    assert percentile_window(np.full((2, 2), np.nan)).width == 0


@pytest.mark.parametrize("values", [[np.nan, 1.0], [0.0, -1.0], [0.0, np.inf]])
def test_window_without_a_sense_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite center"):
        Window(center=values[0], width=values[1])


def test_table_holds_its_ends() -> None:
    entries = np.array([7, 8, 9])

    np.testing.assert_array_equal(look_up(np.array([[-5, 10, 11, 12, 99]]), entries, first_value=10), [[7, 7, 8, 9, 9]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_a_table_of_all_greys_gives_the_greys_of_the_formula(dtype: type) -> None:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(0).integers(limits.min, limits.max + 1, (50, 60)).astype(dtype)

    for shape in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        window = Window(limits.max / 3, limits.max / 2, shape)
        np.testing.assert_array_equal(window.apply(values), window.apply(values.astype(np.float64)))
        np.testing.assert_array_equal(window.apply(values.T), window.apply(values).T)


def test_a_large_picture_has_the_greys_of_its_parts() -> None:
    values = np.random.default_rng(0).normal(size=(300, 5000)).astype(np.float32)
    window = Window(0.0, 2.0)

    greys = window.apply(values)

    np.testing.assert_array_equal(greys[::150], np.stack([window.apply(row[None])[0] for row in values[::150]]))


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_window_of_the_data_has_room_for_the_few_that_differ(dtype: type) -> None:
    values = np.zeros((9, 700, 700), dtype)
    values[4, 3, 2], values[7, 1, 5] = 100, 3

    assert percentile_window(values) == Window.between(0.0, 100.0)


def test_window_of_the_data_finds_the_few_among_what_is_not_finite() -> None:
    values = np.zeros((2, 1100, 1000), np.float32)
    values[0, 0, :3], values[1, 900, 900] = (np.nan, np.inf, -np.inf), -7

    assert percentile_window(values) == Window.between(-7.0, 0.0)
