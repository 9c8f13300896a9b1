import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from causalseg.causal.dictionary import load_dictionary
from causalseg.phantoms import PHANTOMS, make_phantom
from causalseg.phantoms.__main__ import examples, index_of, main
from causalseg.scan import MODALITIES, read_scan

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"
MAX_FILE_BYTES = 200_000


def test_committed_examples_are_what_the_generator_makes() -> None:
    phantoms = examples()

    for file, phantom in phantoms.items():
        np.testing.assert_array_equal(read_scan(EXAMPLES / file).image_u8, phantom.image_u8)
        assert (EXAMPLES / file).stat().st_size < MAX_FILE_BYTES
    assert json.loads((EXAMPLES / "index.json").read_text(encoding="utf-8")) == index_of(phantoms)
    assert {path.name for path in EXAMPLES.iterdir()} == {*phantoms, "index.json"}


def test_command_needs_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("name", PHANTOMS)
def test_same_seed_is_the_same_picture_and_another_seed_is_not(name: str) -> None:
    first, again, other = (make_phantom(name, seed, side_px=96) for seed in (3, 3, 4))

    np.testing.assert_array_equal(first.image_u8, again.image_u8)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.image_u8 != other.image_u8).any() and (first.mask != other.mask).any()


@pytest.mark.parametrize("name", PHANTOMS)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_masked_can_be_seen(name: str, seed: int) -> None:
    phantom = make_phantom(name, seed, side_px=128)
    reach = np.ones((9, 9))
    inside = np.asarray(binary_erosion(phantom.mask, reach), dtype=bool)
    near, far = (np.asarray(binary_dilation(phantom.mask, reach, iterations=count), dtype=bool) for count in (1, 2))
    around = far & ~near

    contrast = np.abs(phantom.image_u8[inside].mean(axis=0) - phantom.image_u8[around].mean(axis=0)).max()

    assert phantom.image_u8.shape == (128, 128, 3) and phantom.mask.shape == (128, 128)
    assert 0.02 < phantom.mask.mean() < 0.3
    assert contrast > 12


@pytest.mark.parametrize("name", PHANTOMS)
def test_modality_and_confounder_are_ones_that_the_dictionary_has(name: str) -> None:
    phantom = make_phantom(name, 0, side_px=64)
    known = {confounder.id: confounder for confounder in load_dictionary()}

    assert phantom.modality in MODALITIES
    assert phantom.modality in known[phantom.confounder].modalities


def test_unknown_phantom_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known phantoms are"):
        make_phantom("pet", 0)
