"""Condition plans: what is requested follows the training subjects, and the impossible is refused by name."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.checkout import REPOSITORY
from pydantic import ValidationError

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import RequestSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_labels, write_subject
from synthaug.synthesis.draws import _kernel_covariance
from synthaug.synthesis.plan_requests import plan_requests
from synthaug.synthesis.requests import write_requests

GRID = HarmonisationSettings(matrix=(10, 64, 64), frames=10, spacing_mm=(10, 2, 2))


def training_table() -> pd.DataFrame:
    """12 NOR and 6 DCM with volumes and mass, 2 HCM without: DCM only from vendor B."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        diagnosis = "NOR" if number < 12 else "DCM" if number < 18 else "HCM"
        edv_ml = {"NOR": 150.0, "DCM": 280.0, "HCM": np.nan}[diagnosis] * np.exp(0.1 * rng.standard_normal())
        rows.append(
            {
                "subject": f"real-{number:02d}",
                "diagnosis": diagnosis,
                "vendor": "B" if diagnosis == "DCM" else "A",
                "lv_edv_ml": edv_ml,
                "lv_esv_ml": edv_ml * (0.4 if diagnosis == "NOR" else 0.8),
                "myo_mass_g": edv_ml * (0.7 if diagnosis == "NOR" else 0.6),
                "n_slices": 8 + number % 3,
                "es_frame": np.nan if diagnosis == "HCM" else 4,
                "n_frames": 12,
            }
        )
    return pd.DataFrame(rows)


def plan(count: int = 40, seed: int = 0, generator: str = "cascade", **settings: object) -> pd.DataFrame:
    return plan_requests(
        training_table(), RequestSettings(**settings), generator, range(count), seed, GRID
    ).table


def test_plan_is_reproducible_and_a_longer_one_begins_with_the_shorter() -> None:
    pd.testing.assert_frame_equal(plan(40), plan(40))
    pd.testing.assert_frame_equal(plan(40).head(7), plan(7))
    assert plan(1)["subject"].tolist() == ["cascade-s0-0000"]
    assert not plan(40, seed=1)["lv_edv_ml"].equals(plan(40)["lv_edv_ml"])
    assert plan(40)["seed"].is_unique


def test_two_generators_are_asked_for_the_same_hearts() -> None:
    one, other = (
        plan(generator=name).reset_index(drop=True).drop(columns="subject")
        for name in ("cascade", "single-pass")
    )
    pd.testing.assert_frame_equal(one, other)


def test_a_plan_as_long_as_the_training_set_has_its_exact_mixture() -> None:
    planned = plan(20)
    assert planned["diagnosis"].value_counts().to_dict() == {"NOR": 12, "DCM": 6, "HCM": 2}
    assert sorted(planned["n_slices"]) == sorted(training_table()["n_slices"])


def test_joint_distribution_is_kept() -> None:
    planned = plan(400)
    known = planned.dropna(subset="lv_edv_ml")
    assert set(known.loc[known["diagnosis"] == "DCM", "vendor"]) == {"B"}
    ejection = 1 - known["lv_esv_ml"] / known["lv_edv_ml"]
    means = ejection.groupby(known["diagnosis"]).mean()
    assert means["NOR"] == pytest.approx(0.6, abs=0.02) and means["DCM"] == pytest.approx(0.2, abs=0.02)
    assert known.groupby("diagnosis")["lv_edv_ml"].mean()["DCM"] == pytest.approx(280, rel=0.1)
    assert (known["es_phase"] == 4 / 12).all()


def test_smoothing_widens_and_zero_smoothing_asks_for_real_volumes() -> None:
    real = training_table()["lv_edv_ml"].dropna().round(2)
    exact = plan(60, smoothing=0)["lv_edv_ml"].dropna()
    assert set(exact) == set(real)
    smoothed = plan(60)["lv_edv_ml"].dropna()
    assert not set(smoothed) & set(real)
    spread = [plan(400, smoothing=width).groupby("diagnosis")["lv_edv_ml"].std()["NOR"] for width in (0, 1)]
    # Silverman in three dimensions: sqrt(1 + (4 / 5 / 18)^(2/7)) = 1.19, and pooled over diagnoses.
    assert 1.1 < spread[1] / spread[0] < 1.6


