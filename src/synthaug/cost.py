"""What a declared study costs before it runs: hours from what earlier runs recorded, disk."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from synthaug.config.study import StudySettings
from synthaug.config.tasks import SegmentationSettings
from synthaug.config.teacher import TeacherSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import DamagedFileError, SynthaugError
from synthaug.jobs.benchmark_files import read_seconds
from synthaug.runs import (
    SyntheticRun,
    arm_runs,
    arms_of_task,
    chunks_of,
    contrast_runs,
    diagnosis_task,
    generator_seeds_of,
    is_reconstructed,
    is_sampled,
    measure_files,
    model_runs,
    parts_of,
    reconstruction_checks,
    segmentation_task,
    sweep_runs,
    synthetic_runs,
)

log = logging.getLogger(__name__)
_Read = TypeVar("_Read")

# Bytes a voxel, measured on the demo (docs/benchmarks.md).
_CINE = 1.7  # int16, compressed, with labels
_STORE = 3.0  # float16 and labels of 8 bits, not compressed
_PREPROCESSED = 9.8  # nnU-Net's float32 and its index of foreground voxels
_RAW_PHANTOM = 8.5e6  # bytes a subject
_SEGMENTER = 2.0e6  # bytes of an nnU-Net of 8 feature maps; grows with their square


@dataclass(frozen=True)
class Cost:
    """What a study costs.

    Attributes
    ----------
    jobs : dict of str to int
        Jobs of the rules that take long, in the order of the study.
    hours : dict of str to (float, int)
        For the rules that earlier runs timed: hours of all its jobs, and how many runs that rests on.
    disk_bytes : dict of str to float
        Bytes by part of the results; empty where the number of subjects is unknown.
    """

    jobs: dict[str, int]
    hours: dict[str, tuple[float, int]]
    disk_bytes: dict[str, float]


def estimate_cost(
    study: StudySettings, subjects: Mapping[str, int] | None, results: str | Path = "results"
) -> Cost:
    """Estimate what a whole study costs, finished parts included.

    Parameters
    ----------
    study : StudySettings
        The declared study.
    subjects : mapping of str to int, or None
        Subjects of each dataset (`count_subjects`); None where unknown.
    results : path
        Folder with the results of this and other studies, in which earlier runs recorded their times.
    """
    jobs = count_jobs(study)
    disk = estimate_disk(study, subjects) if subjects else {}
    return Cost(jobs, estimate_hours(study, jobs, Path(results)), disk)


def count_subjects(study: StudySettings) -> dict[str, int] | None:
    """Subjects that each dataset holds; None where a folder cannot be read."""
    from synthaug.data.readers import find_subjects

    counts = {}
    for name, dataset in study.datasets.items():
        try:
            counts[name] = (
                dataset.phantom.scans
                if dataset.phantom
                else len(list(find_subjects(dataset, Path(str(dataset.root)))))
            )
        except (SynthaugError, OSError):
            return None
    return counts


def count_jobs(study: StudySettings) -> dict[str, int]:
    """Jobs of the rules that train, sample, segment, or read many images or all results.

    The others take seconds; ``snakemake --dry-run`` counts all of them.
    """
    synthetic, arms, extractors = synthetic_runs(study), arm_runs(study), study.evaluation.extractors
    generators = [run.generator for run in synthetic]
    trained = sum(extractor.kind == "study" for extractor in extractors.values())
    parts = [len(parts_of(study)) if is_sampled(study, name) else 1 for name in generators]
    labelled = [getattr(study.generators[name], "labels", "own") != "own" for name in generators]
    # Of rules that write one file of rows a job.
    measured = Counter(file.split("/")[1] for file in measure_files(study))
    jobs = {
        "write_phantom": sum(dataset.phantom is not None for dataset in study.datasets.values()),
        "harmonise": len(study.datasets),
        "pack_cohort": study.split.folds if model_runs(study) else 0,
        "train_model": len(model_runs(study)),
        "check_reconstruction": len(reconstruction_checks(study)),
        "synthesise_chunk": sum(is_sampled(study, name) for name in generators) * len(chunks_of(study)),
        "reconstruct_real_as_synthetic": sum(is_reconstructed(study, name) for name in generators),
        "bring_cohort": sum(generator.kind == "external" for generator in study.generators.values()),
        "synthesise_condition_sweep": len(sweep_runs(study)),
        "synthesise_contrasts": len(contrast_runs(study)),
        "plan_task": len({(run.task, run.fold) for run in arms}),
        "write_training_set": len({run._replace(training_seed=0) for run in arms}),
        "train_task": len(arms),
        "validate_task": sum(study.tasks[run.task].validates for run in arms),
        "predict_test": len(arms),
        "predict_synthetic": sum(parts) if segmentation_task(study) else 0,
        "predict_synthetic_diagnosis": sum(parts) if diagnosis_task(study) else 0,
        "predict_condition_sweep": len(sweep_runs(study)),
        "predict_validation": study.split.folds if synthetic and segmentation_task(study) else 0,
        "label_training": study.split.folds * len(_teachers(study)),
        "label_synthetic": sum(count for count, pseudo in zip(parts, labelled, strict=True) if pseudo),
        "extract_real_features": len(extractors) * study.split.folds,
        "extract_synthetic_features": len(extractors) * sum(parts),
        "measure_distances": len(extractors) * len(synthetic),
        "audit_memorisation": len(synthetic),
        "measure_metric_sensitivity": len(extractors) * study.split.folds,
        "audit_recognition": len(synthetic) if study.evaluation.recognition else 0,
        "audit_features": trained * len(synthetic),
        "measure_controllability": measured["controllability"],
        "measure_mask_agreement": measured["mask-agreement"],
        "measure_cardiac_function": measured["cardiac-function"],
        "measure_recovery": measured["recovery"],
        "collate_results": 1,
    }
    return {rule: count for rule, count in jobs.items() if count}


def estimate_hours(
    study: StudySettings, jobs: Mapping[str, int], results: Path
) -> dict[str, tuple[float, int]]:
    """Hours of each rule that earlier runs timed; this study's own records before those of others.

    Trainings are timed per iteration, from runs of the same kind of model and of task; all else is the mean
    of what Snakemake's benchmarks recorded. Sizes and machines are not looked at.
    """
    hours: dict[str, tuple[float, int]] = {}
    for rule, count in jobs.items():
        if rule == "train_model":
            found = _training_hours(study, results)
        elif rule == "train_task":
            found = _task_hours(study, results)
        else:
            found = _scaled(_benchmarks(study.name, results, rule), count)
        if found:
            hours[rule] = found
    return hours


def estimate_disk(study: StudySettings, subjects: Mapping[str, int]) -> dict[str, float]:
    """Bytes of the parts of the results that grow with the study; models and features stay small beside them.

    Subjects without a known scanner count as training subjects, and all as labelled.
    """
    z, y, x = study.harmonisation.matrix
    frame, cine = z * y * x, z * y * x * study.harmonisation.frames
    split, resolved = study.split, study.every_arm()
    folds, total = split.folds, sum(subjects.values())
    phantoms = sum(d.phantom.scans for d in study.datasets.values() if d.phantom)
    hearts = sum(count_synthetic(study, name) for name in study.generators)
    home = {
        name: count * _share_at_home(study, name)
        for name, count in subjects.items()
        if study.datasets[name].split
    }
    labelled = sum(count * _share_labelled(study, name) for name, count in home.items())
    held_out = labelled / folds if folds > 1 else labelled * split.test_fraction
    validation = (labelled - held_out) * split.validation_fraction
    training = labelled - held_out - validation
    seeds = {name: len(generator_seeds_of(study, arm)) for name, arm in resolved.items()}
    training_sets = networks = 0.0
    for name, task in study.tasks.items():
        if not isinstance(task, SegmentationSettings):
            continue  # of no other task it is known
        frames = study.harmonisation.frames if task.frames == "all" else 2
        cases = sum(
            seeds[arm.name]
            * (2 * validation + training * (2 * arm.real + (2 if arm.control else frames) * arm.dose))
            for arm in arms_of_task(study, name).values()
        )
        training_sets += cases * folds * frame * _PREPROCESSED
        trainings = sum(run.task == name for run in arm_runs(study))
        networks += trainings * _SEGMENTER * (task.base_features / 8) ** 2
    parts = {
        "raw phantoms": phantoms * _RAW_PHANTOM,
        "cohorts": total * cine * _CINE,
        "stores": (sum(home.values()) - held_out) * folds * cine * _STORE if model_runs(study) else 0.0,
        "labels by teachers": (sum(home.values()) - held_out - validation)
        * folds
        * cine
        * len(_teachers(study)),
        "synthetic": hearts * cine * _CINE,
        "training sets of the arms": training_sets,
        "trained tasks": networks,
    }
    return {part: size for part, size in parts.items() if size}


def _teachers(study: StudySettings) -> set[TeacherSettings]:
    """Segmenters that label training frames, each once in a fold."""
    found = (getattr(study.models[run.model], "teacher", None) for run in model_runs(study))
    return {teacher for teacher in found if teacher is not None}


def count_synthetic(study: StudySettings, generator: str) -> int:
    """Cines that a generator samples in all folds: synthetic cohorts, condition sweeps, cohorts of several contrasts."""
    if not is_sampled(study, generator):
        return 0

    def runs_of(runs: list[SyntheticRun]) -> int:
        return sum(run.generator == generator for run in runs)

    count = runs_of(synthetic_runs(study)) * study.synthesis.subjects
    count += runs_of(sweep_runs(study)) * study.synthesis.sweep.levels**2
    if study.evaluation.contrasts is not None:
        each = study.evaluation.contrasts
        count += runs_of(contrast_runs(study)) * each.subjects * (len(each.values) + 1)
    return count


def say_cost(study: StudySettings, cost: Cost) -> str:
    """The estimate in a few lines, costliest rules first."""
    timed = sorted(cost.hours, key=lambda rule: -cost.hours[rule][0])
    lines = [
        f"{study.name}: trainings of {_counted(len(model_runs(study)), 'model')} and "
        f"{_counted(len(arm_runs(study)), 'task')}, "
        f"{_counted(len(synthetic_runs(study)), 'synthetic cohort')} if all of it ran"
    ]
    for rule in timed[:5]:
        hours, runs = cost.hours[rule]
        lines.append(f"  {rule:<20} {cost.jobs[rule]:>5} jobs {_hours(hours):>9}  (earlier runs: {runs})")
    long = ("train_model", "train_task", "synthesise_chunk", "predict_test")
    for rule in long:
        if rule in cost.jobs and rule not in cost.hours:
            lines.append(f"  {rule:<20} {cost.jobs[rule]:>5} jobs   time not recorded yet")
    if timed:
        total = sum(hours for hours, _ in cost.hours.values())
        lines.append(f"  one job after the other: {_hours(total)}, as the machines of the earlier runs went")
    if cost.disk_bytes:
        parts = sorted(cost.disk_bytes.items(), key=lambda part: -part[1])
        largest = ", ".join(f"{part} {_size(size)}" for part, size in parts[:3])
        lines.append(f"  disk: about {_size(sum(cost.disk_bytes.values()))} ({largest})")
    else:
        lines.append("  disk: unknown, the datasets cannot be read yet")
    return "\n".join(lines)


def _share_at_home(study: StudySettings, name: str) -> float:
    """Fraction of a dataset's subjects of the training vendors, by the study file."""
    dataset, split = study.datasets[name], study.split
    vendors = dataset.phantom.vendors if dataset.phantom else [dataset.vendor]
    at_home = [
        vendor is None
        or (vendor in split.train_vendors if split.train_vendors else vendor not in split.test_vendors)
        for vendor in ([dataset.vendor] if dataset.vendor else vendors)
    ]
    return sum(at_home) / len(at_home)


