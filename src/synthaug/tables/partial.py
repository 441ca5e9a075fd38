"""What tells a table version of an unfinished study from a complete one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synthaug.core.artifacts import read_tsv

#: File of a version that lists what is absent: columns file and reason. A complete version has none.
ABSENT = "absent.tsv"


def read_absent(version: str | Path) -> pd.DataFrame:
    """Row files that a version lacks, with the reasons; empty of a complete version."""
    path = Path(version) / ABSENT
    return read_tsv(path, ("file", "reason")) if path.is_file() else pd.DataFrame(columns=["file", "reason"])
