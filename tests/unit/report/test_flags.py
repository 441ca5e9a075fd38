"""Flags: each appears exactly when its condition holds, never on a clean study, and an absent measure is said."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_study import make_clean_study

from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.imports import imported_files
from synthaug.data.cohort import Cohort
from synthaug.report import flags
from synthaug.report.files import FOLDER, flag_modules
from synthaug.report.flag import SEVERITIES, find_flags, find_kinds
from synthaug.report.flags.training_length import late_fall
from synthaug.report.inputs import ReportInputs
from synthaug.report.render import make_environment
from synthaug.report.rows import records
from synthaug.report.section import ReportData, find_sections, with_tasks
from synthaug.report.thresholds import THRESHOLDS, markdown_table
from synthaug.tables import make_table
from synthaug.tables.collate import read_version


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> ReportData:
    return data_of(make_clean_study(tmp_path_factory.mktemp("clean")))


def data_of(inputs: ReportInputs, table: pd.DataFrame | None = None) -> ReportData:
    table = read_version(inputs.tables) if table is None else table
    return ReportData(
        inputs=inputs,
        settings=ReportSettings(),
        table=table,
        rows=records(table[table["subject"].isna()]),
        real=Cohort.open_all(inputs.cohorts.values()),
        alpha=0.05,
        draw=lambda *_: {},
        assets=Path(),
        is_shown=lambda row: True,
    )


def with_rows(data: ReportData, metric: str, *more: dict, **columns: object) -> ReportData:
    """The data with columns of a metric's rows changed, and further rows."""
    table = data.table.copy()
    chosen = table["metric"] == metric
    assert chosen.any()
    for column, value in columns.items():
        table.loc[chosen, column] = value
    extra = make_table({"definition": "v1", "status": "ok", **row} for row in more)
    return data_of(data.inputs, pd.concat([table, extra]) if more else table)


def raised(data: ReportData) -> dict[str, dict]:
    return {flag["name"]: flag for flag in find_flags(data)["raised"]}


def only(data: ReportData, name: str) -> str:
    """Sentence of the only flag raised."""
    found = raised(data)
    assert list(found) == [name]
    return found[name]["sentence"]


def test_a_clean_study_has_no_flag_and_everything_was_measured(clean):
    found = find_flags(clean)
    assert found["raised"] == [] and found["unmeasured"] == []
    assert {flag["name"] for flag in found["passed"]} == set(THRESHOLDS)


def test_every_kind_has_a_threshold_a_section_and_a_line_in_the_documentation():
    kinds = find_kinds()
    assert set(kinds) == set(THRESHOLDS)
    assert {kind.section for kind in kinds.values()} <= set(find_sections())
    assert len({kind.title for kind in kinds.values()}) == len(kinds)
    document = FOLDER.parents[2] / "docs" / "report.md"
    assert markdown_table() in document.read_text(encoding="utf-8")


def test_files_of_flags_are_known_before_anything_is_imported():
    files = set(imported_files([], flag_modules()))
    assert {str(path) for path in (FOLDER / "flags").glob("[!_]*.py")} <= files


def test_a_new_kind_is_one_module(clean, tmp_path, monkeypatch):
    (tmp_path / "surprise.py").write_text(
        "from synthaug.report.flag import MINOR, Flag, FlagKind\n"
        "KIND = FlagKind('Surprise', 'Nothing.', 'design', lambda data: Flag(MINOR, 'A surprise (n = 1).'))\n"
    )
    monkeypatch.setattr(flags, "__path__", [*flags.__path__, str(tmp_path)])
    monkeypatch.setitem(THRESHOLDS, "surprise", next(iter(THRESHOLDS.values())))
    try:
        assert only(clean, "surprise") == "A surprise (n = 1)."
    finally:
        sys.modules.pop("synthaug.report.flags.surprise", None)


@pytest.mark.parametrize(("error", "expected"), [(-20.1, True), (8.5, True), (8.0, False), (-7.9, False)])
def test_the_ef_bias_of_the_baseline(clean, error, expected):
    data = with_rows(clean, "ef_error", value=error)
    assert ("baseline_function" in raised(data)) == expected
    if error == -20.1:
        assert only(data, "baseline_function") == (
            "EF bias of −20.1 and mean absolute EF error of 20.1 percentage points in arm real (n = 8 patients)."
        )


