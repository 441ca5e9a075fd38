"""Every vendor scans every subject: one patient, one anatomy, other images, and an upper bound of contrasts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from synthaug.config.data import DatasetSettings, HarmonisationSettings, SplitSettings
from synthaug.config.evaluation import ContrastSettings, EvaluationSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.config.study import load_study
from synthaug.core.artifacts import read_tsv
from synthaug.core.registry import parse
from synthaug.core.yaml_files import read_yaml
from synthaug.cost import count_subjects
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.splits import make_splits
from synthaug.measures.contrast_consistency import measure_contrast_consistency
from synthaug.measures.measurement import Measurement
from synthaug.phantom import SCANNERS, draw_parameters, simulate, write_phantom

GRID = HarmonisationSettings(spacing_mm=(10, 4, 4), matrix=(12, 40, 40), frames=4)
SETTINGS = PhantomSettings(
    subjects=2, vendors=["A", "B"], every_vendor=True, diagnoses=["NOR", "DCM"], seed=3
)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cohort]:
    """Two subjects on coarse grids, by two scanners, as a dataset and as a cohort."""
    folder = tmp_path_factory.mktemp("visits")
    coarse = {
        name: replace(scanner, matrix=48, spacing_mm=(4.0, 4.0), frames=(4, 4))
        for name, scanner in SCANNERS.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synthaug.phantom.SCANNERS", coarse)
        write_phantom(folder / "raw", "nifti", SETTINGS)
    dataset = parse({"layout": "nifti", "root": "unused", "minimum_subjects": 4}, DatasetSettings)
    harmonise_dataset("p", dataset, folder / "raw", GRID, folder / "cohort")
    return folder / "raw", Cohort.open(folder / "cohort")


def test_a_patient_is_scanned_by_every_vendor(scanned: tuple[Path, Cohort]) -> None:
    raw, cohort = scanned
    table = cohort.table
    assert list(table["subject"]) == ["p-001-A", "p-001-B", "p-002-A", "p-002-B"]
    assert list(table["patient"]) == ["p-001", "p-001", "p-002", "p-002"]
    assert list(table["vendor"]) == ["A", "B", "A", "B"]
    assert list(table["diagnosis"]) == ["NOR", "NOR", "DCM", "DCM"]
    truth = read_tsv(raw / "ground_truth.tsv", ("subject",))
    assert [f"p-{name}" for name in truth["subject"]] == list(table["subject"])
    volumes = truth["true_lv_edv_ml"]
    assert volumes[0] == volumes[1] != volumes[2] == volumes[3]


def test_visits_have_one_anatomy_and_other_images(scanned: tuple[Path, Cohort]) -> None:
    _, cohort = scanned
    one, other = (cohort.native(name) for name in ("p-001-A", "p-001-B"))
    assert one is not None and other is not None
    np.testing.assert_array_equal(one.labels[0], other.labels[0])
    assert not np.allclose(cohort.cine("p-001-A"), cohort.cine("p-001-B"), atol=0.05)


def test_noise_of_a_visit_is_its_own() -> None:
    person = draw_parameters("NOR", np.random.default_rng(0))
    scanner = replace(SCANNERS["A"], matrix=32, spacing_mm=(6.0, 6.0), frames=(2, 2))
    first, again, second = (simulate(person, scanner, 0, visit) for visit in (0, 0, 1))
    np.testing.assert_array_equal(first.cine, again.cine)
    np.testing.assert_array_equal(first.labels, second.labels)
    spread = float(np.std(second.cine - first.cine))  # two independent noises
    assert 0.1 < spread / (scanner.noise * scanner.intensity) < 3


def test_visits_stay_on_one_side_and_are_the_upper_bound(scanned: tuple[Path, Cohort]) -> None:
    _, cohort = scanned
    named = ["subject", "patient"]
    more = [cohort.table.assign(**{name: cohort.table[name] + f"-{copy}" for name in named}) for copy in "ab"]
    split = make_splits(pd.concat([cohort.table, *more]), SplitSettings(test_fraction=0.3))[0]
    assert set(split.groupby("patient")["role"].nunique()) == {1} and "test" in set(split["role"])
    settings = ContrastSettings(values=("A", "B"), subjects=2)
    measurement = Measurement({"generator": "g"}, EvaluationSettings(replicates=100))
    nobody = replace(cohort, table=cohort.table.head(0).assign(requested_heart="", requested_contrast=""))
    rows = measure_contrast_consistency(nobody, cohort, settings, measurement).set_index("metric")
    upper, lower = rows.loc["contrast_ncc_real"], rows.loc["contrast_ncc_real_other"]
    assert (upper["n"], lower["n"]) == (2, 2)
    assert upper["value"] > 0.9 > lower["value"] + 0.1


def test_a_study_counts_scans_as_subjects() -> None:
    content = read_yaml(Path(__file__).parents[3] / "config" / "studies" / "text_mask.yaml")
    assert content["datasets"]["phantom"]["phantom"]["subjects"] == 24
    assert count_subjects(load_study(content)) == {"phantom": 48}


def test_what_has_no_visits_is_refused() -> None:
    phantom = {"vendors": ["A", "B"], "every_vendor": True}
    with pytest.raises(ValueError, match="which this layout does not have; set `layout: nifti`"):
        parse({"layout": "mnms", "phantom": phantom}, DatasetSettings)
    with pytest.raises(ValidationError, match="name each of `vendors` once"):
        PhantomSettings(vendors=["A", "A"], every_vendor=True)
