"""The report: what it says, what it never says, and that nothing is lost on the way."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_study import HOSTILE, beating_heart, make_study

from synthaug.cli import main
from synthaug.config.arms import Arm, ArmSettings, resolve_arms
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import write_json
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.report import wording
from synthaug.report.controls import strongest_control
from synthaug.report.gather import gather_content
from synthaug.report.inputs import ReportInputs, SweepRun, TrainingRun
from synthaug.report.render import render
from synthaug.report.rows import records
from synthaug.report.sections.examples import draw_pairs, measure_curves
from synthaug.report.sections.summary import summary_parts
from synthaug.report.sections.verdict import _answer, _why, effect_sentence, judge
from synthaug.report.summary import summarise
from synthaug.tables import make_table
from synthaug.tables.collate import read_version


class Page(HTMLParser):
    """Visible text, tags with their attributes, and headings of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._hidden:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def section_of(page: Page, heading: str, following: str) -> str:
    """Text between two headings."""
    start = page.text.index(heading)
    return page.text[start : page.text.index(following, start)]


def content_of(root: Path, section: str) -> dict:
    """What was gathered for a section."""
    sections = json.loads((root / "content" / "content.json").read_text())["sections"]
    return next(found["content"] for found in sections if found["name"] == section)


def build(inputs: ReportInputs, root: Path, settings: ReportSettings | None = None) -> Page:
    gather_content(inputs, settings or ReportSettings(cine_pairs=2, volume_curves=2), root / "content")
    render(root / "content", root / "report.html")
    return Page((root / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[ReportInputs, Path, Page]:
    root = tmp_path_factory.mktemp("study")
    inputs = make_study(root)
    return inputs, root, build(inputs, root)


def test_the_answer_comes_first_and_in_words(study):
    _, _, page = study
    assert "Mixed: the arms differ." in page.text  # one dose helps, the other is undecided
    sentence = (
        "Adding synthetic patients changes Dice by +0.002 (95 % CI −0.004 to 0.008, n = 8 patients, mixed-50) to "
        "+0.012 (95 % CI 0.006 to 0.018, n = 8 patients, mixed-100) against the strongest control of each training set; "
        "equivalence margin ±0.010; detectable difference 0.014."
    )
    assert sentence in page.text
    assert page.text.index("Provenance") < page.text.index(sentence)  # the navigation stands above it
    assert "against every size-matched control" in page.text  # the rule


def test_the_first_screen_says_what_on_whom_how_large_how_sure_and_what_is_wrong(study):
    _, _, page = study
    order = (
        "Adding synthetic patients changes Dice",
        "nnU-Net 2d, 1\N{NO-BREAK SPACE}000 iterations",
        "real patients: acdc",
        "8 scored in the real arm; 2 of vendors not seen in training, 2 of seen vendors",
        "21 segmentation trainings, 2 to 3 in each of 10 training sets; 1 training of cascade",
        "4 flags",
        "25 % of the synthetic subjects of cascade are flagged as copies (n = 8)",
        "Baseline: arm real",
        "n = 8 patients; at most 0.985 on this grid",
        "LV EF bias, percentage points",
        "Comparison with every control",
        "Decision rule",
    )
    places = [page.text.index(text) for text in order]
    assert places == sorted(places)


def test_every_control_is_one_row(study):
    _, root, page = study
    table = content_of(root, "verdict")["controls"]
    assert [row[:2] for row in table["rows"]] == [
        [arm, {"text": control, "aside": ""}]
        for arm in ("mixed-50", "mixed-100")
        for control in ("repeated", "classical", "exposure")
    ]
    section = section_of(page, "Comparison with every control", "Decision rule")
    assert re.search(r"mixed-100\s*classical\s*\+0\.012\s*\(0\.006 to 0\.018\)\s*8\s*0\.048\s*helps", section)


def test_the_sentence_is_about_the_least_favourable_control():
    about = {"arm": "a", "ci_low": None, "ci_high": None, "n": 5}
    rows = [
        {
            **about,
            "metric": "hd95_difference",
            "direction": "lower",
            "status": "ok",
            "versus": name,
            "value": value,
            "detectable": detectable,
        }
        for name, value, detectable in (("a-repeated", -2.0, 7.0), ("a-classical", 0.5, 3.25))
    ]
    controls = ["a-repeated", "a-classical"]
    strongest = strongest_control(rows, controls)
    assert strongest is not None and strongest["versus"] == "a-classical"
    # A training of the classical control is missing: it could have been the stronger one.
    assert strongest_control([rows[0], {**rows[1], "status": "failed", "value": None}], controls) is None
    assert strongest_control(rows[:1], controls) is None
    arms = [{"arm": "a", "strongest": strongest, "detectable": 7.0}]
    assert effect_sentence(arms, "hd95", 1.0, 0.95) == (
        "Adding synthetic patients changes 95 % Hausdorff distance by +0.5 mm (n = 5 patients) against the strongest "
        "control, a-classical; equivalence margin ±1.0 mm; detectable difference 3.2 mm."
    )
    assert effect_sentence([{"arm": "a", "strongest": None, "detectable": None}], "hd95", 1.0, 0.95) == ""
    of_one = {**strongest, "structure": "MYO", "phase": "ED"}
    said = effect_sentence([{"arm": "a", "strongest": of_one, "detectable": 7.0}], "hd95", 1.0, 0.95)
    assert "by +0.5 mm (MYO ED, n = 5 patients)" in said


def test_arms_of_one_scope_have_it_once_in_the_answer():
    scope = "with this one training of the generator"
    arms = [{"scope": scope, "declared": True}] * 2
    assert _answer({"word": "helps", "arms": arms}) == f"It helps, {scope}."


def test_exploratory_p_values_stand_in_tables_of_their_own(study):
    _, root, page = study
    columns = [column["title"] for column in content_of(root, "arms")["differences"]["table"]["columns"]]
    assert [title for title in columns if title.startswith("p")] == ["p, Holm-adjusted", "p, equivalence"]
    rows = content_of(root, "arms")["differences"]["table"]["rows"]
    outside = [row for row in rows if row[2] != "all"]
    assert outside and all(row[5:7] == [None, None] for row in outside)
    html = (root / "report.html").read_text(encoding="utf-8")
    for title in ("Exploratory p-values and effect sizes", "Trend over doses, exploratory"):
        assert f"<details><summary>{title}</summary>" in html
    assert re.search(r"mixed-50-repeated\s*LV\s*0\.012\s*–\s*–\s*0\.300\s*0\.70", page.text)


def test_the_verdict_says_what_the_study_could_have_found(study):
    _, _, page = study
    assert page.text.count("Detectable difference at the declared power: 0.014.") == 2
    # Only the undecided dose is told what it would take.
    assert page.text.count("needs 64 patients at the same number of trainings") == 1


def test_what_the_study_does_not_declare_is_a_line_and_what_failed_keeps_its_section(study):
    _, root, page = study
    sections = json.loads((root / "content" / "content.json").read_text())["sections"]
    reasons = {section["id"]: section["content"].get("reason", "") for section in sections}
    undeclared = {name for name, reason in reasons.items() if reason.startswith("the study ")}
    assert "attention" in undeclared and undeclared != set(reasons)
    targets = {link["href"] for link in page.named("a")}
    assert not {f"#{name}" for name in undeclared} & targets and "#beyond" in targets
    assert {f"#{name}" for name in set(reasons) - undeclared} <= targets
    lines = page.text[page.text.index("What a study may have and this one does not declare") :]
    assert all(f": {reasons[name]}." in lines for name in undeclared)
    assert {item.get("id") for item in page.named("li")} >= undeclared


def test_words_outside_the_family_are_exploratory(study):
    _, _, page = study
    table = page.text[page.text.index("Verdict on mixed-50 by structure, phase and vendor") :]
    effect = r"[+−]?0\.\d{3}\s*\([+−]?0\.\d{3} to [+−]?0\.\d{3}\)"  # each word has its number
    assert re.search(rf"all\s*all\s*8\s*{effect}\s*undecided\s*0\.014", table)
    assert re.search(rf"all\s*A\s*8\s*{effect}\s*undecided\s*exploratory", table)
    assert re.search(rf"LV\s*all\s*8\s*{effect}\s*undecided\s*exploratory", table)


def test_ranks_trends_and_mixed_models_are_shown(study):
    _, _, page = study
    assert re.search(r"mixed-100\s*1\.2\s*\(1\.0 to 2\.0\)a\s*0\.83a", page.text)
    assert "τ to the ranking of all patients is 0.66" in page.text
    assert re.search(r"cascade up to mixed-100\s*all\s*\+0\.012a\s*0\.031\s*0\.027", page.text)
    assert re.search(r"mixed-100-repeated\s*\+0\.012\s*\(0\.002 to 0\.021\)a\s*0\.020", page.text)
    assert page.text.count("a exploratory") == 3  # once below each of these tables


@pytest.mark.parametrize(("gain", "answer"), [(-0.012, "Mixed: the arms differ."), (0.0, "Undecided.")])
def test_the_answer_follows_the_intervals(tmp_path, gain, answer):
    assert answer in build(make_study(tmp_path, gain), tmp_path).text


def test_the_first_lines_say_why_a_study_is_undecided():
    arms = [{"word": "undecided", "reason": "better than repeated, undecided against classical"}]
    assert _why({"word": "undecided", "arms": arms}) == "Better than repeated, undecided against classical."
    other = {"word": "undecided", "reason": "one training"}
    assert _why({"word": "undecided", "arms": [*arms, other]}) == ""  # each arm says its own below
    assert _why({"word": "helps", "arms": [{"word": "helps", "reason": "better than every control"}]}) == ""


def test_every_number_of_a_distance_has_its_floor_and_n(study):
    _, _, page = study
    section = section_of(page, "Distribution distances to real subjects", "Metric sensitivity:")
    assert re.search(
        r"FVD-T\s*cascade\s*real test\s*41\.00\s*\(32\.80 to 53\.30\)\s*18\.00 ± 2\.70\s*2\.28\s*12", section
    )


def test_generators_are_compared_with_corrupted_real_cines(study):
    _, _, page = study
    section = page.text.split("Generators compared with corrupted real cines")[1]
    # Ratios to real-versus-real: 0.75 / 0.5 and 1 / 0.5; 1.5 / 0.25 and 1 / 0.25.
    assert re.search(
        r"cascade\s*frames shuffled\s*closer\s*0\.75\s*\(0\.65 to 0\.85\)\s*1\.50\s*2\.00\s*9", section
    )
    assert re.search(
        r"cascade\s*blur 1 voxel\s*farther\s*1\.50\s*\(1\.40 to 1\.60\)\s*6\.00\s*4\.00\s*9", section
    )


def test_masks_are_shown_beside_what_the_segmenter_reaches_on_real_patients(study):
    _, _, page = study
    section = page.text.split("Mask agreement: synthetic masks")[1]
    assert re.search(r"LV\s*ED\s*0\.873\s*12\s*0\.921\s*12\s*8\.4\s*5\.2", section)
    assert re.search(r"LV\s*all frames\s*0\.866\s*12\s*–\s*–\s*–\s*–", section)


def test_what_could_not_be_measured_is_said_with_its_reason(study):
    _, _, page = study
    # Below the summary, below the distances, and once for its two rows among what is missing.
    assert page.text.count("extractor inception absent: no weights given") == 3
    assert "structure missed by the prediction" in page.text
    assert "scored as worst" in page.text
    assert "structure in neither mask" in page.text


def test_no_aggregate_row_disappears(study):
    _, root, page = study
    table = content_of(root, "missing")["others"]["table"]
    assert [row[0] for row in table["rows"]] == ["dice surprise"]
    assert "surprise" in page.text


def test_the_summary_has_arms_in_columns_and_marks_the_best(study):
    _, root, _ = study
    arms, *_, generators = (entry["table"] for entry in content_of(root, "summary")["tables"])
    assert [column["title"] for column in arms["columns"][2:4]] == ["real (CI)", "mixed-100 (CI)"]
    assert [column["title"] for column in generators["columns"]] == ["metric", "about", "cascade (CI)", "n"]
    dice = arms["rows"][0]
    assert dice[:2] == ["Dice ↑", "LV ED"]
    assert [cell["best"] for cell in dice[2:4]] == [False, True]
    html = (root / "report.html").read_text(encoding="utf-8")
    section = html.split('<section id="summary">')[1].split("</section>")[0]
    assert re.search(r'<td class=" best"><span class="figure">0\.922</span>', section)
    assert "real-versus-real 18.00" in section


def test_a_page_is_rendered_again_only_from_the_tables_it_shows(study, tmp_path, capsys):
    _, root, _ = study
    html = (root / "report.html").read_text(encoding="utf-8")
    results = tmp_path / "made-up"
    shutil.copytree(root / "content", results / "report")
    shutil.copytree(root / "tables", results / "tables")
    assert main(["report", str(results)]) == 0
    assert (results / "report.html").read_text(encoding="utf-8") == html
    assert main(["report", str(results), "--output", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html
    rows = results / "tables" / "v001" / "rows.csv"
    rows.write_text(rows.read_text().replace("0.9", "0.8"))
    capsys.readouterr()
    assert main(["report", str(results)]) == 2
    assert "rows.csv: is not what was collated" in capsys.readouterr().err
    assert main(["report", str(tmp_path)]) == 2
    assert "run the study first" in capsys.readouterr().err


def test_text_from_subjects_and_rows_is_escaped(study):
    _, root, page = study
    assert HOSTILE in page.text  # it is shown, as text
    html = (root / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in html
    assert len(page.named("script")) == 1


def test_the_page_needs_nothing_else(study):
    _, root, page = study
    html = (root / "report.html").read_text(encoding="utf-8")
    assert "http:" not in html
    assert "https:" not in html
    sources = [
        value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "srcset")
    ]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    links = [attributes["href"] for attributes in page.named("a")]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert all(link[0] == "#" and link[1:] in ids for link in links)
    assert "import" not in re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    policy = next(meta["content"] for meta in page.named("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_pictures_have_words(study):
    _, _, page = study
    drawings = page.named("svg")
    assert len(drawings) > 15
    assert all(drawing.get("role") == "img" and drawing.get("aria-label") for drawing in drawings)
    assert all("alt" in image for image in page.named("img"))
    assert all(canvas.get("aria-label") for canvas in page.named("canvas"))


def test_ids_are_unique(study):
    _, _, page = study
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_players_have_their_controls(study):
    _, _, page = study
    players = [figure for figure in page.named("figure") if figure.get("class") == "player"]
    assert len(players) == 2
    assert len([b for b in page.named("button") if b.get("class") == "play"]) == 2
    frames = [i for i in page.named("input") if i.get("type") == "range"]
    assert [i["max"] for i in frames] == ["7", "7"]  # eight frames


def test_quarantine_findings_rejections_and_provenance_are_listed(study):
    _, _, page = study
    for text in ("patient999", "declare spacing_mm", "a frame has no LV cavity", "0123abc", "1 min 33 s"):
        assert text in page.text


def test_every_panel_of_the_content_is_in_the_page(study):
    _, root, page = study
    drawn = list((root / "content" / "assets").glob("*.svg"))
    assert len(page.named("svg")) == len(drawn)


def test_the_same_study_gives_the_same_bytes(study, tmp_path):
    inputs, root, _ = study
    gather_content(inputs, ReportSettings(cine_pairs=2, volume_curves=2), tmp_path / "again")
    for path in (root / "content").rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(root / "content")).read_bytes() == path.read_bytes()


def test_another_template_needs_no_new_content(study, tmp_path):
    _, root, _ = study
    (tmp_path / "own.html.j2").write_text("{{ title }}: {{ sections[0].content.word }}")
    for name in ("report.css", "report.js"):
        (tmp_path / name).write_text("")
    render(root / "content", tmp_path / "own.html", tmp_path / "own.html.j2")
    assert (
        tmp_path / "own.html"
    ).read_text() == "A made-up study &lt;script&gt;alert(1)&lt;/script&gt;: mixed"


def test_a_study_without_a_single_result_still_has_a_report(tmp_path):
    inputs = make_study(tmp_path, rows=make_table([]))
    bare = dataclasses.replace(inputs, synthetic=[], models=[], segmenters=[], splits={})
    page = build(bare, tmp_path)
    assert "Not measured." in page.text
    for reason in (
        "no comparison with a control was measured",
        "the study has no synthetic cohort",
        "no mean over patients among the result rows",
        "no paired difference among the result rows",
        "no distance among the result rows",
        "no controllability among the result rows",
        "nothing was trained",
    ):
        assert reason in page.text, reason


@pytest.mark.parametrize("status", ["failed", "not_measured", "extractor_absent"])
def test_rows_that_all_failed_are_shown_as_failed(tmp_path, status):
    common = {"definition": "v1", "status": status, "note": "out of memory"}
    rows = [
        {**common, "metric": "dice_mean", "arm": "real", "structure": "LV"},
        {**common, "metric": "dice_difference", "arm": "mixed-100", "versus": "mixed-100-repeated"},
        {**common, "metric": "fid", "generator": "cascade", "versus": "real_test"},
        {**common, "metric": "acceptance_rate", "generator": "cascade", "fold": 0, "generator_seed": 0},
        {**common, "metric": "controllability_r_lv_edv_ml", "generator": "cascade"},
    ]
    page = build(make_study(tmp_path, rows=make_table(rows), cohort_size=2), tmp_path)
    assert ("Withheld:" if status == "failed" else "Not measured.") in page.text
    assert page.text.count("out of memory") >= 2 * len(rows)  # in its section, and among what is missing


def test_means_of_several_folds_are_all_shown(tmp_path):
    common = {"definition": "v1", "status": "ok", "metric": "dice_mean", "arm": "real", "structure": "LV"}
    rows = make_table({**common, "fold": fold, "value": 0.7 + fold / 10} for fold in (0, 1))
    page = build(make_study(tmp_path, rows=rows, cohort_size=2), tmp_path)
    for text in ("LV, fold 0", "LV, fold 1", "0.700", "0.800"):
        assert text in page.text


def test_a_synthetic_cohort_without_subjects_is_said(tmp_path):
    inputs = make_study(tmp_path, cohort_size=2)
    empty = tmp_path / "empty"
    write_cohort(empty, "nothing", "synthetic", [], (10.0, 2.0, 2.0))
    run = dataclasses.replace(inputs.synthetic[0], generator="nothing", cohort=empty, rejections=None)
    page = build(dataclasses.replace(inputs, synthetic=[run]), tmp_path)
    assert "no sample passed quality control" in page.text


def test_a_cohort_that_passed_no_quality_control_has_no_rejected_samples(tmp_path):
    inputs = make_study(tmp_path, cohort_size=2)
    brought = dataclasses.replace(inputs.synthetic[0], generator="brought", rejections=tmp_path / "none.tsv")
    inputs = dataclasses.replace(inputs, synthetic=[*inputs.synthetic, brought])
    build(inputs, tmp_path, ReportSettings(cine_pairs=0, volume_curves=0))
    sampled, other = content_of(tmp_path, "quality_control")["table"]["rows"]
    assert sampled[3:5] == [2, 1] and other[3:5] == [2, None]


def test_pairs_share_a_diagnosis_and_no_subject_is_shown_twice(study):
    inputs, _, _ = study
    real, synthetic = Cohort.open(inputs.cohorts["acdc"]), Cohort.open(inputs.synthetic[0].cohort)
    pairs = draw_pairs(real, synthetic, 3, np.random.default_rng(0))
    assert len({subject for pair in pairs for subject in pair}) == 6
    found = {real.table.loc[one, "diagnosis"] for one, _ in pairs}
    assert found == {"NOR", "DCM", "HCM"}
    assert all(
        real.table.loc[one, "diagnosis"] == synthetic.table.loc[other, "diagnosis"] for one, other in pairs
    )
    assert len(draw_pairs(real, synthetic, 99, np.random.default_rng(0))) == 8


def test_volume_curves_are_the_voxels_of_the_labelled_frames(study):
    inputs, _, _ = study
    real, synthetic = Cohort.open(inputs.cohorts["acdc"]), Cohort.open(inputs.synthetic[0].cohort)
    curves = measure_curves(real, synthetic, 99, np.random.default_rng(0))
    subject = real.subjects[2]
    own = curves[(curves["subject"] == subject) & (curves["structure"] == "LV")]
    assert own["cycle"].tolist() == [0.0, 0.5]  # only ED and ES are annotated
    _, labels = beating_heart(2)
    assert own["volume_ml"].iloc[0] == pytest.approx((labels[0] == 1).sum() * 10 * 2 * 2 / 1000)
    assert set(curves.groupby("subject").size()[synthetic.subjects]) == {2 * 8}


def test_volumes_measured_by_the_segmenter_replace_those_of_the_masks(tmp_path):
    inputs = make_study(tmp_path, cohort_size=3)
    subjects = Cohort.open(inputs.synthetic[0].cohort).subjects
    measured = pd.DataFrame({"subject": subjects, "lv_edv_ml": [1.0, 2.0, 3.0], "lv_esv_ml": 1.0})
    measured.to_csv(tmp_path / "measured.tsv", sep="\t", index=False)
    run = dataclasses.replace(inputs.synthetic[0], volumes=tmp_path / "measured.tsv")
    page = build(dataclasses.replace(inputs, synthetic=[run]), tmp_path)
    assert "by the segmentation network that was trained on real patients only" in page.text
    assert "generator's own masks" not in page.text


def write_grid(root: Path, conditions: list[str]) -> SweepRun:
    """Four hearts of a grid, measured 10 mL and 5 g above the request."""
    subjects = [f"cascade-s0-grid-{number:03d}" for number in range(4)]
    requested = {
        "lv_edv_ml": [90.0, 90, 220, 220],
        "lv_esv_ml": [63.0, 36, 154, 88],
        "myo_mass_g": [72.0, 144, 144, 72],
    }
    measured = pd.DataFrame({"subject": subjects, **requested, "lv_ef": 50.0})
    rows = [
        {"subject": name, **{f"requested_{c}": v[i] for c, v in requested.items()}}
        for i, name in enumerate(subjects)
    ]
    cohort = root / "grid"
    for name in subjects:
        write_subject(cohort / f"sub-{name}", np.zeros((2, 1, 4, 4)), {}, (10.0, 2.0, 2.0))
    write_cohort(cohort, "cascade", "synthetic", rows, (10.0, 2.0, 2.0), conditions=conditions)
    measured.to_csv(root / "grid.measured.tsv", sep="\t", index=False)
    ranges = {"lv_edv_ml": (100, 200), "lv_esv_ml": (40, 140), "lv_ef": (30, 60), "myo_mass_g": (80, 130)}
    write_json(root / "grid.ranges.json", ranges)
    return SweepRun("cascade", 0, 0, cohort, root / "grid.measured.tsv", root / "grid.ranges.json")


def test_the_grid_is_drawn_with_the_training_range_and_without_what_was_not_asked(tmp_path):
    inputs = make_study(tmp_path, cohort_size=2)
    conditions = ["lv_edv_ml", "lv_esv_ml"]
    page = build(dataclasses.replace(inputs, sweeps=[write_grid(tmp_path, conditions)]), tmp_path)
    section = page.text[page.text.index("Controllability: requested") :]
    assert "exceeds the range of the training patients (shaded)" in section and "training range" in section
    assert all(f"{name}, condition sweep" in section for name in ("LV EDV (mL)", "LV ESV (mL)", "LV EF (%)"))
    assert "LV mass (g), condition sweep" not in section
    with_mass = [write_grid(tmp_path / "mass", [*conditions, "myo_mass_g"])]
    assert (
        "LV mass (g), condition sweep"
        in build(dataclasses.replace(inputs, sweeps=with_mass), tmp_path / "mass").text
    )


def test_agreement_with_what_was_asked_is_one_line_a_quantity(tmp_path):
    about = {
        "generator": "cascade",
        "fold": 0,
        "generator_seed": 0,
        "n": 16,
        "definition": "v",
        "status": "ok",
    }
    grid = {**about, "versus": "segmenter, grid beyond training range"}
    figures = {"r": 0.91, "bias": -11.1, "loa_low": -81.3, "loa_high": 59.0}
    rows = [{**grid, "metric": f"controllability_{m}_lv_edv_ml", "value": v} for m, v in figures.items()]
    unconditioned = {**grid, "status": "not_measured", "note": "the generator is not conditioned on LV mass"}
    rows += [{**unconditioned, "metric": f"controllability_{measure}_myo_mass_g"} for measure in figures]
    page = build(make_study(tmp_path, rows=make_table(rows), cohort_size=2), tmp_path)
    line = r"LV EDV\s*cascade fold 0, generator seed 0\s*segmenter, grid beyond training range\s*"
    line += r"0\.910\s*−11\.1 mL\s*−81\.3 mL\s*59\.0 mL\s*16"
    table = section_of(page, "Controllability: requested", "Mask agreement:")
    assert re.search(line, table), table[:600]
    assert table.count("the generator is not conditioned on LV mass") == 1


@pytest.mark.parametrize(
    ("value", "places", "sign", "said"),
    [
        (0.0123, 3, True, "+0.012"),
        (-0.003, 3, False, "−0.003"),
        (123456, 0, False, "123 456"),
        (0.012345, None, False, "0.0123"),
        (1234.5, None, False, "1 234"),
        (0.0000012, None, False, "1.20e−06"),
        (0, None, False, "0.00"),
        (-0.04, 1, False, "0.0"),
        (0.04, 1, True, "0.0"),
        (-0.05, 2, True, "−0.05"),
        (None, 2, False, "–"),
        (float("nan"), 2, False, "–"),
    ],
)
def test_numbers_as_they_are_said(value, places, sign, said):
    assert wording.number(value, places, sign) == said


def test_a_p_value_is_never_zero():
    assert wording.p_value(0.0) == "< 0.001"
    assert wording.p_value(0.0481) == "0.048"
    assert wording.p_value(None) == "–"


def test_an_unknown_metric_keeps_its_name():
    assert wording.metric_name("torsion_angle_mean") == "torsion angle"
    assert wording.metric_name("fvd_t_ratio") == "FVD-T, ratio to real-versus-real"
    assert wording.metric_name("dice_mixed") == "Dice"
    assert wording.row_name("dice_mixed") == "Dice, difference by a mixed model"
    assert wording.decimals("torsion_angle") is None


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (None, "overlap with the test set not checked"),
        (["acdc-000", "acdc-001"], "2 real subjects, none of the test set"),
        (["acdc-000", "acdc-002"], "2 real subjects, 1 of the test set"),
    ],
)
def test_whom_a_generator_saw_is_said(tmp_path, seen, sentence):
    assert sentence in build(make_study(tmp_path, cohort_size=4, seen=seen), tmp_path).text


def test_the_response_of_the_distances_is_tabled(study):
    _, _, page = study
    table = section_of(page, "Response of the distances", "Generators compared")
    assert re.search(r"noise 0\.1\s*\+7\.3", table) and re.search(r"frames shuffled\s*\+0\.4", table)


def test_copies_are_said_with_their_interval_and_shown(study):
    _, _, page = study
    section = section_of(page, "Memorisation of training patients", "Controllability:")
    assert re.search(r"re-scan of that patient\s*0\.25\s*\(0\.10 to 0\.50\)a\s*–\s*–\s*8", section)
    assert "a copy is a subject whose similarity exceeds 0.800" in section
    assert "the training patient below; similarity\n0.83" in section


def test_maps_are_drawn(study):
    _, _, page = study
    assert "Feature maps: synthetic among real subjects" in page.text and "cascade by motion" in page.text


def test_limitations_of_the_design_stand_under_the_verdict(study, tmp_path):
    inputs, _, page = study
    assert "Limitations of this design" not in page.text
    said = dataclasses.replace(inputs, design_warnings=["Two seeds only."])
    text = build(said, tmp_path).text
    assert (
        text.index("Mixed: the arms differ.")
        < text.index("Limitations of this design")
        < text.index("Paired differences")
    )
    assert "Two seeds only." in text


def test_arms_are_explained_in_words(study, tmp_path):
    inputs, _, page = study
    assert "control of mixed-50: its real cases only, for as many iterations as the arm spends" in page.text
    settings = ArmSettings(
        real=0.25, generator="cascade", dose=1, real_share=0.5, corruption="labels", controls=("repeated",)
    )
    arms = resolve_arms({"real": ArmSettings(), "low": settings})
    facts = {"name": "low", "generator_labelled_patients": 20, "labelled_patients": 5}
    write_json(tmp_path / "training.json", {"arm": facts})
    segmenters = [TrainingRun("low", 0, 0, tmp_path / "training.json")]
    changed = dataclasses.replace(inputs, arms=list(arms.values()), segmenters=segmenters)
    text = build(changed, tmp_path).text
    assert "25 %" in text and "controls left out: classical, exposure" in text
    assert "50% of the training samples are real cases, the others synthetic" in text
    assert "corruption of the synthetic cases: masks of another subject" in text
    assert (
        "the generator was trained on the labels of 20 patients, the segmentation network on those of 5"
        in text
    )


def test_only_controls_of_the_verdict_are_to_be_beaten(study):
    inputs, _, _ = study
    extra = ("mislabelled", "extra-real")
    arms = [
        *inputs.arms,
        *(Arm(f"mixed-100-{kind}", 1.0, "cascade", 1.0, kind, "mixed-100") for kind in extra),
    ]
    rows = records(read_version(inputs.tables))
    judged = {entry["arm"]: entry for entry in judge(rows, arms, "dice", alpha=0.05)["arms"]}
    assert judged["mixed-100"]["word"] == "helps"  # nobody compared it with the other two


def test_a_study_of_generators_alone_has_a_page(tmp_path):
    table = read_version(make_study(tmp_path / "all").tables)
    alone = table[table["arm"].isna() | ((table["arm"] == "real") & (table["metric"] == "dice_mean"))]
    inputs = make_study(tmp_path / "one", rows=alone)
    page = build(dataclasses.replace(inputs, arms=resolve_arms({"real": ArmSettings()}).values()), tmp_path)
    assert "cascade" in page.text and "mixed-100" not in page.text


def test_a_study_of_one_dose_draws_no_curve(study, tmp_path):
    inputs, root, _ = study
    assert len(list((root / "content" / "assets").glob("dose-*.svg"))) == 6
    one = [arm for arm in inputs.arms if not arm.name.startswith("mixed-50")]
    page = build(dataclasses.replace(inputs, arms=one), tmp_path)
    assert "the study has one dose; a curve needs two or more" in page.text
    assert not list((tmp_path / "content" / "assets").glob("dose-*.svg"))


def test_many_training_sets_make_several_summary_tables():
    about = {"definition": "v1", "status": "ok", "metric": "dice_mean", "structure": "LV", "n": 9}
    rows = make_table({**about, "arm": f"arm-{number:02d}", "value": number / 100} for number in range(19))
    parts = summary_parts(summarise(rows)[0])
    assert [part["title"].rpartition(", ")[2] for part in parts] == [
        "columns 1 to 8 of 19",
        "columns 9 to 16 of 19",
        "columns 17 to 19 of 19",
    ]
    assert [cell["value"] for part in parts for cell in part["table"]["rows"][0][2:-1]] == [
        number / 100 for number in range(19)
    ]


def test_the_table_of_validity_reads_what_was_gathered(study, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    from validity import said

    _, root, _ = study
    (tmp_path / "made-up").mkdir()
    (tmp_path / "made-up" / "report").symlink_to(root / "content")
    word, comparisons = said(tmp_path, "made-up")
    assert word == content_of(root, "verdict")["word"]
    assert comparisons[0] == "repeated +0.002 (-0.004 to 0.008), n 8, p 0.048"
    assert said(tmp_path, "another") == ("not run", [])


def test_mask_agreement_by_diagnosis_says_whom_the_segmenter_was_trained_on(study):
    _, root, page = study
    entry = content_of(root, "mask_agreement")["tables"][0]
    lines = [
        (name, structure, every["value"], n) for name, structure, _, _, every, n in entry["diagnoses"]["rows"]
    ]
    assert lines == [("DCM", "LV", 0.951, 6), ("HCM", "LV", 0.412, 6)]
    assert "labelled training patients of this diagnosis: 0" in page.text
    # The table of all subjects has none of them.
    assert all(line[2]["value"] not in (0.951, 0.412) for line in entry["table"]["rows"])


def test_requested_masks_and_contrasts_stand_beside_mask_agreement(study):
    _, root, page = study
    entry = content_of(root, "mask_agreement")["tables"][0]
    assert (
        entry["requested"]["rows"] and entry["requested_note"] == "2 of 14 subjects were made without masks"
    )
    assert "0.713" in page.text and "were made without masks" in page.text
    contrasts = content_of(root, "contrast_consistency")["tables"][0]
    assert contrasts["versus"] == "vendor A, B" and len(contrasts["table"]["rows"]) == 1
    lines = content_of(root, "contrast_consistency")["distances"]["rows"]
    assert [(line[1], line[3]["value"], line[5]["value"]) for line in lines] == [
        ("A", 3.5, 1.4),
        ("B", 9.25, 3.7),
    ]
    assert "Contrasts: vendor A, B." in page.text