def test_errors_that_cancel_are_flagged_by_their_absolute_mean(clean):
    own = clean.table["metric"] == "ef_error"
    signs = np.where(np.arange(own.sum()) % 2, 12.0, -12.0)
    assert "EF bias of 0.0 and mean absolute EF error of 12.0" in only(
        with_rows(clean, "ef_error", value=signs), "baseline_function"
    )


@pytest.mark.parametrize(("value", "severity"), [(29.0, "severe"), (10.5, "moderate"), (10.0, None)])
def test_the_hd95_of_the_baseline(clean, value, severity):
    found = raised(with_rows(clean, "hd95", value=value))
    assert [flag["severity"] for flag in found.values()] == ([severity] if severity else [])
    if value == 29:
        assert found["baseline_distance"]["sentence"] == "Mean HD95 of 29.0 mm in arm real (n = 8 patients)."


@pytest.mark.parametrize(
    ("share", "low", "real", "severity"),
    [
        (0.53, 0.40, 0.11, "severe"),
        (0.20, 0.08, 0.11, "moderate"),
        (0.11, 0.02, 0.11, None),
        (0.06, 0.01, None, "severe"),
        (0.05, 0.00, None, "moderate"),
        (0.00, 0.00, None, None),
    ],
)
def test_copies_are_compared_with_held_out_patients_or_with_the_rate_of_the_rule(
    clean, share, low, real, severity
):
    reference = {"metric": "copied_share_real", "generator": "cascade", "fold": 0, "generator_seed": 0}
    more = [] if real is None else [{**reference, "value": real, "n": 9}]
    found = raised(with_rows(clean, "copied_share", *more, value=share, ci_low=low))
    assert [flag["severity"] for flag in found.values()] == ([severity] if severity else [])
    if share == 0.53:
        assert found["copies"]["sentence"] == (
            "53 % of the synthetic subjects of cascade are flagged as copies (n = 8); 11 % of held-out real patients by "
            "the same rule (n = 9)."
        )


@pytest.mark.parametrize(("size", "expected"), [(0.15, True), (1.0, True), (0.031, True), (0.03, False)])
def test_a_detectable_difference_far_above_the_margin(clean, size, expected):
    data = with_rows(clean, "dice_difference", detectable=size)
    assert ("power" in raised(data)) == expected
    if size == 0.15:
        assert ": 0.150, at least 15.0 times the margin of 0.010" in only(data, "power")
    if size == 1.0:
        assert ": above the largest possible, at least 100.0 times the margin" in only(data, "power")


def test_the_margin_is_that_of_the_study(clean):
    study = {**clean.inputs.study, "evaluation": {"equivalence_margin": {"dice": 0.1}}}
    data = dataclasses.replace(
        with_rows(clean, "dice_difference", detectable=0.15),
        inputs=dataclasses.replace(clean.inputs, study=study),
    )
    assert raised(data) == {}


def test_a_loss_that_still_falls(clean, tmp_path):
    pd.DataFrame({"validation_loss": np.linspace(0.5, -0.5, 20)}).to_csv(tmp_path / "h.csv", index=False)
    runs = [dataclasses.replace(run, history=tmp_path / "h.csv") for run in clean.inputs.segmenters]
    data = data_of(dataclasses.replace(clean.inputs, segmenters=runs))
    # Five equal parts of a straight line: the last of four steps is a quarter of the fall.
    assert only(data, "training_length") == (
        "Part of the total fall of the loss that lies in the last fifth of the iterations: 25 % (median, n = 1 training)."
    )


def test_a_loss_that_never_fell_is_said(clean, tmp_path):
    pd.DataFrame({"loss": [1.0] * 20}).to_csv(tmp_path / "h.csv", index=False)
    runs = [dataclasses.replace(run, history=tmp_path / "h.csv") for run in clean.inputs.segmenters]
    data = data_of(dataclasses.replace(clean.inputs, segmenters=runs))
    assert only(data, "training_length") == "The loss did not fall at all: 1 of 1 training."


def test_the_loss_of_each_task_is_judged_by_itself(clean, tmp_path):
    falling, flat = np.linspace(1, 0, 20), [1.0] * 4 + [0.0] * 16
    runs = []
    for task, losses in {
        "segmentation": flat,
        "diagnosis": falling,
        "phenotypes": [*falling[:19], -0.2],
    }.items():
        pd.DataFrame({"loss": losses}).to_csv(tmp_path / f"{task}.csv", index=False)
        run = dataclasses.replace(clean.inputs.segmenters[0], history=tmp_path / f"{task}.csv", task=task)
        runs += [run] * 3
    sentence = only(data_of(dataclasses.replace(clean.inputs, segmenters=runs)), "training_length")
    assert "task phenotypes: 29 % (median, n = 3 trainings); task diagnosis: 25 %" in sentence
    assert "segmentation" not in sentence


