"""Sections of the report that show rows of no arm: distances, what is left over, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from synthaug.core.artifacts import read_tsv
from synthaug.report import wording
from synthaug.report.damaged_controls import DAMAGED_CONTROLS
from synthaug.report.inputs import FeatureMap
from synthaug.report.mask_agreement import MASK_AGREEMENT
from synthaug.report.memorisation import MEMORISATION
from synthaug.report.plots import synthesis
from synthaug.report.reconstructions import RECONSTRUCTIONS
from synthaug.report.rows import (
    CLINICAL,
    DISTANCES,
    FIDELITY,
    MIXING,
    OVERLAP,
    TEXT,
    Draw,
    Row,
    estimate,
    pooled,
    select,
)
from synthaug.tables import VALUED_STATUSES

#: What tells two rows of one metric apart, in the order in which labels name it.
_RUN = ("versus", "extractor", "fold", "training_seed", "generator_seed")


def distances_section(rows: list[Row], draw: Draw) -> dict[str, Any]:
    """Distances between synthetic and real cohorts, each beside its floor."""
    found = pooled(select(rows, metric=(*DISTANCES, *FIDELITY, *TEXT)))
    beside = {
        part: pooled(select(rows, metric=tuple(f"{name}_{part}" for name in DISTANCES)))
        for part in ("ratio", "extrapolated")
    }
    varying = [
        column
        for column in ("extractor", *_RUN[2:])
        if len({row[column] for row in found if row[column]}) > 1
    ]
    table, panels = [], []
    for row in sorted(found, key=lambda row: (*DISTANCES, *FIDELITY, *TEXT).index(row["metric"])):
        about = {column: row[column] for column in ("generator", *_RUN)}
        ratio, endless = (
            next(iter(select(own, metric=f"{row['metric']}_{part}", **about)), None)
            for part, own in beside.items()
        )
        table.append(
            {
                "metric": wording.metric_name(row["metric"]),
                "generator": row["generator"] or "",
                "versus": (row["versus"] or "").replace("_", " "),
                "run": ", ".join(f"{c.replace('_', ' ')} {row[c]}" for c in varying if row[c] is not None),
                "estimate": estimate(row),
                "ratio": estimate(ratio) if ratio else None,
                "endless": estimate(endless) if endless else None,
                "extractor": row["extractor"] or "",
            }
        )
    for metric in DISTANCES:
        shown = [row for row in select(found, metric=metric) if row["status"] in VALUED_STATUSES]
        lines = []
        for row in shown:
            run = "".join(f", {c.replace('_', ' ')} {row[c]}" for c in varying if row[c] is not None)
            versus = (row["versus"] or "real").replace("_", " ")
            lines.append({**row, "label": f"{row['generator']} against {versus}{run}"})
        if lines:
            svg = synthesis.distances(lines, wording.metric_name(metric))
            places = wording.decimals(metric)
            alt = "; ".join(
                f"{line['label']}: {wording.number(line['value'], places)}, "
                f"floor {wording.number(line['floor'], places)}"
                for line in lines
            )
            panels.append(draw(f"distance-{metric}", svg, wording.metric_name(metric), alt))
    return {
        "reason": "" if found else "no distance among the result rows",
        "table": table,
        "panels": panels,
    }


def maps_section(rows: list[Row], maps: Sequence[FeatureMap], draw: Draw) -> dict[str, Any]:
    """Where synthetic subjects lie among real ones, and how well they mix."""
    panels = []
    for number, found in enumerate(maps):
        points = read_tsv(found.points, ("subject",))
        for kind, own in points.groupby("kind", sort=False):
            word = {"temporal": "motion", "spatial": "anatomy"}[str(kind)]
            title = f"{found.generator} by {word}"
            if len(maps) > 1:
                title += f", {found.extractor}, fold {found.fold}, seed {found.generator_seed}"
            counts = own["set"].value_counts()
            alt = f"{title}: " + ", ".join(f"{count} {name}" for name, count in counts.items())
            panels.append(draw(f"map-{number:03d}-{kind}", synthesis.feature_map(own), title, alt))
    mixing = [
        {
            "metric": wording.metric_name(row["metric"]),
            "estimate": estimate(row),
            "generator": row["generator"],
        }
        for row in pooled(select(rows, metric=MIXING))
    ]
    return {"panels": panels, "mixing": mixing}


#: Kinds of rows of one metric that the sections about arms and doses show.
COMPARED = ("difference", "slope", "trend", "rank", "first", "rank_tau", "mixed")


def _by_vendor(row: Row) -> bool:
    """Whether a row of one vendor stands behind a word in the verdict's table."""
    return str(row["metric"]).endswith(("_mean", "_difference"))


def other_section(rows: list[Row]) -> list[dict[str, Any]]:
    """Aggregate rows that no other section shows, so that none disappears."""
    per_patient = (*OVERLAP, *CLINICAL)
    shown = {
        *(f"{name}_mean" for name in per_patient),
        *(f"{name}_{kind}" for name in per_patient for kind in COMPARED),
        *DISTANCES,
        *(f"{name}_{kind}" for name in DISTANCES for kind in ("ratio", "extrapolated", "response")),
        *DAMAGED_CONTROLS,
        *RECONSTRUCTIONS,
        *FIDELITY,
        *TEXT,
        *MIXING,
        *MEMORISATION,
        *MASK_AGREEMENT,
        "acceptance_rate",
    }
    return [
        {
            "metric": row["metric"],
            "about": ", ".join(
                f"{column.replace('_', ' ')} {row[column]}"
                for column in ("arm", "generator", *_RUN, "structure", "phase", "vendor", "diagnosis")
                if row[column] is not None
            ),
            "estimate": estimate(row),
            "unit": row["unit"] if row["unit"] not in (None, "1") else "",
        }
        for row in rows
        if row["subject"] is None
        and (row["metric"] not in shown or (row["vendor"] and not _by_vendor(row)) or row["diagnosis"])
        and not row["metric"].startswith(("rejected_", "controllability", "function_"))
    ]


def failures_section(rows: list[Row]) -> dict[str, Any]:
    """How many rows have which status, and why those without a plain value have none."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["status"] != "ok":
            key = (row["metric"], row["status"], row["arm"] or row["generator"] or "", row["note"] or "")
            groups.setdefault(key, []).append(row)
    return {
        "counts": [
            {"text": wording.STATUSES.get(status, "with a plain value"), "count": count}
            for status, count in Counter(row["status"] for row in rows).most_common()
        ],
        "groups": [
            {
                "metric": metric,
                "status": wording.STATUSES.get(status, status),
                "about": about,
                "note": note,
                "count": len(members),
                "scored": status in VALUED_STATUSES,
                "subjects": sorted({row["subject"] for row in members if row["subject"]}),
            }
            for (metric, status, about, note), members in groups.items()
        ],
    }
