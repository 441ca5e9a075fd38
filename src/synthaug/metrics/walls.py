"""Walls of the left ventricle by segments of the AHA's model (Cerqueira et al., Circulation 105, 2002)."""

#: The six walls around the ventricle. The apex has four segments: the septal and the lateral one are part of two walls each.
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
