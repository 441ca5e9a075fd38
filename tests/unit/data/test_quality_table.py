"""The table of image quality: what harmonisation measures on the voxels that a subject was imaged on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from raw_files import write_acdc

from synthaug.config.data import AcdcSettings, HarmonisationSettings
from synthaug.core.artifacts import read_tsv, write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.image_quality import COLUMNS, TABLE, markdown_table, measure_quality, read_quality


def test_known_noise_and_geometry_of_a_stack():
    cine = 50 + 2 * np.random.default_rng(0).standard_normal((12, 8, 64, 64))
    found = measure_quality(cine, (9.0, 1.5, 1.25), (32.0, 32.0), 0.04)
    assert found["snr"] == pytest.approx(50 / 2, rel=0.05)
    assert (found["slices"], found["coverage_mm"]) == (8, 72.0)
    assert (found["frames"], found["frame_ms"], found["pixel_mm"]) == (12, 40.0, 1.5)


def test_only_the_heart_and_the_middle_slices_count():
    rng = np.random.default_rng(1)
    cine = 50 + rng.standard_normal((8, 8, 96, 96))
    y, x = np.indices((96, 96))
    noisy = cine.copy()
    noisy[:, :, np.hypot(y - 48, x - 48) > 40] += 20 * rng.standard_normal()
    noisy[:, [0, 1, 6, 7]] = 0
    place = ((10.0, 1.0, 1.0), (48.0, 48.0), None)
    assert measure_quality(noisy, *place)["snr"] == measure_quality(cine, *place)["snr"]


def test_one_still_slice_is_measured_as_far_as_it_goes():
    found = measure_quality(np.ones((1, 1, 8, 8)), (8.0, 1.0, 1.0), (4.0, 4.0), None)
    unknown = {name for name, value in found.items() if np.isnan(value)}
    assert unknown == {"snr", "edge_width_mm", "frame_ms"}


def test_a_harmonised_dataset_has_the_table(tmp_path):
    root = tmp_path / "raw"
    write_acdc(root)
    write_acdc(root, "patient002", labelled=False)
    settings = AcdcSettings(layout="acdc", root=str(root), minimum_subjects=1)
    grid = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 32, 32), frames=8)
    harmonise_dataset("data", settings, root, grid, tmp_path / "cohort")
    written = read_tsv(tmp_path / "cohort" / TABLE)
    assert tuple(written.columns) == COLUMNS and len(written) == 2
    cohort = Cohort.open(tmp_path / "cohort")
    found = read_quality(tmp_path / "cohort", cohort.table)
    findings = read_tsv(tmp_path / "cohort" / "findings.tsv")["subject"].value_counts()
    for subject in cohort.subjects:
        assert found.loc[subject, "findings"] == findings.get(subject, 0)
        assert found.loc[subject, "slices"] == cohort.native(subject).grid.shape[0]


def test_without_the_table_nothing_is_measured_and_shifts_come_from_the_subjects(tmp_path):
    subjects = pd.DataFrame({"subject": ["b", "a"], "slice_shift_mm": [2.5, None]}).set_index("subject")
    found = read_quality(tmp_path, subjects)
    assert list(found.index) == ["b", "a"] and found.loc["b", "slice_shift_mm"] == 2.5
    assert found.drop(columns="slice_shift_mm").isna().all(axis=None) and np.isnan(
        found.loc["a", "slice_shift_mm"]
    )
    write_tsv(tmp_path / TABLE, pd.DataFrame([{"subject": "a", "snr": 30.0}]))
    assert read_quality(tmp_path, subjects)["snr"].to_list()[1] == 30.0


def test_the_page_has_every_measure_with_its_definition():
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    assert markdown_table() in page
