"""An infinite number is no result: the row says why there is none."""

from __future__ import annotations

import numpy as np

from synthaug.measures.measurement import Measurement
from synthaug.tables import make_table
from synthaug.tables.schema import check_rows, typed


def test_a_value_divided_by_nothing_is_not_measured():
    measured = Measurement({"generator": "g", "fold": 0, "generator_seed": 0}).row
    table = make_table(
        [
            measured("fid", "_ratio", status="ok", value=np.float32(np.inf), ci_low=1.0, note="n is small"),
            measured("fid", status="ok", value=1.0, ci_low=0.5, ci_high=float("inf")),
        ]
    )
    first, second = table.to_dict("records")
    assert first["status"] == "not_measured" and np.isnan(first["value"]) and np.isnan(first["ci_low"])
    assert first["note"] == "n is small; what it is divided by is 0: the data do not vary"
    assert second["status"] == "ok" and second["value"] == 1 and np.isnan(second["ci_high"])
    assert len(check_rows(typed(table, "rows"), "rows")) == 2
