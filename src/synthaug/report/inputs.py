"""Input files of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthaug.config.arms import Arm
from synthaug.runs import ListedRun


@dataclass(frozen=True)
class SyntheticRun:
    """One synthetic cohort and the samples that quality control rejected.

    Attributes
    ----------
    generator : str
        Name of the generator.
    fold, generator_seed : int
        Fold it was trained on; seed of the generator.
    cohort : Path
        Folder of the synthetic cohort.
    rejections : Path or None
        TSV of the rejected samples, one per row.
    volumes : Path or None
        TSV of volumes measured on the images by the independent segmenter: ``subject``, ``lv_edv_ml``, ...
    pairs : Path or None
        TSV of every synthetic subject and its most similar training subject.
    attention : Path or None
        NPZ of examples of the generator's attention (`synthaug.measures.attention_examples`).
    """

    generator: str
    fold: int
    generator_seed: int
    cohort: Path
    rejections: Path | None = None
    volumes: Path | None = None
    pairs: Path | None = None
    attention: Path | None = None


@dataclass(frozen=True)
class SweepRun:
    """One condition sweep past the training range, and its volumes measured by a segmenter.

    Attributes
    ----------
    generator : str
        Name of the generator.
    fold, generator_seed : int
        Fold it was trained on; seed of the generator.
    cohort : Path
        Folder of the synthetic subjects; their table has the requested values.
    volumes : Path
        TSV of volumes measured by the independent segmenter: ``subject``, ``lv_edv_ml``, ...
    ranges : Path
        JSON of the range of the training patients, by quantity.
    """

    generator: str
    fold: int
    generator_seed: int
    cohort: Path
    volumes: Path
    ranges: Path


@dataclass(frozen=True)
class TrainingRun:
    """One trained network: a generator's model, or the segmenter of an arm.

    Attributes
    ----------
    name : str
        Name of the model, or of the arm.
    fold, generator_seed : int
        Fold, and seed of the generator.
    record : Path or None
        JSON record of the training (``training.json``).
    history : Path or None
        CSV of losses, one row per logged iteration.
    training_seed : int or None
        Seed of an arm's training; None of a model.
    task : str or None
        Downstream task of an arm's training; None of a model.
    """

    name: str
    fold: int
    generator_seed: int
    record: Path | None = None
    history: Path | None = None
    training_seed: int | None = None
    task: str | None = None


@dataclass(frozen=True)
class PredictionRun:
    """Predictions of the test patients by one training of a segmentation network.

    Attributes
    ----------
    arm : str
        Name of the arm.
    fold, generator_seed, training_seed : int
        What tells the trainings of an arm apart.
    folder : Path
        ``predictions.json`` and the predicted labels at ED and ES.
    """

    arm: str
    fold: int
    generator_seed: int
    training_seed: int
    folder: Path


@dataclass(frozen=True)
class FeatureMap:
    """Real training and synthetic subjects in the plane, from `synthaug.measures.feature_maps`.

    Attributes
    ----------
    extractor, generator : str
        Extractor of the features; generator of the subjects.
    fold, generator_seed : int
        Fold; seed of the generator.
    points : Path
        TSV with the columns kind, set, subject, x, y.
    """

    extractor: str
    generator: str
    fold: int
    generator_seed: int
    points: Path


@dataclass(frozen=True)
class ReportInputs:
    """Inputs of the report of one study.

    Attributes
    ----------
    tables : Path
        Folder of the table version (`synthaug.tables.collate.collate`).
    study : mapping
        The resolved configuration, JSON-able.
    arms : sequence of Arm
        Arms in the order shown, controls included.
    cohorts : mapping of str to Path
        Dataset name -> folder of its harmonised cohort; ``quarantine.tsv`` and
        ``findings.tsv`` lie in it.
    splits : mapping of int to Path
        Fold -> split table.
    synthetic : sequence of SyntheticRun
        Synthetic cohorts.
    sweeps : sequence of SweepRun
        Condition sweeps past the training range.
    maps : sequence of FeatureMap
        Maps of feature space.
    models, segmenters : sequence of TrainingRun
        Trainings of the generators' models and of the arms, of all tasks; with several, names begin with the task.
    predictions : sequence of PredictionRun
        Predictions of the test patients by the trainings of the arms.
    phenotypes : sequence of Path
        Phenotypes of the subjects of each dataset, TSV; none where no model draws phenotypes.
    design_warnings : sequence of str
        Limitations of the design (`synthaug.config.design_warnings.design_warnings`).
    """

    tables: Path
    study: Mapping[str, Any]
    arms: Sequence[Arm]
    cohorts: Mapping[str, Path]
    splits: Mapping[int, Path] = field(default_factory=dict)
    synthetic: Sequence[SyntheticRun] = ()
    sweeps: Sequence[SweepRun] = ()
    maps: Sequence[FeatureMap] = ()
    models: Sequence[TrainingRun] = ()
    segmenters: Sequence[TrainingRun] = ()
    predictions: Sequence[PredictionRun] = ()
    phenotypes: Sequence[Path] = ()
    design_warnings: Sequence[str] = ()


def report_inputs(
    runs: Iterable[ListedRun],
    tables: Path,
    study: Mapping[str, Any],
    arms: Sequence[Arm],
    datasets: Sequence[str],
    design_warnings: Sequence[str] = (),
) -> ReportInputs:
    """Sort the runs of a study into the inputs of the report.

    Parameters
    ----------
    runs : iterable of ListedRun
        The study's runs (`synthaug.runs.read_runs`).
    datasets : sequence of str
        Datasets whose patients train, validate and test.
    tables, study, arms, design_warnings
        See `ReportInputs`.
    """
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for run in runs:
        by_kind[run.kind].append(run)
    tasks = {run.task for run in by_kind["arm"]}
    several = {run.name for run in by_kind["arm"] if run.generator_seed != by_kind["arm"][0].generator_seed}
    return ReportInputs(
        tables,
        study,
        arms,
        {run.name: run.cohort for run in by_kind["dataset"] if run.name in datasets},
        splits={run.fold: run.split for run in by_kind["split"]},
        synthetic=[
            SyntheticRun(
                run.name,
                run.fold,
                run.generator_seed,
                run.cohort,
                rejections=run.cohort / "rejections.tsv",
                volumes=run.measured,
                pairs=run.pairs,
                attention=run.attention,
            )
            for run in by_kind["synthetic"]
        ],
        sweeps=[
            SweepRun(run.name, run.fold, run.generator_seed, run.cohort, run.measured, run.ranges)
            for run in by_kind["sweep"]
        ],
        maps=[
            FeatureMap(run.extractor, run.name, run.fold, run.generator_seed, run.points)
            for run in by_kind["map"]
        ],
        models=[
            TrainingRun(run.name, run.fold, run.generator_seed, run.record, run.history)
            for run in by_kind["model"]
        ],
        segmenters=[
            TrainingRun(
                (f"{run.task}: " if len(tasks) > 1 else "")
                + run.name
                + (f", generator seed {run.generator_seed}" if run.name in several else ""),
                run.fold,
                run.generator_seed,
                run.record,
                run.history,
                run.training_seed,
                run.task,
            )
            for run in by_kind["arm"]
        ],
        predictions=[
            PredictionRun(run.name, run.fold, run.generator_seed, run.training_seed, run.predictions)
            for run in by_kind["arm"]
            if run.predictions
        ],
        phenotypes=[run.phenotypes for run in by_kind["dataset"] if run.phenotypes],
        design_warnings=design_warnings,
    )
