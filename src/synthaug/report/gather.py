"""Everything the page shows, collected into one folder: ``content.json`` and its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthaug.config.arms import VERDICT_CONTROLS, Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import atomic_folder, read_json, read_tsv, write_json
from synthaug.data.cohort import Cohort
from synthaug.report import (
    arms,
    cines,
    controllability,
    damaged_controls,
    function,
    mask_agreement,
    memorisation,
    reconstructions,
    responses,
    results,
    runs,
    subjects,
    wording,
)
from synthaug.report.inputs import ReportInputs
from synthaug.report.rows import Row, pooled, records, select
from synthaug.report.summary_formats import summary_section
from synthaug.tables.collate import read_version


def gather_content(inputs: ReportInputs, settings: ReportSettings, output: Path) -> None:
    """Collect what the report shows: rows as sections, figures, cines, tables.

    Parameters
    ----------
    inputs : ReportInputs
        Where everything lies. What is absent becomes a section that says so.
    settings : ReportSettings
        How many examples are drawn, and the metric that decides.
    output : Path
        Folder to write, whole or not at all: ``content.json`` (values unrounded, files by
        name) and ``assets/`` (SVG and PNG).

    Raises
    ------
    SynthaugError
        The result tables or a cohort are not what they were when they were written.
    """
    table = read_version(inputs.tables)
    rows = records(table)
    real = Cohort.open_all(inputs.cohorts.values())
    metric = settings.primary_metric
    confidence = inputs.study.get("evaluation", {}).get("confidence")
    alpha = 1 - (EvaluationSettings().confidence if confidence is None else confidence)
    with atomic_folder(output) as folder:
        assets = folder / "assets"
        assets.mkdir()

        def draw(name: str, svg: str, title: str, alt: str) -> dict[str, str]:
            (assets / f"{name}.svg").write_text(svg, encoding="utf-8")
            return {"file": f"{name}.svg", "title": title, "alt": alt}

        content = {
            "study": str(inputs.study.get("name", "study")),
            "title": str(inputs.study.get("title") or inputs.study.get("name", "study")),
            "verdict": arms.verdict_section(rows, inputs.arms, metric, alpha),
            "weaknesses": list(inputs.weaknesses),
            "glance": _glance(rows, inputs),
            "datasets": subjects.datasets_section(inputs.cohorts),
            "splits": subjects.splits_section(inputs.splits),
            "declared_arms": _declared_arms(inputs),
            "summary": summary_section(table),
            "arms": arms.arms_section(rows, inputs.arms, metric, draw, alpha),
            "doses": arms.doses_section(rows, inputs.arms, metric, draw),
            "patients": arms.patients_section(rows, inputs.arms, draw),
            "distances": results.distances_section(rows, draw),
            "damaged_controls": damaged_controls.damaged_controls_section(rows),
            "maps": results.maps_section(rows, inputs.maps, draw),
            "memorisation": memorisation.memorisation_section(rows, inputs.synthetic, real, assets),
            "responses": responses.responses_section(rows),
            "function": function.function_section(rows),
            "mask_agreement": mask_agreement.mask_agreement_section(rows),
            "controllability": controllability.controllability_section(
                rows, inputs.synthetic, inputs.sweeps, draw
            ),
            "examples": cines.examples_section(
                real, inputs.synthetic, _roles(inputs), settings, draw, assets
            ),
            "synthesis": subjects.synthesis_section(rows, inputs.synthetic, inputs.splits),
            "models": runs.trainings_section(inputs.models, "model", draw),
            "reconstructions": reconstructions.reconstructions_section(rows),
            "segmenters": runs.trainings_section(inputs.segmenters, "segmenter", draw),
            "other": results.other_section(rows),
            "failures": results.failures_section(rows),
            "provenance": runs.provenance_section(inputs.tables, inputs.study, len(rows)),
        }
        write_json(folder / "content.json", content)


def _roles(inputs: ReportInputs) -> dict[str, str]:
    """Role of each real subject in the first fold, for captions."""
    for path in inputs.splits.values():
        split = read_tsv(path, ("subject", "role"))
        return dict(zip(split["subject"], split["role"], strict=True))
    return {}


def _declared_arms(inputs: ReportInputs) -> list[dict[str, Any]]:
    return [
        {
            "name": arm.name,
            "real": arm.real,
            "generator": arm.generator if not arm.control else None,
            "dose": arm.dose,
            "control": arm.control,
            "control_of": arm.control_of,
            "remark": _remark(arm, inputs),
        }
        for arm in inputs.arms
    ]


def _remark(arm: Arm, inputs: ReportInputs) -> str:
    """What the table of arms says of one: whose control, how it draws, what is broken, who saw which labels."""
    said = []
    if arm.control:
        said.append(f"control of {arm.control_of}: {wording.CONTROLS[arm.control].explanation}")
    elif arm.real and arm.generator:
        present = {other.control for other in inputs.arms if other.control_of == arm.name}
        missing = [control for control in VERDICT_CONTROLS if control not in present]
        said += [f"controls left out: {', '.join(missing)}"] if missing else []
    if arm.real_share is not None:
        added = "synthetic" if arm.adds_synthetic else "added"
        said.append(f"{arm.real_share:.0%} of the draws real cases, the others {added}")
    if arm.pretrain:
        first = "synthetic" if arm.adds_synthetic else "added"
        said.append(f"first {arm.pretrain:.0%} of the iterations on {first} cases only, then real ones only")
    if arm.corruption != "none" and not arm.control:
        broken = {"labels": "masks of another subject", "images": "images shuffled to noise"}[arm.corruption]
        said.append(f"synthetic cases broken on purpose: {broken}")
    return "; ".join([*said, *_labels_seen(arm, inputs)])


def _labels_seen(arm: Arm, inputs: ReportInputs) -> list[str]:
    """Where a generator learned from labels of more patients than its arm's segmenter, so it is said."""
    said = []
    for run in inputs.segmenters:
        facts = read_json(run.record).get("arm", {}) if run.record and run.record.is_file() else {}
        seen, own = facts.get("generator_labelled_patients"), facts.get("labelled_patients")
        if facts.get("name") == arm.name and seen is not None and own is not None and seen > own:
            said.append(
                f"the generator learned from the labels of {wording.counted(seen, 'training patient')}, "
                f"the arm's segmenter from {own}"
            )
    return list(dict.fromkeys(said))


