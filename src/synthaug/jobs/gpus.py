"""GPUs: how many a job asks for, and that it has what it asked for."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

from synthaug.core.errors import PassingError, SynthaugError

#: Set to 0 where there is no GPU: a cluster of CPU nodes, or one on which a run shall not wait for a GPU.
VARIABLE = "SYNTHAUG_GPUS"


def gpus_of_a_job(on_cluster: bool, here: bool, environment: Mapping[str, str] = os.environ) -> int:
    """GPUs that a job which trains or runs a network asks for: 1 or 0.

    A login node need not have a GPU, so that on a cluster one is asked for unless `VARIABLE` is 0.

    Parameters
    ----------
    on_cluster : bool
        Whether jobs run elsewhere.
    here : bool
        Whether this machine has a GPU.
    environment : mapping of str to str
        Environment variables.

    Raises
    ------
    SynthaugError
        `VARIABLE` is set to something else.
    """
    given = environment.get(VARIABLE)
    if given not in (None, "0"):
        raise SynthaugError(
            f"{VARIABLE} is {given!r}; set 0 to run everything on CPUs, or unset it: several GPUs are a resource of the rule "
            "(set-resources, train_model: gpu)"
        )
    return int((on_cluster or here) and given is None)


def check_gpu(asked: int, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to work on the CPU in the place of a GPU.

    Parameters
    ----------
    asked : int
        GPUs that the job asked for.
    environment : mapping of str to str
        Environment variables.

    Raises
    ------
    PassingError
        One was asked for, and torch sees none.
    """
    if asked < 1 or environment.get(VARIABLE) == "0":
        return
    import torch

    if torch.cuda.is_available():
        return
    visible = environment.get("CUDA_VISIBLE_DEVICES", "not set")
    built = (
        f"torch is built for CUDA {torch.version.cuda}"
        if torch.version.cuda
        else "torch is built without CUDA"
    )
    raise PassingError(
        f"a GPU was asked for, and torch sees none on {platform.node()} (CUDA_VISIBLE_DEVICES: {visible}; {built}); look at "
        f"nvidia-smi there and run again, or set {VARIABLE}=0 to run everything on CPUs"
    )
