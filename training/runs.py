"""What a training starts from: a run's folder, or a checkpoint of the manifest, told by one word."""

from pathlib import Path

from causalseg.checkpoints import find_entry, load_network
from causalseg.errors import CheckpointError
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, SegmentationNetwork, with_removal
from training.architecture import load_architecture
from training.experiments.papers.questions import take_shared
from training.resume import load_average


def architecture_of(parent: str) -> Architecture:
    """Of a run's folder, or else of a checkpoint of the manifest."""
    return load_architecture(Path(parent)) if Path(parent).is_dir() else find_entry(parent).architecture


def start_from(parent: str, network: CausalSegNetwork) -> None:
    """Weights of a run's folder, or else of a checkpoint of the manifest; what it does not have stays as it is."""
    if Path(parent).is_dir():
        load_average(Path(parent), network)
        return
    network.load_state_dict(load_network(find_entry(parent)).state_dict(), strict=False)


def take_causal_core(parent: str, network: CausalSegNetwork) -> None:
    """Start the stages under do() as those of another run's or checkpoint's tower; its presence and removal with it.

    Raises:
        CheckpointError: the network has no stages of its own under do().
    """
    donor = with_removal(build_network(architecture_of(parent)))
    start_from(parent, donor)
    own = network.stages_under_do
    if own is None:
        raise CheckpointError("The stages under do() are those of the observed pass here.")
    own.load_state_dict(donor.image_tower.stages[-len(own) :].state_dict())
    network.presence.load_state_dict(donor.presence.state_dict())
    network.intervention.load_state_dict(donor.intervention.state_dict())


def observed_alone(parent: str) -> CausalSegNetwork:
    """The parent's observed pass with a causal core at its start, which knows no confounder yet.

    Stages of its own under do() begin as those of the observed tower.
    """
    architecture = architecture_of(parent)
    donor = with_removal(build_network(architecture))
    start_from(parent, donor)
    network = with_removal(build_network(architecture))
    take_shared(network, donor.state_dict())
    start_under_do(network)
    return network


def start_under_do(network: CausalSegNetwork) -> None:
    """Put the observed tower's later stages under do() too, in place."""
    own = network.stages_under_do
    if own is not None:
        own.load_state_dict(network.image_tower.stages[-len(own) :].state_dict())


def trained(run: Path) -> SegmentationNetwork:
    """The network of a run, its averaged weights in it, ready to answer."""
    network = build_network(load_architecture(run))
    load_average(run, network)
    return network.eval().requires_grad_(requires_grad=False)
