"""The folders and environment that nnU-Net expects, for as long as one call lasts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import ModuleType, SimpleNamespace

#: Every arm is nnU-Net's dataset 1 in a workspace of its own, so that one plan fits all arms unchanged.
DATASET = "Dataset001_Cine"
PLANS = "nnUNetPlans"


@contextmanager
def nnunet_workspace(
    threads: int, raw: str | Path | None = None, preprocessed: str | Path | None = None
) -> Iterator[Path]:
    """Set nnU-Net's environment to a temporary workspace.

    nnU-Net reads some of these variables on import: import it inside the block.

    Parameters
    ----------
    threads : int
        What nnU-Net takes as its number of processes.
    raw, preprocessed : path, optional
        Folders to show to nnU-Net as the raw and preprocessed `DATASET`.

    Yields
    ------
    Path
        The workspace, with the folders ``nnUNet_raw``, ``nnUNet_preprocessed`` and ``nnUNet_results``.
    """
    with tempfile.TemporaryDirectory(prefix="nnunet-") as name:
        workspace = Path(name)
        variables = {"nnUNet_def_n_proc": str(threads)}
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
        with environment(variables):
            yield workspace


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables and put back what stood there before."""
    before = {variable: os.environ.get(variable) for variable in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
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
