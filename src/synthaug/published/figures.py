"""Figures of papers that a study draws of its own: what each is drawn from. Light, because every job imports it."""

from __future__ import annotations

from collections.abc import Mapping

#: Whose files a figure shows: those of the text-driven generators, or of all.
TEXT_DRIVEN, EVERY = "text_driven", "every"
#: Figure -> what of a generator it is drawn from -> of which generators.
FIGURES: Mapping[str, Mapping[str, str]] = {
    "texdc_figure4": {"attention": TEXT_DRIVEN, "points": EVERY, "mixing": EVERY},
    "texdc_figure5": {"cohort": TEXT_DRIVEN},
    # The masks that a sample was asked for lie beside its own masks alone.
    "texdc_figure6": {"cohort": EVERY, "requested": EVERY},
}
#: Figures that show where an infarct was simulated.
SHOWS_INFARCTS = ("texdc_figure6",)
