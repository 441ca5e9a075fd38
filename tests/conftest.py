"""What all tests share: the tiny study, run once, and a search path that no file leaves changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import TINY, Checkout, copy_repository
from small_cluster import slurm_can_start, start_slurm

#: The longest files and folders first: two workers take one file after the other, and the tiny study takes as long as
#: a third of all tests. Arguments of pytest that overlap lose their order.
LONGEST = (
    "workflow/test_tiny_study.py",
    "workflow/test_task_study.py",
    "faults/",
    "workflow/",
    "browser/",
    "real/",
    "",
)

#: What is made on the cluster: from raw data to synthetic cines, and the training of an arm.
THROUGH_SLURM = (
    "results/tiny/synthetic/cascade/fold-0/generator-seed-0/cohort",
    "results/tiny/tasks/segmentation/fold-0/arms/real/generator-seed-0/training-seed-0/model",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in the order of `LONGEST`."""
    root = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(root).as_posix()
        return next(number for number, start in enumerate(LONGEST) if path.startswith(start))

    items.sort(key=place)


@pytest.fixture(autouse=True, scope="module")
def own_search_path() -> Iterator[None]:
    """A plugin's folder stays on the search path of the process that loaded it: not for the next file of tests."""
    before = [*sys.path]
    yield
    sys.path = before


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The finished study: its generator and one arm through Slurm where it can be started, all else by this machine.

    A job through Slurm starts Python three times and is seen as done seconds later: the whole study would take several
    times as long.
    """
    checkout = copy_repository(tmp_path_factory.mktemp("tiny") / "synthaug")
    if slurm_can_start():
        start_slurm()
        done = checkout.snakemake(
            *THROUGH_SLURM, "--profile", "profiles/ci", "--configfile", TINY, SYNTHAUG_GPUS="0"
        )
        (checkout.root / "slurm-run.log").write_text(done.stdout + done.stderr)
    done = checkout.run(TINY)
    (checkout.root / "first-run.log").write_text(done.stdout + done.stderr)
    return checkout
