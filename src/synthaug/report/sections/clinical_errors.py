"""Clinical errors of single patients: volumes, ejection fraction, mass and wall measures."""

from __future__ import annotations

from typing import Any

from synthaug.report import wording
from synthaug.report.arm_panels import axis_label, colour_of
from synthaug.report.plots import segmentation
from synthaug.report.rows import CLINICAL, select
from synthaug.report.section import ReportData, Section


def clinical_errors(data: ReportData) -> dict[str, Any]:
    """Clinical errors, one dot per patient and training."""
    panels = []
    for metric in CLINICAL:
        own = [row for row in select(data.rows, metric=metric) if row["subject"] and row["value"] is not None]
        for structure in dict.fromkeys(row["structure"] for row in own):
            here = select(own, structure=structure)
            values = {
                arm.name: (colour_of(arm), [row["value"] for row in select(here, arm=arm.name)])
                for arm in data.inputs.arms
                if select(here, arm=arm.name)
            }
            title = f"{wording.metric_name(metric)}{f', {structure}' if structure else ''}"
            patients = wording.counted(len({row["subject"] for row in here}), "patient")
            if values:
                svg = segmentation.patient_values(values, axis_label(metric), zero=True)
                alt = f"{patients}, one dot a patient and training, in {len(values)} arms"
                panels.append(data.draw(f"patients-{metric}-{structure or 'all'}", svg, title, alt))
    return {"reason": "" if panels else "no clinical error among the result rows", "panels": panels}


SECTION = Section(
    title="Clinical errors of single patients", menu="Clinical errors", order=40, content=clinical_errors
)
