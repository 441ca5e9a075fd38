"""The rehearsal of segmenters: a step takes what a real one of nnU-Net's trainer takes, by nnU-Net's own plan."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from checkout import REPOSITORY
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils.flop_counter import FlopCounterMode

from synthaug.config.study import load_study
from synthaug.core.leftovers import temporary_folder
from synthaug.jobs.interruption import Interruption
from synthaug.rehearsal import rehearse_segmenters as rehearsal
from synthaug.rehearsal.backward import backward
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.rehearse_segmenters import rehearse_segmenters, say_segmenter
from synthaug.rehearsal.step_cost import without_driver
from synthaug.tasks.segmentation.nnunet_classes import plain_trainer_class, trainer_class
from synthaug.tasks.segmentation.workspace import nnunet_workspace


def tiny_study(**changes):
    content = yaml.safe_load((REPOSITORY / "config/studies/tiny.yaml").read_text(encoding="utf-8"))
    content["tasks"]["segmentation"] |= changes
    return load_study(content)


def real_step(plans, description, configuration, patch, batch_size):
    """Parameters of nnU-Net's network, and operations of a real forward and backward pass on the CPU."""
    with nnunet_workspace(1):
        trainer = plain_trainer_class("nnUNetTrainer")(
            {**plans, "continue_training": False}, configuration, 0, description, torch.device("cpu")
        )
        network = trainer.build_network_architecture(
            trainer.plans_manager, trainer.configuration_manager, 1, 4, True
        )
        loss_of = trainer._build_loss()
    with FlopCounterMode(display=False) as counter:
        scales = network(torch.rand(batch_size, 1, *patch))
        masks = [torch.randint(0, 4, (batch_size, 1, *scale.shape[2:])) for scale in scales]
        loss_of(scales, masks).backward()
    return sum(part.numel() for part in network.parameters()), counter.get_total_flops()


def test_a_rehearsed_step_takes_what_a_real_one_takes(monkeypatch):
    plans = []
    plan = rehearsal._plan
    monkeypatch.setattr(rehearsal, "_plan", lambda *given: plans.append(plan(*given)) or plans[-1])
    study = tiny_study(configuration="2d+3d_fullres", batch_size=None)
    found = list(rehearse_segmenters(study))
    assert [configuration for _, configuration, _ in found] == ["2d", "3d_fullres"]
    for name, configuration, step in found:
        planned = plans[0][0]["configurations"][configuration]
        assert (step.batch_size, list(step.patch)) == (planned["batch_size"], planned["patch_size"])
        parameters, flops = real_step(*plans[0], configuration, step.patch, step.batch_size)
        assert step.cost.parameters == parameters
        assert step.cost.flops == pytest.approx(flops, rel=0.02)
        # Weights, gradients and momentum in float32.
        assert step.cost.weight_bytes == 3 * 4 * parameters
        line = say_segmenter(study, name, configuration, step, 0.05)
        assert f"{step.batch_size} of {' x '.join(map(str, step.patch))}" in line and "GiB" in line
    # Batches of 2d are as large as memory lets them be, not as a few cases do.
    assert found[0][2].batch_size > 100


def test_the_trainer_takes_a_whole_step_on_the_gpu_and_waits_once(monkeypatch):
    """nnU-Net's own `train_step`: float16, loss scaling, clipping, SGD with momentum; its loss is all that the host reads.

    Left out is whether scaled gradients are finite, which the scaler asks the GPU for: here they count as finite.
    """
    study = tiny_study(configuration="2d", batch_size=4)
    (task,) = (task for task in study.tasks.values() if task.kind == "segmentation")
    with temporary_folder("plan") as folder, redirect_stdout(io.StringIO()):
        plans, description = rehearsal._plan(study, task, Path(folder))
    with nnunet_workspace(1):
        trainer = trainer_class("nnUNetTrainer")(
            {**plans, "continue_training": False}, "2d", 0, description, torch.device("cpu")
        )
        trainer._momentum, trainer._interruption, trainer._iteration = 0.9, Interruption(), 0
        trainer._sources, trainer.draws = {"a": "real", "b": "synthetic"}, {"real": 0, "synthetic": 0}
        trainer._progress, trainer._latest = lambda *_: None, ""
        trainer.network = trainer.build_network_architecture(
            trainer.plans_manager, trainer.configuration_manager, 1, 4, True
        )
        trainer.loss = trainer._build_loss()
        planned = trainer.configuration_manager
        read = torch.Tensor.numpy
        monkeypatch.setattr(torch.Tensor, "backward", backward)
        monkeypatch.setattr(
            torch.Tensor, "numpy", lambda part: np.zeros(()) if isinstance(part, FakeTensor) else read(part)
        )
        monkeypatch.setattr(torch.amp.GradScaler, "step", lambda _, optimiser: optimiser.step())
        monkeypatch.setattr(torch.amp.GradScaler, "update", lambda _: None)
        with FakeCuda() as gpu, without_driver():
            move(trainer.network)
            trainer.device = torch.device("cuda")
            trainer.grad_scaler = torch.amp.GradScaler("cuda")
            trainer.optimizer, _ = trainer.configure_optimizers()
            patch = tuple(planned.patch_size)
            scales = trainer._get_deep_supervision_scales()
            batch = {
                "data": torch.zeros(4, 1, *patch),
                "target": [
                    torch.zeros(4, 1, *(round(n * s) for n, s in zip(patch, scale, strict=True)))
                    for scale in scales
                ],
                "keys": ["a", "a", "b", "a"],
            }
            assert trainer.train_step(batch) == {"loss": 0}
            assert (gpu.copies, gpu.uploads) == (1, 0)
            kept = trainer.optimizer.state
            stepped = [part for part in trainer.network.parameters() if part.grad is not None]
            # Weight and bias of the coarsest masks, which nnU-Net's loss leaves out, have no gradient.
            assert len(stepped) == len(list(trainer.network.parameters())) - 2
            moving = [kept[part]["momentum_buffer"] for part in stepped]
            assert {part.device.type for part in moving} == {"cuda"}
            assert [part.shape for part in moving] == [part.shape for part in stepped]
    assert trainer.draws == {"real": 3, "synthetic": 1}


def test_a_trainer_from_outside_is_named_and_not_imported():
    study = tiny_study(trainer="nowhere_at_all:Trainer")
    ((name, configuration, why),) = rehearse_segmenters(study)
    assert (name, configuration) == ("segmentation", "2d") and "trainer from outside nnU-Net" in why
    assert "not rehearsed" in say_segmenter(study, name, configuration, why, 0.05)
