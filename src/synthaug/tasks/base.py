"""What a downstream task does, and how it is opened from its settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from synthaug.config.base import Settings
from synthaug.config.tasks import AnyTaskSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of, parse
from synthaug.data.cohort import Cohort
from synthaug.tasks.training_subjects import TrainingSubjects

Progress = Callable[[int, int], None]


class Task(ABC):
    """A downstream task: from the training subjects of an arm to scored predictions.

    The workflow calls `plan` once a fold, `write_training_set` once an arm and generator seed, and `train`,
    `validate` (where the settings say `validates`), `predict` and `score` once a training seed, each in a process of its own. Folders are written
    whole or not at all (`synthaug.core.artifacts.atomic_folder`).

    Parameters
    ----------
    settings : TaskSettings
        Its entry under ``tasks``; a step may be given those settings only that it depends on
        (`synthaug.config.tasks.TaskSettings.of_step`), the others are then at their defaults.

    Attributes
    ----------
    Options : type
        What the `options` of a class from outside the package may say; by itself, nothing.
    unfinished : Path or None
        Folder outside the outputs in which `predict` and `label` may keep subjects that are finished, so that a killed
        job goes on; named after settings and code by who calls, emptied by who fills it.
    """

    Options: ClassVar[type[Settings]] = Settings
    unfinished: Path | None = None

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def plan(self, training: TrainingSubjects, output: Path, threads: int = 1) -> None:
        """Fix what all arms of a fold share.

        Parameters
        ----------
        training : TrainingSubjects
            Those of the reference arm: the most real patients of the fold and nothing else.
        output : Path
            Folder that receives the plan, in files of the task's own choice.
        threads : int
            CPU threads.
        """

    @abstractmethod
    def write_training_set(
        self, training: TrainingSubjects, plan: Path, output: Path, threads: int = 1
    ) -> None:
        """Write the training and validation data of an arm as the task reads them.

        Parameters
        ----------
        training : TrainingSubjects
            The arm's subjects; `TrainingSubjects.sampling` says how they are drawn.
        plan : Path
            Folder that `plan` wrote in this fold.
        output : Path
            Folder that receives the training set, in files of the task's own choice.
        threads : int
            CPU threads.
        """

    @abstractmethod
    def train(
        self, training_set: Path, model: Path, checkpoints: Path, training_seed: int, threads: int = 1
    ) -> None:
        """Train on an arm, or finish a training that was interrupted.

        Parameters
        ----------
        training_set : Path
            Folder that `write_training_set` wrote.
        model : Path
            Folder that receives ``training.json`` (the record: at least ``arm``, the record of `TrainingSubjects`,
            and ``training_seed``), ``history.csv`` (one row an epoch; a header alone where there are no epochs) and
            what `predict` needs.
        checkpoints : Path
            Folder for the state of an unfinished training, outside every declared output; to be saved there every
            `settings.checkpoint_minutes`, and after a signal to stop.
        training_seed : int
            Seed of all randomness of the training.
        threads : int
            CPU threads.
        """

    def validate(
        self,
        model: Path,
        cohort: Cohort,
        output: Path,
        threads: int = 1,
        progress: Progress | None = None,
    ) -> None:
        """Decide on validation patients what `predict` applies to predictions; only called where the settings say `validates`.

        Parameters
        ----------
        model : Path
            Folder that `train` wrote.
        cohort : Cohort
            The validation patients of the fold, with their reference labels.
        output : Path
            Folder that receives the decision, in files of the task's own choice.
        threads : int
            CPU threads.
        progress : callable, optional
            Called with the subjects done and to do.
        """
        raise NotImplementedError

    @abstractmethod
    def predict(
        self,
        model: Path,
        cohort: Cohort,
        output: Path,
        frames: Literal["ed_es", "all"] = "ed_es",
        threads: int = 1,
        progress: Progress | None = None,
        validation: Path | None = None,
    ) -> None:
        """Predict for every subject of a cohort.

        Parameters
        ----------
        model : Path
            Folder that `train` wrote.
        cohort : Cohort
            Real or synthetic subjects.
        output : Path
            Folder that receives ``predictions.json`` (at least ``seen``, the real patients that the training
            saw) and files of the task's own choice.
        frames : {"ed_es", "all"}
            Frames of interest; ``"all"`` is asked only of a `CohortSegmenter`.
        threads : int
            CPU threads.
        progress : callable, optional
            Called with the subjects done and to do.
        validation : Path, optional
            Folder that `validate` wrote for this training; passed only where the settings say `validates`.
        """

    @abstractmethod
    def score(self, predictions: Path, cohort: Cohort, fields: Mapping[str, Any]) -> pd.DataFrame:
        """Score predictions against what the cohort says of its subjects.

        Parameters
        ----------
        predictions : Path
            Folder that `predict` wrote for this cohort.
        cohort : Cohort
            The subjects to score.
        fields : mapping
            Columns that all rows share: arm, generator, dose, fold, seeds.

        Returns
        -------
        DataFrame
            Result rows per subject (`synthaug.tables.make_table`), with its vendor and diagnosis.
        """


class CohortSegmenter(Task):
    """A task that segments cines, so that it may write pseudo labels and measure synthetic cines.

    Its predictions are canonical labels on the grid of the cohort: files of one frame, or of all frames of a cine.
    ``predictions.json`` lists the frames under ``cases`` (subject, frame, file).
    """

    @abstractmethod
    def label(
        self,
        model: Path,
        cohort: Cohort,
        output: Path,
        records: Sequence[Path] = (),
        threads: int = 1,
        progress: Progress | None = None,
        validation: Path | None = None,
    ) -> None:
        """Write a cohort again with the labels that a trained model finds in every frame.

        Parameters
        ----------
        model : Path
            Folder that `train` wrote.
        cohort : Cohort
            Synthetic subjects; their own labels are replaced.
        output : Path
            Cohort folder to write; its ``cohort.json`` says ``labelled_by``.
        records : sequence of Path
            Files to keep beside the subjects: what the quality gate wrote of them.
        threads : int
            CPU threads.
        progress : callable, optional
            Called with the subjects done and to do.
        validation : Path, optional
            As for `predict`.
        """


def open_task(content: Mapping[str, Any]) -> Task:
    """The task of an entry under ``tasks``.

    Parameters
    ----------
    content : mapping
        The entry, or those of its settings that a step depends on (`TaskSettings.of_step`).

    Raises
    ------
    SynthaugError
        As `synthaug.core.plugins.load_class`.
    """
    settings = parse(content, AnyTaskSettings)
    task: Task = class_of(settings, Task)(settings)
    return task


def open_segmenter(content: Mapping[str, Any]) -> CohortSegmenter:
    """As `open_task`, for what only a task that segments can do.

    Raises
    ------
    SynthaugError
        The task does not segment, or as `open_task`.
    """
    task = open_task(content)
    if not isinstance(task, CohortSegmenter):
        raise SynthaugError(f"tasks: kind {content['kind']} does not segment cines; declare one that does")
    return task
