"""Figures of papers that a study draws of its own: what each is drawn from. Light, because every job imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Figure -> what of a generator it is drawn from.
FIGURES: Mapping[str, Sequence[str]] = {
    "texdc_figure4": ("attention", "points"),
    "texdc_figure5": ("cohort",),
}
