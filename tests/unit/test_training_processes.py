"""Two processes train as one: the same data, one file, one end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import line_fit
import psutil
import pytest
from safetensors.torch import load_file
from tiny_models import train, write_store

from synthaug.errors import SynthaugError
from synthaug.training import INTERRUPTED


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What each of two processes saw; the loss of the second is not a number in the second step."""
    folder = tmp_path_factory.mktemp("told")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = str(Path(line_fit.__file__))
    subprocess.run(
        [*torchrun, script, str(folder), "1"], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return [json.loads((folder / f"{process}.json").read_text()) for process in range(2)]


def test_the_parts_of_two_processes_make_the_batches_of_one(told):
    alone = line_fit.fit()
    assert [first + second for first, second in zip(told[0]["seen"], told[1]["seen"], strict=True)] == alone[
        "seen"
    ]


def test_the_gradient_of_a_mean_without_noise_is_that_of_one_process(told):
    alone = line_fit.fit()
    assert told[0]["gradient"] == told[1]["gradient"] == pytest.approx(alone["gradient"], rel=1e-6)
    assert told[0]["weights"] == told[1]["weights"] == pytest.approx(alone["weights"], rel=1e-6)


def test_buffers_follow_the_first_process(told):
    # Each process draws another number into its buffer; in the second step both start from the first's.
    assert told[0]["buffers"][2] == told[1]["buffers"][2] != 0


def test_a_loss_that_is_not_a_number_stops_both_and_names_the_subjects_of_the_one(told):
    assert told[0]["error"] == told[1]["error"]
    among = {line_fit.SUBJECTS[index] for part in told[1]["seen"][2:] for index in part}
    assert f"on {', '.join(sorted(among))};" in told[0]["error"]


def test_one_worker_is_signalled_both_stop_and_the_next_run_ends_as_if_nothing_had_happened(store, tmp_path):
    settings = {"iterations": 16, "processes": 2}
    whole = train("autoencoder", store, tmp_path / "whole", **settings)
    record = json.loads((tmp_path / "whole" / "training.json").read_text())
    assert record["processes"] == 2 and record["subjects_per_step"] == 2

    checkpoints = tmp_path / "halved" / "checkpoints"
    signaller = threading.Thread(target=_signal_second_worker, args=(checkpoints,))
    signaller.start()
    with pytest.raises(SystemExit) as stopped:
        train("autoencoder", store, tmp_path / "halved", **settings)
    signaller.join()
    assert stopped.value.code == INTERRUPTED
    assert list(checkpoints.glob("*.pt")) and not (tmp_path / "halved" / "model.safetensors").exists()

    resumed = train("autoencoder", store, tmp_path / "halved", **settings)
    first, second = load_file(whole), load_file(resumed)
    assert first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
    assert not checkpoints.exists()


def _signal_second_worker(checkpoints: Path) -> None:
    """Send SIGUSR1 to worker 1 as soon as there is a checkpoint."""
    deadline = time.monotonic() + 300
    while not any(checkpoints.glob("*.sha256")) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in psutil.Process().children(recursive=True):
        if process.environ().get("RANK") == "1":
            process.send_signal(signal.SIGUSR1)


def test_what_all_workers_refuse_is_one_line_here(store, tmp_path):
    with pytest.raises(SynthaugError, match="float16 needs a GPU"):
        train("autoencoder", store, tmp_path, precision="float16", processes=2)


def test_a_batch_that_cannot_be_shared_is_refused(store, tmp_path):
    with pytest.raises(SynthaugError, match=r"batch_size 2 cannot be shared by 3 processes"):
        train("autoencoder", store, tmp_path, processes=3)
