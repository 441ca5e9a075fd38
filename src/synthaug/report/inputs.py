"""What a report is made from, every file by its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthaug.config.arms import Arm


@dataclass(frozen=True)
class SyntheticRun:
    """One synthetic cohort, and what the quality gate refused on the way to it.

    Attributes
    ----------
    generator : str
        Name of the generator.
    fold, seed : int
        Fold it was trained on; seed of the generator.
    cohort : Path
        Folder of the synthetic cohort.
    rejections : Path or None
        TSV of the samples that the gate refused, one a row.
    volumes : Path or None
        TSV of volumes measured on the images by the independent segmenter: ``subject``, ``lv_edv_ml``, ...
    pairs : Path or None
        TSV of every synthetic subject and the training subject most like it.
    """

    generator: str
    fold: int
    seed: int
    cohort: Path
    rejections: Path | None = None
    volumes: Path | None = None
    pairs: Path | None = None


@dataclass(frozen=True)
class GridRun:
    """Hearts asked for on a grid past the training range, and what a segmenter measured of them.

    Attributes
    ----------
    generator : str
        Name of the generator.
    fold, seed : int
        Fold it was trained on; seed of the generator.
    cohort : Path
        Folder of the hearts, with what was asked in its table.
    volumes : Path
        TSV of what the independent segmenter measured: ``subject``, ``lv_edv_ml``, ...
    ranges : Path
        JSON of the least and greatest that the training patients have, by quantity.
    """

    generator: str
    fold: int
    seed: int
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
    fold, seed : int
        Fold and training seed.
    record : Path or None
        JSON record of the training (``training.json``).
    history : Path or None
        CSV of losses, one row a logged iteration.
    """

    name: str
    fold: int
    seed: int
    record: Path | None = None
    history: Path | None = None


@dataclass(frozen=True)
class FeatureMap:
    """Real training and synthetic subjects in the plane, from `synthaug.measures.feature_maps`.

    Attributes
    ----------
    extractor, generator : str
        Whose features; whose subjects.
    fold, seed : int
        Fold; seed of the generator.
    points : Path
        TSV with the columns kind, set, subject, x, y.
    """

    extractor: str
    generator: str
    fold: int
    seed: int
    points: Path


@dataclass(frozen=True)
class ReportInputs:
    """Everything the report of one study is made from.

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
    grids : sequence of GridRun
        Grids past the training range.
    maps : sequence of FeatureMap
        Maps of feature space.
    models, segmenters : sequence of TrainingRun
        Trainings of the generators' models and of the arms.
    design_warnings : sequence of str
        Limitations of the design (`synthaug.config.design_warnings.design_warnings`).
    """

    tables: Path
    study: Mapping[str, Any]
    arms: Sequence[Arm]
    cohorts: Mapping[str, Path]
    splits: Mapping[int, Path] = field(default_factory=dict)
    synthetic: Sequence[SyntheticRun] = ()
    grids: Sequence[GridRun] = ()
    maps: Sequence[FeatureMap] = ()
    models: Sequence[TrainingRun] = ()
    segmenters: Sequence[TrainingRun] = ()
    design_warnings: Sequence[str] = ()
