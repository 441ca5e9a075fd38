"""Maps of feature space: where synthetic subjects lie among real ones, drawn and counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import fit_transforms, patient_means, transformed_rows
from synthaug.measures.synthetic_sample import sample_synthetic
from synthaug.tables import Row, make_table

KINDS = ("temporal", "spatial")
#: Nearest neighbours that `neighbour_mixing` counts among.
NEIGHBOURS = 5
_FEWEST = 2 * NEIGHBOURS  # real patients, synthetic subjects


def neighbour_mixing(first: np.ndarray, second: np.ndarray, k: int = NEIGHBOURS) -> float:
    """How well two sets mix: the other set's share among nearest neighbours, relative to its share of all.

    Parameters
    ----------
    first, second : ndarray, shape (n_first, d), (n_second, d)
        One vector a subject.
    k : int
        Neighbours of each vector that are looked at; below the number of vectors.

    Returns
    -------
    float
        1 where neighbours are of either set as chance has it, 0 where each set keeps to itself; the mean
        over both sets, so that neither counts more for being larger.
    """
    everything = np.concatenate([first, second])
    belongs = np.repeat([0, 1], [len(first), len(second)])
    distances = cdist(everything, everything)
    np.fill_diagonal(distances, np.inf)
    others = belongs[np.argsort(distances, axis=1, kind="stable")[:, :k]] != belongs[:, None]
    shares = [
        others[belongs == side].mean() / ((belongs != side).sum() / (len(everything) - 1)) for side in (0, 1)
    ]
    return float(np.mean(shares))


def embed(first: np.ndarray, second: np.ndarray, seed: int) -> np.ndarray:
    """Plane coordinates (n_first + n_second, 2) by t-SNE of both sets together.

    References
    ----------
    van der Maaten and Hinton, JMLR 9, 2008; scikit-learn's, started from principal components.
    """
    from sklearn.manifold import TSNE

    everything = np.concatenate([first, second])
    if np.ptp(everything, axis=0).max() == 0:
        return np.zeros((len(everything), 2))  # all in one place, where principal components have no scale
    perplexity = min(30.0, (len(everything) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(everything)


def map_features(
    real: FeatureSet,
    synthetic: FeatureSet,
    training: Sequence[str],
    measurement: Measurement,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Map real training and synthetic subjects by motion and by anatomy.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor.
    training : sequence of str
        Real subjects that are drawn, and that define the whitening.
    measurement : Measurement
        Generator, fold and seeds; seed of the map.

    Returns
    -------
    points : DataFrame
        Columns kind (``temporal``, ``spatial``), set (``real``, ``synthetic``), subject, x, y.
    rows : DataFrame
        Result rows ``mixing_<kind>``, from the features and not from the map; visits of a real patient count once.
        Both are empty where the extractor is absent or knows no clips.
    """
    points: list[pd.DataFrame] = []
    rows: list[Row] = []
    measurement = measurement.with_fields(versus="real train", extractor=real.extractor)
    reference = real.select(training)
    synthetic, sampled = sample_synthetic(synthetic, measurement.settings)
    transforms = fit_transforms(reference)
    for kind in KINDS:
        own, other = (transformed_rows(features, kind, transforms) for features in (reference, synthetic))
        if own is None or other is None:
            continue
        first, second = (np.array([clips.mean(axis=0) for clips in subjects]) for subjects in (own, other))
        patients = patient_means(first, reference.units())
        metric, n = f"mixing_{kind}", min(len(patients), len(second))
        if n < _FEWEST:
            note = f"{len(patients)} real patients and {len(second)} synthetic subjects; {_FEWEST} of each are needed"
            rows.append(measurement.not_measured(metric, note=note, n=n))
            continue
        value = neighbour_mixing(patients, second)
        rows.append(measurement.row(metric, status="ok", value=value, n=n, note=sampled))
        sets = ["real"] * len(first) + ["synthetic"] * len(second)
        x, y = embed(first, second, measurement.settings.seed).T
        subjects = [*reference.subjects, *synthetic.subjects]
        points.append(pd.DataFrame({"kind": kind, "set": sets, "subject": subjects, "x": x, "y": y}))
    columns = ["kind", "set", "subject", "x", "y"]
    return pd.concat(points) if points else pd.DataFrame(columns=columns), make_table(rows)
