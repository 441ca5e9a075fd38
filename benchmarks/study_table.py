"""What a study measured, as the Markdown tables of docs/benchmarks.md and docs/generators/.

    .venv/bin/python benchmarks/study_table.py results/demo
    .venv/bin/python benchmarks/study_table.py results/ablations --generators

Reads the rows of the current table version. A cell is each value with its 95 % interval, or with what is expected by
chance and the p-value, and behind a semicolon the number of subjects. The first table is of a study with one generator like the
demo; with `--generators` there is a line for each generator. What a study has no row for is "not measured".
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from synthaug.report import wording

REAL = {"arm": "real", "role": None, "vendor": None}
SEEN = {"versus": "segmenter"}
OWN = {"versus": "generator's masks"}
GRID = {"versus": "segmenter, grid"}
TRAIN = {"versus": "real train"}
ARM = {"arm": "real-plus", "role": None, "vendor": None, "structure": None, "phase": None}

#: Label of a line, and its values: metric and what else tells the row from others of that metric.
LINES: list[tuple[str, list[tuple[str, dict[str, str | None]]]]] = [
    ("Dice, HD95 (mm) of real data only, unseen vendors", [("dice_mean", {**REAL, "structure": None, "phase": None}), ("hd95_mean", {**REAL, "structure": None, "phase": None})]),
    ("LV EF of real data only, percentage points: bias, mean absolute error", [("ef_error_mean", {**REAL, "structure": "LV"}), ("ef_error_mae", {**REAL, "structure": "LV"})]),
    ("samples accepted by quality control; real cines through the autoencoder", [("acceptance_rate", {}), ("reconstruction_acceptance_rate", {})]),
    ("r of requested and measured EDV, ESV, EF, by a segmenter of real patients only", [(f"controllability_r_{name}", SEEN) for name in ("lv_edv_ml", "lv_esv_ml", "lv_ef")]),
    ("the same, condition sweep to a tenth past the training range", [(f"controllability_r_{name}", GRID) for name in ("lv_edv_ml", "lv_esv_ml", "lv_ef")]),
    ("bias of EDV (mL), ESV (mL), EF (percentage points) by that segmenter", [(f"controllability_bias_{name}", SEEN) for name in ("lv_edv_ml", "lv_esv_ml", "lv_ef")]),
    ("the same by the generator's masks", [(f"controllability_bias_{name}", OWN) for name in ("lv_edv_ml", "lv_esv_ml", "lv_ef")]),
    ("EF category recovered, balanced; of real test patients", [("ef_category_recovery_balanced", {}), ("ef_category_recovery_balanced_real", {})]),
    ("mask agreement, Dice of LV, MYO, RV, all frames", [("mask_agreement_dice", {**SEEN, "phase": None, "structure": name}) for name in ("LV", "MYO", "RV")]),
    ("EDV (mL), EF, wall thickening (percentage points): synthetic minus training patients", [(f"function_{name}_difference", TRAIN) for name in ("lv_edv_ml", "lv_ef", "wall_thickening")]),
    ("FID, FVD-T, F4D as ratio to real-versus-real, against training patients", [(f"{name}_ratio", TRAIN) for name in ("fid", "fvd_t", "f4d")]),
    ("the same of reconstructions", [(f"{name}_reconstruction", {}) for name in ("fid", "fvd_t", "f4d")]),
    ("FVD-T, F4D as ratio to shuffled frames", [(f"{name}_control", {"versus": "frames shuffled"}) for name in ("fvd_t", "f4d")]),
    ("FVD-T, F4D as ratio to cines blurred by 1 voxel", [(f"{name}_control", {"versus": "blur 1 voxel"}) for name in ("fvd_t", "f4d")]),
    ("copies (as similar as a re-scan); of held-out real patients", [("copied_share", {}), ("copied_share_real", {})]),
    ("nearest real patient is a training patient", [("nearest_trained_share", {})]),
    ("Dice of real + synthetic minus repeated, classical, equal exposure", [("dice_difference", {**ARM, "versus": f"real-plus-{name}"}) for name in ("repeated", "classical", "exposure")]),
]  # fmt: skip

#: Columns of the tables of generators: what follows the request, and how near the real cines are.
CONTROL: list[tuple[str, str, dict[str, str | None]]] = [
    ("accepted", "acceptance_rate", {}),
    ("r of EDV", "controllability_r_lv_edv_ml", SEEN),
    ("r of ESV", "controllability_r_lv_esv_ml", SEEN),
    ("r of EF", "controllability_r_lv_ef", SEEN),
    ("bias of EF by that segmenter", "controllability_bias_lv_ef", SEEN),
    ("by its own masks", "controllability_bias_lv_ef", OWN),
    (
        "Dice of LV, own masks and segmenter",
        "mask_agreement_dice",
        {**SEEN, "phase": None, "structure": "LV"},
    ),
    ("EF category, balanced", "ef_category_recovery_balanced", {}),
    ("grid: r of EDV", "controllability_r_lv_edv_ml", GRID),
    ("grid: bias of EDV (mL)", "controllability_bias_lv_edv_ml", GRID),
    ("grid: r of EF", "controllability_r_lv_ef", GRID),
]
NEARNESS: list[tuple[str, str, dict[str, str | None]]] = [
    ("FID", "fid_ratio", TRAIN),
    ("FVD-T", "fvd_t_ratio", TRAIN),
    ("FVD-S", "fvd_s_ratio", TRAIN),
    ("F4D", "f4d_ratio", TRAIN),
    ("copies", "copied_share", {}),
    ("nearest is a training patient", "nearest_trained_share", {}),
]


def cell(rows: pd.DataFrame, metric: str, conditions: dict[str, str | None]) -> tuple[str, str]:
    """Value with interval, and n, of the one row that is meant."""
    own = rows[(rows["metric"] == metric) & (rows["status"] == "ok")]
    for name, value in {"diagnosis": None, **conditions}.items():
        own = own[own[name].isna() if value is None else own[name] == value]
    if not len(own):
        return "not measured", ""
    if len(own) > 1:
        raise SystemExit(f"{metric}: {len(own)} rows; the table is of studies with one of them")
    row = own.iloc[0]
    places = wording.decimals(metric)
    value, low, high = (wording.number(row[name], places) for name in ("value", "ci_low", "ci_high"))
    interval = f" ({low} to {high})"
    if pd.isna(row["ci_low"]) or pd.isna(row["ci_high"]):
        p = row["p_value"]
        interval = (
            f" (expected {wording.number(row['floor'], places)}, p {'< 0.01' if p < 0.005 else f'{p:.2f}'})"
        )
    return f"{value}{interval}", "" if pd.isna(row["n"]) else f"{row['n']:g}"


def study_table(rows: pd.DataFrame) -> None:
    """A line for each group of measures, of a study with one generator."""
    print("| | value (95 % interval; n) |")
    print("|---|---|")
    for label, values in LINES:
        cells = [cell(rows, metric, conditions) for metric, conditions in values]
        counts = [n for _, n in cells]
        if len(set(counts)) == 1:
            print(f"| {label} | {', '.join(value for value, _ in cells)}; {counts[0]} |")
        else:
            print(f"| {label} | {', '.join(f'{value}; {n}' for value, n in cells)} |")


def generator_tables(rows: pd.DataFrame) -> None:
    """Two tables with a line for each generator."""
    for columns in (CONTROL, NEARNESS):
        print(f"| | {' | '.join(label for label, _, _ in columns)} |")
        print("|---" * (len(columns) + 1) + "|")
        for name in rows["generator"].dropna().unique():
            own = rows[rows["generator"] == name]
            cells = [cell(own, metric, conditions) for _, metric, conditions in columns]
            print(f"| `{name}` | {' | '.join(f'{value}; {n}' if n else value for value, n in cells)} |")
        print()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("study", type=Path)
    parser.add_argument("--generators", action="store_true", help="a line for each generator")
    options = parser.parse_args()
    tables = options.study / "tables"
    version = json.loads((tables / "current.json").read_text())["version"]
    rows = pd.read_csv(tables / version / "rows.csv", low_memory=False)
    rows = rows[rows["subject"].isna() & rows["patient"].isna()]
    (generator_tables if options.generators else study_table)(rows)


if __name__ == "__main__":
    main()