@pytest.mark.parametrize(("metric", "value", "expected"), [("auc", 0.79, True), ("auc", 0.8, False)])
def test_a_network_that_the_forest_beats(clean, metric, value, expected):
    table = clean.table.copy()
    network = (table["metric"] == metric) & (table["task"] == "diagnosis")
    table.loc[network, "value"] = value
    data = data_of(clean.inputs, table)
    assert ("network_below_forest" in raised(data)) == expected
    if expected:
        assert only(data, "network_below_forest") == (
            "On real patients, AUC of task diagnosis is 0.79 (0.50 to 0.90, n = 8 patients), that of the random forest "
            "diagnosis-forest 0.80 (0.50 to 0.90, n = 8 patients)."
        )


def test_a_forest_of_other_classes_is_no_bar(clean):
    tasks = clean.inputs.study["tasks"]
    other = {**tasks["diagnosis-forest"], "classes": {"normal": ["NOR"], "ill": ["DCM", "HCM"]}}
    study = {**clean.inputs.study, "tasks": {**tasks, "diagnosis-forest": other}}
    found = find_flags(data_of(dataclasses.replace(clean.inputs, study=study)))
    assert [flag["name"] for flag in found["beyond"]] == ["network_below_forest"] and not found["unmeasured"]


@pytest.mark.parametrize(("value", "expected"), [(0.59, True), (0.61, False)])
def test_a_generator_that_does_not_show_what_was_requested(clean, value, expected):
    data = with_rows(clean, "diagnosis_recovery_balanced", value=value)
    assert ("recovery" in raised(data)) == expected
    if expected:
        assert only(data, "recovery") == (
            "Requested diagnosis by the network: balanced accuracy of 0.59 in the cines of cascade (n = 12), 0.80 in real "
            "test patients (n = 8)."
        )


def test_the_late_fall_of_a_loss():
    assert late_fall(pd.DataFrame({"loss": np.linspace(1, 0, 10)})) == pytest.approx(0.25)
    assert late_fall(pd.DataFrame({"loss": [1.0] * 4 + [0.0] * 6})) == 0
    assert late_fall(pd.DataFrame({"loss": np.linspace(1, 0, 9)})) is None  # too short
    assert late_fall(pd.DataFrame({"loss": np.linspace(0, 1, 20)})) == np.inf  # never fell
    assert late_fall(pd.DataFrame({"accuracy": np.linspace(0, 1, 20)})) is None
    both = pd.DataFrame({"loss": np.linspace(1, 0, 20), "validation_loss": [1.0] * 4 + [0.0] * 16})
    assert late_fall(both) == 0


@pytest.mark.parametrize(("value", "expected"), [(0.79, True), (0.8, False)])
def test_masks_that_do_not_fit(clean, value, expected):
    data = with_rows(clean, "mask_agreement_dice", value=value)
    assert ("mask_agreement" in raised(data)) == expected
    if expected:
        sentence = only(data, "mask_agreement")
        assert (
            sentence.startswith("Dice of 0.790 between the masks of cascade")
            and "(n = 12 synthetic" in sentence
        )


def test_masks_that_do_not_fit_say_how_many_hearts_the_segmenter_does_not_know(clean):
    note = "18 of 24 subjects have a diagnosis without labelled training patients: HCM"
    assert note in only(with_rows(clean, "mask_agreement_dice", value=0.5, note=note), "mask_agreement")


@pytest.mark.parametrize(("rate", "expected"), [(0.49, True), (0.5, False)])
def test_a_low_acceptance_rate(clean, rate, expected):
    data = with_rows(clean, "acceptance_rate", value=rate)
    assert ("acceptance" in raised(data)) == expected
    if expected:
        assert only(data, "acceptance") == "49 % of the samples of cascade accepted (n = 15 samples)."


def test_excluded_subjects(clean, tmp_path):
    (tmp_path / "acdc").mkdir()
    for path in clean.inputs.cohorts["acdc"].iterdir():
        (tmp_path / "acdc" / path.name).symlink_to(path)
    rows = [{"subject": name, "problem": "spacing lost"} for name in ("p1", "p1", "p2")]
    write_tsv(tmp_path / "acdc" / "quarantine.tsv", pd.DataFrame(rows))
    data = data_of(dataclasses.replace(clean.inputs, cohorts={"acdc": tmp_path / "acdc"}))
    assert only(data, "quarantine") == "2 subjects excluded (2 of acdc; n = 10 read)."


