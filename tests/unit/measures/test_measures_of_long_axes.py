"""Long-axis cohorts through every measure: areas are scored, and nothing calls them volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from long_axis_heart import ES, N_FRAMES, PIXEL_MM, four_chambers
from made_predictions import moved, write_predictions

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import GateSettings, RequestSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.generators.real import real_as_synthetic
from synthaug.labels import FUNCTION_COLUMNS, LV, MYO
from synthaug.mask_edits.edit_masks import MaskEdit, edit_masks
from synthaug.measures.cardiac_function import QUANTITIES, measure_cardiac_function
from synthaug.measures.measurement import Measurement
from synthaug.measures.phenotypes import tabulate_phenotypes
from synthaug.measures.predicted_phenotypes import predicted_phenotypes
from synthaug.measures.scoring import predicted_volumes, score_predictions
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.report.sections.examples import measure_curves
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.gate import inspect_sample
from synthaug.synthesis.gather import gather_chunks
from synthaug.synthesis.plan_requests import complete_requests, plan_requests
from synthaug.synthesis.requests import request_cohort, write_requests
from synthaug.views import LONG_AXIS, NO_VOLUMES

SPACING = (8.0, PIXEL_MM, PIXEL_MM)
TIMES = {"heart_rate_bpm", "es_phase", "systole_ms", "diastole_ms"}


def long_axes(folder: Path, name: str, kind: str = "real", count: int = 3) -> Cohort:
    image, labels = four_chambers()
    rows = []
    for number in range(count):
        subject = f"{name}-{number}"
        write_subject(folder / f"sub-{subject}", image / 1000, dict(enumerate(labels)), SPACING, 0.1)
        frames = {"ed_frame": 0, "es_frame": ES, "labelled_frames": ",".join(map(str, range(N_FRAMES)))}
        # What a writer that does not ask for the view would measure.
        wrong = dict.fromkeys(FUNCTION_COLUMNS, 17.0)
        rows.append({"subject": subject, **frames, "n_frames": N_FRAMES, "n_slices": 1, **wrong})
    write_cohort(folder, name, kind, rows, SPACING, LONG_AXIS)
    return Cohort.open(folder)


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return long_axes(tmp_path / "cohort", "la")


def test_of_a_prediction_overlap_and_distances_are_scored(cohort: Cohort, tmp_path: Path) -> None:
    predictions = write_predictions(tmp_path / "p", cohort, moved)
    rows = score_predictions(predictions, cohort, Measurement())
    scored = rows[rows["status"] == "ok"]
    assert set(scored["metric"]) == {"dice", "hd", "hd95", "assd", "nsd"}
    assert len(scored) == 5 * 3 * 2 * 3  # metrics, structures, phases, subjects
    assert scored[scored["metric"] == "dice"]["value"].between(0.3, 0.95).all()
    hausdorff = scored[(scored["metric"] == "hd") & (scored["structure"] == "LV")]["value"]
    assert hausdorff.max() == pytest.approx(np.hypot(2, 2) * PIXEL_MM)
    lost = rows[rows["status"] != "ok"]
    assert set(lost["metric"]) == {
        "edv_error_ml", "esv_error_ml", "sv_error_ml", "ef_error", "mass_error_g",
        "wall_thickness_error_mm", "wall_thickening_error",
    }  # fmt: skip
    assert set(lost["status"]) == {"not_measured"} and set(lost["note"]) == {NO_VOLUMES}
    assert lost["value"].isna().all()


def test_a_segmenter_sees_no_volumes(cohort: Cohort, tmp_path: Path) -> None:
    predictions = write_predictions(tmp_path / "p", cohort, lambda mask: mask)
    volumes = predicted_volumes(predictions, cohort).set_index("subject")
    assert list(volumes.index) == cohort.subjects and set(volumes) == set(FUNCTION_COLUMNS)
    assert volumes.isna().all(axis=None)
    names = ["lv_edv_ml", "wall_thickness_max_ed_mm", "es_phase"]
    found = predicted_phenotypes(predictions, cohort, names)
    assert found[names[:2]].isna().all(axis=None) and (found["es_phase"] == ES / N_FRAMES).all()


def test_phenotypes_are_times_alone_and_say_why(cohort: Cohort) -> None:
    table = tabulate_phenotypes(cohort)
    assert set(table[list(PHENOTYPES)].dropna(axis=1).columns) == TIMES
    assert table["heart_rate_bpm"].tolist() == pytest.approx([60 / 0.8] * 3)
    assert set(table["missing"]) == {NO_VOLUMES}


def test_function_of_two_cohorts_is_not_measured_and_no_curve_is_drawn(
    cohort: Cohort, tmp_path: Path
) -> None:
    made = long_axes(tmp_path / "made", "made", "synthetic")
    rows = measure_cardiac_function(cohort, made, Measurement())
    assert set(rows["status"]) == {"not_measured"} and len(rows) == 3 * len(QUANTITIES)
    assert measure_curves(cohort, made, 2, np.random.default_rng(0)).empty


def test_copies_keep_the_view(cohort: Cohort, tmp_path: Path) -> None:
    real_as_synthetic(cohort, tmp_path / "copies", "copies", None, cohort.select([]))
    copies = Cohort.open(tmp_path / "copies")
    assert copies.view == LONG_AXIS and copies.table[list(FUNCTION_COLUMNS)].isna().all(axis=None)


def test_masks_of_a_long_axis_are_not_edited_as_stacks(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(SynthaugError, match="edits are of short-axis stacks"):
        edit_masks(cohort, MaskEdit(wall_mm=2), tmp_path / "edited")


def test_the_gate_judges_what_one_slice_shows() -> None:
    image, labels = four_chambers()
    cine = (image / 1000).astype(np.float32)
    assert "myo_open" in inspect_sample(cine, labels, SPACING, GateSettings(myo_enclosure=0.9))[0]
    reasons, measured = inspect_sample(cine, labels, SPACING, GateSettings(myo_enclosure=0.9), LONG_AXIS)
    assert reasons == [] and measured["ed_volume"] == 1 and measured["systoles"] == 1
    assert np.isnan([measured[name] for name in ("lv_ml", "myo_ml", "ef_percent", "myo_enclosure")]).all()
    for label, reason in ((LV, "lv_absent"), (MYO, "myo_absent")):
        without = np.where(labels == label, 0, labels)
        assert reason in inspect_sample(cine, without, SPACING, GateSettings(), LONG_AXIS)[0]
    backwards = np.roll(np.arange(N_FRAMES), -ES)
    assert inspect_sample(cine[backwards], labels[backwards], SPACING, GateSettings(), LONG_AXIS)[0] == [
        "ed_not_first"
    ]


class FourChambers:
    """Samples the same long-axis heart for each request."""

    def sample(self, requests: Cohort, batch_size: int = 1) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        image, labels = four_chambers()
        for subject in requests.subjects:
            yield subject, (image / 1000).astype(np.float32), labels


def test_synthetic_long_axes_are_accepted_and_have_no_volumes(tmp_path: Path) -> None:
    table = complete_requests(
        pd.DataFrame({"n_slices": [1, 1], "diagnosis": None, "vendor": None}), ["a", "b"], 0
    )
    asked = request_cohort(table, view=LONG_AXIS)
    identity = {"generator_kind": "toy", "hashes": {}, "seen": []}
    chunk = tmp_path / "chunk"
    synthesise_chunk(FourChambers(), asked, GateSettings(), SPACING, chunk, "toy", 2, identity)
    gather_chunks([chunk], asked, tmp_path / "cohort", 0.5)
    made = Cohort.open(tmp_path / "cohort")
    assert made.view == LONG_AXIS and made.subjects == ["a", "b"]
    assert made.table[list(FUNCTION_COLUMNS)].isna().all(axis=None) and (made.table["es_frame"] == ES).all()


def test_requests_of_long_axes_leave_volumes_open(cohort: Cohort, tmp_path: Path) -> None:
    grid = HarmonisationSettings(spacing_mm=SPACING, matrix=(1, 64, 64), frames=N_FRAMES)
    plan = plan_requests(cohort.table, RequestSettings(), "g", range(4), 0, grid, view=cohort.view)
    write_requests(plan, tmp_path / "requests")
    again = Cohort.open(tmp_path / "requests")
    assert again.view == LONG_AXIS and again.table["lv_edv_ml"].isna().all()
    assert (again.table["es_phase"] == ES / N_FRAMES).all() and (again.table["n_slices"] == 1).all()
    wanted = tmp_path / "wanted.tsv"
    wanted.write_text("lv_edv_ml\tn_slices\n120\t1\n")
    asked = RequestSettings(source="table", table=str(wanted))
    with pytest.raises(
        SynthaugError, match="requests lv_edv_ml, and what is no stack of short axes has no volumes"
    ):
        plan_requests(cohort.table, asked, "g", range(4), 0, grid, view=cohort.view)
    other = RequestSettings(source="cohort", cohort=str(tmp_path / "cohort"))
    with pytest.raises(SynthaugError, match="a cohort of view long_axis, the study is of view short_axis"):
        plan_requests(cohort.table, other, "g", range(4), 0, grid)
