"""Every model of a study takes a step on a fake GPU, at its own size and batch: what it would need of a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthaug.config.study import StudySettings
from synthaug.core.errors import SynthaugError
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import encoded_once, random_models, random_store
from synthaug.rehearsal.step_cost import StepCost, count_step
from synthaug.runs import model_runs

_SUBJECTS = 2  # that the models are prepared with; the cost of a step does not depend on it

#: Dense peak of tensor cores in float16 and bfloat16, FLOP/s, from NVIDIA's data sheets, by part of the name.
PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "A40": 150e12,
    "V100": 125e12,
    "T4": 65e12,
}
#: GPUs that hours are said for.
SHOWN = ("A100", "H100", "H200")


def rehearse(study: StudySettings) -> Iterator[tuple[str, StepCost]]:
    """Name and cost of a step of each model with steps, in the order of training.

    Nothing is computed: the fake GPU knows shapes only. Cines are encoded once instead of `copies` times, and masks of a control
    branch are those of the subjects.
    """
    study = valueless(encoded_once(study))
    store = random_store(study, _SUBJECTS)
    with FakeCuda():
        for name, model in random_models(study, store):
            move(model)
            model.train()
            model.prepare(store)
            if any(parameter.requires_grad for parameter in model.parameters()):
                yield name, count_step(model, study.models[name].training, _SUBJECTS)
            model.requires_grad_(False).eval()


def valueless(study: StudySettings) -> StudySettings:
    """The same study for a GPU without values: its control branches take no decoded masks, which have none to move."""
    models = {
        name: model.model_copy(update={"masks": "own"}) if model.kind == "control_branch" else model
        for name, model in study.models.items()
    }
    return study.model_copy(update={"models": models})


def hours_of(cost: StepCost, iterations: int, peak: float, utilisation: float) -> float:
    """Hours of a training on a GPU of this peak (FLOP/s), of which a training uses the share `utilisation`."""
    return iterations * cost.flops / (peak * utilisation) / 3600


def say_heading(utilisation: float) -> str:
    """The lines above those of `say_model`."""
    if not 0 < utilisation <= 1:
        raise SynthaugError(
            f"--utilisation {utilisation:g}: give a share of the peak above 0 and up to 1, such as 0.05"
        )
    gpus = ", ".join(SHOWN)
    return (
        "  on one GPU, estimated by a rehearsal without one: nothing was measured. Memory is weights, optimiser and activations;\n"
        f"  hours are for all steps of one training at {100 * utilisation:g} % of the peak of {gpus} in bfloat16\n"
        f"  {'model':<20} {'trainings':>9} {'parameters':>11} {'TFLOP a step':>13} {'memory':>10} "
        + " ".join(f"{gpu:>9}" for gpu in SHOWN)
    )


def say_model(study: StudySettings, name: str, step: StepCost, utilisation: float) -> str:
    """One model: how often the study trains it, parameters, arithmetic, memory, and hours of a training on three GPUs."""
    iterations = study.models[name].training.iterations
    hours = " ".join(f"{hours_of(step, iterations, PEAKS[gpu], utilisation):>7.1f} h" for gpu in SHOWN)
    return (
        f"  {name:<20} {count_trainings(study, name):>9} {step.parameters / 1e6:>9.1f} M {step.flops / 1e12:>13.3g} "
        f"{step.memory_bytes / 2**30:>6.1f} GiB {hours}"
    )


def say_trainings(study: StudySettings, steps: Mapping[str, StepCost], utilisation: float) -> str:
    """The line below those of `say_model`: all trainings of these models in the study, one after the other."""
    counts = {name: count_trainings(study, name) for name in steps}
    hours = (
        sum(
            counts[name] * hours_of(step, study.models[name].training.iterations, PEAKS[gpu], utilisation)
            for name, step in steps.items()
        )
        for gpu in SHOWN
    )
    return f"  {'all trainings':<20} {sum(counts.values()):>9} {'':>36}" + "".join(
        f" {total:>7.1f} h" for total in hours
    )


def count_trainings(study: StudySettings, name: str) -> int:
    """How often a study trains a model: in every fold, with every generator seed."""
    return sum(run.model == name for run in model_runs(study))
