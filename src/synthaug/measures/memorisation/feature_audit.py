"""The memorisation audit in the space of an extractor's features."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.data_copying import FEWEST as FEWEST_REGIONS
from synthaug.measures.memorisation.data_copying import data_copying
from synthaug.measures.memorisation.positive_controls import TRANSFORMS, transform_copy
from synthaug.measures.memorisation.roles import Roles
from synthaug.measures.memorisation.scores import FEWEST, Similarities, score_copies, unscored
from synthaug.measures.subject_distances import fit_transforms, transformed_rows
from synthaug.tables import Row, make_table

_SUFFIX = "_features"
_CONTROLS = 12  # training subjects who are copied as positive controls: each transform costs an extraction


def audit_features(
    cohort: Cohort,
    real: FeatureSet,
    synthetic: FeatureSet,
    spatial: Callable[[np.ndarray], np.ndarray],
    roles: Roles,
    measurement: Measurement,
) -> pd.DataFrame:
    """Look for copies of training subjects among synthetic ones, in their features.

    A subject is one vector: the mean over frames of the features that see a frame's slices together. The mean
    does not depend on where the cycle starts. Every training subject is compared in each quarter turn and mirror
    image. Similarity is the cosine of two vectors after the mean of the training subjects is taken off.

    Parameters
    ----------
    cohort : Cohort
        The real subjects: those who train are turned and mirrored, and some of them are copied as positive controls.
    real, synthetic : FeatureSet
        Features of the same extractor, which has spatial ones.
    spatial : callable
        That extractor's spatial features (t, d) of one cine (t, z, y, x).
    roles : Roles
        The real subjects who train, validate and are held out.
    measurement : Measurement
        Generator, fold and seeds; seed of the positive controls, of thinning and of C_T. Progress counts training
        subjects.

    Returns
    -------
    DataFrame
        Result rows, named as those of the images with ``_features``, and ``c_t_features``.
    """
    train, validation, held_out = roles.train, roles.validation, roles.held_out
    measurement = measurement.with_fields(extractor=real.extractor)
    absent = real.absent or synthetic.absent
    if absent or len(train) < FEWEST or not synthetic.subjects:
        few = f"{len(train)} training and {len(synthetic.subjects)} synthetic subjects; {FEWEST} and 1 are needed"
        note, status = (absent, "extractor_absent") if absent else (few, "not_measured")
        copying = measurement.row("c_t_features", status=status, note=note)
        return make_table([*unscored(note, measurement, _SUFFIX, status), copying])

    training = real.select(train)
    transforms = fit_transforms(training)

    def vectors(features: FeatureSet) -> np.ndarray:
        rows = transformed_rows(features, "spatial", transforms) or []
        return np.stack([frames.mean(axis=0) for frames in rows])

    own = vectors(training)
    centre = own.mean(axis=0)
    rng = np.random.default_rng(measurement.settings.seed)

    def describe(cine: np.ndarray) -> np.ndarray:
        return vectors(FeatureSet(("one",), {"spatial": [spatial(cine)]}, real.extractor, real.whiten))[0]

    turned: list[list[np.ndarray]] = []
    copies: dict[str, list[np.ndarray]] = {transform: [] for transform in TRANSFORMS}
    for done, subject in enumerate(train):
        cine = cohort.cine(subject)
        turned.append([own[done], *(describe(view) for view in _turned(cine))])
        for transform, controls in copies.items() if done < _CONTROLS else ():
            controls.append(describe(transform_copy(cine, transform, rng)))
        measurement.report(done + 1, len(train))
    references = _unit(np.array(turned) - centre)  # (n_train, views, d)

    def similarity_to_training(queries: np.ndarray) -> np.ndarray:
        products = np.einsum("qd,nvd->qnv", _unit(queries - centre), references)
        return np.asarray(products.max(axis=2))

    made = vectors(synthetic)
    judged = {name: vectors(real.select(ids)) for name, ids in (("v", validation), ("h", held_out)) if ids}
    no_rows = np.empty((0, len(train)))
    others = [_unit(made - centre) @ _unit(one - centre).T for one in judged.values()]
    found = Similarities(
        training=similarity_to_training(own),
        synthetic=similarity_to_training(made),
        validation=similarity_to_training(judged["v"]) if validation else no_rows,
        held_out=similarity_to_training(judged["h"]) if held_out else no_rows,
        synthetic_to_real=np.concatenate([np.empty((len(made), 0)), *others], axis=1),
        positive_controls={
            "positive_control_found": similarity_to_training(own),
            **{
                f"positive_control_{transform}_found": similarity_to_training(np.array(rows))
                for transform, rows in copies.items()
            },
        },
    )
    rows, _ = score_copies(found, measurement, _SUFFIX)
    new = np.concatenate([np.empty((0, own.shape[1])), *judged.values()])
    return make_table([*rows, _copying_row(own, new, made, measurement)])


def _copying_row(
    training: np.ndarray, held_out: np.ndarray, synthetic: np.ndarray, measurement: Measurement
) -> Row:
    found = data_copying(training, held_out, synthetic, measurement.settings.seed)
    if found is None:
        note = (
            f"{len(training)} training, {len(held_out)} held-out and {len(synthetic)} synthetic subjects; "
            f"{FEWEST_REGIONS} of each are needed, and 5 of the last two in a region"
        )
        return measurement.not_measured("c_t_features", note=note, n=len(synthetic))
    return measurement.row("c_t_features", status="ok", **found._asdict())


def _turned(cine: np.ndarray) -> Iterator[np.ndarray]:
    """Every quarter turn and mirror image but the cine itself; half turns where the plane is not square."""
    square = cine.shape[-1] == cine.shape[-2]
    for turns in range(4) if square else (0, 2):
        for mirrored in (False, True):
            if turns or mirrored:
                view = np.rot90(cine, turns, axes=(-2, -1))
                yield view[..., ::-1] if mirrored else view


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))
