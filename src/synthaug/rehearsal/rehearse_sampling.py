"""Every generator of a study samples a batch on a fake GPU, at its own size: what it would need of a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthaug.config.study import StudySettings
from synthaug.core.leftovers import temporary_folder
from synthaug.core.registry import class_of
from synthaug.cost import count_synthetic
from synthaug.generators.base import Generator
from synthaug.generators.latent import LatentGenerator
from synthaug.models.base import TrainableModel
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.random_study import in_order, random_models, random_requests, random_store
from synthaug.rehearsal.rehearse import PEAKS, SHOWN
from synthaug.rehearsal.sampling_cost import SamplingCost, count_sampling

_SUBJECTS = 2  # that say which categories there are


def rehearse_sampling(study: StudySettings) -> Iterator[tuple[str, SamplingCost | str]]:
    """Name of each generator, and the cost of a batch of the study's size or why it is not rehearsed.

    Generators are made as from weight files: of settings, grid and facts of the fold, without preparation.
    """
    store = random_store(study, _SUBJECTS)
    made: dict[str, TrainableModel] = {}
    with FakeCuda() as gpu:
        for name, model in random_models(only_sampled(study), store):
            move(model)
            made[name] = model.requires_grad_(False).eval()
        yield from sample_each(study, made, gpu)


def sample_each(
    study: StudySettings, models: Mapping[str, TrainableModel], gpu: FakeCuda
) -> Iterator[tuple[str, SamplingCost | str]]:
    """As `rehearse_sampling`, of models that lie on the fake GPU, frozen; inside `FakeCuda`."""
    with temporary_folder("rehearsal") as folder:
        requests = random_requests(study, study.synthesis.batch_size, Path(folder))
        settings: Any  # of a kind that has models, or none
        for name, settings in study.generators.items():
            generator_class = class_of(settings, Generator)
            if not settings.sampled:
                yield name, "brings cines that exist: nothing is sampled"
            elif settings.kind == "plugin" or not issubclass(generator_class, LatentGenerator):
                yield name, "of a class from outside the package: not rehearsed"
            else:
                roles = {role: models[model] for role, model in settings.models.items()}
                yield name, count_sampling(generator_class.of(settings, roles), requests, gpu)


def only_sampled(study: StudySettings) -> StudySettings:
    """The same study with the models that its generators sample from, and those that these need."""
    wanted = {
        model
        for settings in study.generators.values()
        if settings.sampled
        for model in settings.needs.values()
    }
    for name in reversed(in_order(study)):
        if name in wanted:
            wanted.update(study.models[name].needs.values())
    models = {name: model for name, model in study.models.items() if name in wanted}
    return study.model_copy(update={"models": models})


def say_sampling_heading(utilisation: float) -> str:
    """The lines above those of `say_generator`."""
    gpus = ", ".join(SHOWN)
    return (
        "  sampling on one GPU, estimated by the same rehearsal: nothing was measured. Decoding is in it; the gate, writing and samples\n"
        f"  that are rejected are not. Memory is that of a batch; times are for all cines of the study at {100 * utilisation:g} % of the peak\n"
        f"  of {gpus} in bfloat16\n"
        f"  {'generator':<26} {'cines':>6} {'TFLOP a cine':>13} {'memory':>10} "
        + " ".join(f"{gpu:>9}" for gpu in SHOWN)
    )


def say_generator(study: StudySettings, name: str, cost: SamplingCost | str, utilisation: float) -> str:
    """One generator: cines of the study, arithmetic, memory, and time on three GPUs; or why it is not rehearsed."""
    if isinstance(cost, str):
        return f"  {name:<26} {cost}"
    cines = count_synthetic(study, name)
    each = cost.flops / cost.cines
    times = " ".join(f"{_duration(cines * each / (PEAKS[gpu] * utilisation)):>9}" for gpu in SHOWN)
    return f"  {name:<26} {cines:>6} {each / 1e12:>13.3g} {cost.memory_bytes / 2**30:>6.1f} GiB {times}"


def _duration(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 3600
        else f"{seconds:.0f} s"
        if seconds >= 10
        else f"{seconds:.2g} s"
    )
