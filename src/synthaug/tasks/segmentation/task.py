"""Segmentation of LV, myocardium and RV by nnU-Net."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.leftovers import PARTIAL, clear_left_behind, owned_prefix
from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.measures.scoring import score_predictions
from synthaug.tasks.base import CohortSegmenter, Progress
from synthaug.tasks.segmentation.cases import Frames
from synthaug.tasks.segmentation.plan import make_plan
from synthaug.tasks.segmentation.predict import open_segmenter, predict_cohort
from synthaug.tasks.segmentation.preprocess import preprocess_dataset
from synthaug.tasks.segmentation.pseudo_labels import label_cohort
from synthaug.tasks.segmentation.train_ensemble import train_ensemble
from synthaug.tasks.segmentation.training_set import write_raw_dataset
from synthaug.tasks.segmentation.validate import validate_segmenter
from synthaug.tasks.training_subjects import TrainingSubjects


class Segmentation(CohortSegmenter):
    """nnU-Net, planned once a fold from real training data and trained alike on every arm."""

    settings: SegmentationSettings

    def plan(self, training: TrainingSubjects, output: Path, threads: int = 1) -> None:
        """nnU-Net's plan and fingerprint; see `make_plan`."""
        with _raw_dataset(training, "ed_es", output.parent) as raw:
            make_plan(raw, output, self.settings, threads)

    def write_training_set(
        self, training: TrainingSubjects, plan: Path, output: Path, threads: int = 1
    ) -> None:
        """nnU-Net's preprocessed dataset with its plan, ``cases.tsv`` and ``arm.json``; see `preprocess_dataset`."""
        with _raw_dataset(training, self.settings.frames, output.parent) as raw:
            preprocess_dataset(raw, plan, output, self.settings.configurations, threads)

    def train(
        self, training_set: Path, model: Path, checkpoints: Path, training_seed: int, threads: int = 1
    ) -> None:
        """nnU-Net's training; see `train_ensemble`."""
        train_ensemble(training_set, model, checkpoints, self.settings, training_seed, threads)

    def validate(
        self,
        model: Path,
        cohort: Cohort,
        output: Path,
        threads: int = 1,
        progress: Progress | None = None,
    ) -> None:
        """Connected-component post-processing; see `validate_segmenter`."""
        validate_segmenter(model, cohort, output, self.settings.mirroring, threads=threads, progress=progress)

    def predict(
        self,
        model: Path,
        cohort: Cohort,
        output: Path,
        frames: Frames = "ed_es",
        threads: int = 1,
        progress: Progress | None = None,
        validation: Path | None = None,
    ) -> None:
        """Label maps; see `predict_cohort`."""
        predict_cohort(
            model,
            cohort,
            output,
            frames,
            self.settings.mirroring,
            threads=threads,
            progress=progress,
            validation=validation,
            unfinished=self.unfinished,
        )

    def score(self, predictions: Path, cohort: Cohort, fields: Mapping[str, Any]) -> pd.DataFrame:
        """Overlap, surface distances and errors of cardiac function; see `score_predictions`."""
        return score_predictions(predictions, cohort, Measurement(fields))

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
        """Pseudo labels; see `label_cohort`."""
        segmenter = open_segmenter(model, self.settings.mirroring, threads=threads, validation=validation)
        label_cohort(segmenter, cohort, output, progress, records, self.unfinished)


@contextmanager
def _raw_dataset(training: TrainingSubjects, frames: Frames, parent: Path) -> Iterator[Path]:
    """nnU-Net's raw dataset, which only planning and preprocessing read."""
    parent.mkdir(parents=True, exist_ok=True)
    clear_left_behind(parent)
    with tempfile.TemporaryDirectory(prefix=owned_prefix(PARTIAL, "raw"), dir=parent) as folder:
        write_raw_dataset(Path(folder) / "raw", training, frames)
        yield Path(folder) / "raw"
