"""The versions of Snakemake that this workflow may run with."""

from __future__ import annotations

import importlib.metadata

from packaging.specifiers import SpecifierSet

from synthaug.core.errors import SynthaugError

#: Not above what was tried: the workflow replaces private parts of Snakemake (``workflow/rules/snakemake_issue_*.smk``).
SUPPORTED = ">=9.27,<9.28"


def check_snakemake_version(version: str | None = None) -> None:
    """Refuse a version that was not tried.

    Parameters
    ----------
    version : str, optional
        The installed one if not given.

    Raises
    ------
    SynthaugError
        It is not among `SUPPORTED`.
    """
    version = version or importlib.metadata.version("snakemake")
    if not SpecifierSet(SUPPORTED).contains(version, prereleases=True):
        raise SynthaugError(
            f"Snakemake {version} was not tried with this workflow, which mends five faults inside of Snakemake "
            f"(workflow/rules/snakemake_issue_*.smk); install the locked environment (make), or: pip install "
            f"'snakemake{SUPPORTED}'"
        )
