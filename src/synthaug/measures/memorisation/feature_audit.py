"""The memorisation audit in the space of an extractor's features."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch

from synthaug.config.geometry import GeometrySettings
from synthaug.data.cohort import Cohort
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.data_copying import FEWEST as FEWEST_REGIONS
from synthaug.measures.memorisation.data_copying import data_copying
from synthaug.measures.memorisation.positive_controls import RESCAN, TRANSFORMS, transform_copy
from synthaug.measures.memorisation.roles import Roles
from synthaug.measures.memorisation.scores import FEWEST, Similarities, score_copies, unscored
from synthaug.measures.subject_distances import fit_whitening
from synthaug.models.geometry import Geometry
from synthaug.tables import Row, make_table

#: Of the metrics' names, where the vectors are an extractor's features or a patient recogniser's embedding.
FEATURES, RECOGNITION = "_features", "_recognition"
_ANGLES_DEG = (-16, 0, 16)  # searched around every quarter turn: each costs extractions of every real subject
_PRODUCTS = 2**24  # cosines in memory at once
_CONTROLS = 20  # training subjects who are copied as positive controls: each transform costs an extraction


def audit_features(
    cohort: Cohort,
    real: FeatureSet,
    synthetic: FeatureSet,
    spatial: Callable[[np.ndarray], np.ndarray],
    roles: Roles,
    measurement: Measurement,
    limits: GeometrySettings | None = None,
    suffix: str = FEATURES,
) -> pd.DataFrame:
    """Look for copies of training subjects among synthetic ones, in their features.

    A subject is one vector: the mean over frames of the features that see a frame's slices together. The mean
    does not depend on where the cycle starts. Every real subject is compared in each quarter turn and mirror
    image, rotated by up to 16 degrees or not. Shifts and scales are left to the extractor. Similarity is the cosine
    of two vectors after the mean of the training subjects is taken off.

    Parameters
    ----------
    cohort : Cohort
        The real subjects: they are turned and mirrored, and some who train are copied as positive controls.
    real, synthetic : FeatureSet
        Features of the same extractor, which has spatial ones.
    spatial : callable
        That extractor's spatial features (t, d) of one cine (t, z, y, x).
    roles : Roles
        The real subjects who train and are held out. Held-out subjects whom the extractor saw are left out.
    measurement : Measurement
        Generator, fold and seeds; seed of the positive controls, of the permutations and of C_T. Progress counts real
        subjects.
    limits : GeometrySettings, optional
        Largest movement of a copy, as of the images.
    suffix : str
        `FEATURES`, or `RECOGNITION` for the embedding of a patient recogniser.

    Returns
    -------
    DataFrame
        Result rows, named as those of the images with the suffix; of features also ``c_t_features``.
    """
    train = roles.train
    held_out = [subject for subject in roles.held_out if subject not in real.seen]
    measurement = measurement.with_fields(extractor=real.extractor)
    absent = real.absent or synthetic.absent
    first_visits = roles.first_visits
    if absent or len(first_visits) < FEWEST or not synthetic.subjects:
        few = (
            f"{len(first_visits)} training patients and {len(synthetic.subjects)} synthetic subjects; {FEWEST} and 1 are "
            "needed"
        )
        note, status = (absent, "extractor_absent") if absent else (few, "not_measured")
        rows = unscored(note, measurement, suffix, status)
        if suffix == FEATURES:
            rows.append(measurement.row("c_t_features", status=status, note=note))
        return make_table(rows)

    n, rng = len(train), np.random.default_rng(measurement.settings.seed)
    subjects = [*train, *held_out]
    views: list[list[np.ndarray]] = []
    copies: dict[str, list[np.ndarray]] = {name: [] for name in ("rescans", *TRANSFORMS)}
    for done, subject in enumerate(subjects):
        cine = cohort.cine(subject)
        views.append([spatial(view).mean(axis=0) for view in _views(cine)])
        for name, controls in copies.items() if done < min(n, _CONTROLS) else ():
            transform = RESCAN if name == "rescans" else name
            controls.append(spatial(transform_copy(cine, transform, rng, limits)).mean(axis=0))
        measurement.report(done + 1, len(subjects))
    seen_from, own = (
        np.array(views, np.float64),
        _vectors(real.select(subjects)),
    )  # (subjects, views, d), (subjects, d)
    made = _vectors(synthetic)
    whiten = _whitening(real.select(train))
    references, centre = whiten(seen_from[:n]), whiten(own[:n]).mean(axis=0)

    def similarity_to_training(queries: np.ndarray) -> np.ndarray:
        return _similarity(whiten(queries), references, centre)

    # Here whitening and centre are those of all patients: they do not depend on who trains.
    patients = [*first_visits.tolist(), *range(n, len(subjects))]
    alike = _whitening(real.select([subjects[row] for row in patients]))
    among_training = similarity_to_training(own[:n])
    found = Similarities(
        training=among_training,
        synthetic=similarity_to_training(made),
        held_out=similarity_to_training(own[n:]),
        synthetic_to_real=_similarity(
            alike(made), alike(seen_from[patients]), alike(own[patients]).mean(axis=0)
        ),
        rescans=similarity_to_training(np.array(copies.pop("rescans"))).diagonal(),
        patients=roles.units,
        positive_controls={
            "positive_control_found": among_training,
            **{
                f"positive_control_{transform}_found": similarity_to_training(np.array(rows))
                for transform, rows in copies.items()
            },
        },
        learned=bool(set(real.seen) & set(subjects)),
    )
    rows = score_copies(found, measurement, suffix).rows
    if suffix == FEATURES:
        rows.append(_copying_row(whiten(own[:n]), whiten(own[n:]), whiten(made), measurement))
    return make_table(rows)


def _copying_row(
    training: np.ndarray, held_out: np.ndarray, synthetic: np.ndarray, measurement: Measurement
) -> Row:
    found = data_copying(
        training, held_out, synthetic, measurement.settings.seed, measurement.settings.confidence
    )
    if found is None:
        note = (
            f"{len(training)} training, {len(held_out)} held-out and {len(synthetic)} synthetic subjects; "
            f"{FEWEST_REGIONS} of each are needed, and 5 of the last two in a region"
        )
        return measurement.not_measured("c_t_features", note=note, n=len(synthetic))
    return measurement.row("c_t_features", status="ok", **found._asdict())


def _vectors(features: FeatureSet) -> np.ndarray:
    """Mean over frames of every subject's spatial features, (n, d)."""
    return np.stack([rows.astype(np.float64).mean(axis=0) for rows in features.features["spatial"]])


