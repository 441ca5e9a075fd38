"""Losses of several steps read at once: the same training, and nothing is kept that was not looked at."""

from __future__ import annotations

from types import SimpleNamespace

import line_fit
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch._subclasses.fake_tensor import FakeTensor

from synthaug.core.errors import SynthaugError
from synthaug.jobs.interruption import Interruption
from synthaug.rehearsal.backward import backward
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.step_cost import without_driver
from synthaug.training import loop as training_loop
from synthaug.training import train
from synthaug.training.devices import make_accelerator
from synthaug.training.loop import STEPS_READ_TOGETHER, Loop

STEPS = 7


class Counting(line_fit.Line):
    """A line fit that counts its steps in a buffer, and has a loss that is not a number in one of them."""

    def __init__(self, broken_at: int = -1) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.broken_at = broken_at

    def loss(self, batch, generator, iteration):
        self.broken = iteration == self.broken_at
        self.steps += 1
        return super().loss(batch, generator, iteration)[0], {"steps": self.steps}


@pytest.fixture
def read(monkeypatch):
    """How many numbers were read each time."""
    sizes, read_on_host = [], training_loop.read_on_host

    def counted(parts):
        sizes.append(sum(map(len, parts)))
        return read_on_host(parts)

    monkeypatch.setattr(training_loop, "read_on_host", counted)
    return sizes


def loop_of(together, broken_at=-1):
    training = line_fit.TRAINING.model_copy(update={"iterations": STEPS, "accumulation": 1})
    return Loop(Counting(broken_at), training, make_accelerator("float32"), together=together)


def steps(loop, count=STEPS, interruption=None):
    return [loop.step(step, line_fit.SUBJECTS, 0, interruption or Interruption()) for step in range(count)]


def test_the_training_and_its_history_are_the_same(read):
    each, some = loop_of(1), loop_of(3)
    assert not any(steps(each)) and read == [3] * 7  # loss, steps and the gradient's norm
    read.clear()
    assert not any(steps(some)) and read == [9, 9, 3]  # and at the end
    assert each.rows == some.rows and [row["steps"] for row in some.rows] == [1, 2, 3, 4, 5, 6, 7]
    pairs = zip(each.model.parameters(), some.model.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)


def test_a_loss_that_is_not_a_number_is_found_at_the_next_reading_and_nothing_is_kept_until_then():
    loop = loop_of(3, broken_at=3)
    steps(loop, 5)
    assert not loop.settled
    with pytest.raises(AssertionError):
        loop.state()
    with pytest.raises(SynthaugError, match=r"the loss is nan .* at iteration 3, on s\d, s\d, s\d, s\d;"):
        loop.step(5, line_fit.SUBJECTS, 0, Interruption())


def test_one_process_heeds_a_request_to_stop_at_once(tmp_path):
    loop, interruption = loop_of(3), Interruption(tmp_path / "stop")
    assert loop.step(0, line_fit.SUBJECTS, 0, interruption) is False and not loop.settled
    (tmp_path / "stop").touch()
    assert loop.step(1, line_fit.SUBJECTS, 0, interruption) is True and loop.settled
    assert [row["iteration"] for row in loop.rows] == [1, 2]


def test_checkpoints_are_of_what_was_read(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(train, "CheckpointTimes", lambda _: SimpleNamespace(due=True, saved=lambda: None))
    monkeypatch.setattr(train, "save_checkpoint", lambda _, iteration, state: kept.append(iteration))
    assert not train.take_steps(loop_of(3), line_fit.SUBJECTS, 0, tmp_path, {})
    assert kept == [3, 6]


class Drawing(line_fit.Line):
    """A line fit that leaves everything on its device."""

    def loss(self, batch, generator, iteration):
        return (self.network(batch["x"]) - (3 * batch["x"] - 1)).square().mean(), {}


def test_the_host_waits_for_the_gpu_twice_in_eight_steps(monkeypatch):
    """Once in `STEPS_READ_TOGETHER` steps, for all of their losses; batches are copied without a wait."""
    # A fake GPU has no values; reading them is one copy to the host all the same.
    monkeypatch.setattr(FakeTensor, "tolist", lambda tensor: [1.0] * len(tensor.cpu()))
    monkeypatch.setattr(Accelerator, "backward", lambda _, loss: backward(loss))
    AcceleratorState._reset_state(reset_partial_state=True)
    training = line_fit.TRAINING.model_copy(update={"iterations": 8})
    with FakeCuda() as gpu, without_driver():
        model = Drawing()
        move(model)
        accelerator = Accelerator(cpu=True, device_placement=False)
        loop = Loop(model, training, accelerator, together=STEPS_READ_TOGETHER)
        assert not any(steps(loop, 8))
        assert (gpu.copies, gpu.uploads) == (2, 0)