def test_the_kernel_has_silvermans_width_in_as_many_dimensions_as_are_known() -> None:
    rng = np.random.default_rng(0)
    features = pd.DataFrame(rng.standard_normal((32, 3)))
    one_diagnosis = pd.Series("NOR", index=features.index)
    for dimensions, squared_bandwidth in ((2, 32 ** (-1 / 3)), (3, (0.8 / 32) ** (2 / 7))):
        known = features.iloc[:, :dimensions]
        expected = np.cov(known.to_numpy().T) * squared_bandwidth  # freedom n - 1: one mean
        assert _kernel_covariance(known, one_diagnosis) == pytest.approx(expected)


def test_mass_is_drawn_with_the_volumes() -> None:
    exact = plan(60, smoothing=0).dropna(subset="lv_edv_ml")
    ratio = exact["myo_mass_g"] / exact["lv_edv_ml"]
    assert ratio.groupby(exact["diagnosis"]).agg(["min", "max"]).loc["NOR"].tolist() == pytest.approx(
        [0.7, 0.7], abs=1e-3
    )
    # Among these hearts mass follows EDV exactly, so it does in the kernel around each of them.
    smoothed = plan(400, smoothing=1).dropna(subset="lv_edv_ml")
    logs = np.log(smoothed.loc[smoothed["diagnosis"] == "NOR", ["lv_edv_ml", "myo_mass_g"]])
    assert np.corrcoef(logs.to_numpy().T)[0, 1] > 0.999


def test_volumes_without_mass_are_asked_as_ever_and_mass_stays_open() -> None:
    training = training_table().assign(myo_mass_g=np.nan)
    planned = plan_requests(training, RequestSettings(smoothing=0), "g", range(20), 0, GRID).table
    assert planned["myo_mass_g"].isna().all()
    assert set(planned["lv_edv_ml"].dropna()) == set(training["lv_edv_ml"].dropna().round(2))


def test_a_subject_without_mass_alone_borrows_from_its_diagnosis() -> None:
    training = training_table()
    training.loc[0, "myo_mass_g"] = np.nan  # NOR
    planned = plan_requests(training, RequestSettings(smoothing=0), "g", range(20), 0, GRID).table
    known = planned[planned["diagnosis"] == "NOR"]
    assert len(known) == 12 and known["myo_mass_g"].notna().all()
    assert round(training.loc[0, "lv_edv_ml"], 2) not in set(known["lv_edv_ml"])


def test_unmeasured_diagnosis_leaves_volumes_open() -> None:
    planned = plan(100)
    unmeasured = planned[planned["diagnosis"] == "HCM"]
    assert len(unmeasured) == 10
    assert unmeasured[["lv_edv_ml", "lv_esv_ml", "myo_mass_g", "es_phase"]].isna().all(axis=None)


def test_an_unlabelled_subject_borrows_from_its_diagnosis() -> None:
    training = training_table()
    training.loc[0, ["lv_edv_ml", "lv_esv_ml", "myo_mass_g", "es_frame"]] = np.nan  # NOR
    planned = plan_requests(training, RequestSettings(), "g", range(20), 0, GRID).table
    normal = planned[planned["diagnosis"] == "NOR"]
    assert len(normal) == 12
    assert normal["lv_edv_ml"].between(90, 230).all()


def test_volumes_stay_within_physiological_bounds() -> None:
    planned = plan(200, smoothing=2, edv_range_ml=(120.0, 250.0), ef_range_percent=(30.0, 65.0)).dropna()
    ejection = 100 * (1 - planned["lv_esv_ml"] / planned["lv_edv_ml"])
    assert planned["lv_edv_ml"].between(120, 250).all()
    assert ejection.between(29.99, 65.01).all()


def test_balanced_counts_differ_by_one_at_most() -> None:
    assert plan(31, source="balanced")["diagnosis"].value_counts().to_dict() == {
        "DCM": 11,
        "HCM": 10,
        "NOR": 10,
    }


def test_subjects_without_any_metadata_leave_everything_open() -> None:
    training = training_table().assign(diagnosis=pd.NA, vendor=pd.NA, lv_edv_ml=np.nan, lv_esv_ml=np.nan)
    planned = plan_requests(training, RequestSettings(), "g", range(5), 0, GRID).table
    assert planned[["diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml"]].isna().all(axis=None)
    with pytest.raises(SynthaugError, match="no training subject has a diagnosis"):
        plan_requests(training, RequestSettings(source="balanced"), "g", range(5), 0, GRID)
    with pytest.raises(SynthaugError, match="no training subject to plan from"):
        plan_requests(training.head(0), RequestSettings(), "g", range(5), 0, GRID)


