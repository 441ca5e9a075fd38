"""The registry of phenotypes: what each number measured of a heart is, said once.

Measurement, tables, the check of a user's own table and `docs/phenotypes.md` read it.
``python -m synthaug.phenotypes.registry`` writes the table of `docs/phenotypes.md`; a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Group = Literal[
    "volumes",
    "mass",
    "wall",
    "wall by AHA segment",
    "diameters and lengths",
    "shape",
    "septum",
    "time",
    "ejection and filling",
]
#: Frames whose labels a phenotype needs.
Frames = Literal["none", "ED", "ES", "ED and ES", "all"]
_DOCUMENT = Path(__file__).parents[3] / "docs" / "phenotypes.md"
_BEGIN = "<!-- phenotypes: written by python -m synthaug.phenotypes.registry -->"
_END = "<!-- end of phenotypes -->"


@dataclass(frozen=True)
class Phenotype:
    """What a phenotype is.

    Attributes
    ----------
    name : str
        Column of the table of phenotypes.
    title : str
        For figures and notes.
    unit : str
        Unit of the value; ``"1"`` for a ratio.
    group : str
        Section of the documentation.
    definition : str
        How it is computed from labels.
    reference : str
        Paper that defines it or measured it that way.
    range : tuple of 2 floats
        Values that a heart can have, ends included. A user's value outside has another unit or is an error.
    frames : str
        Frames that must be labelled.
    timed : bool
        Whether the duration of a frame must be known.
    scaling : float
        Exponent of its growth under an in-plane enlargement: 2 for a volume, 1 for a diameter, 0 for a ratio of
        two volumes.
    """

    name: str
    title: str
    unit: str
    group: Group
    definition: str
    reference: str
    range: tuple[float, float]
    frames: Frames
    timed: bool = False
    scaling: float = 0.0

    @property
    def from_ed_and_es(self) -> bool:
        """Whether labels of ED and ES are enough."""
        return self.frames != "all"


_SCHULZ_MENGER = "Schulz-Menger et al., J. Cardiovasc. Magn. Reson. 22:19, 2020"
_KAWEL_BOEHM = "Kawel-Boehm et al., J. Cardiovasc. Magn. Reson. 22:87, 2020"
_GROTHUES = "Grothues et al., Am. J. Cardiol. 90, 2002"
_DI_DONATO = "Di Donato et al., Eur. J. Cardiothorac. Surg. 29 (Suppl. 1), 2006"
_AHA = "Cerqueira et al., Circulation 105, 2002"
_LANG = "Lang et al., J. Am. Soc. Echocardiogr. 28, 2015"
_BACHARACH = "Bacharach et al., J. Nucl. Med. 24, 1983"
_BONOW = "Bonow et al., Circulation 64, 1981"
_PHASES: tuple[Literal["ED", "ES"], ...] = ("ED", "ES")
_RATIO = (0.05, 20.0)


def _declared() -> Iterator[Phenotype]:
    yield from _volumes()
    yield from _mass()
    yield from _wall()
    yield from _segments()
    yield from _diameters()
    yield from _shape()
    yield from _septum()
    yield from _time()
    yield from _rates()


def _volumes() -> Iterator[Phenotype]:
    discs = "voxels of the cavity at {} times voxel volume, slice gaps included"
    for side in ("LV", "RV"):
        low = side.lower()
        for phase, limits in (("ED", (20.0, 900.0)), ("ES", (0.0, 800.0))):
            yield Phenotype(
                f"{low}_{phase.lower()}v_ml",
                f"{side} {phase}V",
                "mL",
                "volumes",
                discs.format(phase),
                _SCHULZ_MENGER,
                limits,
                "ED" if phase == "ED" else "ED and ES",
                scaling=2,
            )
        both: tuple[tuple[str, str, str, str, tuple[float, float], float], ...] = (
            ("sv_ml", "stroke volume", "mL", "EDV - ESV", (0.0, 400.0), 2),
            ("ef", "ejection fraction", "%", "100 (EDV - ESV) / EDV", (0.0, 100.0), 0),
        )
        for suffix, title, unit, definition, limits, scaling in both:
            yield Phenotype(
                f"{low}_{suffix}",
                f"{side} {title}",
                unit,
                "volumes",
                definition,
                _SCHULZ_MENGER,
                limits,
                "ED and ES",
                scaling=scaling,
            )
        yield Phenotype(
            f"{low}_co_l_min",
            f"{side} cardiac output",
            "L/min",
            "volumes",
            "stroke volume times heart rate / 1000",
            _SCHULZ_MENGER,
            (0.0, 40.0),
            "ED and ES",
            True,
            2,
        )
    for quantity, frames in (("EDV", "ED"), ("ESV", "ED and ES"), ("SV", "ED and ES")):
        yield Phenotype(
            f"lv_rv_{quantity.lower()}_ratio",
            f"LV/RV {quantity} ratio",
            "1",
            "volumes",
            f"LV {quantity} / RV {quantity}",
            _KAWEL_BOEHM,
            _RATIO,
            "ED" if frames == "ED" else "ED and ES",
        )


def _mass() -> Iterator[Phenotype]:
    for phase in _PHASES:
        yield Phenotype(
            "myo_mass_g" if phase == "ED" else "myo_mass_es_g",
            f"LV mass at {phase}",
            "g",
            "mass",
            f"myocardial volume at {phase} times 1.05 g/mL",
            _GROTHUES,
            (10.0, 800.0),
            phase,
            scaling=2,
        )
    yield Phenotype(
        "lv_epicardial_volume_ed_ml",
        "LV epicardial volume at ED",
        "mL",
        "mass",
        "cavity and myocardium at ED",
        _SCHULZ_MENGER,
        (30.0, 1600.0),
        "ED",
        scaling=2,
    )
    yield Phenotype(
        "lv_mass_volume_ratio_g_ml",
        "LV mass/volume ratio",
        "g/mL",
        "mass",
        "mass at ED / EDV",
        "Cheng et al., JACC Cardiovasc. Imaging 2, 2009",
        (0.1, 8.0),
        "ED",
    )
    yield Phenotype(
        "lv_concentricity_g_ml23",
        "LV concentricity",
        "g/mL^(2/3)",
        "mass",
        "mass at ED / EDV^(2/3)",
        "Khouri et al., Circ. Cardiovasc. Imaging 3, 2010",
        (0.5, 30.0),
        "ED",
        scaling=2 / 3,
    )
    yield Phenotype(
        "lv_contraction_fraction",
        "LV myocardial contraction fraction",
        "%",
        "mass",
        "100 stroke volume / myocardial volume at ED",
        "King et al., J. Am. Coll. Cardiol. 40, 2002",
        (0.0, 500.0),
        "ED and ES",
    )
    yield Phenotype(
        "lv_global_function_index",
        "LV global function index",
        "%",
        "mass",
        "100 stroke volume / ((EDV + ESV) / 2 + myocardial volume at ED)",
        "Mewton et al., Hypertension 61, 2013",
        (0.0, 100.0),
        "ED and ES",
    )


def _wall() -> Iterator[Phenotype]:
    for phase in _PHASES:
        for kind, title in (("mean", "mean"), ("max", "maximum")):
            yield Phenotype(
                f"wall_thickness_{kind}_{phase.lower()}_mm",
                f"{title} wall thickness at {phase}",
                "mm",
                "wall",
                f"{title} over the AHA segments with a thickness at {phase}",
                "Kawel et al., Circ. Cardiovasc. Imaging 5, 2012",
                (1.0, 60.0),
                phase,
                scaling=1,
            )
        for third in ("basal", "mid", "apical"):
            yield Phenotype(
                f"wall_thickness_{third}_{phase.lower()}_mm",
                f"{third} wall thickness at {phase}",
                "mm",
                "wall",
                f"mean over the {third} AHA segments, all of which have a thickness at {phase}",
                _AHA,
                (1.0, 60.0),
                phase,
                scaling=1,
            )
    for kind, title in (("mean", "mean"), ("max", "maximum"), ("min", "minimum")):
        yield Phenotype(
            f"wall_thickening_{kind}",
            f"{title} wall thickening",
            "%",
            "wall",
            f"{title} over the AHA segments of 100 (ES - ED) / ED of the wall thickness",
            "Sechtem et al., Am. J. Cardiol. 59, 1987",
            (-100.0, 500.0),
            "ED and ES",
        )
    yield Phenotype(
        "wall_septal_lateral_ratio_ed",
        "septal/lateral wall thickness ratio at ED",
        "1",
        "wall",
        "mean thickness of segments 2, 3, 8, 9 / mean of segments 5, 6, 11, 12",
        "Henry et al., Circulation 47, 1973",
        (0.1, 10.0),
        "ED",
    )
    yield Phenotype(
        "lv_relative_wall_thickness",
        "LV relative wall thickness",
        "1",
        "wall",
        "2 thickness of the inferolateral segments (5, 11) / basal LV diameter, both at ED",
        _LANG,
        (0.05, 3.0),
        "ED",
    )


def _segments() -> Iterator[Phenotype]:
    for segment in range(1, 17):
        for phase in _PHASES:
            yield Phenotype(
                f"wall_thickness_aha{segment:02d}_{phase.lower()}_mm",
                f"wall thickness of segment {segment} at {phase}",
                "mm",
                "wall by AHA segment",
                f"mean over the rays of AHA segment {segment} at {phase}",
                _AHA,
                (0.5, 60.0),
                phase,
                scaling=1,
            )
        yield Phenotype(
            f"wall_thickening_aha{segment:02d}",
            f"wall thickening of segment {segment}",
            "%",
            "wall by AHA segment",
            f"100 (ES - ED) / ED of the thickness of AHA segment {segment}",
            _AHA,
            (-100.0, 500.0),
            "ED and ES",
        )


def _diameters() -> Iterator[Phenotype]:
    group: Group = "diameters and lengths"
    for phase in _PHASES:
        low = phase.lower()
        for third in ("basal", "mid"):
            yield Phenotype(
                f"lv_diameter_{third}_{low}_mm",
                f"{third} LV diameter at {phase}",
                "mm",
                group,
                f"diameter of the circle of the cavity's area, mean over the {third} third's slices",
                _LANG,
                (2.0, 130.0),
                phase,
                scaling=1,
            )
            yield Phenotype(
                f"rv_diameter_{third}_{low}_mm",
                f"{third} RV diameter at {phase}",
                "mm",
                group,
                "way through the RV of rays from the LV's centroid within 15 degrees of the septum's middle, mean over the "
                f"{third} third's slices",
                _LANG,
                (2.0, 130.0),
                phase,
                scaling=1,
            )
        yield Phenotype(
            f"lv_epicardial_diameter_mid_{low}_mm",
            f"mid LV epicardial diameter at {phase}",
            "mm",
            group,
            "diameter of the circle of the area of cavity and myocardium, mean over the mid third's slices",
            _LANG,
            (10.0, 180.0),
            phase,
            scaling=1,
        )
        for side in ("LV", "RV"):
            yield Phenotype(
                f"{side.lower()}_length_{low}_mm",
                f"{side} length at {phase}",
                "mm",
                group,
                "slices from the first to the last with the cavity, times the slice distance: base to apex, to one "
                "slice; unknown where the stack's last slice holds a cavity above a quarter of its largest area",
                _SCHULZ_MENGER,
                (10.0, 180.0),
                phase,
            )
        yield Phenotype(
            f"rv_lv_area_ratio_{low}",
            f"mid RV/LV area ratio at {phase}",
            "1",
            group,
            f"area of the RV / area of the LV cavity in the mid third's slices at {phase}",
            _LANG,
            _RATIO,
            phase,
        )
    yield Phenotype(
        "rv_lv_diameter_ratio_ed",
        "basal RV/LV diameter ratio at ED",
        "1",
        group,
        "basal RV diameter / basal LV diameter at ED",
        _LANG,
        _RATIO,
        "ED",
    )
    yield Phenotype(
        "lv_fractional_shortening",
        "LV fractional shortening",
        "%",
        group,
        "100 (ED - ES) / ED of the mid LV diameter",
        _LANG,
        (-50.0, 100.0),
        "ED and ES",
    )
    for side in ("LV", "RV"):
        yield Phenotype(
            f"{side.lower()}_fractional_area_change",
            f"{side} fractional area change",
            "%",
            group,
            f"100 (ED - ES) / ED of the mean {side} area in the mid third's slices of each phase; short axis, not "
            "four-chamber",
            _LANG,
            (-100.0, 100.0),
            "ED and ES",
        )


def _shape() -> Iterator[Phenotype]:
    for phase in _PHASES:
        low = phase.lower()
        yield Phenotype(
            f"lv_sphericity_{low}",
            f"LV sphericity index at {phase}",
            "1",
            "shape",
            "cavity volume / volume of the sphere whose diameter is the LV length",
            "Mannaerts et al., Eur. Heart J. 25, 2004",
            (0.01, 3.0),
            phase,
            scaling=2,
        )
        yield Phenotype(
            f"lv_diameter_length_ratio_{low}",
            f"LV diameter/length ratio at {phase}",
            "1",
            "shape",
            "mid LV diameter / LV length",
            _DI_DONATO,
            (0.02, 2.0),
            phase,
            scaling=1,
        )
        yield Phenotype(
            f"lv_conicity_{low}",
            f"LV conicity index at {phase}",
            "1",
            "shape",
            "mean diameter of the apical third's slices / mid LV diameter, diameters of circles of the cavity's area",
            _DI_DONATO,
            (0.02, 3.0),
            phase,
        )


def _septum() -> Iterator[Phenotype]:
    for phase in _PHASES:
        low = phase.lower()
        yield Phenotype(
            f"lv_eccentricity_{low}",
            f"LV eccentricity index at {phase}",
            "1",
            "septum",
            "width of the cavity parallel to the septum / width across it, mean over the mid third's slices",
            "Ryan et al., J. Am. Coll. Cardiol. 5, 1985",
            (0.3, 4.0),
            phase,
        )
        yield Phenotype(
            f"septal_curvature_{low}_per_mm",
            f"septal curvature at {phase}",
            "1/mm",
            "septum",
            "1/R of the circle (Taubin's fit) through the cavity's border along septal rays, mean over the mid third's "
            "slices; positive where the septum bulges towards the RV",
            "Dellegrottaglie et al., Radiology 243, 2007",
            (-0.2, 0.5),
            phase,
            scaling=-1,
        )
        yield Phenotype(
            f"septal_curvature_ratio_{low}",
            f"septal/free-wall curvature ratio at {phase}",
            "1",
            "septum",
            "septal curvature / curvature of the cavity's border along all other rays, mean over the mid third's slices",
            "Dellegrottaglie et al., Radiology 243, 2007",
            (-5.0, 5.0),
            phase,
        )


def _time() -> Iterator[Phenotype]:
    yield Phenotype(
        "heart_rate_bpm",
        "heart rate",
        "1/min",
        "time",
        "60 s / (frames times frame duration): the cine is one beat",
        _SCHULZ_MENGER,
        (20.0, 250.0),
        "none",
        True,
    )
    yield Phenotype(
        "es_phase",
        "ES phase",
        "1",
        "time",
        "frames from ED to ES / frames of the beat",
        _SCHULZ_MENGER,
        (0.0, 1.0),
        "none",
    )
    for name, title, definition in (
        ("systole_ms", "duration of systole", "time from ED to ES"),
        ("diastole_ms", "duration of diastole", "time from ES to the next ED"),
    ):
        yield Phenotype(name, title, "ms", "time", definition, _SCHULZ_MENGER, (50.0, 2500.0), "none", True)


def _rates() -> Iterator[Phenotype]:
    group: Group = "ejection and filling"
    for side in ("LV", "RV"):
        low = side.lower()
        yield Phenotype(
            f"{low}_mean_ejection_rate_ml_s",
            f"{side} mean ejection rate",
            "mL/s",
            group,
            "stroke volume / duration of systole",
            _BONOW,
            (0.0, 2000.0),
            "ED and ES",
            True,
            2,
        )
        for phase, verb, start in (("ejection", "falls", "ED"), ("filling", "rises", "ES")):
            what = f"largest rate at which the {side} volume {verb} (Fourier series of the volume curve, 5 harmonics)"
            rates: tuple[tuple[str, str, str, tuple[float, float], bool, float], ...] = (
                ("_ml_s", "mL/s", what, (0.0, 5000.0), True, 2),
                ("_edv_s", "EDV/s", f"{what} / EDV", (0.0, 20.0), True, 0),
                (
                    "_edv_beat",
                    "EDV/beat",
                    f"{what} / EDV times the duration of the beat",
                    (0.0, 40.0),
                    False,
                    0,
                ),
            )
            for suffix, unit, definition, limits, timed, scaling in rates:
                yield Phenotype(
                    f"{low}_peak_{phase}_rate{suffix}",
                    f"{side} peak {phase} rate",
                    unit,
                    group,
                    definition,
                    _BACHARACH,
                    limits,
                    "all",
                    timed,
                    scaling,
                )
            yield Phenotype(
                f"{low}_peak_{phase}_time_ms",
                f"{side} time to peak {phase} rate",
                "ms",
                group,
                f"time from {start} to the peak {phase} rate",
                _BONOW,
                (0.0, 2500.0),
                "all",
                True,
            )
            yield Phenotype(
                f"{low}_peak_{phase}_phase",
                f"{side} phase of the peak {phase} rate",
                "1",
                group,
                f"time from ED to the peak {phase} rate / duration of the beat",
                _BONOW,
                (0.0, 1.0),
                "all",
            )
        yield Phenotype(
            f"{low}_first_third_filling",
            f"{side} first-third filling fraction",
            "%",
            group,
            f"100 (volume a third of the way from ES to the next ED - ESV) / stroke volume, {side} volumes "
            "interpolated linearly between frames",
            "Reduto et al., Circulation 63, 1981",
            (-20.0, 120.0),
            "all",
        )


PHENOTYPES: dict[str, Phenotype] = {phenotype.name: phenotype for phenotype in _declared()}


def unit_of(name: str) -> str:
    """Unit of a phenotype; empty of one that only a user's own table has."""
    return PHENOTYPES[name].unit if name in PHENOTYPES else ""


def markdown() -> str:
    """The registry as the table that ``docs/phenotypes.md`` shows."""
    lines = [
        "| phenotype | title | unit | definition | reference | valid range | labelled frames | frame duration | ED and ES alone |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for item in PHENOTYPES.values():
        cells = (
            f"`{item.name}`",
            item.title,
            item.unit,
            item.definition,
            item.reference,
            f"{item.range[0]:g} to {item.range[1]:g}",
            item.frames,
            "needed" if item.timed else "",
            "yes" if item.from_ed_and_es else "no",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def documented(text: str) -> str:
    """The document `text` with its table of phenotypes as they are now."""
    before, rest = text.split(_BEGIN, 1)
    return f"{before}{_BEGIN}\n{markdown()}{_END}{rest.split(_END, 1)[1]}"


if __name__ == "__main__":
    _DOCUMENT.write_text(documented(_DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