def _glance(rows: list[Row], inputs: ReportInputs) -> list[dict[str, Any]]:
    """A few figures under the verdict, each with what it rests on."""
    patients = {row["subject"] for row in rows if row["subject"] and row["metric"] == "dice"}
    seeds = {row["training_seed"] for row in rows if row["training_seed"] is not None}
    figures: list[dict[str, Any]] = [
        {
            "label": "patients tested",
            "value": len(patients) or None,
            "places": 0,
            "detail": wording.counted(len(seeds), "training seed") if seeds else "no seed recorded",
        }
    ]
    accepted = next(iter(select(pooled(rows), metric="acceptance_rate")), None)
    figures.append(
        {
            "label": "of the samples accepted",
            "value": accepted["value"] * 100 if accepted and accepted["value"] is not None else None,
            "places": 0,
            "unit": "%",
            "detail": f"n = {accepted['n']} samples of {accepted['generator']}" if accepted else "",
        }
    )
    distance = next(
        (
            row
            for metric in ("fvd_t", "fid", "f4d")
            for row in select(pooled(rows), metric=metric)
            if row["value"] is not None
        ),
        None,
    )
    if distance:
        floor = wording.number(distance["floor"], wording.decimals(distance["metric"]))
        figures.append(
            {
                "label": f"{wording.metric_name(distance['metric'])} of {distance['generator']} to real",
                "value": distance["value"],
                "places": wording.decimals(distance["metric"]),
                "detail": f"floor {floor} real against real, n = {distance['n']}",
            }
        )
    else:
        figures.append({"label": "distance to real", "value": None, "places": 0, "detail": ""})
    return figures
