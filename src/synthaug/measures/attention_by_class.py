"""Do attention maps of one diagnosis resemble one another? Their neighbours, beside those of the images, and a plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from synthaug.measures.feature_maps import embed
from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import NO_WIDTH, bootstrap_mean_interval
from synthaug.tables import Row

#: Of maps, and of the images of the same samples.
CLASS_METRICS = {"attention": "attention_class", "image": "attention_class_image"}
POINT_COLUMNS = ("word", "kind", "subject", "diagnosis", "x", "y")
_CHANCE, _EXCESS = "_chance", "_excess"
_CELLS = 16  # along y and x
_FEWEST = 6


@dataclass(frozen=True)
class Described:
    """What of one sample is compared.

    Attributes
    ----------
    subject, diagnosis : str
        The diagnosis as it was requested.
    vectors : dict of str to ndarray, shape (d,)
        By the keys of `CLASS_METRICS`.
    """

    subject: str
    diagnosis: str
    vectors: dict[str, np.ndarray]


def describe(subject: str, diagnosis: str, attention: np.ndarray, cine: np.ndarray) -> Described:
    """A sample's map and cine, (t, z, y, x) each, as vectors: mean over frames of the middle slice, coarse, of length 1."""
    middle = attention.shape[1] // 2
    planes = {"attention": attention[:, middle].mean(axis=0), "image": cine[:, middle].mean(axis=0)}
    return Described(subject, diagnosis, {kind: _coarse(plane) for kind, plane in planes.items()})


def measure_by_class(word: str, described: Sequence[Described], measurement: Measurement) -> Iterator[Row]:
    """How often the nearest map to a word, or the nearest image, is of the same diagnosis.

    Parameters
    ----------
    word : str
        Column `target` of the rows.
    described : sequence of Described
        Samples whose sentence has the word; those whose diagnosis no other has are left out.
    measurement : Measurement
        Replicates of the bootstrap over samples, coverage, seed.

    Yields
    ------
    Row
        ``attention_class`` and ``attention_class_image``, each with ``_chance`` (the share of the others that have the same
        diagnosis) and ``_excess``, their difference. Not measured with fewer than two diagnoses or six samples.

    References
    ----------
    Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images, figure 5: maps of a word lie apart by
    class in the plane of t-SNE where images do not. Shares are of the vectors themselves, because a plane of t-SNE has
    clusters without any classes.
    """
    used = _of_shared_diagnoses(described)
    classes = np.array([one.diagnosis for one in used])
    about = {"target": word, "n": len(used)}
    settings = measurement.settings
    few = len(set(classes)) < 2 or len(used) < _FEWEST
    for kind, metric in CLASS_METRICS.items():
        if few:
            note = f"{len(used)} samples of {len(set(classes))} diagnoses; {_FEWEST} of 2 are needed"
            for suffix in ("", _CHANCE, _EXCESS):
                yield measurement.not_measured(metric, suffix, note=note, **about)
            continue
        distances = cdist(*[np.stack([one.vectors[kind] for one in used])] * 2)
        np.fill_diagonal(distances, np.inf)
        same = classes[:, None] == classes
        nearest = distances == distances.min(axis=1, keepdims=True)
        own = (nearest & same).sum(axis=1) / nearest.sum(axis=1)  # of equally near ones their share
        chance = (same.sum(axis=1) - 1) / (len(used) - 1)
        for suffix, values in (("", own), (_CHANCE, chance), (_EXCESS, own - chance)):
            low, high = bootstrap_mean_interval(
                values, settings.replicates, settings.confidence, settings.seed
            )
            found = {"value": float(values.mean()), "ci_low": low, "ci_high": high}
            narrow = NO_WIDTH if low == high else None
            yield measurement.row(metric, suffix, status="ok", note=narrow, **found, **about)


def points_by_class(word: str, described: Sequence[Described], seed: int) -> pd.DataFrame:
    """Samples in a plane by t-SNE, once by their maps and once by their images; columns `POINT_COLUMNS`."""
    used = _of_shared_diagnoses(described)
    parts = []
    for kind in CLASS_METRICS if len(used) >= _FEWEST else ():
        vectors = np.stack([one.vectors[kind] for one in used])
        x, y = embed(vectors[:1], vectors[1:], seed).T
        about = {"word": word, "kind": kind, "x": x, "y": y}
        names = {"subject": [one.subject for one in used], "diagnosis": [one.diagnosis for one in used]}
        parts.append(pd.DataFrame({**names, **about}))
    return pd.concat(parts)[list(POINT_COLUMNS)] if parts else pd.DataFrame(columns=list(POINT_COLUMNS))


def _of_shared_diagnoses(described: Sequence[Described]) -> list[Described]:
    counts = pd.Series([one.diagnosis for one in described], dtype="object").value_counts()
    return [one for one in described if counts[one.diagnosis] > 1]


def _coarse(plane: np.ndarray) -> np.ndarray:
    """Means over cells of a plane (y, x), less their mean, of length 1; 0 where all are the same."""
    rows, columns = (
        np.linspace(0, length, min(_CELLS, length), endpoint=False).astype(int) for length in plane.shape
    )
    sums = np.add.reduceat(np.add.reduceat(plane.astype(np.float64), rows, axis=0), columns, axis=1)
    sizes = np.diff(rows, append=plane.shape[0])[:, None] * np.diff(columns, append=plane.shape[1])
    cells = (sums / sizes).ravel()
    cells -= cells.mean()
    return np.asarray(cells / max(float(np.linalg.norm(cells)), 1e-12))
