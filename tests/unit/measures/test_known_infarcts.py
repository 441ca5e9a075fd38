"""The simulated infarct of a requested patient: where it lies, whose it is, and how maps are measured against it."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from made_hearts import ES, FRAMES, SPACING, heart

from synthaug.config.attention import AttentionSettings
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import REQUESTED_LABELS, Cohort, write_cohort, write_labels, write_subject
from synthaug.labels import LV, MYO
from synthaug.measures.attention import measure_attention
from synthaug.measures.known_infarcts import infarct_of_sample, known_infarcts, simulated_infarcts
from synthaug.measures.measurement import Measurement
from synthaug.measures.word_regions import ANY_WALL, INFARCT
from synthaug.metrics.wall_arcs import arc_region
from synthaug.synthesis.requests import request_cohort

MEASUREMENT = Measurement({"generator": "g"}, EvaluationSettings(replicates=200))
SETTINGS = AttentionSettings(words={"inferior": "inferior", "LV": "LV"}, subjects=4, tolerance_mm=0)
#: A quarter of the wall around the image's bottom, base to apex.
BOTTOM = {"infarct_middle_deg": 90.0, "infarct_width_deg": 90.0, "infarct_from_level": 0.0, "infarct_to_level": 1.0}  # fmt: skip
ORIGINS = ["p-a", "p-b", "q-a", "p-healthy", None]


@pytest.fixture
def requests(tmp_path):
    """Two infarcts of the simulated dataset p, a patient of another dataset, one without an infarct, nobody's masks."""
    rows = [{"subject": "a", **BOTTOM}, {"subject": "b", **BOTTOM}]
    rows.append({"subject": "healthy", **dict.fromkeys(BOTTOM, np.nan)})
    (tmp_path / "p").mkdir()
    write_tsv(tmp_path / "p" / "ground_truth.tsv", pd.DataFrame(rows))
    names, folders = [f"s-{number}" for number in range(len(ORIGINS))], {}
    for number, name in enumerate(names[:-1]):
        folders[name] = tmp_path / f"sub-{name}"
        labels = heart(number)[1]
        write_labels(folders[name], {0: labels[0], ES: labels[ES]}, FRAMES, SPACING)
    table = {"subject": names, "seed": range(5), "n_slices": 5, "masks_of": pd.array(ORIGINS, dtype="string")}
    table |= {"labelled_frames": [f"0,{ES}"] * 4 + [None], "sentence": "inferior; LV"}
    return request_cohort(pd.DataFrame(table), "r", folders, SPACING)


def test_the_infarcts_of_simulated_patients_are_known_and_lie_where_the_truth_says(requests, tmp_path):
    found = known_infarcts(requests, {"p": tmp_path / "p"})
    assert sorted(found) == ["s-0", "s-1"]
    labels = heart(0)[1][0]
    inside = arc_region(labels[None], found["s-0"], SPACING)[0]
    centre = np.argwhere(labels == LV).mean(axis=0)[1:] * SPACING[1:]
    _, rows, columns = np.nonzero(inside)
    down, right = rows * SPACING[1] - centre[0], columns * SPACING[2] - centre[1]
    assert (labels[inside] == MYO).all() and (
        down >= np.abs(right) - 1e-9
    ).all()  # 45 degrees to both sides of the bottom
    assert inside.any(axis=(1, 2)).all()
    assert known_infarcts(requests, {}) == {}


def test_the_infarct_of_a_sample_is_that_of_the_masks_it_was_asked_for(requests, tmp_path):
    simulated = {"p": tmp_path / "p"}
    rows = []
    for name, origin in zip(requests.subjects, ORIGINS, strict=True):
        own = tmp_path / "made" / f"sub-{name}"
        write_subject(own, heart(7)[0], heart(7)[1], SPACING)  # another heart
        if origin is not None:
            shutil.copy(requests.folders[name] / "labels.nii.gz", own / REQUESTED_LABELS)
        rows.append({"subject": name, "labelled_frames": f"0,{ES}", "requested_masks_of": origin})
    write_cohort(tmp_path / "made", "made", "synthetic", rows, SPACING)
    made, truth = Cohort.open(tmp_path / "made"), simulated_infarcts(simulated)
    found = {name: infarct_of_sample(made, name, truth) for name in made.subjects}
    assert {name: arc for name, arc in found.items() if arc} == known_infarcts(requests, simulated)
    assert infarct_of_sample(made, "s-0", {}) is None
    (tmp_path / "made" / "sub-s-0" / REQUESTED_LABELS).unlink()  # as in a cohort with pseudo labels
    assert infarct_of_sample(made, "s-0", truth) is None


class Looking:
    """Maps of "inferior" are what `where` makes of a sample's masks; samples are other hearts than those requested."""

    def __init__(self, where):
        self.where = where

    def sample(self, requests, batch_size=1):
        for subject in requests.subjects:
            cine, labels = heart(10 + int(subject[2:]))
            masks = np.stack(list(labels.values()))
            said = "inferior" in str(requests.table.loc[subject, "sentence"])
            yield subject, cine + said * self.where(subject, masks).astype(np.float32), masks

    def attention_maps(self, requests, words):
        for subject, _, masks in self.sample(requests):
            yield subject, np.stack([self.where(subject, masks), masks == LV]).astype(np.float32)


def test_maps_are_measured_in_the_infarct_of_the_patient(requests, tmp_path):
    infarcts = known_infarcts(requests, {"p": tmp_path / "p"})

    def rows_of(where, known):
        table, _, _ = measure_attention(Looking(where), requests, SETTINGS, SPACING, MEASUREMENT, known)
        return table.set_index(["target", "metric"])

    inside = rows_of(
        lambda name, masks: arc_region(masks, infarcts.get(name, infarcts["s-0"]), SPACING), infarcts
    )
    own = inside.loc[INFARCT]
    for kind in ("attention", "word_effect"):
        assert own.loc[f"{kind}_mass", "value"] == own.loc[f"{kind}_pointing", "value"] == 1
        assert own.loc[f"{kind}_mass", "n"] == 2  # of the four samples that name the wall
        assert own.loc[f"{kind}_pointing_excess", "ci_low"] > 0.5
        assert 0 < own.loc[f"{kind}_mass_chance", "value"] < 0.2
    assert own.loc["attention_mass_others", "value"] == 0 and own.loc["attention_mass_specific", "value"] == 1
    assert own.loc["attention_mass", "note"].startswith("region: the infarct as simulated")
    outside = rows_of(
        lambda name, masks: (masks == MYO) & ~arc_region(masks, infarcts.get(name, infarcts["s-0"]), SPACING),
        infarcts,
    )
    assert outside.loc[INFARCT].loc["attention_mass", "value"] == 0
    nobody = rows_of(lambda name, masks: masks == MYO, None)
    assert INFARCT not in nobody.index.get_level_values("target")
    assert ANY_WALL not in nobody.index.get_level_values("target")  # one wall only is named
