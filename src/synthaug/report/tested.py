"""What a study tested: task and network, data, patients, trainings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from synthaug.report import wording
from synthaug.report.domains import count_test_patients
from synthaug.report.section import ReportData
from synthaug.statistics.scores import patient_of
from synthaug.tables.compact import with_texts


def what_was_tested(data: ReportData) -> list[dict[str, str]]:
    """Facts of the first screen, each a term and a text."""
    facts = {
        "Task": _tasks(data.inputs.study.get("tasks", {})),
        "Data": _datasets(data.inputs.study.get("datasets", {})),
        "Test patients": _patients(data),
        "Trainings": _trainings(data),
    }
    return [{"term": term, "text": text} for term, text in facts.items()]


def _tasks(tasks: Mapping[str, Mapping[str, Any]]) -> str:
    said = []
    for name, task in tasks.items():
        if task.get("kind") != "segmentation":
            said.append(f"{name} ({task.get('kind')})")
            continue
        structures = "LV cavity, myocardium and RV cavity at ED and ES"
        network = f"nnU-Net {task.get('configuration', '2d')}"
        if (folds := task.get("ensemble_folds", 1)) > 1:
            network += f" (mean of {folds} networks)"
        length = f", {_count(task['iterations'])} iterations" if "iterations" in task else ""
        said.append(f"segmentation of {structures} by {network}{length}")
    return "; ".join(said) or "not recorded"


def _count(value: int) -> str:
    """A large number that no line break divides."""
    return wording.number(value, 0).replace(" ", "\N{NO-BREAK SPACE}")


def _datasets(datasets: Mapping[str, Mapping[str, Any]]) -> str:
    kinds: dict[str, list[str]] = {}
    for name, dataset in datasets.items():
        kinds.setdefault("simulated (phantom)" if dataset.get("phantom") else "real patients", []).append(
            name
        )
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items()) or "not recorded"


def _patients(data: ReportData) -> str:
    scored = 0
    if data.real_arm is not None:
        table = data.table
        own = table[(table["arm"] == data.real_arm.name) & table["subject"].notna() & table["value"].notna()]
        scored = int(patient_of(own).nunique())
    counts = count_test_patients(data.inputs.splits)
    said = [f"{scored} scored in the real arm" if scored else "none scored"]
    if counts is not None:
        said.append(f"{counts.unseen} of vendors not seen in training, {counts.seen} of seen vendors")
    return "; ".join(said)


def _trainings(data: ReportData) -> str:
    keys = ["arm", "fold", "generator_seed", "training_seed"]
    table = data.table
    scored = table.loc[table["subject"].notna() & table["training_seed"].notna(), keys]
    runs = with_texts(scored.drop_duplicates())
    arms = runs.groupby("arm").size()
    said = []
    if len(arms):
        fewest, most = int(arms.min()), int(arms.max())
        each = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        kind = data.task_settings.get("kind", "segmentation")
        networks = wording.counted(len(runs), "training" if kind == "plugin" else f"{kind} training")
        said.append(f"{networks}, {each} in each of {wording.counted(len(arms), 'training set')}")
    trainings = generator_trainings(data)
    said += [f"{wording.counted(count, 'training')} of {name}" for name, count in trainings.items()]
    return "; ".join(said) or "none recorded"


def generator_trainings(data: ReportData) -> dict[str, int]:
    """Trainings (folds times seeds) of each generator of the study.

    A folder of cines from elsewhere (kind ``external``) is of one training, whatever the folds and seeds that take it. Real
    subjects in the place of synthetic ones are of none.
    """
    settings = data.inputs.study.get("generators", {})
    runs = {(run.generator, run.fold, run.generator_seed) for run in data.inputs.synthetic}
    counts = Counter(name for name, *_ in sorted(runs))
    for name in list(counts):
        own = settings.get(name, {})
        if own.get("kind") == "external":
            counts[name] = 1
        elif own.get("kind") == "real" and not own.get("through"):
            del counts[name]
    return dict(counts)
