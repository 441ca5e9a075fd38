"""Scripts that Snakemake wrote for jobs and could not remove, because it was killed; it looks at none of them again."""

from __future__ import annotations

from pathlib import Path

from synthaug.core.file_times import age_days
from synthaug.core.leftovers import remove

#: Days after which no job runs any more that a script was written for: they name no owner, and Snakemake takes a job for
#: failed whose script is gone.
DAYS = 30


def clear_scripts(folder: str | Path) -> None:
    """Remove scripts that are older than any job.

    Parameters
    ----------
    folder : path
        ``.snakemake/scripts``.
    """
    for script in Path(folder).glob("tmp*.py"):
        if age_days(script) > DAYS:
            remove(script)
