"""Parts of the outputs of large cohorts: which are gathered, and which the study has no longer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from synthaug.core.file_times import age_days
from synthaug.runs import PART, parts_of
from synthaug.upkeep.locks import find_locks
from synthaug.upkeep.study_results import StudyResults

_PLACES = (
    f"features/*/fold-*/*{PART}*.npz",
    f"synthetic/*/fold-*/generator-seed-*/labelled{PART}*",
    f"tasks/*/fold-*/synthetic/*{PART}*",
    f"phenotypes/*{PART}*.tsv",
)
_NUMBER = re.compile(rf"{PART}(\d+)(?=$|\.)")


def gathered_parts(study: StudyResults) -> Iterator[tuple[Path, str]]:
    """Parts whose whole was gathered after them, each with the reason why it can go; none while a run may be about to gather them."""
    if any(find_locks(study)):
        return
    for place in _PLACES:
        for part in sorted(study.folder.glob(place)):
            whole = part.with_name(_NUMBER.sub("", part.name))
            # An older whole was gathered without it: the study has more subjects since.
            if whole != part and whole.exists() and age_days(whole) <= age_days(part):
                yield part, f"is gathered in {whole.name}; more subjects or edited code would make it again"


def is_part_of_no_study(study: StudyResults, output: Path) -> bool:
    """Whether an output is a part that the declared study has not."""
    number = _NUMBER.search(output.name)
    if number is None or study.declared is None:
        return False
    count = len(parts_of(study.declared))
    return count == 1 or int(number[1]) >= count
