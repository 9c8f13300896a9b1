"""A version beyond this machine: named by the manifest as a checkpoint of its own, or uploaded with a model card."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from huggingface_hub import HfApi

from causalseg.checkpoints import MANIFEST_PATH, PROJECT_DIR, CheckpointEntry
from causalseg.errors import BadVersion
from causalseg.versions import CARD, CHANGES, Comparison, Score, VersionCard, VersionStore, raise_if_for_another
from training.manifest import write_entry


def manifest_entry(card: VersionCard, base: CheckpointEntry) -> CheckpointEntry:
    """How the manifest names a version: the base's entry, with a file of changes."""
    return replace(
        base,
        name=f"{base.name}-{card.name}",
        file=f"assets/checkpoints/{base.name}-{card.name}.safetensors",
        sha256=card.changes_sha256,
        repo_id=None,
        revision=None,
        changes_to=base.name,
        changes_to_sha256=base.sha256,
        version=f"{base.version}+{card.name}",
        data=(*base.data, f"{card.corrections} corrections and {card.statements} statements, {card.data_sha256[:12]}"),
        metrics={name: _numbers(comparison) for name, comparison in card.scores.items()},
    )


def adopt(
    versions: VersionStore, card: VersionCard, base: CheckpointEntry, project_dir: Path = PROJECT_DIR
) -> CheckpointEntry:
    """Copy a version's file into the project and name it in the manifest.

    Raises:
        BadVersion: its gate stopped it.
        CheckpointError: it is damaged, or was made for other weights.
    """
    _raise_if_not_for_others(versions, card, base)
    entry = manifest_entry(card, base)
    (project_dir / entry.file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(versions.folder / card.name / CHANGES, project_dir / entry.file)
    write_entry(entry, project_dir / MANIFEST_PATH.name)
    return entry


def push_to_hub(versions: VersionStore, card: VersionCard, base: CheckpointEntry, repo_id: str) -> str:
    """Upload a version with its model card; a new repository is made private. The address of the commit.

    Raises:
        BadVersion: its gate stopped it.
        CheckpointError: it is damaged, or was made for other weights.
    """
    _raise_if_not_for_others(versions, card, base)
    hub = HfApi()
    hub.create_repo(repo_id, private=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        for name in (CARD, CHANGES):
            shutil.copyfile(versions.folder / card.name / name, Path(folder) / name)
        (Path(folder) / "README.md").write_text(model_card(card, base), encoding="utf-8")
        return str(hub.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=f"Version {card.name}"))


def model_card(card: VersionCard, base: CheckpointEntry) -> str:
    """A README for the Hub: what it is, what it learnt from, what it scores, what it may be used for."""
    front = {
        "license": "other",
        "library_name": "causalseg",
        "pipeline_tag": "image-segmentation",
        "tags": ["medical", "text-prompted segmentation", "fine-tuned"],
    }
    rows = [f"| {name} | {_cell(c.before)} | {_cell(c.after)} | {_cell(c.change)} |" for name, c in card.scores.items()]
    return "\n".join(
        [
            f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
            f"# {base.name}, version {card.name}",
            "",
            f"Changes to `{base.name}` {base.version} (SHA-256 `{base.sha256}`), fine-tuned from `{card.parent}` with "
            f"{card.corrections} corrected masks and {card.statements} statements on confounders "
            f"(data `{card.data_sha256}`, seed {card.seed}, {card.made_at}). Only the tensors that differ are in "
            f"`{CHANGES}` (SHA-256 `{card.changes_sha256}`).",
            "",
            "| measured on | before | after | change |\n|---|---|---|---|",
            *rows,
            "",
            "Means with 95 % bootstrap intervals. *corrections*: Dice on corrections held back, each by a member that "
            "had not seen it; *replay*: Dice on scans of the original training that were held back; *switches*: Dice "
            "on made-up scans with a confounder switched off.",
            "",
            *(f"- {reason}" for reason in card.reasons),
            "",
            f"Licence: {base.licence}",
            "",
        ]
    )


def _raise_if_not_for_others(versions: VersionStore, card: VersionCard, base: CheckpointEntry) -> None:
    if not card.passed:
        raise BadVersion(f"Version {card.name} is not given away: {' '.join(card.reasons)}")
    raise_if_for_another(card, base)
    versions.changes(card)


def _numbers(comparison: Comparison) -> dict[str, float]:
    return {part: getattr(comparison, part).mean for part in ("before", "after", "change")}


def _cell(score: Score) -> str:
    return f"{score.mean:.3f} [{score.low:.3f}, {score.high:.3f}]"
