"""Views of the heart that cines show, or images of something else, and whether their labels have volumes."""

from __future__ import annotations

from typing import Literal

View = Literal["short_axis", "long_axis", "other"]
#: A stack of slices across the long axis; one slice along it (four chambers); images of another organ, without labels.
SHORT_AXIS: View = "short_axis"
LONG_AXIS: View = "long_axis"
OTHER: View = "other"

#: Why a phenotype or an error of one is missing of a long-axis cine.
NO_VOLUMES = "what is no stack of short axes has no volumes, masses or wall segments"


def has_volumes(view: View) -> bool:
    """Whether volumes, masses and walls can be measured on labels: areas of one slice along the axis are none."""
    return view == SHORT_AXIS
