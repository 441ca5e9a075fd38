"""Published tables: the paper's values, and the study's own beside them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.metric_registry import columns_of
from synthaug.published.write import PUBLISHED, write_published_table
from synthaug.tables import make_table


@pytest.fixture(scope="module")
def study() -> StudySettings:
    return load_study(
        {
            "name": "made-up",
            "datasets": {"phantom": {"layout": "acdc", "root": "raw"}},
            "models": {
                "autoencoder": {"kind": "autoencoder"},
                "diffusion": {"kind": "cine_diffusion", "needs": {"autoencoder": "autoencoder"}},
            },
            "generators": {
                "single-pass": {
                    "kind": "single_pass",
                    "models": {"autoencoder": "autoencoder", "diffusion": "diffusion"},
                }
            },
            "arms": {"real": {}, "plus": {"generator": "single-pass", "dose": 1.0, "controls": ["repeated"]}},
            "tasks": {
                "segmentation": {"kind": "segmentation"},
                "phenotypes": {"kind": "regression"},
                "labelled": {"kind": "regression", "synthetic": "labelled"},
            },
        }
    )


def rows_of(*values: float) -> pd.DataFrame:
    """FID of one generator in as many trainings, and a row by vendor that is not the table's."""
    shared = {**columns_of("fid"), "status": "ok", "generator": "single-pass", "extractor": "x", "fold": 0}
    rows = [
        {
            **shared,
            "value": value,
            "floor": 2.0,
            "n": 20,
            "ci_low": value - 1,
            "ci_high": value + 1,
            "generator_seed": seed,
        }
        for seed, value in enumerate(values)
    ]
    trained = [{**row, "versus": "real train", "value": 50.0} for row in rows]
    tested = [{**row, "versus": "real test"} for row in rows]
    return make_table([*trained, *tested, {**tested[0], "vendor": "A", "value": 99.0}])


def written(
    tmp_path: Path, study: StudySettings, rows: pd.DataFrame, name: str = "cpgg_table1"
) -> pd.DataFrame:
    write_published_table(name, rows, study, {"single-pass": 1.5}, tmp_path / name)
    return read_tsv(tmp_path / name / "table.tsv", ("source", "method", "column", "note"))


def test_values_of_the_paper_are_as_printed():
    values = PUBLISHED["cpgg_table1"].values(0).set_index(["method", "column"])["value"]
    assert (
        values["CPGG (guidance 3)", "FID"] == 15.14 and values["VideoGPT (unconditional)", "FVD"] == 1320.26
    )
    table = PUBLISHED["cpgg_table2"].values(1)
    assert len(table) == 12 * 10 and table["sd"].isna().all()
    accuracy = (
        PUBLISHED["cpgg_table3"].values(1).set_index(["method", "column"]).loc[("MAE, mix 400%", "ACC")]
    )
    assert tuple(accuracy) == (0.768, 0.02)


def test_values_of_texdc_are_as_printed():
    ablations = PUBLISHED["texdc_table1"].values(0)
    assert len(ablations) == 12 * 3
    values = ablations.set_index(["method", "column"])["value"]
    assert values["M = 16", "F4D"] == values["with TAM and SAM", "F4D"] == 743.41
    assert values["without pre-alignment", "CLIPSIM"] == 0.1955 and values["without L_expl", "FID"] == 49.87
    compared = PUBLISHED["texdc_table2"].values(0)
    assert len(compared) == 5 * 3 - 2  # two cells of the paper are empty
    values = compared.set_index(["method", "column"])["value"]
    assert values["SADM", "FVD-T"] == 943.61 and values["DDM", "FVD-S"] == 879.33
    assert values["3D-DPM", "FID"] == 89.71 and ("SADM", "FVD-S") not in values.index


def test_values_of_text_and_mask_are_as_printed():
    for name, cells in (("control_table1", 3 * 5), ("control_table2", 3 * 3), ("control_table3", 3 * 9)):
        assert len(PUBLISHED[name].values(0)) == cells
    contrasts = PUBLISHED["control_table2"].values(0).set_index(["method", "column"])
    assert tuple(contrasts.loc[("Prediction", "SSIM")]) == (0.743, 0.17)
    fid = PUBLISHED["control_table1"].values(0).set_index(["method", "column"])["value"]
    # The printed averages are those of their four contrasts, but that of StyleGAN2, which would be 49.93.
    assert fid["StyleGAN2", "FID, average"] == 49.18
    for method in ("LDM", "text and mask"):
        own = [fid[method, f"FID, {contrast}"] for contrast in ("FLAIR", "T1", "T1CE", "T2")]
        assert round(sum(own) / 4, 1) == round(fid[method, "FID, average"], 1)


