"""Clinical errors of single patients, mean over trainings: volumes, ejection fraction, mass and wall measures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthaug.report import wording
from synthaug.report.arm_panels import axis_label, colour_of
from synthaug.report.plots import segmentation
from synthaug.report.rows import CLINICAL
from synthaug.report.section import ReportData, Section
from synthaug.statistics.scores import of_headline, patient_of
from synthaug.tables.compact import with_texts


def clinical_errors(data: ReportData) -> dict[str, Any]:
    """Clinical errors, one dot per patient or, of many, percentiles: the mean over trainings."""
    data = data.segmented
    panels = []
    many = False
    errors = patient_errors(data.table)
    for metric in CLINICAL:
        own = errors[errors["metric"] == metric]
        for structure in own["structure"].unique():
            here = own[own["structure"] == structure]
            by_arm = {str(arm): members["value"].tolist() for arm, members in here.groupby("arm")}
            values = {arm.name: (colour_of(arm), by_arm[arm.name]) for arm in data.arms if arm.name in by_arm}
            title = f"{wording.metric_name(metric)}{f', {structure}' if structure else ''}"
            patients = wording.counted(here["patient"].nunique(), "patient")
            if values:
                svg = segmentation.patient_values(values, axis_label(metric), zero=True)
                many_here = max(len(dots) for _, dots in values.values()) > segmentation.MOST_DOTS
                drawn = "percentiles" if many_here else "one dot a patient"
                many = many or many_here
                alt = f"{patients}, {drawn}, in {len(values)} arms"
                panels.append(data.draw(f"patients-{metric}-{structure or 'all'}", svg, title, alt))
    return {
        "reason": "" if panels else "no clinical error among the result rows",
        "panels": panels,
        "most_dots": segmentation.MOST_DOTS if many else None,
        "rows": f"{data.inputs.tables.name}/rows.csv",
    }


def patient_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Errors by metric, structure, arm and patient of the verdict: mean over visits and trainings.

    An absent structure is an empty text.
    """
    own = of_headline(
        table[table["metric"].isin(CLINICAL) & table["subject"].notna() & table["value"].notna()]
    )
    values = own.assign(
        structure=own["structure"].astype("string").fillna(""),
        value=own["value"].astype(float),
        patient=patient_of(own),
    )
    keys = ["metric", "structure", "arm", "patient"]
    return with_texts(values.groupby(keys, sort=False, observed=True)["value"].mean().reset_index())


SECTION = Section(
    title="Clinical errors of single patients", menu="Clinical errors", order=40, content=clinical_errors
)