def _share_labelled(study: StudySettings, name: str) -> float:
    phantom = study.datasets[name].phantom
    return 1 - phantom.unlabelled if phantom else 1.0


def _training_hours(study: StudySettings, results: Path) -> tuple[float, int] | None:
    records = _records(study.name, results, "models/*/fold-*/generator-seed-*/training.json")
    rates: dict[str, list[float]] = {}
    for record in records:
        # A model that is fitted in closed form has no iterations.
        rates.setdefault(record["kind"], []).append(_total_s(record) / max(record["iterations"], 1))
    seconds, used = 0.0, set()
    for run in model_runs(study):
        model = study.models[run.model]
        if model.kind not in rates:
            return None  # a sum without its largest term would mislead
        seconds += model.training.iterations * sum(rates[model.kind]) / len(rates[model.kind])
        used.add(model.kind)
    return seconds / 3600, sum(len(rates[kind]) for kind in used)


def _task_hours(study: StudySettings, results: Path) -> tuple[float, int] | None:
    pattern = "tasks/*/fold-*/arms/*/generator-seed-*/training-seed-*/model/training.json"
    records = _records(study.name, results, pattern)
    seconds, used = 0.0, 0
    for name, task in study.tasks.items():
        alike = {key: getattr(task, key, None) for key in ("kind", "configuration", "method")}
        rates = [
            _total_s(record) / max(record["iterations"], 1)
            for record in records
            if all(record.get(key) == value for key, value in alike.items())
        ]
        if not rates:
            return None  # a sum without one of its terms would mislead
        iterations = sum(run.task == name for run in arm_runs(study)) * task.total_iterations
        seconds += iterations * sum(rates) / len(rates)
        used += len(rates)
    return seconds / 3600, used


