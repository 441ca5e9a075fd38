"""Every model of a study takes a step on a fake GPU, at its own size and batch: what it would need of a real one."""

from __future__ import annotations

from collections.abc import Iterator

from synthaug.config.study import StudySettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of
from synthaug.models.base import Grid, TrainableModel
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import in_order, random_store
from synthaug.rehearsal.step_cost import StepCost, count_step

_SUBJECTS = 2  # that the models are prepared with; the cost of a step does not depend on it

#: Dense peak of tensor cores in bfloat16, FLOP/s, from NVIDIA's data sheets.
PEAKS = {"A100": 312e12, "H100": 989e12, "H200": 989e12}


def rehearse(study: StudySettings) -> Iterator[tuple[str, StepCost]]:
    """Name and cost of a step of each model with steps, in the order of training.

    Nothing is computed: the fake GPU knows shapes only. Cines are encoded once instead of `copies` times, and masks of a control
    branch are those of the subjects.
    """
    store = random_store(study, _SUBJECTS)
    made: dict[str, TrainableModel] = {}
    with FakeCuda():
        for name in in_order(study):
            settings = study.models[name]
            changes = {"copies": 1, "masks": "own"} if settings.kind == "control_branch" else {"copies": 1}
            known = {key: value for key, value in changes.items() if key in type(settings).model_fields}
            needs = {role: made[other] for role, other in settings.needs.items()}
            model_class = class_of(settings, TrainableModel)
            facts = model_class.facts(settings, store)
            model = model_class(settings.model_copy(update=known), Grid.of(store), needs, facts)
            move(model)
            model.train()
            model.prepare(store)
            if any(parameter.requires_grad for parameter in model.parameters()):
                yield name, count_step(model, settings.training, _SUBJECTS)
            made[name] = model.requires_grad_(False).eval()


def hours_of(cost: StepCost, iterations: int, peak: float, utilisation: float) -> float:
    """Hours of a training on a GPU of this peak (FLOP/s), of which a training uses the share `utilisation`."""
    return iterations * cost.flops / (peak * utilisation) / 3600


def say_heading(utilisation: float) -> str:
    """The lines above those of `say_model`."""
    if not 0 < utilisation <= 1:
        raise SynthaugError(
            f"--utilisation {utilisation:g}: give a share of the peak above 0 and up to 1, such as 0.05"
        )
    gpus = ", ".join(PEAKS)
    return (
        "  on one GPU, estimated by a rehearsal without one: nothing was measured. Memory is weights, optimiser and activations;\n"
        f"  hours are for all steps at {100 * utilisation:g} % of the peak of {gpus} in bfloat16\n"
        f"  {'model':<20} {'parameters':>11} {'TFLOP a step':>13} {'memory':>10} "
        + " ".join(f"{gpu:>9}" for gpu in PEAKS)
    )


def say_model(name: str, step: StepCost, iterations: int, utilisation: float) -> str:
    """One model: parameters, arithmetic, memory, and hours on each GPU of `PEAKS`."""
    hours = " ".join(f"{hours_of(step, iterations, peak, utilisation):>7.1f} h" for peak in PEAKS.values())
    return (
        f"  {name:<20} {step.parameters / 1e6:>9.1f} M {step.flops / 1e12:>13.3g} "
        f"{step.memory_bytes / 2**30:>6.1f} GiB {hours}"
    )
