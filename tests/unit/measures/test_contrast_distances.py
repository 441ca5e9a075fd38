"""FID of each contrast, by hand: subjects of a contrast have the same features, moved by as much as they are off."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import ContrastSettings, EvaluationSettings
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features import FeatureSet
from synthaug.measures.contrast_distances import contrasts_of, measure_contrast_distances
from synthaug.measures.measurement import Measurement

SETTINGS = ContrastSettings(values=("A", "B"))
MEASUREMENT = Measurement({"generator": "g"}, EvaluationSettings(splits=4))
#: Rows of features of every subject, before they are moved.
ROWS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
#: How far features of each contrast lie along both axes.
PLACE = {"A": 0.0, "B": 10.0}


def features_of(
    name: str, counts: dict[str, int], off: dict[str, float]
) -> tuple[FeatureSet, dict[str, str]]:
    contrasts = {
        f"{name}-{value}-{number}": value for value, count in counts.items() for number in range(count)
    }
    rows = [ROWS + PLACE[value] + off[value] for value in contrasts.values()]
    return FeatureSet(tuple(contrasts), {"frames": rows}, "extractor"), contrasts


def measured(synthetic_counts: dict[str, int], off: dict[str, float]):
    real, real_contrasts = features_of("real", {"A": 6, "B": 6}, {"A": 0, "B": 0})
    synthetic, contrasts = features_of("made", synthetic_counts, off)
    rows = measure_contrast_distances(
        real, synthetic, real_contrasts | contrasts, {"real test": real.subjects}, SETTINGS, MEASUREMENT
    )
    assert set(rows["versus"]) == {"real test"} and set(rows["extractor"]) == {"extractor"}
    return rows.assign(target=rows["target"].fillna("")).set_index(["metric", "target"])


def test_each_contrast_is_compared_with_its_own_kind():
    rows = measured({"A": 3, "B": 3}, {"A": 0.0, "B": 2.0})
    # Equal covariances: the distance is that of the means, squared, 2 along each of two axes.
    assert rows.loc[("contrast_fid", "A"), "value"] == pytest.approx(0, abs=1e-9)
    assert rows.loc[("contrast_fid", "B"), "value"] == pytest.approx(8)
    assert rows.loc[("contrast_fid", "B"), ["floor", "n"]].tolist() == pytest.approx([0, 3], abs=1e-9)
    assert rows.loc[("contrast_fid_mean", ""), "value"] == pytest.approx(4)


def test_a_contrast_that_nobody_made_is_not_measured_and_leaves_no_mean():
    rows = measured({"A": 3, "B": 0}, {"A": 0.0, "B": 0.0})
    missing = rows.loc[("contrast_fid", "B")]
    assert missing["status"] == "not_measured" and "0 synthetic subjects" in missing["note"]
    mean = rows.loc[("contrast_fid_mean", "")]
    assert mean["status"] == "not_measured" and mean["note"] == "not measured of B"


def test_an_extractor_of_clips_has_no_rows():
    sides = [FeatureSet(tuple(names), {"temporal": [ROWS, ROWS]}, "i3d") for names in ("ab", "cd")]
    contrasts = dict(zip("abcd", "ABAB", strict=True))
    rows = measure_contrast_distances(*sides, contrasts, {"real test": "ab"}, SETTINGS, MEASUREMENT)
    assert rows.empty


def test_an_absent_extractor_is_said_of_each_contrast():
    absent = FeatureSet((), {}, "inception", absent="no weights")
    rows = measure_contrast_distances(
        absent, absent, {}, {"real train": [], "real test": []}, SETTINGS, MEASUREMENT
    )
    assert (
        len(rows) == 4 and set(rows["status"]) == {"extractor_absent"} and set(rows["note"]) == {"no weights"}
    )


def test_a_synthetic_subject_is_of_the_contrast_that_was_requested(tmp_path):
    rows = []
    for name, about in (
        ("one", {"vendor": "A", "requested_vendor": "B"}),
        ("two", {"requested_vendor": "C"}),
    ):
        write_subject(tmp_path / f"sub-{name}", np.zeros((1, 1, 4, 4), np.float32), {}, (10.0, 2.0, 2.0))
        rows.append({"subject": name, "n_slices": 1, **about})
    write_cohort(tmp_path, "made", "synthetic", rows, (10.0, 2.0, 2.0))
    cohort = Cohort.open(tmp_path)
    assert contrasts_of(cohort, SETTINGS) == {"one": "B"}
    assert contrasts_of(cohort, ContrastSettings(column="sequence", values=("T1", "T2"))) == {}
