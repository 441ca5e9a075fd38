"""Section of the report on copies of training patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.measures.memorisation.scores import METRICS
from synthaug.report import wording
from synthaug.report.inputs import SyntheticRun
from synthaug.report.plots import images
from synthaug.report.rows import Row, estimate, pooled, select

#: In the order shown: what the images say, what became of it, what the features say.
MEMORISATION = (*METRICS, "copies_dropped", *(f"{metric}_features" for metric in METRICS), "c_t_features")
_PAIRS = 6  # shown of each cohort, the most alike first


def memorisation_section(
    rows: list[Row], runs: Sequence[SyntheticRun], real: Cohort, assets: Path
) -> list[dict[str, Any]]:
    """Each synthetic cohort: scores of copying, and the pairs most alike side by side."""
    described = []
    for number, run in enumerate(runs):
        about = {"generator": run.generator, "fold": run.fold, "generator_seed": run.generator_seed}
        own = sorted(
            (row for row in select(pooled(rows), **about) if row["metric"] in MEMORISATION),
            key=lambda row: (row["extractor"] or "", MEMORISATION.index(row["metric"])),
        )
        table = [{"name": wording.metric_name(row["metric"]), "estimate": estimate(row)} for row in own]
        if not table:
            continue
        entry: dict[str, Any] = {**about, "table": table, "picture": None, "threshold": _threshold(own)}
        pairs = read_tsv(run.pairs, ("subject", "training_subject")).head(_PAIRS) if run.pairs else None
        if pairs is not None and len(pairs):
            synthetic = Cohort.open(run.cohort)
            picture = f"pairs-{number:03d}.png"
            shown = [
                [_middle(synthetic.cine(subject)) for subject in pairs["subject"]],
                [_middle(real.cine(subject)) for subject in pairs["training_subject"]],
            ]
            (assets / picture).write_bytes(images.montage(shown))
            entry["picture"] = {"file": picture, "likeness": [float(value) for value in pairs["likeness"]]}
        described.append(entry)
    return described


def _threshold(rows: list[Row]) -> str:
    """What subjects were flagged by, as the audits noted it."""
    said = [(row, row["note"]) for row in rows if row["metric"].startswith("copied_share") and row["note"]]
    return "; ".join(
        f"{'features' if row['extractor'] else 'images'}: {note}"
        for row, note in said
        if row["status"] == "ok"
    )


def _middle(cine: np.ndarray) -> tuple[np.ndarray, None]:
    return cine[0, cine.shape[1] // 2], None
