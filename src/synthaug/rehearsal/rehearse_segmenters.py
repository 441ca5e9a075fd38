"""Every segmenter of a study takes a step on a fake GPU: nnU-Net plans it, and its trainer makes network and loss."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.study import StudySettings
from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import read_json, write_tsv
from synthaug.core.leftovers import temporary_folder
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import random_store
from synthaug.rehearsal.rehearse import PEAKS, SHOWN, hours_of
from synthaug.rehearsal.step_cost import StepCost, count_passes, storages, tensors_of
from synthaug.runs import arm_runs
from synthaug.tasks.segmentation.cases import case_name, write_volume
from synthaug.tasks.segmentation.nnunet_classes import plain_trainer_class
from synthaug.tasks.segmentation.plan import make_plan
from synthaug.tasks.segmentation.training_set import write_descriptions
from synthaug.tasks.segmentation.workspace import PLANS, nnunet_workspace

_SUBJECTS = 2  # whose ED and ES frames nnU-Net plans from
#: That they stand for: of fewer than some hundred nnU-Net makes batches smaller than memory allows.
_CASES = 1000


class SegmenterStep(NamedTuple):
    """A training step of a network of a segmentation task.

    Attributes
    ----------
    patch : tuple of int
        Planned patch: rows and columns, before them slices.
    batch_size : int
        Planned patches a step.
    cost : StepCost
        What it takes, in the float16 of nnU-Net's trainer.
    """

    patch: tuple[int, ...]
    batch_size: int
    cost: StepCost


def rehearse_segmenters(study: StudySettings) -> Iterator[tuple[str, str, SegmenterStep | str]]:
    """Task, configuration and step of each network of nnU-Net, or why it is not rehearsed.

    The plan is nnU-Net's own, for many stacks that fill the study's grid: of patients with fewer slices it plans a smaller patch, of
    few patients a smaller batch.
    """
    for name, task in study.tasks.items():
        if not isinstance(task, SegmentationSettings):
            continue
        outside = [key for key in ("planner", "trainer") if ":" in getattr(task, key)]
        if outside:
            yield name, task.configuration, f"{outside[0]} from outside nnU-Net: not rehearsed"
            continue
        with temporary_folder("plan") as folder, redirect_stdout(io.StringIO()):  # nnU-Net tells much
            plans, description = _plan(study, task, Path(folder))
            steps = [
                count_segmenter_step(plans, description, configuration, task.trainer)
                for configuration in task.configurations
            ]
        for configuration, step in zip(task.configurations, steps, strict=True):
            yield name, configuration, step


def _plan(
    study: StudySettings, task: SegmentationSettings, folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """nnU-Net's plan for random cases on the study's grid, and their description."""
    store = random_store(study, _SUBJECTS)
    dataset, plan = folder / "dataset", folder / "plan"
    rows = []
    for index, subject in enumerate(store.table.index):
        there = store.slice_mask[index]
        for frame in (0, int(store.table.loc[subject, "es_frame"])):
            case = case_name(str(subject), frame)
            image = np.asarray(store.images[index, frame][there], np.float32)
            for part, name, volume in (
                ("imagesTr", f"{case}_0000", image),
                ("labelsTr", case, store.labels[index, frame][there]),
            ):
                (dataset / part).mkdir(parents=True, exist_ok=True)
                write_volume(dataset / part / f"{name}.nii.gz", volume, study.harmonisation.spacing_mm)
            rows.append({"case": case, "subject": subject, "source": "real", "role": "train"})
    table = pd.DataFrame(rows)
    write_tsv(dataset / "cases.tsv", table)
    write_descriptions(dataset, table)
    make_plan(dataset, plan, task, stands_for=_CASES)
    return read_json(plan / f"{PLANS}.json"), read_json(dataset / "dataset.json")


def count_segmenter_step(
    plans: Mapping[str, Any], description: Mapping[str, Any], configuration: str, trainer: str
) -> SegmenterStep:
    """Count a step of nnU-Net's trainer: network, loss with deep supervision and optimiser are the trainer's own.

    Parameters
    ----------
    plans, description : mapping
        nnU-Net's ``nnUNetPlans.json`` and ``dataset.json``.
    configuration : str
        Of the plans.
    trainer : str
        Name of a trainer of nnU-Net.
    """
    with nnunet_workspace(1):
        made = plain_trainer_class(trainer)(
            {**plans, "continue_training": False}, configuration, 0, dict(description), torch.device("cpu")
        )
        planned = made.configuration_manager
        made.network = made.build_network_architecture(
            made.plans_manager,
            planned,
            len(description["channel_names"]),
            made.label_manager.num_segmentation_heads,
            made.enable_deep_supervision,
        )
        optimiser, _ = made.configure_optimizers()
        loss_of = made._build_loss()
    # Itself, gradient and what the optimiser keeps of it: momentum, or two moments.
    copies = 3 if isinstance(optimiser, torch.optim.SGD) else 4
    batch_size, patch = int(planned.batch_size), tuple(int(length) for length in planned.patch_size)
    with FakeCuda():
        move(made.network)
        images = torch.empty(batch_size, len(description["channel_names"]), *patch, device="cuda")

        def loss() -> Tensor:
            found = made.network(images)
            scales = found if isinstance(found, list | tuple) else [found]
            masks = [
                torch.zeros(batch_size, 1, *scale.shape[2:], dtype=torch.int16, device="cuda")
                for scale in scales
            ]
            given = (found, masks) if isinstance(found, list | tuple) else (found, masks[0])
            result: Tensor = loss_of(*given)
            return result

        flops, kept = count_passes(loss, [images], torch.float16)
        weights = storages(tensors_of(made.network))
        trained = sum(parameter.numel() for parameter in made.network.parameters())
        cost = StepCost(
            trained,
            float(flops),
            sum(weights.values()) + (copies - 1) * 4 * trained,
            sum(size for key, size in kept.items() if key not in weights),
        )
    return SegmenterStep(patch, batch_size, cost)


def say_segmenter_heading(utilisation: float) -> str:
    """The lines above those of `say_segmenter`."""
    gpus = ", ".join(SHOWN)
    return (
        "  segmenters on one GPU, estimated by the same rehearsal: nothing was measured. nnU-Net planned them for many stacks that\n"
        f"  fill the grid. Hours are for one network at {100 * utilisation:g} % of the peak of {gpus} in float16; predictions and validation are not in it\n"
        f"  {'task':<26} {'networks':>8} {'batch of patches':>20} {'parameters':>11} {'TFLOP a step':>13} {'memory':>10} "
        + " ".join(f"{gpu:>9}" for gpu in SHOWN)
    )


def say_segmenter(
    study: StudySettings, name: str, configuration: str, step: SegmenterStep | str, utilisation: float
) -> str:
    """One network: how many the study trains, batch, parameters, arithmetic, memory, and hours on three GPUs."""
    label = f"{name} {configuration}"
    if isinstance(step, str):
        return f"  {label:<26} {step}"
    task: Any = study.tasks[name]
    networks = sum(run.task == name for run in arm_runs(study)) * task.ensemble_folds
    batch = f"{step.batch_size} of {' x '.join(map(str, step.patch))}"
    hours = " ".join(
        f"{hours_of(step.cost, task.iterations, PEAKS[gpu], utilisation):>7.1f} h" for gpu in SHOWN
    )
    return (
        f"  {label:<26} {networks:>8} {batch:>20} {step.cost.parameters / 1e6:>9.1f} M {step.cost.flops / 1e12:>13.3g} "
        f"{step.cost.memory_bytes / 2**30:>6.1f} GiB {hours}"
    )