def _whitening(fitted: FeatureSet) -> Callable[[np.ndarray], np.ndarray]:
    """Whitening of vectors (..., d) by the frames of these subjects, where the extractor asks for it."""
    if not fitted.whiten or len(fitted.subjects) < 2:
        return lambda vectors: vectors
    centre, matrix = fit_whitening(np.concatenate(fitted.features["spatial"]))
    return lambda vectors: (vectors - centre) @ matrix


def _similarity(queries: np.ndarray, references: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Largest cosine of each query (q, d) with the views of each reference (n, views, d), as (q, n)."""
    queries, references = _unit(queries - centre), _unit(references - centre)
    found = np.empty((len(queries), len(references)))
    count = max(1, _PRODUCTS // max(1, references.shape[0] * references.shape[1]))
    for start in range(0, len(queries), count):
        part = slice(start, start + count)
        products = np.einsum("qd,nvd->qnv", queries[part], references, optimize=True)
        found[part] = products.max(axis=2)
    return found


def _views(cine: np.ndarray) -> Iterator[np.ndarray]:
    """Every mirror image and quarter turn (half turns where the plane is not square), also rotated a little."""
    square = cine.shape[-1] == cine.shape[-2]
    for angle in _ANGLES_DEG:
        image = torch.from_numpy(np.ascontiguousarray(cine))
        turned = Geometry(rotation=float(np.deg2rad(angle))).apply(image).numpy() if angle else cine
        for turns in range(4) if square else (0, 2):
            view = np.ascontiguousarray(np.rot90(turned, turns, axes=(-2, -1)))
            yield view
            yield np.ascontiguousarray(view[..., ::-1])


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))
