"""Tables of cohorts and stores that a test edits, with the checksum that goes with them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synthaug.core.artifacts import read_json, sha256_file, write_json, write_tsv

TABLE = "subjects.tsv"


def write_table(folder: Path, table: pd.DataFrame) -> None:
    """Write the table of a cohort or store as if it had been made so."""
    write_tsv(folder / TABLE, table)
    found = sha256_file(folder / TABLE)
    for name, change in (
        ("cohort.json", lambda content: content.update(table_sha256=found)),
        ("store.json", lambda content: content["contents"].update({TABLE: found})),
    ):
        if (folder / name).is_file():
            content = read_json(folder / name)
            change(content)
            write_json(folder / name, content)