def _records(name: str, results: Path, pattern: str) -> list[dict[str, Any]]:
    files = sorted((results / name).glob(pattern)) or sorted(results.glob(f"*/{pattern}"))
    return [record for file in files for record in _usable(file, _read_record)]


def _benchmarks(name: str, results: Path, rule: str) -> list[float]:
    pattern = f"benchmarks/{rule}/*.tsv"
    files = sorted((results / name).glob(pattern)) or sorted(results.glob(f"*/{pattern}"))
    return [time for file in files for times in _usable(file, read_seconds) for time in times]


def _usable(file: Path, read: Callable[[Path], _Read]) -> list[_Read]:
    """What a file records, alone in a list; nothing of one that cannot be used: another study's must not stop this one."""
    try:
        return [read(file)]
    except (SynthaugError, OSError) as error:
        log.warning("%s; left out of the estimate", error)
        return []


def _read_record(file: Path) -> dict[str, Any]:
    """The record of a training, in which what the estimate needs is of its type."""
    record = read_json(file)
    try:
        str(record["kind"]), float(_total_s(record)), int(record["iterations"])
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedFileError(file, f"not the record of a training, {error!r}") from None
    return dict(record)


def _scaled(rates: list[float], count: float) -> tuple[float, int] | None:
    return (sum(rates) / len(rates) * count / 3600, len(rates)) if rates else None


def _total_s(record: Mapping[str, Any]) -> float:
    seconds = record["seconds"]
    return float(seconds["total"] if isinstance(seconds, dict) else seconds)


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
