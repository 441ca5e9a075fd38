"""Cohort: vendors, centres, diagnoses, sex and age, and volumes beside those published or reported."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.metrics.agreement import bland_altman
from synthaug.metrics.volumes import ejection_fraction
from synthaug.report import wording
from synthaug.report.plots import agreement
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, with_aside

_UNKNOWN = "unknown"
_GROUP = ["vendor", "centre", "diagnosis"]
_VOLUMES = {
    "lv_edv_ml": "LV EDV, mL",
    "lv_esv_ml": "LV ESV, mL",
    "lv_ef": "LV EF, %",
    "rv_edv_ml": "RV EDV, mL",
    "rv_ef": "RV EF, %",
    "myo_mass_g": "LV mass, g",
}
#: Measured column -> (title, unit, reported column of subjects.tsv).
_REPORTED = {
    "lv_edv_ml": ("LV end-diastolic volume", "mL", "reported_edv_ml"),
    "lv_esv_ml": ("LV end-systolic volume", "mL", "reported_esv_ml"),
    "lv_ef": ("LV ejection fraction", "%", "reported_ef"),
}
_FEWEST_PAIRS = 3


class _Definition(NamedTuple):
    """What defines a published group, and whether a patient's measured values meet it; None where unknown."""

    text: str
    met: Callable[[Mapping[str, float]], bool | None]


def _all(*conditions: bool | None) -> bool | None:
    if False in conditions:
        return False
    return None if None in conditions else True


def _any(*conditions: bool | None) -> bool | None:
    if True in conditions:
        return True
    return None if None in conditions else False


def _below(value: float, limit: float) -> bool | None:
    return None if math.isnan(value) else value < limit


def _above(value: float, limit: float) -> bool | None:
    return None if math.isnan(value) else value > limit


#: Groups by layout and diagnosis. ACDC: Bernard et al., IEEE Trans. Med. Imaging 37, 2018, and its page of
#: classification rules (creatis.insa-lyon.fr/Challenge/acdc/databasesClassification.html). Its group means are not published.
_PUBLISHED: dict[str, dict[str, _Definition]] = {
    "acdc": {
        "MINF": _Definition("LV EF < 40 %", lambda row: _below(row["lv_ef"], 40)),
        "DCM": _Definition(
            "LV EF < 40 %, LV EDV > 100 mL/m²",
            lambda row: _all(_below(row["lv_ef"], 40), _above(row["lv_edv_ml"] / row["bsa_m2"], 100)),
        ),
        "HCM": _Definition("LV EF > 55 %", lambda row: _above(row["lv_ef"], 55)),
        "RV": _Definition(
            "RV EF < 40 % or RV EDV > 110 mL/m²",
            lambda row: _any(_below(row["rv_ef"], 40), _above(row["rv_edv_ml"] / row["bsa_m2"], 110)),
        ),
    }
}
_PUBLISHED["acdc"]["ARV"] = _PUBLISHED["acdc"]["RV"]


def cohort(data: ReportData) -> dict[str, Any]:
    """Who the subjects are, and whether their volumes are those that the dataset has elsewhere."""
    opened = {name: Cohort.open(folder) for name, folder in data.inputs.cohorts.items()}
    table = pd.concat([each.table for each in opened.values()])
    reported = _reported(data, opened)
    panels, absent = [], []
    for measure, (title, unit, _) in _REPORTED.items():
        pairs = pd.DataFrame({"measured": table[measure], "reported": reported[measure]}).dropna()
        if len(pairs) < _FEWEST_PAIRS:
            absent.append(f"{title}: {wording.counted(len(pairs), 'subject')}")
            continue
        measured, other = pairs["measured"].to_numpy(float), pairs["reported"].to_numpy(float)
        found = bland_altman(measured, other)
        svg = agreement.differences(measured, other, found, unit)
        bias, low, high = (wording.number(value, 1, sign=True) for value in found)
        heading = f"{title}: bias {bias} {unit}, limits {low} to {high} {unit}, n = {len(pairs)}"
        panels.append(
            data.draw(f"reported-{measure}", svg, heading, "measured minus reported, one dot a subject")
        )
    return {
        "subjects": _composition(table, several_datasets=len(opened) > 1),
        "volumes": _volumes(opened),
        "panels": panels,
        "absent": absent,
    }


def _composition(table: pd.DataFrame, several_datasets: bool) -> dict[str, Any]:
    """Counts and ages by vendor, centre and diagnosis; all subjects first."""
    keys = ["dataset", *_GROUP] if several_datasets else _GROUP
    known = table.assign(**{key: table[key].astype("string").fillna(_UNKNOWN) for key in keys})
    columns = dict.fromkeys(keys, TEXT) | {
        "subjects": NUMBER,
        "female": NUMBER,
        "male": NUMBER,
        "sex unknown": NUMBER,
        "age, median (range)": TEXT,
    }
    lines: list[list[Cell]] = [["all", *[None] * (len(keys) - 1), *_people(known)]]
    for names, own in known.groupby(keys):
        lines.append([*map(str, names), *_people(own)])
    return make_table("Subjects by vendor, centre and diagnosis", columns, lines)


