"""What all arms of a fold share: classes or targets, features of a forest, size of the clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.config.image_tasks import ClassificationSettings, ImageTaskSettings, RegressionSettings
from synthaug.core.artifacts import atomic_folder, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.phenotypes.registry import PHENOTYPES, unit_of
from synthaug.tasks.image_level.phenotype_columns import check_columns, phenotype_table, read_columns
from synthaug.tasks.image_level.targets import Classes

PLAN = "plan.json"
#: Order of the diagnoses of ACDC; others follow alphabetically.
_CANONICAL = ("NOR", "MINF", "DCM", "HCM", "RV")
_ROUNDING = 1e-9


def make_plan(cohort: Cohort, output: str | Path, settings: ImageTaskSettings) -> None:
    """Plan from the real training patients of a fold.

    Parameters
    ----------
    cohort : Cohort
        The training patients, with phenotypes where the settings read them.
    output : path
        Folder that receives ``plan.json``, atomically: ``classes`` (diagnosis codes by class; ``classes_declared`` whether the settings name them) or ``targets`` (mean, SD,
        unit and number of patients of each phenotype), ``features`` of a random forest, ``matrix`` (frames, y, x) of the
        cines, ``clips`` (slices, frames, y, x), ``patch`` (frames, y, x), ``mean_slices``, and patients ``left_out``.
    settings : ImageTaskSettings
        Those that the plan depends on; see their `steps`.

    Raises
    ------
    SynthaugError
        No patient; fewer patients than classes, a class without a patient, one class only; a phenotype that is unknown,
        no number, constant, or missing for more than half of the patients.
    """
    if not cohort.subjects:
        raise SynthaugError(f"{output}: no real training patient to plan from; see the split")
    t, _, y, x = cohort.cine(cohort.subjects[0]).shape
    frames = settings.frames or t
    clips = [settings.slices, frames, *(settings.image_size or (y, x))]
    patch = [min(settings.patch_frames or frames, frames), *settings.patch]
    if np.prod([-(-length // size) for length, size in zip(clips[1:], patch, strict=True)]) < 2:
        raise SynthaugError(
            f"tasks: patch: {patch} (frames, y, x) covers the whole clip {clips[1:]}; make it smaller"
        )
    plan: dict[str, Any] = {
        **_what_is_predicted(cohort, settings),
        "features": _features(cohort, settings) if settings.method == "random_forest" else [],
        "matrix": [t, y, x],
        "clips": clips,
        "patch": patch,
        "mean_slices": float(cohort.table["n_slices"].astype(float).mean()),
        "patients": len(cohort.subjects),
    }
    with atomic_folder(output) as folder:
        write_json(folder / PLAN, plan, checksum=True)


def _what_is_predicted(cohort: Cohort, settings: ImageTaskSettings) -> dict[str, Any]:
    if isinstance(settings, ClassificationSettings):
        classes = {name: list(codes) for name, codes in settings.classes.items()}
        return _plan_classes(cohort, classes or _diagnoses(cohort), bool(classes))
    assert isinstance(settings, RegressionSettings)
    return {"targets": _plan_targets(cohort, settings.targets), "left_out": {}}


def _diagnoses(cohort: Cohort) -> dict[str, list[str]]:
    """A class for each diagnosis of the patients, in canonical order."""
    found = set(cohort.table["diagnosis"].dropna().astype(str))
    ordered = [code for code in _CANONICAL if code in found] + sorted(found - set(_CANONICAL))
    return {code: [code] for code in ordered}


def _plan_classes(cohort: Cohort, classes: dict[str, list[str]], declared: bool) -> dict[str, Any]:
    values, reasons = Classes(classes).of_cohort(cohort)
    known = values[~np.isnan(values)].astype(int)
    counts = dict(zip(classes, np.bincount(known, minlength=len(classes)).tolist(), strict=True))
    where = "tasks: classes: " if declared else f"{cohort.name}: "
    if len(classes) < 2:
        only = next(iter(classes), "unknown")
        raise SynthaugError(
            f"{where}all training patients have the diagnosis {only}; use a cohort with two or more"
        )
    if len(known) < len(classes):
        raise SynthaugError(
            f"{where}{len(known)} training patients of {len(classes)} classes in this fold; group diagnoses into fewer "
            "classes or use fewer folds"
        )
    empty = [name for name, count in counts.items() if not count]
    if empty:
        codes = ", ".join(classes[empty[0]])
        raise SynthaugError(
            f"{where}class {empty[0]!r} ({codes}) has no training patient in this fold; check its codes against the "
            "cohort's diagnoses, or use fewer folds"
        )
    left_out = Counter(reason for reason in reasons if reason)
    return {
        "classes": classes,
        "classes_declared": declared,
        "patients_of_class": counts,
        "left_out": dict(sorted(left_out.items())),
    }


def _plan_targets(cohort: Cohort, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    check_columns(cohort, names, "targets")
    values = read_columns(cohort, names)
    targets = {}
    for name, column in zip(names, values.T, strict=True):
        known = column[~np.isnan(column)]
        if 2 * len(known) < len(column) or len(known) < 2:
            raise SynthaugError(
                f"tasks: targets: {name} is missing for {len(column) - len(known)} of {len(column)} training patients; "
                "leave it out, or give its values in the user's own table"
            )
        mean, sd = float(known.mean()), float(known.std(ddof=1))
        if sd <= _ROUNDING * max(1.0, abs(mean)):
            raise SynthaugError(f"tasks: targets: {name} is {mean:g} for all training patients; leave it out")
        targets[name] = {"mean": mean, "sd": sd, "unit": unit_of(name), "patients": len(known)}
    return targets


def _features(cohort: Cohort, settings: ImageTaskSettings) -> list[str]:
    """Phenotypes that a random forest reads; of all of the registry, those that any patient has."""
    table = phenotype_table(cohort)
    names = list(settings.features or (name for name in PHENOTYPES if name in table))
    check_columns(cohort, names, "features")
    known = ~np.isnan(read_columns(cohort, names))
    if settings.features and not known.any(axis=0).all():
        absent = names[int(np.flatnonzero(~known.any(axis=0))[0])]
        raise SynthaugError(f"tasks: features: {absent} is missing for all training patients; leave it out")
    found = [name for name, any_known in zip(names, known.any(axis=0), strict=True) if any_known]
    if not found:
        raise SynthaugError(
            f"{cohort.name}: no phenotype is known of any training patient; label ED and ES of some"
        )
    return found
