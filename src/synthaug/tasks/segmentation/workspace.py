"""The folders and environment that nnU-Net expects, for as long as one call lasts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import ModuleType, SimpleNamespace

from synthaug.core.leftovers import temporary_folder

#: Every arm is nnU-Net's dataset 1 in a workspace of its own, so that one plan fits all arms unchanged.
DATASET = "Dataset001_Cine"
PLANS = "nnUNetPlans"


def nnunet_variables(threads: int, compiled: bool = False) -> dict[str, str | None]:
    """Every switch that nnU-Net reads from the environment, with the study's value; None takes it out.

    Left to a user's shell they would change a training or a prediction without a trace: whether networks are compiled,
    how many processes augment, which trainers are found, whether curves go to a server.

    Parameters
    ----------
    threads : int
        What nnU-Net takes as its number of processes.
    compiled : bool
        Whether a training compiles its network.
    """
    own: dict[str, str | None] = {
        "nnUNet_def_n_proc": str(threads),
        "nnUNet_n_proc_DA": str(threads),
        "nnUNet_compile": "true" if compiled else "false",
        "nnUNet_wandb_enabled": "0",
    }
    return dict.fromkeys(name for name in os.environ if name.startswith("nnUNet_")) | own


@contextmanager
def nnunet_workspace(
    threads: int,
    raw: str | Path | None = None,
    preprocessed: str | Path | None = None,
    compiled: bool = False,
) -> Iterator[Path]:
    """Set nnU-Net's environment to a temporary workspace; what the user's shell sets for nnU-Net does not count.

    nnU-Net reads some of these variables on import: import it inside the block. Where one of the shell had another value
    the log says so.

    Parameters
    ----------
    threads : int
        What nnU-Net takes as its number of processes.
    raw, preprocessed : path, optional
        Folders to show to nnU-Net as the raw and preprocessed `DATASET`.
    compiled : bool
        Whether a training compiles its network.

    Yields
    ------
    Path
        The workspace, with the folders ``nnUNet_raw``, ``nnUNet_preprocessed`` and ``nnUNet_results``.
    """
    with temporary_folder("nnunet") as name:
        workspace = Path(name)
        variables = nnunet_variables(threads, compiled)
        for variable, target in (
            ("nnUNet_raw", raw),
            ("nnUNet_preprocessed", preprocessed),
            ("nnUNet_results", None),
        ):
            folder = workspace / variable
            folder.mkdir()
            if target is not None:
                (folder / DATASET).symlink_to(Path(target).resolve(), target_is_directory=True)
            variables[variable] = str(folder)
        for name in unused_variables(variables):
            print(f"{name} of the environment is not used; a study sets what nnU-Net does", flush=True)
        with environment(variables):
            yield workspace


def unused_variables(variables: Mapping[str, str | None]) -> list[str]:
    """Names of variables of the user's shell that have another value than those that are set in their place, sorted.

    Their values are nobody's business: they are folders of a user, or keys of a server.

    Parameters
    ----------
    variables : mapping
        What is set, as `nnunet_variables` gives it.
    """
    return sorted(name for name in variables if name in os.environ and os.environ[name] != variables[name])


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables, those that are None to nothing, and put back what stood there before."""
    before = {variable: os.environ.get(variable) for variable in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for variable, value in variables.items():
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value


@contextmanager
def threads_for_processes(module: ModuleType) -> Iterator[None]:
    """Let an nnU-Net module that spawns processes use threads.

    A spawned process imports the main script again, which a Snakemake script does not survive,
    and takes seconds to import torch; reading and compressing release the interpreter lock anyway.
    """
    namespace = vars(module)
    original = namespace["multiprocessing"]
    namespace["multiprocessing"] = SimpleNamespace(
        get_context=lambda method: SimpleNamespace(Pool=ThreadPool)
    )
    try:
        yield
    finally:
        namespace["multiprocessing"] = original
