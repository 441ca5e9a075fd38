"""Canonical labels of a segmentation and the structures they stand for."""

from __future__ import annotations

BACKGROUND, LV, MYO, RV = 0, 1, 2, 3
#: Canonical label of each structure.
STRUCTURES: dict[str, int] = {"LV": LV, "MYO": MYO, "RV": RV}
#: Label of frames without annotation; never read as background.
UNLABELLED = 255
#: Columns that are measured on labels (`synthaug.metrics.volumes.measure_function`): mL, g, ejection fractions in percent.
FUNCTION_COLUMNS = (
    "lv_edv_ml",
    "lv_esv_ml",
    "lv_ef",
    "myo_mass_g",
    "rv_edv_ml",
    "rv_esv_ml",
    "rv_ef",
)
#: How well the window of a subject holds its labels (`synthaug.data.label_placement`): mm, mm, share.
PLACEMENT_COLUMNS = ("window_offset_mm", "window_margin_mm", "outside_window")
