"""Image quality: measures by vendor, and a small picture of every subject."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.data.image_quality import SHOWN, read_quality
from synthaug.report import wording
from synthaug.report.plots import segmentation
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, PROSE, TEXT, Cell, make_table, read_rows, with_aside
from synthaug.report.thumbnails import MOST_SUBJECTS, Sheets, picture, write_sheets

_UNKNOWN = "unknown"
#: Measures with a panel; the others are in the table.
_DRAWN = ("snr", "edge_width_mm", "slice_shift_mm", "coverage_mm")
#: Measures below a picture, with how they are called there.
_BELOW = {
    "snr": "SNR {}",
    "edge_width_mm": "edge {} mm",
    "slice_shift_mm": "shift {} mm",
    "coverage_mm": "{} mm long",
    "frames": "{} frames",
}
_FILTERS = ("dataset", "vendor", "diagnosis")


def image_quality(data: ReportData) -> dict[str, Any]:
    """Measures of all subjects by vendor, and their pictures."""
    cohorts = {name: Cohort.open(folder) for name, folder in data.inputs.cohorts.items()}
    table = pd.concat(
        [_facts(name, each, data.inputs.cohorts[name]) for name, each in cohorts.items()]
    ).sort_values("findings", ascending=False, kind="stable")
    measured = [name for name in SHOWN if table[name].notna().any()]
    shown = table.iloc[:MOST_SUBJECTS]
    pictures = [picture(cohorts[row["dataset"]], str(subject)) for subject, row in shown.iterrows()]
    sheets = write_sheets(pictures, data.assets)
    values = {name: table[name] for name in _DRAWN if name in measured}
    return {
        "panels": [
            data.draw(
                f"quality-{name}",
                segmentation.patient_values(_by_vendor(table, column), SHOWN[name].label, zero=False),
                SHOWN[name].title,
                f"{wording.counted(int(column.notna().sum()), 'subject')} by vendor",
            )
            for name, column in values.items()
        ],
        "table": _by_vendor_table(table, measured),
        "definitions": make_table(
            "Definitions",
            {"measure": TEXT, "better": TEXT, "definition": PROSE},
            [[each.label, each.better or None, each.definition] for each in SHOWN.values()],
        ),
        "absent": [each.title for name, each in SHOWN.items() if name not in measured],
        "total": len(table),
        "sheets": sheets._asdict(),
        "sorts": [
            {"title": SHOWN[name].title, "worst": "low" if SHOWN[name].better == "higher" else "high"}
            for name in sorted(measured, key=lambda name: name != "findings")
        ],
        "filters": [
            {"name": name, "options": sorted(shown[name].unique())}
            for name in _FILTERS
            if shown[name].nunique() > 1
        ],
        "cards": [
            _card(str(subject), row, sheets, index, measured)
            for index, (subject, row) in enumerate(shown.iterrows())
        ],
    }


def _facts(name: str, cohort: Cohort, folder: Any) -> pd.DataFrame:
    """Measures, vendor, diagnosis and codes of findings of one cohort's subjects."""
    table = read_quality(folder, cohort.table)
    findings: dict[str, list[str]] = {}
    for row in read_rows(folder / "findings.tsv"):
        findings.setdefault(row["subject"], []).append(row["code"])
    table["findings"] = [len(findings.get(str(subject), [])) for subject in table.index]
    table["codes"] = [findings.get(str(subject), []) for subject in table.index]
    about = {key: cohort.table[key].astype("string").fillna(_UNKNOWN) for key in ("vendor", "diagnosis")}
    return table.assign(dataset=name, **about)


def _by_vendor(table: pd.DataFrame, column: pd.Series[float]) -> dict[str, tuple[str, list[float]]]:
    known = column.dropna()
    return {
        f"{vendor} (n = {len(own)})": ("series-1", own.tolist())
        for vendor, own in known.groupby(table.loc[known.index, "vendor"])
    }


def _by_vendor_table(table: pd.DataFrame, measured: list[str]) -> dict[str, Any]:
    """Median and 5th to 95th percentile of every measure; all vendors first."""
    columns = {"vendor": TEXT, "n": NUMBER} | {SHOWN[name].label: NUMBER for name in measured}
    groups = [("all", table), *((str(vendor), own) for vendor, own in table.groupby("vendor"))]
    lines: list[list[Cell]] = [
        [vendor, len(own), *(_percentiles(own[name], SHOWN[name].decimals) for name in measured)]
        for vendor, own in groups
    ]
    return make_table("Image quality by vendor: median, 5th to 95th percentile", columns, lines)


def _percentiles(column: pd.Series[float], places: int) -> Cell:
    known = column.dropna()
    if known.empty:
        return None
    low, middle, high = (wording.number(float(known.quantile(part)), places) for part in (0.05, 0.5, 0.95))
    return with_aside(middle, f"{low} to {high}")


def _card(
    subject: str, row: pd.Series[Any], sheets: Sheets, index: int, measured: list[str]
) -> dict[str, Any]:
    """What stands below a picture, and what it is sorted and filtered by."""
    order = sorted(measured, key=lambda name: name != "findings")
    codes = {code: row["codes"].count(code) for code in row["codes"]}
    return {
        "subject": subject,
        "dataset": row["dataset"],
        "vendor": row["vendor"],
        "diagnosis": row["diagnosis"],
        "measures": ",".join("" if pd.isna(row[name]) else f"{row[name]:.6g}" for name in order),
        "about": [row[name] for name in ("vendor", "diagnosis") if row[name] != _UNKNOWN],
        "facts": [
            text.format(wording.number(float(row[name]), SHOWN[name].decimals)).replace(
                " ", "\N{NO-BREAK SPACE}"
            )
            for name, text in _BELOW.items()
            if pd.notna(row[name])
        ],
        "findings": [f"{code} × {count}" if count > 1 else code for code, count in codes.items()],
        **sheets.place(index),
    }


SECTION = Section(title="Image quality", menu="Image quality", order=22, content=image_quality)
