"""Memorisation: synthetic subjects compared with training patients."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.measures.memorisation.memberships import METRIC as MEMBERSHIP
from synthaug.measures.memorisation.scores import METRICS
from synthaug.report import wording
from synthaug.report.plots import images
from synthaug.report.rows import estimate, pooled, select, shows_metrics
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, number, p_value

#: In the order shown: what the images say, what became of it, what a recogniser and the features say.
MEMORISATION = (
    *METRICS,
    "copies_dropped",
    *(f"{metric}_recognition" for metric in METRICS),
    *(f"{metric}_features" for metric in METRICS),
    "c_t_features",
)
_PAIRS = 6  # shown of each cohort, the most similar first


_COLUMNS = {"measure": TEXT, "value (CI)": TEXT, "without memorisation": NUMBER, "p": NUMBER, "n": NUMBER}


def memorisation(data: ReportData) -> dict[str, Any]:
    """Each synthetic cohort: memorisation scores, and pictures of the most similar pairs."""
    described = []
    for index, run in enumerate(data.inputs.synthetic):
        about = {"generator": run.generator, "fold": run.fold, "generator_seed": run.generator_seed}
        own = sorted(
            (row for row in select(pooled(data.rows), **about) if row["metric"] in MEMORISATION),
            key=lambda row: (row["extractor"] or "", MEMORISATION.index(row["metric"])),
        )
        if not own:
            continue
        lines = [
            [
                wording.metric_name(row["metric"]),
                estimate(row),
                number(row["floor"], 2),
                p_value(row["p_value"]),
                row["n"],
            ]
            for row in own
        ]
        table = make_table(f"Memorisation by {run.generator}", _COLUMNS, lines)
        entry: dict[str, Any] = {**about, "table": table, "picture": None}
        pairs = read_tsv(run.pairs, ("subject", "training_subject")).head(_PAIRS) if run.pairs else None
        if pairs is not None and len(pairs):
            synthetic = Cohort.open(run.cohort)
            picture = f"pairs-{index:03d}.png"
            shown = [
                [_middle(synthetic.cine(subject)) for subject in pairs["subject"]],
                [_middle(data.real.cine(subject)) for subject in pairs["training_subject"]],
            ]
            (data.assets / picture).write_bytes(images.montage(shown))
            entry["picture"] = {
                "file": picture,
                "similarity": [float(value) for value in pairs["similarity"]],
            }
        described.append(entry)
    return {
        "reason": "" if described else "no synthetic cohort was audited",
        "memberships": _memberships(data),
        "cohorts": described,
    }


def _memberships(data: ReportData) -> dict[str, Any] | None:
    """Table of the effect of membership, one line a generator; None where the study has one fold."""
    lines = [
        [row["generator"], estimate(row), p_value(row["p_value"]), row["n"], row["generator_trainings"]]
        for row in select(pooled(data.rows), metric=MEMBERSHIP)
    ]
    columns = {
        "generator": TEXT,
        "difference in similarity (CI)": TEXT,
        "p": NUMBER,
        "patients": NUMBER,
        "trainings": NUMBER,
    }
    return (
        make_table("Similarity to a patient, trained with the patient minus without", columns, lines)
        if lines
        else None
    )


def _middle(cine: np.ndarray) -> tuple[np.ndarray, None]:
    return cine[0, cine.shape[1] // 2], None


SECTION = Section(
    title="Memorisation of training patients",
    menu="Memorisation",
    order=120,
    content=memorisation,
    shows=shows_metrics(*MEMORISATION, MEMBERSHIP),
)
