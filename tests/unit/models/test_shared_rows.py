"""Processes of a training share the encoding of its cines, and each has what one alone would have, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import shared_encoding
import torch
from tiny_models import write_store

from synthaug.models.shared_rows import shared_rows


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three subjects: two for the first process, one for the second."""
    return write_store(tmp_path_factory.mktemp("store") / "store", subjects=3, n_slices=2)


@pytest.fixture(scope="module")
def alone(store):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as each of the two processes
    try:
        return shared_encoding.prepare(store)
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def told(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = str(Path(shared_encoding.__file__))
    subprocess.run(
        [*torchrun, script, str(store), str(folder)], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return [torch.load(folder / f"{process}.pt") for process in range(2)]


def test_each_process_encodes_its_subjects_alone(alone, told):
    copies = shared_encoding.COPIES
    assert alone["cines"] == 3 * copies
    assert [part["cines"] for part in told] == [2 * copies, copies]


def test_both_have_what_one_process_encodes_bit_for_bit(alone, told):
    for part in told:
        assert part["geometries"] == alone["geometries"]
        assert part["arrays"].keys() == alone["arrays"].keys()
        for name, array in alone["arrays"].items():
            assert array.dtype == part["arrays"][name].dtype, name
            assert array.equal(part["arrays"][name]), name
    # Subjects and copies differ: rows in another order would be found.
    mean = alone["arrays"]["mean"]
    assert not mean[0, 0].equal(mean[0, 1]) and not mean[0, 0].equal(mean[1, 0])


def test_one_process_takes_all_rows_in_order():
    assert list(shared_rows(3, [], torch.device("cpu"))) == [0, 1, 2]
    assert list(shared_rows(0, [], torch.device("cpu"))) == []