def _people(table: pd.DataFrame) -> list[Cell]:
    sex = table["sex"].astype("string").str.upper().str[:1].fillna("")
    female, male = int((sex == "F").sum()), int((sex == "M").sum())
    ages = pd.to_numeric(table["age"], errors="coerce").dropna()
    years = f"{ages.median():.0f} ({ages.min():.0f} to {ages.max():.0f})" if len(ages) else "unknown"
    some = 0 < len(ages) < len(table)
    return [
        len(table),
        female,
        male,
        len(table) - female - male,
        with_aside(years, f"n = {len(ages)}" if some else ""),
    ]


def _volumes(cohorts: Mapping[str, Cohort]) -> dict[str, Any] | None:
    """Mean and SD of each diagnosis, and how many subjects meet its published definition."""
    definitions = {
        name: _PUBLISHED.get(str(each.meta.get("source", {}).get("layout")), {})
        for name, each in cohorts.items()
    }
    columns = {"diagnosis": TEXT, "n": NUMBER, **dict.fromkeys(_VOLUMES.values(), NUMBER)}
    columns |= {"published definition": TEXT, "meet it": NUMBER} if any(definitions.values()) else {}
    lines: list[list[Cell]] = []
    for name, each in cohorts.items():
        published = definitions[name]
        table = each.table[each.table["lv_edv_ml"].notna()]
        for diagnosis, own in table.groupby(table["diagnosis"].astype("string").fillna(_UNKNOWN)):
            title = with_aside(str(diagnosis), name if len(cohorts) > 1 else "")
            line: list[Cell] = [title, len(own), *(_mean(own[column]) for column in _VOLUMES)]
            if any(definitions.values()):
                line += _meeting(own, published.get(str(diagnosis)))
            lines.append(line)
    return make_table("Volumes of each diagnosis, mean ± SD", columns, lines) if lines else None


def _mean(column: pd.Series[float]) -> Cell:
    values = column.dropna().astype(float)
    if values.empty:
        return None
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    return {"number": float(values.mean()), "places": 0, "sd": spread}


def _meeting(table: pd.DataFrame, definition: _Definition | None) -> list[Cell]:
    if definition is None:
        return ["not published", None]
    metres, kilograms = (
        pd.to_numeric(table[column], errors="coerce") for column in ("height_cm", "weight_kg")
    )
    # Mosteller, N. Engl. J. Med. 317, 1987.
    values = table[list(_VOLUMES)].astype(float).assign(bsa_m2=np.sqrt(metres * kilograms / 3600))
    met = [definition.met({str(key): value for key, value in row.items()}) for _, row in values.iterrows()]
    known = [answer for answer in met if answer is not None]
    return [definition.text, f"{sum(known)} of {len(known)}" if known else "unknown"]


def _reported(data: ReportData, cohorts: Mapping[str, Cohort]) -> pd.DataFrame:
    """Volumes of the subjects that were not measured on the study's labels: of the dataset, or of the user's table."""
    parts = []
    phenotypes = {path.stem: path for path in data.inputs.phenotypes}
    for name, each in cohorts.items():
        found = pd.DataFrame(index=each.table.index, columns=list(_REPORTED), dtype=float)
        for measure, (_, _, column) in _REPORTED.items():
            if column in each.table:
                found[measure] = pd.to_numeric(each.table[column], errors="coerce").astype(float)
        own = (data.inputs.study.get("datasets", {}).get(name) or {}).get("phenotypes") or {}
        brought = set(own.get("columns", {}).values()) & set(_REPORTED)
        if brought and name in phenotypes:
            found = _with_table(found, phenotypes[name], sorted(brought))
        edv, esv = found["lv_edv_ml"], found["lv_esv_ml"]
        both = [
            ejection_fraction(first, second) if first > 0 else math.nan
            for first, second in zip(edv, esv, strict=True)
        ]
        found["lv_ef"] = found["lv_ef"].fillna(pd.Series(both, index=found.index))
        parts.append(found)
    return pd.concat(parts)


def _with_table(found: pd.DataFrame, path: Path, measures: list[str]) -> pd.DataFrame:
    table = read_tsv(path, ("subject", "patient", "missing")).set_index("subject").reindex(found.index)
    return found.assign(**{measure: table[measure].astype(float) for measure in measures if measure in table})


SECTION = Section(title="Cohort", menu="Cohort", order=21, content=cohort)
