"""What tests need that a bare machine may lack, and whether its absence is a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def require(name: str, available: object, reason: str) -> None:
    """Skip the test where something is absent; fail where it was promised.

    Parameters
    ----------
    name : {"real", "slurm", "browser"}
        What is needed. SYNTHAUG_REQUIRE lists, separated by commas, what must be there.
    available : object
        True where it is.
    reason : str
        What is missing, for the reader of the summary.
    """
    if available:
        return
    if name in os.environ.get("SYNTHAUG_REQUIRE", "").replace(",", " ").split():
        pytest.fail(f"SYNTHAUG_REQUIRE asks for {name}: {reason}")
    pytest.skip(f"{name}: {reason}")


def real_data_root() -> Path:
    """Folder of the real cine MRI: SYNTHAUG_REAL_DATA, or `../shared/data` beside the repository."""
    return Path(os.environ.get("SYNTHAUG_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
