"""A BraTS-like folder: four sequences a patient, one volume each, with labels of a tumour; no heart to check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from raw_files import affine, save

from synthaug.cli import main
from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.config.evaluation import ContrastSettings
from synthaug.config.study import load_study
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.synthesis.plan_contrasts import CONTRAST, HEART, plan_contrasts
from synthaug.synthesis.requests import refuse_other_view, request_cohort, requests_of

SEQUENCES = ("FLAIR", "T1", "T1CE", "T2")
GRID = HarmonisationSettings(matrix=(12, 24, 24), frames=2, spacing_mm=(2, 1, 1))
PATIENTS = 2
#: x to the right, y to the front: a heart would be mirrored for display.
MATRIX = affine((1, 0, 0), (0, 1, 0), voxel=(1, 1, 1))


def settings(**changes):
    return parse(
        {"layout": "nifti", "root": "unused", "minimum_subjects": 1, "single_frame": True, **changes},
        DatasetSettings,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An ellipsoid of 1 mm voxels, 24 slices, and in it a tumour of labels 1, 2 and 4; brightness is the sequence's."""
    root, rows = tmp_path_factory.mktemp("brats"), []
    x, y, z = np.mgrid[:28, :24, :24]
    noise = np.random.default_rng(0)
    for patient in range(PATIENTS):
        brain = ((x - 14) / 12) ** 2 + ((y - 12) / 11) ** 2 + ((z - 12) / 12) ** 2 < 1
        distance = np.sqrt((x - 16 - patient) ** 2 + (y - 11) ** 2 + (z - 12) ** 2)
        tumour = np.select([distance < 2, distance < 4, distance < 6], [1, 4, 2], 0).astype(np.uint8)
        for place, sequence in enumerate(SEQUENCES):
            name = f"{patient:03d}-{sequence.lower()}"
            image = brain * (100 + 30 * place + 60 * (tumour == 4) + noise.normal(0, 5, brain.shape))
            for kind, volume in (("cine", image.astype(np.float32)), ("labels", tumour)):
                save(root / f"sub-{name}" / f"sub-{name}_{kind}.nii.gz", volume, MATRIX)
            about = {"subject": name, "patient": f"{patient:03d}", "sequence": sequence}
            rows.append({**about, "diagnosis": ("mutant", "wild")[patient]})
    pd.DataFrame(rows).to_csv(root / "subjects.tsv", sep="\t", index=False)
    return root


@pytest.fixture(scope="module")
def cohort(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("harmonised") / "cohort"
    harmonise_dataset("brats", settings(view="other"), folder, GRID, output)
    return Cohort.open(output)


def test_as_a_heart_it_is_quarantined(folder, tmp_path):
    for changes, problem in (
        ({}, "holds label 4, known are 0, 1, 2, 3"),
        ({"label_map": {1: "LV", 2: "MYO", 4: "RV"}}, "the voxel size was lost"),
        ({"label_map": {1: "LV", 2: "MYO", 4: "RV"}, "spacing_mm": [2, 1, 1]}, "labels are numbered otherwise"),
    ):  # fmt: skip
        with pytest.raises(SynthaugError, match=f"0 of 8 subjects can be used.*{problem}"):
            harmonise_dataset("brats", settings(**changes), folder, GRID, tmp_path / "cohort")


def test_as_another_organ_nothing_of_a_heart_is_checked_or_measured(cohort):
    place = cohort.folders["brats-000-flair"].parent
    assert read_tsv(place / "quarantine.tsv", ("subject",)).empty
    assert set(read_tsv(place / "findings.tsv", ("subject",))["code"]) <= {"contrast-low", "slices-empty"}
    table = cohort.table
    assert len(table) == PATIENTS * len(SEQUENCES) and cohort.view == "other" and not cohort.has_volumes
    assert list(table["sequence"]) == list(SEQUENCES) * PATIENTS
    assert set(table.groupby("patient").size()) == {len(SEQUENCES)}
    empty = ["labelled_frames", "lv_edv_ml", "rv_edv_ml", "lv_ef", "myo_mass_g", "es_frame", "slice_shift_mm"]
    assert table[empty].isna().all(axis=None)
    ignored = read_tsv(place / "ignored.tsv", ("file",))
    assert ignored["file"].str.contains("labels").sum() == len(table)  # said, not silently left out


def test_images_stay_as_they_are_stored(cohort, folder):
    """The middle of the volume, every second slice of 1 mm in voxels of 2 mm, neither turned nor mirrored."""
    grid = cohort.native("brats-000-t1").grid
    assert grid.spacing_mm == (1.0, 1.0, 1.0) and grid.shape == (24, 24, 28)
    assert not any(grid.orientation.values())
    one, other = (cohort.cine(f"brats-000-{name}") for name in ("t1", "t2"))
    assert one.shape == (2, 12, 24, 24) and np.array_equal(one[0], one[1])
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.8  # one patient: sequences lie upon one another


def test_contrasts_of_its_sequences_are_planned(cohort):
    names = [f"g-{number}" for number in range(PATIENTS)]
    table = requests_of(cohort.table).iloc[[0, len(SEQUENCES)]].reset_index(drop=True)
    requests = request_cohort(table.assign(subject=names, seed=[1, 2]), "g", view=cohort.view)
    refuse_other_view(requests.table, cohort.view, "requests")
    contrasts = ContrastSettings(column="sequence", values=SEQUENCES, subjects=PATIENTS)
    planned = plan_contrasts(requests, cohort.table, contrasts, GRID)
    assert list(planned.table[HEART].unique()) == names and planned.view == "other"
    first = planned.table[planned.table[HEART] == "g-0"]
    assert list(first["sequence"][:4]) == list(first[CONTRAST][:4]) == list(SEQUENCES)
    assert first["seed"].iloc[:4].nunique() == 1


def study(**changes):
    return {
        "name": "brains",
        "datasets": {"brats": {"layout": "nifti", "root": "x", "view": "other", "single_frame": True}},
        "split": {"annotation": "diagnosis"},
        "models": {
            "autoencoder": {"kind": "autoencoder", "masks": False},
            "images": {"kind": "cine_diffusion", "conditions": ["sequence", "diagnosis"]},
        },
        "generators": {"g": {"kind": "single_pass", "models": {"autoencoder": "autoencoder", "diffusion": "images"}}},
        "synthesis": {"sweep": {"levels": 0}},
        "arms": {"real": {}},
        "tasks": {"diagnosis": {"kind": "classification"}},
        "evaluation": {"contrasts": {"column": "sequence", "values": ["T1", "T2"]}},
        **changes,
    }  # fmt: skip


def test_a_study_of_it_is_accepted_and_asks_for_no_volumes():
    assert load_study(study()).datasets["brats"].shows == "other"
    volumes = {
        **study()["models"],
        "images": {"kind": "cine_diffusion", "conditions": ["sequence", "lv_edv_ml"]},
    }
    with pytest.raises(SynthaugError, match="lv_edv_ml is measured on short axes, and what is no stack"):
        load_study(study(models=volumes))
    with pytest.raises(
        SynthaugError, match=r"split\.annotation: brats is of view other, of which no labels are read"
    ):
        load_study(study(split={}))


def test_the_view_is_one_that_the_layout_has(folder, capsys):
    assert main(["validate", str(folder), "--dataset", "nifti", "--view", "long_axis"]) != 0
    assert "'short_axis' or 'other'" in capsys.readouterr().err
