"""Rights of what is written: those of any new file under the user's umask, whichever library fills it."""

from __future__ import annotations

import os
import stat

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from synthaug.core.artifacts import atomic_file, atomic_folder, write_json
from synthaug.core.disk import reserved_memmap
from synthaug.data.cohort import write_cohort, write_subject
from synthaug.jobs.checkpoints import save_checkpoint

FOLDER, FILE = 0o777, 0o666


@pytest.fixture(params=[0o077, 0o002, 0o022], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_written_has_the_rights_of_the_umask(tmp_path, umask):
    root = tmp_path / "results"
    with atomic_folder(root / "cohort") as folder:
        write_subject(folder / "sub-a", np.zeros((2, 3, 4, 4)), {0: np.zeros((3, 4, 4), np.uint8)}, (8, 2, 2))
        write_cohort(folder, "c", "real", [{"subject": "a"}], (8, 2, 2))
        reserved_memmap(folder / "images.npy", np.int16, (2, 2))
    write_json(root / "record.json", {})
    save_checkpoint(root / "checkpoints", 1, {"identity": {}, "weights": torch.zeros(2)})
    with atomic_file(root / "model.safetensors") as temporary:
        save_file({"weights": torch.zeros(2)}, temporary)
    with atomic_file(root / "rows.parquet") as temporary:
        pd.DataFrame({"a": [1]}).to_parquet(temporary)
    with atomic_file(root / "features.npz") as temporary, temporary.open("wb") as stream:
        np.savez(stream, a=np.zeros(2))
    found = {path.relative_to(root).as_posix(): mode(path) for path in root.rglob("*")}
    folders = {"cohort", "cohort/sub-a", "checkpoints"}
    assert folders < found.keys() and len(found) == 15
    assert found == {name: (FOLDER if name in folders else FILE) & ~umask for name in found}


def test_a_folder_keeps_the_group_that_a_shared_folder_hands_down(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2775)  # as groups set it up: new files and folders belong to the folder's group
    with atomic_folder(shared / "cohort") as folder:
        (folder / "a").touch()
    assert mode(shared / "cohort") & stat.S_ISGID


def test_a_file_that_replaces_another_has_the_rights_of_today(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, 1)
    path.chmod(0o600)
    before = os.umask(0o022)
    try:
        write_json(path, 2)
    finally:
        os.umask(before)
    assert mode(path) == 0o644
