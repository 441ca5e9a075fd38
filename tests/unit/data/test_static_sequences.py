"""A folder of four modalities, one image each: single-frame subjects with a sequence, which is a condition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from raw_files import heart, save

from synthaug.config.conditions import CATEGORIES
from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.findings import SubjectError
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.readers import find_subjects
from synthaug.models.conditioner import Conditioner, check_columns, vocabulary
from synthaug.synthesis.requests import read_table, requests_of

MODALITIES = ("FLAIR", "T1", "T1CE", "T2")


def settings(**changes):
    content = {"layout": "nifti", "root": "unused", "minimum_subjects": 1, "single_frame": True, **changes}
    return parse(content, DatasetSettings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two patients, four modalities each, labels in one of them; the contrast is the modality's."""
    root, rows = tmp_path_factory.mktemp("modalities"), []
    image, labels = heart()
    for patient in ("001", "002"):
        for place, modality in enumerate(MODALITIES):
            name = f"{patient}-{modality.lower()}"
            save(root / f"sub-{name}" / f"sub-{name}_cine.nii.gz", (image[0] * (1 + place) + 50 * place).T)
            if modality == "FLAIR":
                save(root / f"sub-{name}" / f"sub-{name}_labels.nii.gz", labels[0].T)
            rows.append({"subject": name, "patient": patient, "sequence": modality})
    pd.DataFrame(rows).to_csv(root / "subjects.tsv", sep="\t", index=False)
    return root


def test_each_modality_is_a_subject_of_one_frame_with_its_sequence(folder):
    subjects = find_subjects(settings(), folder)
    assert [subject.sequence for subject in subjects] == list(MODALITIES) * 2
    assert {subject.patient for subject in subjects} == {"001", "002"}
    first = subjects[0].load()
    assert first.image.shape[3] == 1 and set(first.labels) == {0}
    with pytest.raises(SubjectError, match="holds one frame, not a cine"):
        find_subjects(settings(single_frame=False), folder)[0].load()


def test_a_static_image_is_every_frame_of_its_cine_and_the_table_has_the_sequence(folder, tmp_path):
    grid = HarmonisationSettings(matrix=(7, 32, 32), frames=4, spacing_mm=(10.0, 1.5, 1.5))
    harmonise_dataset("brats", settings(), folder, grid, tmp_path / "cohort")
    cohort = Cohort.open(tmp_path / "cohort")
    assert list(cohort.table["sequence"]) == list(MODALITIES) * 2
    cine = cohort.cine(cohort.subjects[0])
    assert cine.shape == (4, 7, 32, 32) and np.array_equal(cine[0], cine[3])
    assert (
        cohort.labelled_frames(cohort.subjects[0]) == [0] and cohort.labelled_frames(cohort.subjects[1]) == []
    )
    requests = requests_of(cohort.table)
    assert list(requests["sequence"][:4]) == list(MODALITIES)
    names = ["sequence", "vendor"]
    assert vocabulary(cohort.table, names)["sequence"] == sorted(MODALITIES)
    conditioner = Conditioner(names, vocabulary(cohort.table, names), 4)
    assert conditioner.read(requests)["sequence"][:2].tolist() == [0, 1]
    assert conditioner.read(requests.drop(columns="sequence"))["sequence"].isnan().all()  # left open


def test_a_cohort_without_sequences_asks_for_none(tmp_path):
    table = pd.DataFrame({name: [1.0] for name in ("lv_edv_ml", "lv_esv_ml", "myo_mass_g", "n_slices")})
    table = table.assign(diagnosis="NOR", vendor="A", es_frame=4, n_frames=10)
    assert "sequence" in CATEGORIES and "sequence" not in requests_of(table)
    with pytest.raises(
        SynthaugError, match="condition 'sequence' is no column of the cohort's table; add the"
    ):
        check_columns(table, ["sequence"])
    (tmp_path / "requests.tsv").write_text("sequence\tvendor\nT1\tA\n")
    assert list(read_table(tmp_path / "requests.tsv")["sequence"]) == ["T1"]