def test_a_metric_that_the_study_does_not_have_is_not_measured(tmp_path, study):
    own = written(tmp_path, study, rows_of(5.0), "control_table2")
    own = own[own["source"] == "this study"]
    nmi = "NMI (Studholme's, 1 to 2)"
    expected = [f"{score}{bound}" for score in ("SSIM", nmi, "NCC") for bound in ("", ", GT", ", Random")]
    assert list(own["column"]) == expected and own["value"].isna().all()
    assert set(own["note"]) == {"not measured"}
    page = (tmp_path / "control_table2" / "table.md").read_text(encoding="utf-8")
    assert f"| single-pass |{' not measured |' * 9}" in page
    assert "| Prediction | 0.743 ± 0.17 | 0.457 ± 0.06 | 0.909 ± 0.03 |" in page


def test_contrasts_stand_between_the_bounds_of_real_patients(tmp_path, study):
    shared = {"status": "ok", "generator": "single-pass", "versus": "vendor A, B", "fold": 0, "n": 9}
    rows = [
        {**columns_of(f"contrast_ssim{of}"), **shared, "value": value}
        for of, value in (("", 0.7), ("_other", 0.5), ("_real", 0.8), ("_real_other", 0.4))
    ]
    own = written(tmp_path, study, make_table(rows), "control_table2")
    own = own[own["source"] == "this study"].set_index("column")["value"]
    assert (own["SSIM"], own["SSIM, GT"], own["SSIM, Random"]) == (0.7, 0.8, 0.4)


def test_each_contrast_has_a_column_of_its_own(tmp_path, study):
    contrasts = {"column": "vendor", "values": ["A", "B"]}
    declared = load_study(
        {**study.model_dump(mode="json", exclude_unset=True), "evaluation": {"contrasts": contrasts}}
    )
    shared = {
        "status": "ok",
        "generator": "single-pass",
        "versus": "real test",
        "extractor": "x",
        "fold": 0,
        "n": 9,
    }
    rows = [
        {**columns_of("contrast_fid"), **shared, "target": contrast, "value": value}
        for contrast, value in (("A", 4.0), ("B", 6.0))
    ]
    rows.append({**columns_of("contrast_fid", "_mean"), **shared, "value": 5.0})
    own = written(tmp_path, declared, make_table(rows), "control_table1")
    own = own[own["source"] == "this study"].set_index("column")["value"]
    assert list(own.index) == ["FID, A", "FID, B", "FID, average", "FID, all contrasts together"]
    assert own.iloc[:3].tolist() == [4.0, 6.0, 5.0] and pd.isna(own.iloc[3])


@pytest.mark.parametrize("name", ["texdc_table1", "texdc_table2", "control_table1", "control_table3"])
def test_other_papers_stand_beside_the_study_as_from_other_data(tmp_path, study, name):
    own = written(tmp_path, study, rows_of(5.0), name)
    assert set(own["source"]) == {"this study", "published"}
    page = (tmp_path / name / "table.md").read_text(encoding="utf-8")
    assert "Published, from other data" in page and f"After table {name[-1]} of:" in page


def test_one_training_keeps_its_interval_and_floor(tmp_path, study):
    own = written(tmp_path, study, rows_of(5.0))
    line = own[(own["source"] == "this study") & (own["column"] == "FID")].iloc[0]
    assert (line["value"], line["ci_low"], line["floor"], line["n"]) == (5.0, 4.0, 2.0, 20)
    page = (tmp_path / "cpgg_table1" / "table.md").read_text(encoding="utf-8")
    assert "| single-pass | 5 (4 to 6, floor 2), n = 20 | not measured | 1.5 s |" in page
    assert "Published, from other data" in page and "| CPGG (guidance 3) | 15.14 | 711.2 |  |" in page


def test_an_interval_without_width_is_not_printed_as_one(tmp_path, study):
    """All subjects alike: the bootstrap knows no other value, which is no certainty."""
    own = written(tmp_path, study, rows_of(5.0).assign(ci_low=5.0, ci_high=5.0))
    found = own[own["source"] == "this study"].set_index("column")
    assert "no width" in found.loc["FID", "note"]
    page = (tmp_path / "cpgg_table1" / "table.md").read_text(encoding="utf-8")
    assert "| single-pass | 5 (interval without width, floor 2), n = 20 |" in page


