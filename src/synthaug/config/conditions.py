"""Conditions: what a model can be conditioned on and what can be requested of a generator, declared once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

Kind = Literal["category", "volume", "mass", "fraction", "count", "phase", "number", "text", "mask"]


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes
    ----------
    name : str
        Column of the cohort's table and of a request.
    kind : str
        ``"category"``: one of the training fold's values. ``"volume"``, ``"mass"``: positive, grow with the square
        of an in-plane enlargement. ``"fraction"``, ``"count"``, ``"phase"`` (of the cycle, in (0, 1)),
        ``"number"``: other scalars. ``"text"``: a sentence. ``"mask"``: label volumes.
    title, unit : str
        For figures and notes.
    structure, phase : str or None
        ``"LV"``, ``"MYO"`` or ``"RV"``, and ``"ED"`` or ``"ES"`` (None: both), where masks measure it.
    requested : bool
        Whether a request has a column of that name. The ejection fraction follows from the volumes.
    swept : bool
        Whether it is an axis of the condition sweep.
    exponent : float or None
        Of its growth under an in-plane enlargement; None: that of its kind.
    """

    name: str
    kind: Kind
    title: str
    unit: str = ""
    structure: str | None = None
    phase: str | None = None
    requested: bool = True
    swept: bool = False
    exponent: float | None = None

    @property
    def scaling(self) -> float:
        """Exponent of its growth under an in-plane enlargement: 2 for a volume or, at constant density, a mass."""
        if self.exponent is not None:
            return self.exponent
        return 2.0 if self.kind in ("volume", "mass") else 0.0

    @property
    def scalar(self) -> bool:
        """Whether one number a subject says it; a category is the number of its value."""
        return self.kind not in ("text", "mask")


#: Conditions that a cohort's table or a request has; phenotypes and numeric columns of the table are conditions, too.
CONDITIONS = {
    condition.name: condition
    for condition in (
        Condition("diagnosis", "category", "diagnosis"),
        Condition("vendor", "category", "vendor"),
        Condition("sequence", "category", "sequence", requested=False),
        Condition("lv_edv_ml", "volume", "LV EDV", "mL", "LV", "ED", swept=True),
        Condition("lv_esv_ml", "volume", "LV ESV", "mL", "LV", "ES"),
        Condition("lv_ef", "fraction", "LV EF", "%", "LV", requested=False, swept=True),
        Condition("myo_mass_g", "mass", "LV mass", "g", "MYO", "ED", swept=True),
        Condition("rv_edv_ml", "volume", "RV EDV", "mL", "RV", "ED", requested=False),
        Condition("rv_esv_ml", "volume", "RV ESV", "mL", "RV", "ES", requested=False),
        Condition("n_slices", "count", "slices"),
        Condition("es_phase", "phase", "ES phase"),
        Condition("sentence", "text", "sentence", requested=False),
        Condition("labels", "mask", "masks", requested=False),
    )
}

#: Columns of a request, in their order.
REQUESTED = tuple(name for name, condition in CONDITIONS.items() if condition.requested)
#: Categories among them.
CATEGORIES = tuple(name for name, condition in CONDITIONS.items() if condition.kind == "category")
#: Conditions that masks measure, in the order of tables and figures.
MEASURED = {name: condition for name, condition in CONDITIONS.items() if condition.structure is not None}
#: Axes of the condition sweep.
SWEPT = tuple(name for name, condition in CONDITIONS.items() if condition.swept)
#: Columns that a cohort's table has without being asked, known of as many subjects as have the labels.
HARMONISED = frozenset({*CONDITIONS, "rv_ef"})
#: Conditions that say a diagnosis: itself, in words, or as a picture.
TELLS_DIAGNOSIS = ("diagnosis", "sentence", "labels")

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def _is_a_scalar_condition(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no column of a cohort's table; known are {', '.join(_SCALARS)}")
    if name not in _SCALARS and name in CONDITIONS:
        raise ValueError(f"{name!r} is no scalar; this kind of model takes {', '.join(_SCALARS)}")
    return name


_SCALARS = tuple(name for name, condition in CONDITIONS.items() if condition.scalar)

#: Name of a scalar condition in a study: a declared one, a phenotype, or a numeric column of the cohort's table.
ScalarCondition = Annotated[str, AfterValidator(_is_a_scalar_condition)]
