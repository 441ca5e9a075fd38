"""Section of the report on copies of training patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.artifacts import read_tsv
from synthaug.cohort import Cohort
from synthaug.plots import images
from synthaug.privacy.audit import METRICS as MEMORISATION
from synthaug.report import words
from synthaug.report.inputs import SyntheticRun
from synthaug.report.rows import Row, estimate, pooled, select

_PAIRS = 6  # shown of each cohort, the most alike first


def memorisation_section(
    rows: list[Row], runs: Sequence[SyntheticRun], real: Cohort, assets: Path
) -> list[dict[str, Any]]:
    """Each synthetic cohort: scores of copying, and the pairs most alike side by side."""
    described = []
    for number, run in enumerate(runs):
        about = {"generator": run.generator, "fold": run.fold, "generator_seed": run.seed}
        own = {row["metric"]: row for row in select(pooled(rows), **about)}
        table = [
            {"name": words.metric_name(metric), "estimate": estimate(own[metric])}
            for metric in MEMORISATION
            if metric in own
        ]
        if not table:
            continue
        entry: dict[str, Any] = {**about, "table": table, "picture": None}
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


def _middle(cine: np.ndarray) -> tuple[np.ndarray, None]:
    return cine[0, cine.shape[1] // 2], None