@pytest.mark.parametrize("source", ["real", "balanced", "table"])
def test_requests_planned_in_parts_are_those_planned_at_once(tmp_path: Path, source: str) -> None:
    table = tmp_path / "requests.tsv"
    table.write_text("diagnosis\tlv_edv_ml\tlv_esv_ml\nDCM\t300\t240\nNOR\t140\t\n\t150\t70\n")
    settings = RequestSettings(source=source, table=str(table) if source == "table" else None)
    parts = [
        plan_requests(training_table(), settings, "g", numbers, 3, GRID).table
        for numbers in (range(5), range(5, 6), range(6, 17))
    ]
    whole = plan_requests(training_table(), settings, "g", range(17), 3, GRID).table
    pd.testing.assert_frame_equal(pd.concat(parts), whole)
    assert whole["seed"].nunique() == 17


def test_requests_survive_their_folder(tmp_path: Path) -> None:
    planned = plan_requests(training_table(), RequestSettings(), "cascade", range(10), 0, GRID)
    write_requests(planned, tmp_path / "requests")
    read = Cohort.open(tmp_path / "requests")
    assert read.kind == "request" and read.spacing_mm == (10, 2, 2)
    pd.testing.assert_frame_equal(read.table, planned.table)
    with pytest.raises(SynthaugError, match="cascade-s0-0000: no masks are requested"):
        read.label_cine("cascade-s0-0000")


def test_table_is_followed_repeated_and_completed(tmp_path: Path) -> None:
    path = tmp_path / "requests.tsv"
    path.write_text("diagnosis\tlv_edv_ml\tlv_esv_ml\nDCM\t300\t240\n\t140\t\n")
    planned = plan(5, source="table", table=str(path))
    assert planned["lv_edv_ml"].tolist() == [300, 140, 300, 140, 300]
    assert planned["diagnosis"].fillna("open").tolist() == ["DCM", "open", "DCM", "open", "DCM"]
    assert planned["lv_esv_ml"].isna().tolist() == [False, True, False, True, False]
    assert planned["n_slices"].between(8, 10).all()
    assert planned["seed"].is_unique