def test_absent_extractors(clean):
    absent = {"metric": "fid", "definition": "v1", "status": "extractor_absent", "generator": "cascade"}
    table = pd.concat([clean.table, make_table([absent])])
    assert only(data_of(clean.inputs, table), "extractors") == (
        "FID not measured: feature extractor absent (n = 1 row)."
    )


def test_fewer_generator_trainings_than_the_verdict_needs(clean):
    first, second, third = clean.inputs.synthetic
    for few, count in (([first], "1 training"), ([first, second], "2 trainings")):
        data = data_of(dataclasses.replace(clean.inputs, synthetic=few))
        assert only(data, "generator_trainings") == f"Few trainings of the generator: cascade (n = {count})."
    folds = [first, second, dataclasses.replace(first, fold=1)]
    assert (
        raised(data_of(dataclasses.replace(clean.inputs, synthetic=folds))) == {}
        and third.generator_seed == 2
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kind": "external"}, "Few trainings of the generator: cascade (n = 1 training)."),
        ({"kind": "real", "through": "autoencoder"}, None),
    ],
)
def test_a_folder_from_elsewhere_is_one_training_in_all_folds_and_seeds(clean, settings, sentence):
    study = {**clean.inputs.study, "generators": {"cascade": settings}}
    data = data_of(dataclasses.replace(clean.inputs, study=study))
    assert raised(data).get("generator_trainings", {}).get("sentence") == sentence


def test_real_subjects_in_the_place_of_synthetic_ones_are_no_training(clean):
    study = {**clean.inputs.study, "generators": {"cascade": {"kind": "real", "dataset": "acdc"}}}
    found = find_flags(data_of(dataclasses.replace(clean.inputs, study=study)))
    assert found["raised"] == []
    assert [flag["name"] for flag in found["beyond"]] == ["generator_trainings"] and not found["unmeasured"]


def test_a_study_without_segmentation_has_no_flags_of_segmentations(clean):
    tasks = {
        name: task for name, task in clean.inputs.study["tasks"].items() if task["kind"] == "classification"
    }
    study = {**clean.inputs.study, "tasks": tasks}
    found = find_flags(with_tasks(data_of(dataclasses.replace(clean.inputs, study=study))))
    of_segmentations = {
        "baseline_distance",
        "baseline_function",
        "failed_segmentations",
        "grid_ceiling",
        "mask_agreement",
    }
    assert {flag["name"] for flag in found["beyond"]} == of_segmentations
    assert {flag["reason"] for flag in found["beyond"]} == {"the study has no segmentation task"}
    assert "5 checks of what is not in this study" in rendered(found)


def test_the_segmentation_is_judged_on_a_page_about_another_task(clean):
    """The page is about the diagnosis; the segmentation of real patients is its baseline all the same."""
    kinds = {
        "diagnosis": {"kind": "classification"},
        "segmentation": {"kind": "segmentation", "arms": "real"},
    }
    table = clean.table.copy()
    table.loc[table["metric"].isin(["dice", "hd95", "ef_error", "dice_ceiling", "dice_poor"]), "task"] = (
        "segmentation"
    )
    table.loc[table["metric"] == "ef_error", "value"] = -20.1
    table.loc[table["metric"] == "hd95", "value"] = 29.0
    table.loc[table["metric"] == "dice_poor", "value"] = 0.5
    table.loc[table["metric"] == "dice_ceiling", "value"] = 0.9
    study = {**clean.inputs.study, "tasks": kinds}
    data = with_tasks(data_of(dataclasses.replace(clean.inputs, study=study), table))
    assert data.task == "diagnosis"
    expected = {"baseline_function", "baseline_distance", "failed_segmentations", "grid_ceiling"}
    assert expected <= set(raised(data))
    assert "EF bias of −20.1" in raised(data)["baseline_function"]["sentence"]


@pytest.mark.parametrize(("value", "expected"), [(0.953, True), (0.98, False)])
def test_a_grid_that_costs_dice(clean, value, expected):
    data = with_rows(clean, "dice_ceiling", value=value)
    assert ("grid_ceiling" in raised(data)) == expected
    if expected:
        assert "reaches a mean Dice of 0.953" in only(data, "grid_ceiling")


