"""Section about autoencoders: what quality control says of reconstructed training cines."""

from __future__ import annotations

from synthaug.metric_registry import columns_of
from synthaug.report.rows import records
from synthaug.report.sections.reconstruction import acceptance_table
from synthaug.tables import make_table

ABOUT = {"versus": "autoencoder", "fold": 0, "generator_seed": 0, "status": "ok", "n": 8}
RATE = columns_of("reconstruction_acceptance_rate")


def rejected(reason: str, value: int, **columns: object) -> dict[str, object]:
    return {"metric": f"reconstruction_rejected_{reason}", **ABOUT, "value": value, **columns}


def test_one_line_a_training_and_diagnosis_with_the_reasons_that_occurred():
    rows = make_table([
        {**RATE, **ABOUT, "value": 0.75, "ci_low": 0.4, "ci_high": 0.9, "diagnosis": "NOR"},
        {**RATE, **ABOUT, "value": 0.5, "ci_low": 0.2, "ci_high": 0.8},
        {**RATE, **ABOUT, "value": 1.0, "fold": 1},
        {**RATE, **ABOUT, "value": 0.6, "fold": None},  # of all folds together: no training's
        rejected("ring", 3, note="the myocardium is open"),
        rejected("ef", 0, note="no ejection"),
        rejected("ring", 1, note="the myocardium is open", diagnosis="NOR"),
        rejected("lv_edv_ml", 1, note="the LV is too large"),
    ])  # fmt: skip
    table = acceptance_table(records(rows))
    lines = [[cell["value"] if isinstance(cell, dict) else cell for cell in row] for row in table["rows"]]
    assert lines == [
        ["autoencoder", 0, 0, "all", 0.5, "the myocardium is open (3); the LV is too large (1)"],
        ["autoencoder", 0, 0, "NOR", 0.75, "the myocardium is open (1)"],
        ["autoencoder", 1, 0, "all", 1.0, None],
    ]
    rate = table["rows"][0][4]
    assert (rate["ci_low"], rate["ci_high"], rate["n"], rate["with_n"]) == (0.2, 0.8, 8, True)
    assert acceptance_table([])["rows"] == []
