"""The card of a released generator as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthaug.metric_registry import find_metric
from synthaug.release.card import SHOWN

_LOAD = """```python
from synthaug.data.cohort import Cohort
from synthaug.generators import load

generator = load("{name}")  # this folder
for subject, cine, labels in generator.sample(Cohort.open("requests")):
    ...  # cine and labels: (t, z, y, x)
```

Or a whole cohort of a table of requests, with quality control: `synthaug synthesise {name} requests.tsv cines`. Fine-tuning: name a
weight file and its SHA-256 as `init` of a model (docs/sharing.md of synthaug)."""


def card_page(card: Mapping[str, Any]) -> str:
    """The content of ``README.md``.

    Parameters
    ----------
    card : mapping
        From `synthaug.release.card.describe_release`.
    """
    grid, name = card["grid"], card["generator"]
    voxels = " x ".join(str(grid[axis]) for axis in ("frames", "z", "y", "x"))
    spacing = " x ".join(f"{size:g}" for size in grid["spacing_mm"])
    lines = [
        f"# {name}: a generator of 4D cardiac cine MRI",
        "",
        f"Kind `{card['kind']}`, trained by synthaug {card['synthaug']} in the study `{card['study']}` (fold {card['fold']}, generator "
        f"seed {card['generator_seed']}).",
        "",
        f"**Licence**: {card['licence']}",
        "",
        f"**Cines**: {voxels} voxels (frames, slices at most, rows, columns) of {spacing} mm (z, y, x); intensities in [0, 1], "
        "frame 0 is end-diastole, slice 0 is basal. Synthetic: not for diagnosis.",
        "",
        "## Use",
        "",
        _LOAD.format(name=name),
        "",
        "## Trained on",
        "",
        *_data(card["trained_on"]),
        "",
        "The weight files list the ids of these subjects, so that a study refuses arms whose test patients are among them.",
        "",
    ]
    known = [f"{key}: {', '.join(values) or 'none'}" for key, values in card["categories"].items()]
    if known:
        lines += [f"Categories that can be requested: {'; '.join(known)}.", ""]
    lines += [
        "## Models",
        "",
        "| model | kind | parameters | iterations | hours | device | SHA-256 |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_model(model) for model in card["models"]]
    for model in card["models"]:
        if outside := model.get("weights_from_outside"):
            lines += [
                "",
                f"`{model['model']}` reads {outside['weights']} (SHA-256 {outside['sha256']}), which is not in this folder.",
            ]
        if init := model.get("init"):
            lines += [
                "",
                f"`{model['model']}` started from weights with SHA-256 {init['sha256']} ({100 * init['taken']:.1f} % of its parameters).",
            ]
    if card["code_from_outside"]:
        lines += ["", f"Needs code from outside synthaug: {', '.join(card['code_from_outside'])}."]
    lines += ["", "## Measured", "", *_measured(card), ""]
    return "\n".join(lines)


def _data(counts: list[dict[str, Any]]) -> list[str]:
    lines = ["| dataset | subjects | with labels | vendors | diagnoses |", "|---|---|---|---|---|"]
    for entry in counts:
        if entry["dataset"] is None:
            lines.append(f"| in no cohort of the study | {entry['subjects']} | not known | | |")
            continue
        kinds = (
            ", ".join(f"{key} {n}" for key, n in entry[name].items()) for name in ("vendors", "diagnoses")
        )
        lines.append(
            f"| {entry['dataset']} | {entry['subjects']} | {entry['labelled']} | {' | '.join(kinds)} |"
        )
    return lines


def _model(model: Mapping[str, Any]) -> str:
    def shown(key: str) -> str:
        return "not known" if model.get(key) is None else f"{model[key]:,}"

    hours = "not known" if model.get("seconds") is None else f"{model['seconds'] / 3600:.2f}"
    device = model.get("device") or "not known"
    return (
        f"| {model['model']} | `{model['kind']}` | {shown('parameters')} | {shown('iterations')} | {hours} | {device} | "
        f"`{model['sha256'][:16]}` |"
    )


def _measured(card: Mapping[str, Any]) -> list[str]:
    if not card["measured"]:
        return ["Not measured: the study had no result table when the generator was exported."]
    lines = [
        f"Table version {card['table_version']} of the study; all rows are in `measured.tsv`. The floor is the same distance "
        "between two sets of real patients; an interval is of 95 %.",
        "",
        "| measure | of | value | interval | floor | n |",
        "|---|---|---|---|---|---|",
    ]
    for name in SHOWN:
        rows = [row for row in card["measured"] if row["metric"] == name]
        found = find_metric(name)
        title = f"{found.title if found else name} (`{name}`)"
        lines += [_row(title, row) for row in rows] or [f"| {title} | | not measured | | | |"]
    return lines


def _row(title: str, row: Mapping[str, Any]) -> str:
    of = ", ".join(str(row[key]) for key in ("structure", "phase", "versus", "target") if pd.notna(row[key]))
    if pd.isna(row["value"]):
        return f"| {title} | {of} | {str(row['status']).replace('_', ' ')} | | | |"
    unit = "" if row["unit"] in ("1", "", None) or pd.isna(row["unit"]) else f" {row['unit']}"
    interval = f"{row['ci_low']:.3g} to {row['ci_high']:.3g}" if pd.notna(row["ci_low"]) else ""
    floor = f"{row['floor']:.3g}" if pd.notna(row["floor"]) else ""
    n = f"{row['n']:.0f}" if pd.notna(row["n"]) else ""
    return f"| {title} | {of} | {row['value']:.3g}{unit} | {interval} | {floor} | {n} |"
