"""Predictions of a random forest from what a segmenter measures in the images, where nobody drew labels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.measures.predicted_phenotypes import predicted_phenotypes
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.tasks.image_level.predict import predict_subjects


def predict_from_segmentation(
    model: str | Path,
    segmentations: str | Path,
    cohort: Cohort,
    output: str | Path,
    threads: int = 1,
    own: Collection[str] = (),
) -> None:
    """Predict for every subject of a cohort from phenotypes that a segmenter measures.

    The forest was grown on phenotypes of reference labels. Phenotypes of the user's own table are unknown here, and so are
    those that need more frames than were segmented.

    Parameters
    ----------
    model : path
        Folder of a random forest (`synthaug.tasks.image_level.train.train_image_model`).
    segmentations : path
        Folder with ``predictions.json`` and the label maps of a segmenter for this cohort.
    cohort : Cohort
        Real or synthetic subjects; their own labels are not looked at.
    output : path
        Folder to write, as `predict_subjects` does.
    threads : int
        CPU threads.
    own : collection of str
        Phenotypes of the user's own table: the segmenter's would be values of another method under their names.
    """
    names = tuple(name for name in PHENOTYPES if name not in own)
    measured = predicted_phenotypes(segmentations, cohort, names).set_index("subject")
    predict_subjects(model, replace(cohort, phenotypes=measured), output, threads)
