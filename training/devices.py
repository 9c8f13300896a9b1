"""Where a training runs: accelerate says how many processes there are, on which device and in which precision.

One core, several processes (`torchrun`), one GPU, several, or FSDP by a config file of accelerate: the same command.
Nothing else in this package names a device: networks are moved by `prepare`, and what a stage makes follows them.
"""

import os
from functools import cache

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs

from training.precision import computes_in_bf16


@cache
def accelerator() -> Accelerator:
    """That of this process; bfloat16 where the device computes in it, unless `accelerate launch` says otherwise."""
    told = os.environ.get("ACCELERATE_MIXED_PRECISION")
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # some batches reach not every part
    return Accelerator(
        cpu=not torch.accelerator.is_available(),  # else several processes on a CPU would not know of one another
        mixed_precision=told or ("bf16" if computes_in_bf16() else "no"),
        kwargs_handlers=[unused],
    )
