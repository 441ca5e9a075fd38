"""A study has one view, and asks of another than short axes nothing that only a stack of them has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthaug.config.conditions import MEASURED
from synthaug.labels import STRUCTURES
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.views import LONG_AXIS, NO_VOLUMES, OTHER, has_volumes

if TYPE_CHECKING:
    from synthaug.config.study import StudySettings

#: Phenotypes that need no area: `synthaug.phenotypes.timing.measure_timing`.
_TIMES = ("heart_rate_bpm", "es_phase", "systole_ms", "diastole_ms")


def check_view(study: StudySettings) -> None:
    """Refuse a study that mixes views, or that asks for volumes, masses or walls where there are no short axes.

    Parameters
    ----------
    study : StudySettings
        The study.

    Raises
    ------
    ValueError
        The first key that does not fit, and the remedy.
    """
    views = {name: dataset.shows for name, dataset in study.datasets.items()}
    first, view = next(iter(views.items()))
    for name, other in views.items():
        if other != view:
            raise ValueError(
                f"datasets.{name}: of view {other}, {first} is of view {view}; give all datasets of a study one view"
            )
    if has_volumes(view):
        return
    slices, y, x = study.harmonisation.matrix
    if view == OTHER and study.split.annotation == "labels":
        raise ValueError(
            f"split.annotation: {first} is of view other, of which no labels are read; set diagnosis, and tasks of kind "
            "classification alone"
        )
    if view == LONG_AXIS and slices != 1:
        raise ValueError(
            f"harmonisation.matrix: {slices} slices, a long-axis cine has one; set [1, {y}, {x}]"
        )
    split = [dataset for dataset in study.datasets.values() if dataset.split]
    brought = [set(dataset.phenotypes.columns.values()) if dataset.phenotypes else set() for dataset in split]
    known = {*_TIMES, *set.intersection(*brought)}
    for where, name in _asked(study):
        # Volumes are conditions by the cohort's table and by requests, in which they stay unknown, whoever brings them.
        of_table = name in MEASURED and where.startswith("models.")
        if of_table or (name in {*PHENOTYPES, *MEASURED} and name not in known):
            raise ValueError(f"{where}: {name} is measured on short axes, and {NO_VOLUMES}; leave it out")
    attention = study.evaluation.attention
    for word, region in attention.words.items() if attention else ():
        if region not in STRUCTURES:
            raise ValueError(
                f"evaluation.attention.words: {word!r} names a wall, and {NO_VOLUMES}; leave it out"
            )
    if study.synthesis.sweep.levels and any(generator.sampled for generator in study.generators.values()):
        raise ValueError(f"synthesis.sweep: it is one of volumes, and {NO_VOLUMES}; set levels: 0")


def _asked(study: StudySettings) -> Iterator[tuple[str, str]]:
    """Every condition and phenotype that the study names, or takes by default, with its key."""
    for name, model in study.models.items():
        for key in ("conditions", "phenotypes"):
            for asked in getattr(model, key, ()):
                yield f"models.{name}.{key}", asked
    for name, task in study.tasks.items():
        targets, features = getattr(task, "targets", ()), getattr(task, "features", ())
        for asked in targets:
            yield f"tasks.{name}.targets", asked
        forest = getattr(task, "method", "") == "random_forest"
        for asked in features or (PHENOTYPES if forest else ()):
            yield f"tasks.{name}.features", asked
