"""Sets whose subjects are all alike, or the same on both sides: no measure divides by what does not vary."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.distances import measure_distances
from synthaug.measures.feature_maps import map_features
from synthaug.measures.fidelity import measure_fidelity
from synthaug.measures.generator_comparison import compare_generators
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.corrupted_reference import measure_against_corrupted
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS
from synthaug.measures.metric_sensitivity.responses import measure_responses
from synthaug.measures.reconstructions import measure_reconstructions

KINDS = ("frames", "temporal", "spatial")
N = 12
#: Features (subject, row, d) of a set: all zero, all one value, one patient again and again, two patients, different ones.
SETS = {
    "zero": np.zeros((N, 3, 4)),
    "constant": np.full((N, 3, 4), 0.7),
    "one": np.tile(np.random.default_rng(0).normal(size=(1, 3, 4)), (N, 1, 1)),
    "two": np.tile(np.random.default_rng(1).normal(size=(2, 3, 4)), (N // 2, 1, 1)),
    "different": np.random.default_rng(2).normal(size=(N, 3, 4)),
}
MEASUREMENT = Measurement(
    {"generator": "g", "fold": 0, "generator_seed": 0}, EvaluationSettings(splits=3, replicates=100)
)


def features(name: str, text: bool = False) -> FeatureSet:
    kinds = {kind: list(SETS[name].astype(np.float32)) for kind in KINDS}
    kinds |= {"text": [rows[:1] for rows in kinds["frames"]]} if text else {}
    return FeatureSet(tuple(f"s{number}" for number in range(N)), kinds, "made", whiten=True)


def tables(real: FeatureSet, made: FeatureSet) -> dict[str, pd.DataFrame]:
    """Every measure of features, by its name."""
    training, references = real.subjects[: N // 2], {"real train": real.subjects}
    controls = dict.fromkeys(CONTROLS, made)
    diagnoses = {subject: "NOR" if number % 2 else "DCM" for number, subject in enumerate(real.subjects)}
    return {
        "distances": measure_distances(real, made, references, MEASUREMENT),
        "fidelity": measure_fidelity(real, made, real.subjects, MEASUREMENT),
        "generators": compare_generators(real, {"a": made, "b": real}, references, MEASUREMENT),
        "controls": measure_against_corrupted(real, made, controls, training, MEASUREMENT),
        "responses": measure_responses({"": real, **controls}, diagnoses, MEASUREMENT),
        "reconstructions": measure_reconstructions(real, made, training, MEASUREMENT),
        "maps": map_features(real, made, training, MEASUREMENT)[1],
    }


@pytest.mark.parametrize(
    ("real", "made"),
    [
        ("zero", "zero"),
        ("constant", "different"),
        ("one", "one"),
        ("one", "different"),
        ("two", "constant"),
        ("different", "different"),
        ("different", "one"),
    ],
)
def test_no_measure_of_features_divides_by_what_does_not_vary(real, made):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tables(features(real, text=True), features(made, text=True))
    for name, table in found.items():
        numbers = table.select_dtypes("number")
        assert not np.isinf(numbers.to_numpy(np.float64)).any(), name
        unmeasured = table[table["status"] != "ok"]
        assert unmeasured["note"].astype(bool).all(), name
