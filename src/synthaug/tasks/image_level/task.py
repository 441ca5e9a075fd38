"""Classification of the diagnosis and regression of phenotypes, from the cine of a subject."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from synthaug.config.image_tasks import ClassificationSettings, ImageTaskSettings, RegressionSettings
from synthaug.data.cohort import Cohort
from synthaug.measures.classification_scores import score_classification
from synthaug.measures.measurement import Measurement
from synthaug.measures.regression_scores import score_regression
from synthaug.tasks.base import Progress, Task
from synthaug.tasks.image_level.plan import make_plan
from synthaug.tasks.image_level.predict import predict_subjects
from synthaug.tasks.image_level.train import train_image_model
from synthaug.tasks.image_level.training_set import write_training_set
from synthaug.tasks.training_subjects import TrainingSubjects


class ImageTask(Task):
    """What both tasks have in common: everything but the scores."""

    settings: ImageTaskSettings

    def plan(self, training: TrainingSubjects, output: Path, threads: int = 1) -> None:
        """``plan.json``; see `make_plan`."""
        make_plan(training.cohort("train", "real"), output, self.settings)

    def write_training_set(
        self, training: TrainingSubjects, plan: Path, output: Path, threads: int = 1
    ) -> None:
        """Clips, targets and features; see `write_training_set`."""
        write_training_set(training, plan, output, self.settings)

    def train(
        self, training_set: Path, model: Path, checkpoints: Path, training_seed: int, threads: int = 1
    ) -> None:
        """Pre-training and fine-tuning, a linear probe or a random forest; see `train_image_model`."""
        train_image_model(training_set, model, checkpoints, self.settings, training_seed, threads)

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
        """Probabilities or phenotypes; see `predict_subjects`."""
        predict_subjects(model, cohort, output, threads, progress)


class Classification(ImageTask):
    """Class of a subject's diagnosis."""

    settings: ClassificationSettings

    def score(self, predictions: Path, cohort: Cohort, fields: Mapping[str, Any]) -> pd.DataFrame:
        """Accuracy, Brier score and class probabilities; see `score_classification`."""
        return score_classification(predictions, cohort, Measurement(fields))


class Regression(ImageTask):
    """Phenotypes of a subject."""

    settings: RegressionSettings

    def score(self, predictions: Path, cohort: Cohort, fields: Mapping[str, Any]) -> pd.DataFrame:
        """Errors of phenotypes; see `score_regression`."""
        return score_regression(predictions, cohort, Measurement(fields))
