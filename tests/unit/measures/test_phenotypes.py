"""The table of phenotypes of a cohort, measured and brought along."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from made_hearts import ES, FRAMES, made_cohort
from pydantic import ValidationError

from synthaug.config.data import PhenotypeTableSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_labels, write_subject
from synthaug.data.native_grid import NativeGrid, write_native
from synthaug.measures.phenotypes import gather_phenotypes, tabulate_phenotypes
from synthaug.metrics.volumes import measure_function
from synthaug.phenotypes.registry import PHENOTYPES


def test_one_row_a_subject_with_the_volumes_of_the_cohorts_table(tmp_path: Path) -> None:
    cohort = made_cohort(tmp_path / "real", "real", 3)
    table = tabulate_phenotypes(cohort)
    assert list(table.columns) == ["subject", "patient", "missing", *PHENOTYPES]
    assert list(table["subject"]) == list(table["patient"]) == cohort.subjects
    for subject, row in zip(cohort.subjects, table.to_dict("records"), strict=True):
        volumes = measure_function(cohort.label_cine(subject), cohort.spacing_mm, 0, ES)
        assert {name: row[name] for name in volumes} == pytest.approx(volumes)
        # Two of four frames have labels, and the header has no time.
        assert "not all frames are labelled" in row["missing"] and "duration is unknown" in row["missing"]
    assert table["lv_peak_filling_rate_edv_beat"].isna().all() and table["heart_rate_bpm"].isna().all()
    pd.testing.assert_frame_equal(tabulate_phenotypes(cohort, processes=2), table)


def test_a_ventricle_at_the_end_of_the_field_of_view_is_cut_though_the_window_goes_on(tmp_path: Path) -> None:
    cohort = made_cohort(tmp_path / "real", "real", 1)
    (subject,) = cohort.subjects
    labels = {frame: cohort.label_cine(subject)[frame] for frame in (0, ES)}
    for volume in labels.values():
        volume[..., :6] = 0  # through the RV: the image begins at column 6 of the window
    write_labels(cohort.folders[subject], labels, FRAMES, cohort.spacing_mm)
    slices, rows, columns = labels[0].shape
    unturned = dict.fromkeys(("transpose", "flip_x", "flip_y", "apex_first"), False)
    grid = NativeGrid((slices, rows, columns - 6), cohort.spacing_mm, (0, 0, -6), (1, 1, 1), unturned)
    write_native(cohort.folders[subject], grid, {})
    row = tabulate_phenotypes(cohort).iloc[0]
    assert (
        pd.isna(row["rv_edv_ml"]) and row["lv_edv_ml"] > 0 and "the image cuts the RV at ED" in row["missing"]
    )


def test_parts_of_a_cohort_are_gathered_as_one_job_would_write_them(tmp_path: Path) -> None:
    cohort = made_cohort(tmp_path / "real", "real", 5)
    write_tsv(tmp_path / "whole.tsv", tabulate_phenotypes(cohort))
    parts = [tmp_path / f"part-{number}.tsv" for number in range(3)]
    for part, subjects in zip(parts, (cohort.subjects[:2], [], cohort.subjects[2:]), strict=True):
        write_tsv(part, tabulate_phenotypes(cohort.select(subjects)))
    gather_phenotypes(parts, tmp_path / "gathered.tsv")
    assert (tmp_path / "gathered.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    write_tsv(parts[1], pd.DataFrame({"subject": ["x"]}))
    with pytest.raises(SynthaugError, match=r"part-1\.tsv: has other columns than .*part-0\.tsv"):
        gather_phenotypes(parts, tmp_path / "gathered.tsv")


def test_labels_and_time_of_every_frame_give_rates(tmp_path: Path) -> None:
    cohort = made_cohort(tmp_path / "made", "made", 2, "synthetic")
    first = cohort.subjects[0]
    labels = dict(enumerate(cohort.label_cine(first)))
    write_subject(cohort.folders[first], cohort.cine(first), labels, cohort.spacing_mm, 0.2)
    table = tabulate_phenotypes(cohort).set_index("subject")
    assert table.loc[first, "heart_rate_bpm"] == pytest.approx(60 / (0.2 * FRAMES))
    assert table.loc[first, "lv_peak_ejection_rate_ml_s"] > 0
    second = table.loc[cohort.subjects[1]]
    assert second["lv_peak_ejection_rate_edv_beat"] > 0 and pd.isna(second["lv_peak_ejection_rate_ml_s"])


def test_the_users_values_replace_measured_ones_of_all_subjects(tmp_path: Path) -> None:
    cohort = made_cohort(tmp_path / "real", "real", 3)
    (tmp_path / "own.csv").write_text("id,EDV,LA\n00,100,50\nreal-01,110,60\n")
    own = PhenotypeTableSettings(
        table=str(tmp_path / "own.csv"), id="id", columns={"EDV": "lv_edv_ml", "LA": "la_max_ml"}
    )
    table = tabulate_phenotypes(cohort, own)
    assert table["lv_edv_ml"].tolist()[:2] == [100, 110] and pd.isna(table["lv_edv_ml"][2])
    assert list(table.columns)[-1] == "la_max_ml" and table["lv_esv_ml"].notna().all()


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({}, "at least 1"),
        ({"EDV": "LV EDV"}, "no name of a phenotype"),
        ({"eid": "subject"}, "no name of a phenotype"),
        ({"EDV": "lv_edv_ml", "EDV2": "lv_edv_ml"}, "two columns"),
    ],
)
def test_settings_refuse(columns: dict[str, str], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        PhenotypeTableSettings(table="t.csv", id="id", columns=columns)


def test_processes_are_not_sent_the_cohort_with_every_subject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Cohort) -> None:
        raise AssertionError("the table of a large cohort would be sent as often as it has subjects")

    cohort = made_cohort(tmp_path / "real", "real", 3)
    alone = tabulate_phenotypes(cohort)
    monkeypatch.setattr(Cohort, "__reduce__", refuse)
    pd.testing.assert_frame_equal(tabulate_phenotypes(cohort, processes=2), alone)
