"""`python -m training planted`: train the three segmenters, put them to the tests, write the table.

With `--split val` the tests are made of validation scans and the table stays in the run's folder: that is what
settings are chosen on. Every training resumes from the run's folder.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from torch import Tensor

from causalseg.errors import CannotLearn
from causalseg.models.network import CausalSegNetwork
from training.data import Squares, load_squares, read_index
from training.data.rows import Row
from training.data.text_cache import TextCache
from training.evaluate.commands import Cache, Data, Run
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.experiments.planted.learn import (
    DESCRIPTION,
    PlantedConfig,
    answer_under_do,
    caliper_code,
    fresh_network,
    train_erase,
    train_observed,
    whole_removal,
)
from training.experiments.planted.marks import Planted, plant
from training.experiments.planted.score import (
    Answer,
    Scores,
    gains_table,
    make_tests,
    own_masks,
    rows_of_table,
    score_tests,
    scores_table,
)
from training.progress import Bar
from training.resume import load_average

SET, TARGETS = "busi", ("benign breast tumour", "malignant breast tumour")
OBSERVED, REMOVED = "causalseg, observed", "causalseg, calipers removed"
MODELS = ("plain", "augmented", OBSERVED, REMOVED)
PAIRS = ((REMOVED, "plain"), (REMOVED, "augmented"), (REMOVED, OBSERVED), ("augmented", "plain"))
_TEST_SEED = 7


def planted(
    data: Data,
    run: Run,
    split: Annotated[Literal["test", "val"], typer.Option(help="Scans that the tests are made of.")] = "test",
    cache: Cache = Path("runs/squares"),
    out: Annotated[
        Path | None, typer.Option(help="Folder of the table; default: docs/results, or the run's for val.")
    ] = None,
) -> None:
    """The planted-shortcut experiment and its table."""
    rows, config = read_index(data), PlantedConfig()
    learnt, asked = (_squares(rows, part, config, cache) for part in ("train", split))
    tables = experiment(plant(learnt, config.planted_share, config.seed), asked, config, run)
    command = "python -m training planted --data FOLDER --run RUN" + ("" if split == "test" else f" --split {split}")
    write_report("planted", tables, provenance(None, command), out or (RESULTS_DIR if split == "test" else run))


def experiment(planted: Planted, asked: Squares, config: PlantedConfig, run: Path) -> dict[str, Any]:
    """Train what is not trained yet and score it on tests made of `asked`: the tables of the report."""
    tests, masks = make_tests(asked, _TEST_SEED), own_masks(asked)
    scores: dict[str, Scores] = {}
    for name, answer in _answers(planted, config, run):
        scores[name] = score_tests(answer, tests, masks)
    patients = [row.patient for row in asked.rows]
    table = scores_table({name: scores[name] for name in MODELS}, patients)
    facts = {
        "training scans": len(planted.is_marked),
        "of them free of the mark (known, not seen)": int((~planted.is_marked).sum()),
        "test scans": len(masks),
    }
    return {
        "planted": rows_of_table(table, passes_of(config)),
        "gains": gains_table(scores, patients, PAIRS),
        "facts": facts,
    }


def passes_of(config: PlantedConfig) -> dict[str, str]:
    """How many passes over the training scans each model got, in words."""
    parts = f"{config.start_passes} plain + {config.erase_passes} erase"
    rest = config.passes - config.start_passes
    plain = f"{config.start_passes} + {rest}"
    return {"plain": plain, "augmented": str(config.passes), OBSERVED: str(config.start_passes), REMOVED: parts}


def _answers(planted: Planted, config: PlantedConfig, run: Path) -> Iterator[tuple[str, Answer]]:
    """Every model by name, trained; each answer must be asked before the next is drawn."""
    augmented = fresh_network(config)
    train_observed(augmented, planted, config, run / "augmented", config.passes, config.misplaced_share)
    yield "augmented", _observed_answer(augmented)
    start = fresh_network(config)
    train_observed(start, planted, config, run / "start", config.start_passes, 0.0)
    yield OBSERVED, _observed_answer(start)
    plain = _from_start(config, run)
    train_observed(plain, planted, config, run / "plain", config.passes - config.start_passes, 0.0)
    yield "plain", _observed_answer(plain)
    removing = _from_start(config, run)
    train_erase(removing, planted, config, run / "erase")
    yield REMOVED, _removed_answer(removing)


def _from_start(config: PlantedConfig, run: Path) -> CausalSegNetwork:
    network = fresh_network(config)
    load_average(run / "start", network)
    return network


def _observed_answer(network: CausalSegNetwork) -> Answer:
    text = TextCache(network.eval().text_tower)
    return lambda images: network.answer(images, text.encode([DESCRIPTION] * len(images))).mask_logits


def _removed_answer(network: CausalSegNetwork) -> Answer:
    text, code = TextCache(network.eval().text_tower), caliper_code(network)

    def answer(images: Tensor) -> Tensor:
        count = len(images)
        return answer_under_do(network, images, whole_removal(code, count), text.encode([DESCRIPTION] * count))

    return answer


def _squares(rows: Sequence[Row], split: str, config: PlantedConfig, cache: Path) -> Squares:
    chosen = [row for row in rows if row.set == SET and row.target in TARGETS and row.split == split]
    if not chosen:
        raise CannotLearn(f"The data holds no tumour scans of {SET} in its part {split!r}; give a folder that does.")
    return load_squares(chosen, config.architecture.input_side_px, cache, on_progress=Bar("squash"))
