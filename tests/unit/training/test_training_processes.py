"""Two processes train as one: the same data, one file, one end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import line_fit
import psutil
import pytest
from safetensors.torch import load_file
from tiny_models import train, write_store

from synthaug.core.errors import SynthaugError
from synthaug.jobs.interruption import INTERRUPTED


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


def test_interrupted_twice_they_end_as_if_nothing_had_happened(store, tmp_path):
    settings = {"iterations": 12, "processes": 2}
    whole = train("autoencoder", store, tmp_path / "whole", **settings)
    record = json.loads((tmp_path / "whole" / "training.json").read_text())
    assert record["processes"] == 2 and record["subjects_per_step"] == 2

    folder = tmp_path / "halted"
    for send in (_signal_the_launcher, _signal_the_second_worker):
        with _beside(send), pytest.raises(SystemExit) as stopped:
            train("autoencoder", store, folder, **settings)
        assert stopped.value.code == INTERRUPTED and not (folder / "model.safetensors").exists()
        # Even one that is asked before it begins does a step: a job that is always preempted gets on.
        assert any((folder / "checkpoints").glob("*.pt"))

    resumed = train("autoencoder", store, folder, **settings)
    first, second = load_file(whole), load_file(resumed)
    assert first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
    assert not (folder / "checkpoints").exists()


@contextmanager
def _beside(send: Callable[[threading.Event], None]) -> Iterator[None]:
    over = threading.Event()
    sender = threading.Thread(target=send, args=(over,))
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


def _signal_the_launcher(over: threading.Event) -> None:
    """Once, as soon as it started torchrun; no worker listens yet."""
    while not over.wait(0.02):
        if psutil.Process().children():
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _signal_the_second_worker(over: threading.Event) -> None:
    """Again and again: it does not listen from the start."""
    while not over.wait(0.02):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if process.environ().get("RANK") == "1":
                    process.send_signal(signal.SIGUSR1)


def test_what_all_workers_refuse_is_one_line_here(store, tmp_path):
    with pytest.raises(SynthaugError, match="float16 needs a GPU"):
        train("autoencoder", store, tmp_path, precision="float16", processes=2)


def test_a_batch_that_cannot_be_shared_is_refused(store, tmp_path):
    with pytest.raises(SynthaugError, match=r"batch_size 2 cannot be shared by 3 processes"):
        train("autoencoder", store, tmp_path, processes=3)


@pytest.mark.parametrize("kind", ["patient_recogniser", "phenotype_vae", "text_encoder"])
def test_a_share_that_has_no_variance_is_refused(store, tmp_path, kind):
    with pytest.raises(SynthaugError, match="batch_size 2 leaves 1 to each of 2 processes, which need 2"):
        train(kind, store, tmp_path, processes=2)
