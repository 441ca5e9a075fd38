"""Canonical labels of a segmentation, the structures they stand for, and the walls of the left ventricle."""

from __future__ import annotations

BACKGROUND, LV, MYO, RV = 0, 1, 2, 3
#: Canonical label of each structure.
STRUCTURES: dict[str, int] = {"LV": LV, "MYO": MYO, "RV": RV}
#: Label of frames without annotation; never read as background.
UNLABELLED = 255
#: The six walls around the left ventricle, by segments of the AHA's model (Cerqueira et al., Circulation 105, 2002). The apex has
#: four segments: the septal and the lateral one are part of two walls each.
SIX_WALLS = {
    "anterior": (1, 7, 13),
    "anteroseptal": (2, 8, 14),
    "inferoseptal": (3, 9, 14),
    "inferior": (4, 10, 15),
    "inferolateral": (5, 11, 16),
    "anterolateral": (6, 12, 16),
}
#: Names of two walls together.
JOINED = {"septal": ("anteroseptal", "inferoseptal"), "lateral": ("inferolateral", "anterolateral")}
#: Segments of every wall that has a name.
WALLS = {
    **SIX_WALLS,
    **{name: tuple(sorted({*SIX_WALLS[one], *SIX_WALLS[other]})) for name, (one, other) in JOINED.items()},
}
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
