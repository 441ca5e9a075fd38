"""From edited masks to an arm: the requests, cines that follow them, how well they do, and who trains on them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from arm_cohorts import split_of
from beating_ellipsoid import FRAMES, MATRIX, SPACING_MM
from tiny_models import SLICES, train, write_store

from synthaug.cli import main
from synthaug.config.arms import Arm
from synthaug.config.data import HarmonisationSettings
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.generators import MaskGuidedSettings, SamplerSettings
from synthaug.config.synthesis import GateSettings, RequestSettings
from synthaug.core.artifacts import write_json
from synthaug.data.cohort import Cohort
from synthaug.generators import Generator, build_generator
from synthaug.labels import LV, STRUCTURES, UNLABELLED
from synthaug.measures.mask_agreement import measure_requested_masks
from synthaug.measures.measurement import Measurement
from synthaug.metrics.overlap import dice
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.gather import gather_chunks
from synthaug.synthesis.plan_requests import plan_requests
from synthaug.synthesis.requests import write_requests
from synthaug.tasks.segmentation.cases import case_name, write_volume
from synthaug.tasks.training_subjects import choose_training_subjects

GRID = HarmonisationSettings(spacing_mm=SPACING_MM, matrix=(SLICES, MATRIX, MATRIX), frames=FRAMES)
ROLES = {"h0": "train", "h1": "train", "h2": "validation", "h3": "test", "h4": "train"}
TRAINING = [name for name, role in ROLES.items() if role == "train"]
#: Whose edited masks are asked for, twice, because they are fewer than the requests.
ORIGINS = ("h0", "h1", "h0", "h1")
HELD_OUT = [name for name, role in ROLES.items() if role != "train"]
GATE = GateSettings(enabled=False, attempts=1)


class Made(NamedTuple):
    """The real cohort, its edited masks, the requests of them, and the cines of a generator that has hardly trained."""

    real: Cohort
    edited: Cohort
    requests: Cohort
    generator: Generator
    cohort: Cohort


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edited-cines")
    store = write_store(folder / "store", subjects=5)
    real = Cohort.open(folder / "store-cohort")
    assert main(["edit-masks", str(folder / "store-cohort"), str(folder / "edited"), "--dilate-mm", "6"]) == 0
    models = {}
    for role, kind, changes in (
        ("autoencoder", "autoencoder", {}),
        ("diffusion", "cine_diffusion", {"copies": 1}),
        ("control", "control_branch", {"copies": 1}),
    ):
        models[role] = train(
            kind, store, folder / role, dict(models), changes, iterations=2, learning_rate=0.05
        )
    sampler = SamplerSettings(steps=2, guidance=1.0)
    generator = build_generator(MaskGuidedSettings(kind="mask_guided", sampler=sampler), models, "cpu")
    settings = RequestSettings(source="cohort", cohort=str(folder / "edited"))
    requests = plan_requests(
        real.table.loc[TRAINING], settings, "guided", range(4), 0, GRID, withheld=HELD_OUT
    )
    write_requests(requests, folder / "requests")
    requests = Cohort.open(folder / "requests")
    identity = {"hashes": {}, "seen": TRAINING, "conditions": list(generator.conditions)}
    synthesise_chunk(generator, requests, GATE, SPACING_MM, folder / "chunk", "guided", 2, identity)
    gather_chunks([folder / "chunk"], requests, folder / "synthetic", 0.5)
    edited, cohort = (Cohort.open(folder / name) for name in ("edited", "synthetic"))
    return Made(real, edited, requests, generator, cohort)


def test_edited_masks_of_training_subjects_are_requested_and_no_others(made):
    edited, requests, cohort = made.edited, made.requests, made.cohort
    assert edited.subjects == ["h0", "h1", "h2", "h3"]  # h4 has no masks
    assert tuple(requests.table["edited_from"]) == ORIGINS
    assert tuple(cohort.table["requested_edited_from"]) == ORIGINS and cohort.subjects == requests.subjects
    for subject, origin in zip(cohort.subjects, ORIGINS, strict=True):
        asked = cohort.requested_label_cine(subject)
        assert np.array_equal(asked, edited.label_cine(origin))
        assert cohort.record(subject)["requested_lv_edv_ml"] == edited.record(origin)["lv_edv_ml"]


def test_the_cine_follows_the_edit(made):
    """The same requests and seeds with the patients' own masks in place of the edited ones give other cines."""
    origins = dict(zip(made.requests.subjects, ORIGINS, strict=True))
    own = replace(made.requests, folders={name: made.real.folders[at] for name, at in origins.items()})
    edited, again, unedited = (
        {name: (cine, labels) for name, cine, labels in made.generator.sample(requests, batch_size=4)}
        for requests in (made.requests, made.requests, own)
    )
    for name in origins:
        assert np.array_equal(
            made.cohort.label_cine(name), edited[name][1]
        )  # what was gathered is what was sampled
        assert np.array_equal(edited[name][0], again[name][0])
        assert not np.array_equal(edited[name][0], unedited[name][0])


def test_agreement_is_with_the_edited_masks(made, tmp_path):
    """A segmenter that finds the patient's own masks is right about those, and not about the edited ones."""
    real, edited, cohort = made.real, made.edited, made.cohort
    cases, expected = [], []
    for subject, origin in zip(cohort.subjects, ORIGINS, strict=True):
        own, asked = real.label_cine(origin), edited.label_cine(origin)
        for frame in edited.labelled_frames(origin):
            # Of h0 the segmenter finds the edited masks, of h1 the patient's own.
            found = asked[frame] if origin == "h0" else own[frame]
            file = f"{case_name(subject, frame)}.nii.gz"
            write_volume(tmp_path / file, found, SPACING_MM)
            cases.append({"subject": subject, "frame": frame, "file": file})
        expected.append(1.0 if origin == "h0" else dice(own[0] == LV, asked[0] == LV))
    write_json(tmp_path / "predictions.json", {"cases": cases})
    measurement = Measurement({"generator": "guided"}, EvaluationSettings(replicates=100))
    rows = measure_requested_masks(tmp_path, cohort, measurement)
    ed = rows[(rows["metric"] == "requested_mask_dice") & (rows["phase"] == "ED")].set_index("structure")
    assert expected[1] == expected[3] < 0.9
    assert ed.loc["LV", "value"] == pytest.approx(np.mean(expected)) and ed.loc["LV", "n"] == 4


def test_an_arm_trains_on_the_cines_with_the_generators_masks(made):
    real, cohort = made.real, made.cohort
    split = split_of(ROLES).assign(labelled=[pd.notna(name) for name in real.table["labelled_frames"]])
    chosen = choose_training_subjects(Arm("rare", 1.0, "guided", 2.0), real, split, cohort)
    assert chosen.rows("train", "real")["subject"].tolist() == ["h0", "h1"]
    assert chosen.rows("train", "synthetic")["subject"].tolist() == cohort.subjects
    added = chosen.cohort("train", "synthetic")
    for subject in added.subjects:
        labels = added.label_cine(subject)
        assert added.labelled_frames(subject) == list(range(FRAMES))
        assert set(np.unique(labels)) <= {0, *STRUCTURES.values()} and UNLABELLED not in labels