def test_several_trainings_are_averaged_with_an_interval_over_them_and_patients(tmp_path, study):
    own = written(tmp_path, study, rows_of(5.0, 7.0))
    line = own[(own["source"] == "this study") & (own["column"] == "FID")].iloc[0]
    assert line["value"] == 6.0 and line["n"] == 20 and line["floor"] == 2.0
    # Half-width 1 of patients; t of one degree of freedom (12.706) times SD sqrt(2) over sqrt(2) of trainings.
    half = (1 + 12.7062**2) ** 0.5
    assert (line["ci_low"], line["ci_high"]) == pytest.approx((6 - half, 6 + half), abs=1e-3)
    assert line["note"] == "to real test; mean of 2 trainings, interval over trainings and patients"


def test_too_few_test_patients_do_not_hide_the_distance_to_training_patients(tmp_path, study):
    table = rows_of(5.0)
    few = table["versus"] == "real test"
    table.loc[few, ["value", "ci_low", "ci_high", "floor"]] = None
    table.loc[few, "status"] = "not_measured"
    own = written(tmp_path, study, table)
    line = own[(own["source"] == "this study") & (own["column"] == "FID")].iloc[0]
    assert line["value"] == 50.0 and line["note"] == "to real train"


def test_folds_with_other_weights_of_one_extractor_are_one_line(tmp_path, study):
    table = rows_of(5.0, 7.0)
    table["extractor"] = [f"masked_autoencoder-{seed:012x}-whitened" for seed in table["generator_seed"]]
    own = written(tmp_path, study, table)
    assert list(own.loc[(own["source"] == "this study") & (own["column"] == "FID"), "method"]) == [
        "single-pass"
    ]


def test_trainings_without_intervals_have_one_over_trainings(tmp_path, study):
    own = written(tmp_path, study, rows_of(5.0, 7.0).assign(ci_low=None, ci_high=None))
    line = own[(own["source"] == "this study") & (own["column"] == "FID")].iloc[0]
    assert line["note"].endswith("interval over trainings only") and line["ci_low"] == pytest.approx(
        6 - 12.7062, abs=1e-3
    )
    one = written(tmp_path / "one", study, rows_of(5.0).assign(ci_low=None, ci_high=None))
    line = one[(one["source"] == "this study") & (one["column"] == "FID")].iloc[0]
    assert line["note"] == "to real test; one training, without an interval" and pd.isna(line["ci_low"])


