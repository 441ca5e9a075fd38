"""Long-format result rows: one fact a row, with its status and what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

STATUSES = (
    "ok",
    "empty_both",
    "missing_prediction",
    "missing_reference",
    "extractor_absent",
    "not_measured",
    "failed",
)
#: Statuses that come with a value. A structure that one mask has and the other lacks scores the worst
#: its definition allows, and says so: left empty, it would drop out of means, which would then improve.
VALUED_STATUSES = ("ok", "missing_prediction", "missing_reference")

TEXT_COLUMNS = (
    "metric",
    "definition",
    "unit",
    "direction",
    "status",
    "note",
    "arm",
    "generator",
    "extractor",
    "subject",
    "phase",
    "structure",
    "vendor",
    "diagnosis",
    "versus",
)
#: Columns of every result table, in this order.
COLUMNS = (
    "metric",  # dice, hd95, edv_error_ml, fvd_t, ...
    "definition",  # id and version of the definition, e.g. hd95.maxdir.voxel.v1
    "unit",  # 1, mm, mL, g, %, or empty
    "direction",  # higher, lower or none: which way is better
    "value",
    "status",
    "note",  # a short explanation where the status is not ok
    "n",  # how many units (subjects, clips) stand behind the value
    "ci_low",
    "ci_high",
    "floor",  # the same distance between disjoint real halves of the same n
    "floor_sd",
    "p_value",
    "p_adjusted",  # corrected for all comparisons of the declared family; empty outside it
    "p_wilcoxon",  # over patients alone, trainings averaged
    "p_permutation",  # the same by sign flips
    "p_equivalence",  # two one-sided tests against the declared margin
    "effect_size",  # paired difference over its standard deviation between patients
    "detectable",  # smallest true difference this study finds with the declared power
    "patients_needed",  # to find a difference as large as the margin; empty where none suffice
    "boot_low",  # ends of the hierarchical bootstrap's interval
    "boot_high",
    "arm",
    "versus",  # the arm or cohort this row compares with
    "generator",
    "dose",
    "fold",
    "training_seed",
    "generator_seed",
    "extractor",  # id: architecture, weights hash, preprocessing
    "subject",
    "phase",  # ED, ES or empty
    "structure",  # LV, MYO, RV or empty
    "vendor",
    "diagnosis",
)


def make_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a result table, checking every row against the schema.

    Parameters
    ----------
    rows : iterable of mappings
        Keys among `COLUMNS`; `metric`, `definition`, `status` are required, and `value`
        exactly where the status is one of `VALUED_STATUSES`.

    Raises
    ------
    ValueError
        A row has an unknown column or status, or its value and status disagree.
    """
    rows = [dict(row) for row in rows]
    for row in rows:
        unknown = set(row) - set(COLUMNS)
        if unknown:
            raise ValueError(f"result row has unknown columns {sorted(unknown)}")
        if row.get("status") not in STATUSES:
            raise ValueError(f"result row {row.get('metric')} has status {row.get('status')!r}")
        if (row["status"] in VALUED_STATUSES) == bool(pd.isna(row.get("value"))):
            raise ValueError(f"result row {row} has a value that disagrees with its status")
    return pd.DataFrame(rows, columns=list(COLUMNS))