def test_hearts_cut_by_the_window(clean):
    table = clean.real.table.copy()
    table["window_offset_mm"] = np.arange(8.0)
    table["window_margin_mm"] = [5.0, 4.0, -3.5, 6.0, 7.0, 8.0, 9.0, 9.0]
    table["outside_window"] = [0, 0, 0.125, 0, 0, 0, 0, np.nan]
    data = dataclasses.replace(clean, real=dataclasses.replace(clean.real, table=table))
    assert only(data, "window") == (
        "Labels of 1 of 7 labelled subjects are cut by the heart window. At most 12.5 % of a subject's labels are "
        "outside. Distance between the centres of window and heart: median 3.0 mm, 90th percentile 5.4 mm. Smallest "
        "margin −3.5 mm."
    )


def test_hearts_cut_by_the_image(tmp_path):
    inputs = make_clean_study(tmp_path)
    data = data_of(inputs)
    table = data.real.table.copy()
    first, second, third = table.index[:3]
    edge = {"code": "labels-at-edge", "problem": "reach the edge", "remedy": "volumes are unknown"}
    found = [{"subject": subject, **edge} for subject in (first, first, second)]  # one at ED and at ES
    found.append({"subject": third, **edge, "code": "labels-apart"})
    write_tsv(inputs.cohorts["acdc"] / "findings.tsv", pd.DataFrame(found))
    table.loc[first, "lv_edv_ml"] = np.nan
    table["labelled_frames"] = ["0,3"] * 7 + [None]
    data = dataclasses.replace(data, real=dataclasses.replace(data.real, table=table))
    assert only(data, "field_of_view") == (
        "The image cuts structures of 2 of 7 labelled subjects, the LV at ED of 1. Volumes, EF and mass of these "
        "structures are unknown."
    )


def test_absent_measures_give_no_flag_but_are_listed(clean):
    table = clean.real.table.drop(columns=["window_offset_mm", "window_margin_mm", "outside_window"])
    bare = dataclasses.replace(clean.inputs, synthetic=[], segmenters=[], splits={})
    data = data_of(bare, clean.table.iloc[:0])
    data = dataclasses.replace(data, real=dataclasses.replace(clean.real, table=table))
    found = find_flags(data)
    assert found["raised"] == []
    assert {flag["name"] for flag in found["passed"]} == {
        "field_of_view",
        "quarantine",
        "extractors",
        "partial_results",
    }
    assert all(flag["reason"] for flag in found["unmeasured"])
    page = rendered(found)
    assert (
        "No flag." in page
        and "Not measured" in page
        and "HD95 of the baseline: no HD95 of the real arm" in page
    )


def test_flags_stand_worst_first_with_value_threshold_source_remedy_and_link(clean):
    table = with_rows(clean, "hd95", value=29.0).table
    table.loc[table["metric"] == "ef_error", "value"] = -20.1
    table.loc[table["metric"] == "dice_ceiling", "value"] = 0.9
    first, *_ = clean.inputs.synthetic
    found = find_flags(data_of(dataclasses.replace(clean.inputs, synthetic=[first]), table))
    names = [flag["name"] for flag in found["raised"]]
    assert names == ["baseline_distance", "baseline_function", "grid_ceiling", "generator_trainings"]
    severities = [SEVERITIES.index(flag["severity"]) for flag in found["raised"]]
    assert severities == sorted(severities)
    page = rendered(found)
    assert (
        'href="#baseline"' in page and "Suinesiaputra et al." in page and "above 8 percentage points" in page
    )
    assert page.index("HD95 of the baseline") < page.index("Few generator trainings")
    assert "13 checks without a flag" in page


def rendered(content: dict) -> str:
    return make_environment(FOLDER).get_template("sections/flags.html.j2").render(content=content)


@pytest.mark.parametrize(("rate", "expected"), [(0.25, True), (0.1, False)])
def test_failed_segmentations_of_the_real_arm_lead_to_the_worst_patients(clean, rate, expected):
    data = with_rows(clean, "dice_poor", value=rate)
    assert ("failed_segmentations" in raised(data)) == expected
    if expected:
        assert only(data, "failed_segmentations") == (
            "Dice below 0.7 in 25 % of the segmentations of RV in arm real, structure missed in 0 % (n = 8 patients)."
        )
        assert raised(data)["failed_segmentations"]["section"] == "worst-patients"
