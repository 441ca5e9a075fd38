"""The training loop: it learns, resumes bit for bit, stops when asked, and says what went wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal

import line_fit
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import train, write_store

from synthaug.config.training import TrainingSettings
from synthaug.core.errors import SynthaugError
from synthaug.jobs.checkpoints import steps_of
from synthaug.jobs.interruption import INTERRUPTED, Interruption
from synthaug.models.autoencoder import Autoencoder
from synthaug.training.devices import compiled_graphs, make_accelerator
from synthaug.training.loop import Loop
from synthaug.training.schedule import derive_seed, draw_indices, learning_rate, share


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def uninterrupted(store, tmp_path_factory):
    return train("autoencoder", store, tmp_path_factory.mktemp("whole"))


def same_weights(first, second):
    first, second = load_file(first), load_file(second)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_training_is_repeatable_bit_for_bit(store, uninterrupted, tmp_path):
    again = train("autoencoder", store, tmp_path)
    assert again.read_bytes() == uninterrupted.read_bytes()


def stop_after(monkeypatch, iteration, how):
    """Call `how` in the loss of an iteration."""
    loss = Autoencoder.loss

    def stopping(self, batch, generator, now):
        if now == iteration:
            how()
        return loss(self, batch, generator, now)

    monkeypatch.setattr(Autoencoder, "loss", stopping)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_checkpoints_and_the_next_run_resumes_bit_for_bit(
    store, uninterrupted, tmp_path, monkeypatch, number
):
    with monkeypatch.context() as patch:
        stop_after(patch, 2, lambda: os.kill(os.getpid(), number))
        with pytest.raises(SystemExit) as stopped:
            train("autoencoder", store, tmp_path)
    assert stopped.value.code == INTERRUPTED and not (tmp_path / "model.safetensors").exists()
    assert list((tmp_path / "checkpoints").glob("*-000000003.pt"))
    train("autoencoder", store, tmp_path)
    assert same_weights(tmp_path / "model.safetensors", uninterrupted)
    assert not (tmp_path / "checkpoints").exists()


@pytest.fixture
def a_minute_a_step(monkeypatch):
    """The clock of checkpoints, by which each step takes a minute."""
    clock, step = {"seconds": 0.0}, Loop.step

    def slow(self, *arguments):
        clock["seconds"] += 60
        return step(self, *arguments)

    monkeypatch.setattr(Loop, "step", slow)
    monkeypatch.setattr("synthaug.jobs.checkpoint_times.monotonic", lambda: clock["seconds"])


def killed():
    raise KeyError("killed")


def test_a_hard_kill_loses_only_what_came_after_the_checkpoint(
    store, uninterrupted, tmp_path, monkeypatch, a_minute_a_step
):
    with monkeypatch.context() as patch:
        stop_after(patch, 3, killed)
        with pytest.raises(KeyError):
            train("autoencoder", store, tmp_path, checkpoint_minutes=2)
    seen = []
    stop_after(monkeypatch, 2, lambda: seen.append(2))
    train("autoencoder", store, tmp_path)  # how often it is saved is no part of what it is
    assert seen == [2] and same_weights(tmp_path / "model.safetensors", uninterrupted)


def test_minutes_decide_when_a_training_is_saved_not_steps(store, tmp_path, monkeypatch, a_minute_a_step):
    stop_after(monkeypatch, 3, killed)
    for minutes, saved in [(1, [2, 3]), (1.5, [2]), (3, [3]), (10, [])]:
        folder = tmp_path / str(minutes)
        with pytest.raises(KeyError):
            train("autoencoder", store, folder, checkpoint_minutes=minutes)
        assert [
            steps_of(path) for path in sorted(folder.glob("checkpoints/*.pt"))
        ] == saved  # the last two are kept


def test_a_damaged_checkpoint_is_not_read(store, uninterrupted, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit):
            train("autoencoder", store, tmp_path)
    newest = max((tmp_path / "checkpoints").glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:-100])
    train("autoencoder", store, tmp_path)
    assert same_weights(tmp_path / "model.safetensors", uninterrupted)


def interrupt(store, folder, monkeypatch):
    """Leave a checkpoint after 3 of 4 iterations."""
    with monkeypatch.context() as patch:
        stop_after(patch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit):
            train("autoencoder", store, folder)


def resumed_at(folder):
    return json.loads((folder / "training.json").read_text())["resumed_at"]


def test_the_record_says_from_where_a_training_was_resumed(store, uninterrupted, tmp_path, monkeypatch):
    interrupt(store, tmp_path, monkeypatch)
    train("autoencoder", store, tmp_path)
    assert (resumed_at(uninterrupted.parent), resumed_at(tmp_path)) == ([], [3])


def test_a_checkpoint_of_other_voxels_is_not_resumed(tmp_path, monkeypatch, capsys):
    store = write_store(tmp_path / "store")
    interrupt(store, tmp_path, monkeypatch)
    shutil.rmtree(store)
    shutil.rmtree(tmp_path / "store-cohort")
    write_store(store, seed=1)  # the same subjects
    train("autoencoder", store, tmp_path)
    assert resumed_at(tmp_path) == [] and "not used, it is of other data" in capsys.readouterr().err


def test_a_checkpoint_of_other_code_is_not_resumed(store, tmp_path, monkeypatch, capsys):
    interrupt(store, tmp_path, monkeypatch)
    monkeypatch.setattr("synthaug.training.train.package_code", lambda modules: "edited")
    train("autoencoder", store, tmp_path)
    assert resumed_at(tmp_path) == [] and "not used, it is of other code" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "slice_mask.npy", "subjects.tsv"])
def test_a_flipped_bit_of_the_store_ends_a_training_before_it_starts(tmp_path, name):
    store = write_store(tmp_path / "store")
    content = bytearray((store / name).read_bytes())
    content[-3] ^= 1
    (store / name).write_bytes(content)
    # The reader of a table compares its own checksum before.
    table = r"damaged or cut short \(it is not what was written, .*\); restore it, or remove .* run again"
    packed = "not what was packed .*; remove .*store and run again"
    said = table if name == "subjects.tsv" else packed
    with pytest.raises(SynthaugError, match=rf"{name}: {said}"):
        train("autoencoder", store, tmp_path)


def test_a_loss_that_is_not_a_number_stops_and_names_the_subjects(
    store, tmp_path, monkeypatch, a_minute_a_step
):
    loss = Autoencoder.loss

    def broken(self, batch, generator, now):
        value, terms = loss(self, batch, generator, now)
        return (value * float("nan"), terms) if now == 3 else (value, terms)

    monkeypatch.setattr(Autoencoder, "loss", broken)
    with pytest.raises(SynthaugError, match=r"the loss is nan .* on h\d, h\d"):
        train("autoencoder", store, tmp_path, checkpoint_minutes=2)
    assert list((tmp_path / "checkpoints").glob("*-000000002.pt"))
    assert not (tmp_path / "model.safetensors").exists()


def test_the_record_says_what_was_done(uninterrupted):
    record = json.loads(uninterrupted.with_name("training.json").read_text())
    history = pd.read_csv(uninterrupted.with_name("history.csv"))
    assert record["iterations"] == 4 and record["seen"] == ["h0", "h1", "h2", "h3"]
    assert {"psnr_db", "dice_LV", "dice_MYO"} <= set(record["figures"])
    assert history["iteration"].tolist() == [1, 2, 3, 4] and history["loss"].notna().all()

    assert (record["processes"], record["precision"], record["compiled"]) == (1, "float32", False)
    assert record["subjects_per_step"] == 2


def test_training_lowers_the_loss(store, tmp_path):
    train("autoencoder", store, tmp_path, iterations=80, learning_rate=5e-3)
    losses = pd.read_csv(tmp_path / "history.csv")["loss"]
    assert losses.iloc[-20:].mean() < 0.8 * losses.iloc[:20].mean()


def test_every_subject_comes_once_an_epoch():
    drawn = [index for position in range(10) for index in draw_indices(4, 2, position, seed=3)]
    epochs = [sorted(drawn[start : start + 4]) for start in range(0, 20, 4)]
    assert epochs == [[0, 1, 2, 3]] * 5
    assert drawn[:4] != drawn[4:8] or drawn[4:8] != drawn[8:12]


def test_learning_rate_rises_linearly_and_falls_to_its_floor():
    settings = TrainingSettings(
        iterations=110, warmup_iterations=10, learning_rate=1.0, final_learning_rate=0.1
    )
    assert learning_rate(settings, 0) == pytest.approx(0.1) and learning_rate(settings, 9) == pytest.approx(
        1.0
    )
    assert learning_rate(settings, 60) == pytest.approx(0.55)  # half way down the cosine
    assert learning_rate(settings, 110) == pytest.approx(0.1)


def test_processes_share_a_batch_in_its_order():
    assert [share([4, 2, 7, 1, 0, 5], process, 3) for process in range(3)] == [[4, 2], [7, 1], [0, 5]]
    seeds = {derive_seed(0, iteration, process) for iteration in range(4) for process in range(4)}
    assert len(seeds) == 16  # nobody draws another's noise


def test_bfloat16_trains_and_keeps_weights_in_float32(store, uninterrupted, tmp_path):
    weights = train("autoencoder", store, tmp_path, precision="bfloat16")
    assert json.loads((tmp_path / "training.json").read_text())["precision"] == "bfloat16"
    rounded, exact = load_file(weights), load_file(uninterrupted)
    assert {value.dtype for value in rounded.values()} == {torch.float32}
    assert any(not torch.equal(rounded[name], exact[name]) for name in exact)
    assert all(torch.allclose(rounded[name], exact[name], atol=5e-3) for name in exact)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_float16_without_a_gpu_is_refused(store, tmp_path):
    with pytest.raises(SynthaugError, match=r"training\.precision: float16 needs a GPU"):
        train("autoencoder", store, tmp_path, precision="float16")


def scaled_loop(scale):
    """The line fit in float16 as accelerate sets it up on a GPU, here on a CPU."""
    accelerator = make_accelerator("float16")
    accelerator.native_amp, accelerator.scaler = True, torch.amp.GradScaler("cpu", init_scale=scale)
    return Loop(line_fit.Line(), line_fit.TRAINING, accelerator)


def test_float16_skips_a_step_that_overflows_and_a_resumed_run_knows_the_smaller_scale():
    loop = scaled_loop(2.0**40)
    loop.step(0, line_fit.SUBJECTS, 0, Interruption())
    assert [parameter.item() for parameter in loop.model.parameters()] == [0, 0]
    assert loop.state()["scaler"]["scale"] == 2.0**39
    resumed = scaled_loop(8.0)
    resumed.resume(loop.state())
    assert resumed.iteration == 1 and resumed.state()["scaler"]["scale"] == 2.0**39


def test_float16_learns_what_float32_learns():
    loop = scaled_loop(8.0)
    loop.step(0, line_fit.SUBJECTS, 0, Interruption())
    assert [parameter.item() for parameter in loop.model.parameters()] == pytest.approx(
        line_fit.fit()["weights"], rel=1e-2
    )


def test_float16_whose_loss_itself_overflows_is_refused():
    loop = scaled_loop(1.0)
    loop.model.network.weight.data.fill_(1e5)  # infinite in float16
    with pytest.raises(SynthaugError, match=r"the loss is (inf|nan)"):
        loop.step(0, line_fit.SUBJECTS, 0, Interruption())


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "c++", "clang++"))), reason="no C++ compiler")
def test_a_compiled_training_gives_the_same_weights_to_rounding_by_the_same_names():
    before = compiled_graphs()
    plain = line_fit.fit()
    assert compiled_graphs() == before
    compiled = line_fit.fit(compile="on")
    assert compiled_graphs() > 0
    assert (plain["compiled"], compiled["compiled"]) == (False, True)
    assert compiled["weights"] == pytest.approx(plain["weights"], rel=1e-5)
    assert compiled["names"] == plain["names"]


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "c++", "clang++"))), reason="no C++ compiler")
def test_the_record_says_compiled_only_of_a_training_that_compiled(tmp_path, monkeypatch):
    """The autoencoder calls methods of its network alone, which are not compiled, after a model that calls its parts."""
    compile_part = torch.nn.Module.compile
    # Graphs are found and counted by the same means; nothing is translated to C++, which takes minutes.
    monkeypatch.setattr(torch.nn.Module, "compile", lambda part: compile_part(part, backend="eager"))
    store = write_store(tmp_path / "train", subjects=2, n_slices=2)
    for kind, compiled in (("patient_recogniser", True), ("masked_autoencoder", False)):
        weights = train(kind, store, tmp_path / kind, iterations=1, compile="on")
        assert json.loads(weights.with_name("training.json").read_text())["compiled"] is compiled, kind


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(SynthaugError, match="2 GPUs requested, 1 visible"):
        make_accelerator("float32")


def test_compiling_without_a_compiler_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(SynthaugError, match=r"training\.compile: on needs a C\+\+ compiler"):
        train("autoencoder", store, tmp_path, compile="on")


def test_signal_handlers_are_given_back(store, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train("autoencoder", store, tmp_path, iterations=1)
    assert signal.getsignal(signal.SIGTERM) is before
    assert INTERRUPTED == 85