@pytest.mark.parametrize(
    ("header", "values", "message"),
    [
        ("lv_edv_ml\tlv_esv_ml", "100\t100", "row 1: lv_esv_ml 100 is not below lv_edv_ml 100"),
        ("diagnosis", "XYZ", "row 1: unknown diagnosis 'XYZ'; the training subjects have DCM, HCM, NOR"),
        ("vendor", "Z", "unknown vendor 'Z'"),
        ("lv_edv_ml", "0", "lv_edv_ml is 0; a volume must be above 0"),
        ("lv_esv_ml", "-5", "lv_esv_ml is -5; a volume must be above 0"),
        ("myo_mass_g", "0", "myo_mass_g is 0; a mass must be above 0 g"),
        ("n_slices", "11", "n_slices is 11; give a whole number from 1 to 10"),
        ("n_slices", "7.5", "n_slices is 7.5"),
        ("es_phase", "1.0", "es_phase is 1"),
        ("lv_ef", "0.55", "row 1: lv_ef is 0.55; give percent"),
        ("lv_ef", "-5", "lv_ef is -5; give percent"),
        ("lv_edv_ml", "inf", "row 1: lv_edv_ml is 'inf'; give a number or nothing"),
        ("lv_edv_ml", "large", "row 1: lv_edv_ml is 'large'; give a number or nothing"),
        ("edv", "100", "unknown column 'edv'; known are diagnosis, vendor, lv_edv_ml"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(
    tmp_path: Path, header: str, values: str, message: str
) -> None:
    path = tmp_path / "requests.tsv"
    path.write_text(f"{header}\n{values}\n")
    with pytest.raises(SynthaugError) as refusal:
        plan(1, source="table", table=str(path))
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(str(path)) and "\n" not in str(refusal.value)


def test_absent_or_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SynthaugError, match="no such table"):
        plan(1, source="table", table=str(tmp_path / "absent.tsv"))
    (tmp_path / "empty.tsv").write_text("diagnosis\n")
    with pytest.raises(SynthaugError, match="no requests"):
        plan(1, source="table", table=str(tmp_path / "empty.tsv"))


@pytest.mark.parametrize(
    "content",
    [{"source": "table"}, {"table": "x.tsv"}, {"edv_range_ml": (200, 100)}, {"ef_range_percent": (0, 50)}],
)
def test_inconsistent_settings_are_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RequestSettings.model_validate(content)


def test_training_subjects_are_requested_with_their_masks_and_no_others(tmp_path):
    labels = np.zeros((4, 3, 32, 32), np.uint8)
    labels[:, :, 8:24, 8:24], labels[:, :, 12:20, 12:20] = 2, 1
    spacing, rows = (10.0, 2.0, 2.0), []
    for name, frames in (("a", (0, 2)), ("b", ())):
        cine = np.zeros(labels.shape, np.float32)
        write_subject(tmp_path / f"sub-{name}", cine, {frame: labels[frame] for frame in frames}, spacing)
        about = {"vendor": "A", "n_slices": 3, "n_frames": 4, "es_frame": 2}
        rows.append({"subject": name, "labelled_frames": ",".join(map(str, frames)) or None, **about})
    write_cohort(tmp_path, "real", "real", rows, spacing)
    training, grid = (
        Cohort.open(tmp_path),
        HarmonisationSettings(spacing_mm=spacing, matrix=(3, 32, 32), frames=4),
    )
    settings = RequestSettings(source="training")
    planned = plan_requests(training.table, settings, "g", range(3), 0, grid, masked=training)
    assert planned.subjects == ["g-s0-0000", "g-s0-0001", "g-s0-0002"] and planned.table["seed"].is_unique
    assert all(np.array_equal(planned.label_cine(name)[2], labels[2]) for name in planned.subjects)
    assert "wall_thickness_max_ed_mm" not in planned.table
    measured = dataclasses.replace(
        training, table=training.table.assign(wall_thickness_max_ed_mm=17.5, lv_edv_ml=140.0, hr=60.0)
    )
    named = ("wall_thickness_max_ed_mm", "lv_edv_ml", "absent")
    known = plan_requests(
        measured.table, settings, "g", range(2), 0, grid, masked=measured, phenotypes=named
    ).table
    assert (
        known["wall_thickness_max_ed_mm"].tolist() == [17.5, 17.5]
        and known["lv_edv_ml"].tolist() == [140.0] * 2
    )
    assert not {"hr", "absent"} & set(known)
    bare = training.select(["b"])
    with pytest.raises(SynthaugError, match=r"no training subject has labels for `synthesis.requests.source"):
        plan_requests(bare.table, settings, "g", range(3), 0, grid, masked=bare)


def test_masks_edited_from_subjects_that_are_not_trained_on_are_left_out(tmp_path, caplog):
    spacing = (10.0, 2.0, 2.0)
    grid = HarmonisationSettings(spacing_mm=spacing, matrix=(3, 32, 32), frames=4)
    labels = np.zeros((3, 32, 32), np.uint8)
    labels[:, 8:24, 8:24], labels[:, 12:20, 12:20] = 2, 1
    rows = []
    for name in ("a", "b", "other-study"):
        write_labels(tmp_path / f"sub-{name}", {0: labels}, 4, spacing)
        rows.append({"subject": name, "n_slices": 3, "labelled_frames": "0", "edited_from": name})
    write_cohort(tmp_path, "edited", "request", rows, spacing)
    settings = RequestSettings(source="cohort", cohort=str(tmp_path))

    def planned(withheld):
        return plan_requests(training_table(), settings, "g", range(4), 0, grid, withheld=withheld)

    assert list(planned(["x"]).table["edited_from"]) == ["a", "b", "other-study", "a"]
    assert (
        "masks of 3 requests were edited from subjects that are not of this study, the first from a"
        in caplog.text
    )
    caplog.clear()
    kept = planned(["a-of-another-fold", "other-study-no-more", "b", "c"])
    assert list(kept.table["edited_from"]) == ["a", "other-study"] * 2
    assert kept.folders[kept.subjects[1]].name == "sub-other-study"
    assert "1 of 3 requests are left out: their masks are of subjects" in caplog.text
    with pytest.raises(
        SynthaugError, match="all masks are of subjects that this fold does not train on; give"
    ):
        planned(["a", "b", "other-study"])
    # Of masks that were not edited the subject itself is withheld.
    rows = [{"subject": name, "labelled_frames": "0", "n_slices": 3, "n_frames": 4} for name in ("a", "b")]
    for row in rows:
        cine = np.zeros((4, 3, 32, 32), np.float32)
        write_subject(tmp_path / f"real/sub-{row['subject']}", cine, {0: labels}, spacing)
    write_cohort(tmp_path / "real", "own", "real", rows, spacing)
    settings = RequestSettings(source="cohort", cohort=str(tmp_path / "real"))
    assert list(planned(["b", "c"]).table["masks_of"]) == ["a"] * 4


def test_a_plan_without_a_sampler_loads_no_pytorch():
    # A large cohort has hundreds of these jobs, and PyTorch takes longer to load than a chunk to be planned.
    script = (REPOSITORY / "workflow/scripts/plan_requests.py").read_text()
    imports = "\n".join(line for line in script.splitlines() if line.startswith("from "))
    asked = f"import sys\n{imports}\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked]).returncode == 0


def test_requested_masks_say_their_slices_their_origin_and_whom_their_generator_saw(tmp_path):
    spacing = (10.0, 2.0, 2.0)
    grid = HarmonisationSettings(spacing_mm=spacing, matrix=(5, 32, 32), frames=4)
    labels = np.zeros((3, 32, 32), np.uint8)
    labels[:, 8:24, 8:24], labels[:, 12:20, 12:20] = 2, 1
    training = training_table().assign(n_slices=5)

    def planned(folder, **options):
        settings = RequestSettings(source="cohort", cohort=str(folder))
        return plan_requests(training, settings, "g", range(2), 0, grid, **options)

    # A table that leaves the slices open: those of the masks, not those of the real subject whose turn it is.
    write_labels(tmp_path / "masks/sub-a", {0: labels}, 4, spacing)
    rows = [{"subject": "a", "labelled_frames": "0"}, {"subject": "b", "labelled_frames": None}]
    write_cohort(tmp_path / "masks", "masks", "request", rows, spacing)
    assert list(planned(tmp_path / "masks").table["n_slices"]) == [3, 5]
    # Synthetic cines whose masks were requested from those of "b", of a generator that saw "c".
    about = {"labelled_frames": "0", "n_slices": 3, "n_frames": 4}
    rows = [
        {"subject": "made-0", "requested_masks_of": "a", **about},
        {"subject": "made-1", "requested_masks_of": "b", **about},
        {"subject": "made-2", "requested_masks_of": None, **about},
    ]
    for row in rows:
        write_subject(
            tmp_path / f"made/sub-{row['subject']}",
            np.zeros((4, 3, 32, 32), np.float32),
            {0: labels},
            spacing,
        )
    write_cohort(tmp_path / "made", "made", "synthetic", rows, spacing, seen=["c", "a"])
    requests = planned(tmp_path / "made", withheld=["b"])
    assert list(requests.table["masks_of"]) == ["a", "made-2"]
    assert requests.meta["sampler"] == {
        "seen": ["a", "c"]
    }  # what `synthesise_chunk` adds to those of the generator
    assert "sampler" not in planned(tmp_path / "masks").meta


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"lv_edv_ml": "large"}, "atlas: row 1: lv_edv_ml is 'large'; give a number or nothing"),
        ({"lv_edv_ml": "inf"}, "atlas: row 1: lv_edv_ml is 'inf'; give a number or nothing"),
        ({"lv_ef": "high"}, "atlas: row 1: lv_ef is 'high'; give a number or nothing"),
    ],
)
def test_a_folder_of_requests_is_read_as_a_table_is(tmp_path, row, message):
    write_cohort(tmp_path, "atlas", "request", [{"subject": "a", **row}], GRID.spacing_mm)
    with pytest.raises(SynthaugError, match=message):
        plan(source="cohort", cohort=str(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matrix": (3, 64, 64)}, "the study's grid is (4, 3, 64, 64) with (10.0, 2.0, 2.0) mm"),
        ({"matrix": (2, 32, 32)}, "the study's grid is (4, 2, 32, 32) with (10.0, 2.0, 2.0) mm"),
        ({"frames": 5}, "the study's grid is (5, 3, 32, 32) with (10.0, 2.0, 2.0) mm"),
        ({"spacing_mm": (10, 1, 1)}, "the study's grid is (4, 3, 32, 32) with (10.0, 1.0, 1.0) mm"),
    ],
)
def test_masks_of_another_grid_are_refused_in_one_line(tmp_path, change, said):
    labels = np.ones((3, 32, 32), np.uint8)
    write_labels(tmp_path / "sub-a", {0: labels}, 4, (10.0, 2.0, 2.0))
    write_cohort(tmp_path, "mine", "request", [{"subject": "a", "labelled_frames": "0"}], (10.0, 2.0, 2.0))
    settings = RequestSettings(source="cohort", cohort=str(tmp_path))
    own = {"matrix": (3, 32, 32), "frames": 4, "spacing_mm": (10.0, 2.0, 2.0)}
    with pytest.raises(SynthaugError) as refusal:
        plan_requests(
            training_table(), settings, "g", range(1), 0, HarmonisationSettings(**{**own, **change})
        )
    assert str(refusal.value) == (
        f"{tmp_path}/sub-a/labels.nii.gz: masks are (4, 3, 32, 32) (t, z, y, x) with voxels of (10.0, 2.0, 2.0) mm, "
        f"{said}; harmonise both to one grid"
    )
