"""A generator that reads sentences is asked in words outside of a study, too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synthaug.data.cohort import Cohort
from synthaug.models.base import Grid
from synthaug.release import synthesise as module


class Asked(Exception):
    """The requests that a generator would be given."""


@pytest.mark.parametrize("conditions", [["sentence", "n_slices"], ["diagnosis", "n_slices"]])
def test_values_of_a_table_are_said_to_a_generator_that_reads_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conditions: list[str]
) -> None:
    generator = SimpleNamespace(
        conditions=conditions,
        grid=Grid(12, 10, 64, 64, (10.0, 2.0, 2.0)),
        identity={},
        settings=SimpleNamespace(kind="text_driven"),
    )

    def caught(_: Any, requests: Cohort, *more: Any, **named: Any) -> None:
        raise Asked(requests)

    monkeypatch.setattr(module, "load", lambda *_: generator)
    monkeypatch.setattr(module, "_refuse_impossible", lambda *_: None)
    monkeypatch.setattr(module, "synthesise_chunk", caught)
    table = tmp_path / "requests.tsv"
    table.write_text("diagnosis\tlv_edv_ml\tlv_esv_ml\tn_slices\nDCM\t250\t180\t3\n")
    with pytest.raises(Asked) as asked:
        module.synthesise(tmp_path, table, tmp_path / "made")
    row = asked.value.args[0].table.iloc[0]
    if "sentence" in conditions:
        assert "cardiomyopathy" in row["sentence"].lower()
    else:
        assert "sentence" not in row
