"""The difference of two table versions as lines to read, or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthaug.tables.collate import read_version
from synthaug.tables.diff.causes import DEVICE, Reason, explain
from synthaug.tables.diff.rows import Change, RowChanges, compare_rows

#: Lines of one kind that are printed without --all.
SHOWN = 10
UNEXPLAINED = (
    "Nothing recorded explains this: configuration, code, data, environment and seeds are the same. "
    "nnU-Net's training on a GPU is not deterministic; see the trainings, and compare arms by their intervals."
)
_HEADINGS = {
    "seeds": "Seeds",
    "configuration": "Configuration",
    "code": "Code",
    "data": "Data",
    "environment": "Environment",
    "machine": "Machine",
    "trainings": "Trainings",
    "unrecorded": "Recorded in one version only",
}
#: Facts that can make a number differ. A training that came out otherwise is itself to be explained,
#: and of the machines only those that trained count.
_CAUSES = ("seeds", "configuration", "code", "data", "environment", "unrecorded")


@dataclass(frozen=True)
class Difference:
    """Two table versions: what changed in numbers, and which recorded facts differ."""

    before: Path
    after: Path
    rows: RowChanges
    reasons: list[Reason]

    @property
    def explained(self) -> bool:
        """Whether a recorded fact that can change a number differs."""
        return any(_is_cause(reason) for reason in self.reasons)


def _is_cause(reason: Reason) -> bool:
    if reason.kind == "machine":
        return reason.what.startswith(DEVICE)
    # A synthetic cohort was made by the study: it is a consequence.
    return reason.kind in _CAUSES and not reason.what.startswith("synthetic ")


def compare_versions(before: str | Path, after: str | Path) -> Difference:
    """Compare two table versions, after verifying that neither was edited.

    Raises
    ------
    SynthaugError
        A folder is no table version, or is not what was collated.
    """
    before, after = Path(before), Path(after)
    rows = compare_rows(read_version(before), read_version(after))
    return Difference(before, after, rows, explain(before, after))


def as_text(difference: Difference, everything: bool = False) -> str:
    """What changed and why, most relevant first.

    Parameters
    ----------
    difference : Difference
        From `compare_versions`.
    everything : bool
        Whether all lines are given, not only the first `SHOWN` of each kind.
    """
    rows, limit = difference.rows, None if everything else SHOWN
    lines = [f"{difference.before} → {difference.after}"]
    if not rows:
        lines.append(f"No difference: the same {rows.same} rows, value by value.")
    else:
        lines.append(
            f"{len(rows.changed)} changed, {len(rows.gained)} gained, {len(rows.lost)} lost, {rows.same} the same"
        )
        for heading, found in (
            ("Changed", [change_text(change) for change in rows.changed]),
            ("Gained", rows.gained),
            ("Lost", rows.lost),
        ):
            lines += _section(heading, found, limit)
    for kind, heading in _HEADINGS.items():
        own = [reason for reason in difference.reasons if reason.kind == kind]
        lines += _section(heading + _counted(own), [_reason_text(reason) for reason in own], limit)
    if rows and not difference.explained:
        lines += ["", UNEXPLAINED]
    return "\n".join(lines) + "\n"


def as_json(difference: Difference) -> str:
    """Everything that differs, for other programs."""
    rows = difference.rows
    content = {
        "before": str(difference.before),
        "after": str(difference.after),
        "same": rows.same,
        "changed": [
            {
                "about": change.about,
                "unit": change.unit,
                "size": change.size,
                "columns": {
                    column: {"before": _plain(old), "after": _plain(new)}
                    for column, (old, new) in change.columns.items()
                },
            }
            for change in rows.changed
        ],
        "gained": rows.gained,
        "lost": rows.lost,
        "reasons": [reason._asdict() for reason in difference.reasons],
        "explained": difference.explained,
    }
    return json.dumps(content, indent=2) + "\n"


def change_text(change: Change) -> str:
    """One changed row in a line: its value with the size of the change, then what else differs."""
    parts: list[str] = []
    for column, (old, new) in change.columns.items():
        text = f"{_shown(old)} → {_shown(new)}"
        if column == "value":
            unit = f" {change.unit}" if change.unit not in ("", "1") else ""
            size = "" if change.size is None else f" ({_shown(change.size, '+')}{unit})"
            parts.insert(0, text + size)
        elif column in ("status", "definition", "extractor", "unit") or "value" not in change.columns:
            parts.append(f"{column} {text}")
    return f"{change.about}: {'; '.join(parts)}"


def _section(heading: str, found: list[str], limit: int | None) -> list[str]:
    if not found:
        return []
    shown = found[:limit]
    more = len(found) - len(shown)
    rest = [f"  ... and {more} more; --all shows them"] if more else []
    return ["", heading, *(f"  {line}" for line in shown), *rest]


def _counted(reasons: list[Reason]) -> str:
    """For data, of which kind the files are: a changed cohort and what follows from it."""
    kinds = Counter(reason.what.split(" ")[0] for reason in reasons if reason.kind == "data")
    return f" ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})" if kinds else ""


def _reason_text(reason: Reason) -> str:
    return f"{reason.what}: {reason.before} → {reason.after}"


def _shown(value: Any, sign: str = "") -> str:
    if value is None:
        return "none"
    return f"{value:{sign}.6g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
