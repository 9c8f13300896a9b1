"""A run's folder, and where a training starts: from a run or from a checkpoint of the manifest, named by one word.

RUN/architecture.json   what the network is built of
RUN/record.json         what the run learns from: data, starts, seed, commit
RUN/progress.pt         weights, their moving average, the optimiser, losses; written whole after every epoch
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from causalseg.checkpoints import find_entry, load_network
from causalseg.errors import CheckpointError
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, SegmentationNetwork, with_removal
from causalseg.records import said_of
from training.imagenet import load_imagenet
from training.resume import Progress, load_average, raise_if_changed, update_average

IMAGENET, RANDOM = "imagenet", "random"
"""Starts that are neither a run nor a checkpoint."""
_OBSERVED = ("image_tower.", "neck.", "decoder.")


class RunRecord(BaseModel):
    """What a run learns from; it goes on with the same only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: list[str]
    """Runs, checkpoints, or how the network began; of several, their mean."""
    scans: dict[str, int]
    """Of each set in the run's own draw."""
    rows_sha256: str
    data: list[str]
    """A line for each set behind the weights, with its terms: of this run and of its starts."""
    seed: int
    commit: str = "unknown"


def begin_run(run_dir: Path, architecture: Architecture, record: RunRecord) -> None:
    """Write what a run is made of into its folder, or compare it with what stands there.

    Raises:
        CheckpointError: the run was begun with something else.
    """
    save_architecture(run_dir, architecture)
    path = run_dir / "record.json"
    if path.exists():
        raise_if_changed(
            run_dir, read_record(run_dir).model_dump(exclude={"commit"}), record.model_dump(exclude={"commit"})
        )
    else:
        path.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_record(run_dir: Path) -> RunRecord:
    """What a run was begun with."""
    return RunRecord.model_validate_json((run_dir / "record.json").read_text(encoding="utf-8"))


def data_behind(start: str) -> list[str]:
    """The data sets behind a run or a checkpoint, a line each; none of other starts, or where they are not written."""
    if start in (IMAGENET, RANDOM):
        return []
    if not Path(start).is_dir():
        return list(find_entry(start).data)
    return read_record(Path(start)).data if (Path(start) / "record.json").exists() else []


def save_architecture(run_dir: Path, architecture: Architecture) -> None:
    """Write `architecture` into the run's folder.

    Raises:
        CheckpointError: the run was begun with another one.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "architecture.json"
    if path.exists() and load_architecture(run_dir) != architecture:
        raise CheckpointError(f"{run_dir} was begun with another architecture; give it as before, or another --run")
    path.write_text(json.dumps(asdict(architecture), indent=1) + "\n", encoding="utf-8")


def load_architecture(run_dir: Path) -> Architecture:
    """The run's architecture; the default one where the run does not say (core `causalseg`).

    Raises:
        CheckpointError: it names something that no network has (any more).
    """
    path = run_dir / "architecture.json"
    if not path.exists():
        return Architecture()
    try:
        return Architecture(**json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise CheckpointError(f"{path} cannot be used: {said_of(error)}") from error


def architecture_of(parent: str) -> Architecture:
    """Of a run's folder, or else of a checkpoint of the manifest."""
    return load_architecture(Path(parent)) if Path(parent).is_dir() else find_entry(parent).architecture


def start_from(parent: str, network: CausalSegNetwork) -> None:
    """Weights of a run's folder, or else of a checkpoint of the manifest; what it does not have stays as it is."""
    if Path(parent).is_dir():
        load_average(Path(parent), network)
        return
    network.load_state_dict(load_network(find_entry(parent)).state_dict(), strict=False)


def fresh_network(architecture: Architecture, seed: int = 0) -> CausalSegNetwork:
    """A network at its random start, the same for a seed whatever was drawn before."""
    torch.manual_seed(seed)
    return with_removal(build_network(architecture)).to(memory_format=torch.channels_last)


def started(architecture: Architecture, starts: Sequence[str], seed: int = 0) -> CausalSegNetwork:
    """A network that starts from ImageNet's tower, from a run or checkpoint, or from the mean of several.

    Where a network learns on, some sites gain and others lose; the mean of both ends often keeps most of what each is
    good at (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

    Raises:
        CheckpointError: a start has another architecture.
        FileNotFoundError: a run has not finished an epoch.
    """
    network = fresh_network(architecture, seed)
    if starts[0] in (IMAGENET, RANDOM):
        if starts[0] == IMAGENET:
            load_imagenet(network.image_tower)
        return network
    for start in starts:
        if architecture_of(start) != architecture:
            raise CheckpointError(f"{start} has another architecture than the network that should start from it.")
    start_from(starts[0], network)
    mean = Progress.start(network)
    for count, start in enumerate(starts[1:], start=1):
        start_from(start, network)
        update_average(mean.average, network, decay=count / (count + 1))
    mean.put_average(network)
    return network


def take_shared(network: SegmentationNetwork, weights: Mapping[str, Tensor]) -> None:
    """Start image tower, neck and decoder from those of a network of core `causalseg`, where they fit, in place.

    So that another core may start from the same observed pass. Of `causalclipseg` that is the tower alone.

    Raises:
        CheckpointError: the tower is another one.
    """
    own = network.state_dict()
    fits = {
        name: value
        for name, value in weights.items()
        if name.startswith(_OBSERVED) and name in own and own[name].shape == value.shape
    }
    if missing := [name for name in own if name.startswith("image_tower.") and name not in fits]:
        raise CheckpointError(f"The start has another image tower: {missing[0]} does not fit. Choose the same towers.")
    network.load_state_dict(fits, strict=False)


def observed_alone(parent: str) -> CausalSegNetwork:
    """The parent's observed pass with a causal core at its start, which knows no confounder yet."""
    architecture = architecture_of(parent)
    donor = with_removal(build_network(architecture))
    start_from(parent, donor)
    network = with_removal(build_network(architecture))
    take_shared(network, donor.state_dict())
    return network


def trained(run: Path) -> SegmentationNetwork:
    """The network of a run, its averaged weights in it, ready to answer."""
    network = build_network(load_architecture(run))
    load_average(run, network)
    return network.eval().requires_grad_(requires_grad=False)
