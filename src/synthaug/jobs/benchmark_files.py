"""What Snakemake recorded of how long a job took."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from synthaug.core.artifacts import check_text_file
from synthaug.core.errors import DamagedFileError


def read_seconds(path: str | Path) -> list[float]:
    """Seconds of each time that the job ran, at least one.

    Parameters
    ----------
    path : path
        TSV file of a rule's ``benchmark``.

    Raises
    ------
    DamagedFileError
        It has no seconds, or some that are no number or less than 0 (a clock was set back): Snakemake writes ``-`` and
        ``NA`` where it did not see a job end.
    """
    check_text_file(path)
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            seconds = [float(row["s"]) for row in csv.DictReader(stream, delimiter="\t")]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise DamagedFileError(path, error) from None
    if not seconds or not all(math.isfinite(value) and value >= 0 for value in seconds):
        raise DamagedFileError(path, "no seconds in it, or less than none: a clock was set back")
    return seconds
