"""Views of the heart that cines show, and whether their labels have volumes."""

from __future__ import annotations

from typing import Literal

View = Literal["short_axis", "long_axis"]
#: A stack of slices across the long axis; one slice along it (four chambers).
SHORT_AXIS: View = "short_axis"
LONG_AXIS: View = "long_axis"

#: Why a phenotype or an error of one is missing of a long-axis cine.
NO_VOLUMES = "one long-axis slice has no volumes, masses or wall segments"


def has_volumes(view: View) -> bool:
    """Whether volumes, masses and walls can be measured on labels: areas of one slice along the axis are none."""
    return view == SHORT_AXIS
