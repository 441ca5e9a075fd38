"""Test patients by whether their scanner's vendor is one of the training patients'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthaug.core.artifacts import read_tsv


@dataclass(frozen=True)
class TestCounts:
    """Number of test patients of all folds.

    Attributes
    ----------
    seen, unseen : int
        Of vendors that the training patients of their fold have, and of other vendors.
    """

    seen: int
    unseen: int

    @property
    def total(self) -> int:
        """Number of test patients of known vendor."""
        return self.seen + self.unseen


def count_test_patients(splits: Mapping[int, Path]) -> TestCounts | None:
    """Count the test patients of every fold; a patient of several folds counts once for each kind.

    Returns
    -------
    TestCounts or None
        None if no split has a test patient of known vendor.
    """
    seen: set[str] = set()
    unseen: set[str] = set()
    for path in splits.values():
        split = read_tsv(path, ("patient", "vendor", "role")).dropna(subset=["vendor"])
        training = set(split.loc[split["role"] == "train", "vendor"])
        tested = split[split["role"].str.startswith("test")]
        known = tested["vendor"].isin(training)
        seen |= set(tested.loc[known, "patient"])
        unseen |= set(tested.loc[~known, "patient"])
    return TestCounts(len(seen), len(unseen)) if seen or unseen else None