def test_a_figure_has_a_curve_for_each_task_and_kind_of_arm(tmp_path, study):
    rows = [
        {**columns_of("r2"), "status": "ok", "task": task, "arm": arm, "value": value, "n": 9}
        for task in ("phenotypes", "labelled")
        for arm, value in (("real", 0.4), ("plus", 0.6), ("plus-repeated", 0.5))
    ]
    rows.append({**rows[0], "target": "lv_ef", "value": 0.1})
    own = written(tmp_path, study, make_table(rows), "cpgg_figure3")
    own = own[own["source"] == "this study"].set_index("method")
    assert own.loc["phenotypes: plus", "value"] == 0.6 and own.loc["phenotypes: real", "dose"] == 0
    assert set(own["series"]) == {"phenotypes", "phenotypes, repeated", "labelled*", "labelled*, repeated"}
    assert (tmp_path / "cpgg_figure3" / "figure.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_curve_is_of_one_generator_and_one_way_of_training(tmp_path, study):
    declared = study.model_dump(mode="json", exclude_unset=True)
    second = {"kind": "external", "folder": "/data/mine"}
    plain = {"generator": "mine", "dose": 1.0, "controls": ["repeated"]}
    arms = {"mine": plain, "pretrained": {**plain, "pretrain": 0.5, "controls": []}}
    several = load_study(
        {
            **declared,
            "generators": {**declared["generators"], "mine": second},
            "arms": {**declared["arms"], **arms},
            "tasks": {"segmentation": {"kind": "segmentation"}, "phenotypes": {"kind": "regression"}},
        }
    )
    rows = [
        {**columns_of("r2"), "status": "ok", "task": "phenotypes", "arm": arm, "value": 0.5, "n": 9}
        for arm in ("real", "plus", "mine", "pretrained", "plus-repeated", "mine-repeated")
    ]
    found = written(tmp_path, several, make_table(rows), "cpgg_figure3")
    series = found[found["source"] == "this study"].set_index("method")["series"]
    assert series.to_dict() == {
        "real": "phenotypes",
        "plus": "phenotypes, single-pass",
        "mine": "phenotypes, mine",
        "pretrained": "phenotypes, mine, pretrained",
        "plus-repeated": "phenotypes, single-pass, repeated",
        "mine-repeated": "phenotypes, mine, repeated",
    }
    page = (tmp_path / "cpgg_figure3" / "table.md").read_text(encoding="utf-8")
    assert "Curves of this study: ● phenotypes; ■ phenotypes, single-pass; ▲ phenotypes, mine;" in page


def test_a_study_without_such_tasks_is_told_so(tmp_path, study):
    with pytest.raises(
        SynthaugError, match=r"cpgg_table3: study made-up has no two-class tasks or multi-class tasks;"
    ):
        written(tmp_path, study, rows_of(5.0), "cpgg_table3")
    assert not (tmp_path / "cpgg_table3").exists()


def cascade_rows() -> pd.DataFrame:
    shared = {"status": "ok", "fold": 0, "n": 12}
    about = {"task": "segmentation", "arm": "plus", "ci_low": 0.0, "ci_high": 0.1}
    differences = [
        {**columns_of(metric, "_difference"), **shared, **about, "versus": versus, "value": value, **where}
        for metric, versus, value, where in (
            ("dice", "real", 0.014, {}),
            ("dice", "plus-repeated", 0.5, {}),
            ("dice", "real", 0.028, {"structure": "LV", "phase": "ES"}),
            ("dice", "real", 0.7, {"structure": "LV", "phase": "ES", "vendor": "B"}),
            ("hd", "real", -3.0, {}),
        )
    ]
    correlations = [
        {**shared, "metric": "controllability_r_lv_ef", "definition": "v1", "generator": "single-pass"}
        | {"structure": "LV", "versus": versus, "value": value}
        for versus, value in (("segmenter", 0.8), ("generator's masks", 0.9), ("segmenter, grid", 0.4))
    ]
    return make_table([*differences, *correlations])


def test_the_cascade_s_table_has_gains_over_real_patients_alone_and_correlations_by_the_segmenter(
    tmp_path, study
):
    found = written(tmp_path, study, cascade_rows(), "cascade_table")
    own = found[found["source"] == "this study"].set_index(["method", "column"])["value"]
    assert own["single-pass", "r of EF"] == 0.8 and own["plus", "Dice, difference"] == 0.014
    assert own["plus", "Dice of LV at ES, difference"] == 0.028 and own["plus", "HD, difference"] == -3.0
    assert pd.isna(own["plus", "Dice of LV at ED, difference"])
    assert {method for method, _ in own.index} == {"single-pass", "plus"}
    published = found[found["source"] == "published"].set_index("column")["value"]
    assert published["Dice, difference"] == 0.014 and published["FVD"] == 288.08
    page = (tmp_path / "cascade_table" / "table.md").read_text()
    assert "After the results of: Anatomy-guided" in page and "from other data" in page


def test_a_gain_is_over_the_arm_of_the_same_real_patients(tmp_path, study):
    """A quarter of the patients with synthetic ones is worse than all patients, and better than a quarter alone."""
    declared = study.model_dump(mode="json", exclude_unset=True)
    few = {"generator": "single-pass", "dose": 1.0, "real": 0.25, "controls": ["repeated"]}
    quarters = load_study({**declared, "arms": {"real": {}, "quarter": {"real": 0.25}, "quarter-plus": few}})
    about = {**columns_of("dice", "_difference"), "status": "ok", "task": "segmentation", "n": 12}
    rows = [
        {**about, "arm": "quarter-plus", "versus": versus, "value": value}
        for versus, value in (("real", -0.05), ("quarter", 0.02))
    ]
    found = written(tmp_path, quarters, make_table(rows), "cascade_table")
    own = found[found["source"] == "this study"].set_index(["method", "column"])["value"]
    assert own["quarter-plus", "Dice, difference"] == 0.02


def test_the_single_pass_s_table_has_fid_by_depth(tmp_path, study):
    found = written(tmp_path, study, rows_of(3.0), "single_pass_table")
    own = found[found["source"] == "this study"].set_index("column")
    assert own["value"]["FID"] == 3.0 and "not measured" in own["note"]["FID, basal third"]
    published = found[found["source"] == "published"].set_index("method")[["value", "sd"]]
    assert published.loc["real to real"].tolist() == [0.29, 0.06]
