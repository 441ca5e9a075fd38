"""The grammar of impressions: wordings of every fact, orders of the facts, openings and separators.

A wording is a clause with slots for facts, such as ``{ef_percent}``; it says the fact that it words and those of its
slots. Each fact has wordings for training and held-out ones. No held-out wording, order or opening occurs in training,
but every word of a held-out wording does, in other wordings of the training grammar: an encoder trained on the training
wordings alone knows each word and meets only new combinations of them. Words that no training wording has are never
held out, since no encoder trained inside a study could read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from synthaug.labels import WALLS
from synthaug.text.facts import EF_LIMITS, SEGMENT_NAMES, WALL_FACTS, Facts, numbers
from synthaug.text.words import words

_SLOT = re.compile(r"\{(\w+)\}")
#: Value of a fact that takes any value, which a slot of its own name spells.
ANY = "*"


@dataclass(frozen=True)
class Wordings:
    """Wordings of one value of a fact.

    Attributes
    ----------
    training, held_out : tuple of str
        At least one of each needs no slot but that of its own fact.
    """

    training: tuple[str, ...]
    held_out: tuple[str, ...]


def slots(wording: str) -> list[str]:
    """Names of the facts in a wording's slots."""
    return _SLOT.findall(wording)


def _each(structures: tuple[str, ...], synonyms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(structure.replace("<>", synonym) for structure in structures for synonym in synonyms)


def _product(
    training: tuple[str, ...], held_out: tuple[str, ...], synonyms: Mapping[str, tuple[str, ...]]
) -> dict[str, Wordings]:
    """Structures with ``<>`` for an adjective, of which each value has synonyms."""
    return {
        value: Wordings(_each(training, words_), _each(held_out, words_))
        for value, words_ in synonyms.items()
    }


#: Diagnoses: names in training, and names that are held out.
DIAGNOSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "NOR": (("normal heart", "healthy subject", "no cardiac disease"), ("healthy heart",)),
    "DCM": (
        ("dilated cardiomyopathy", "DCM", "cardiomyopathy of the dilated type"),
        ("cardiomyopathy (dilated)", "dilated type of cardiomyopathy"),
    ),
    "HCM": (
        ("hypertrophic cardiomyopathy", "HCM", "cardiomyopathy of the hypertrophic type"),
        ("cardiomyopathy (hypertrophic)", "hypertrophic type of cardiomyopathy"),
    ),
    "MINF": (
        ("myocardial infarction", "previous myocardial infarction", "MINF", "infarction of the myocardium"),
        ("previous infarction of the myocardium", "myocardial infarction (previous)"),
    ),
    "RV": (
        (
            "abnormal right ventricle",
            "right ventricular disease",
            "ARV",
            "abnormality of the right ventricle",
        ),
        ("disease of the right ventricle", "right ventricular abnormality"),
    ),
    "HHD": (("hypertensive heart disease", "HHD"), ("heart disease (hypertensive)",)),
    "IHD": (("ischaemic heart disease", "IHD"), ("heart disease (ischaemic)",)),
    "AHS": (("athletic heart syndrome", "AHS"), ("athletic heart",)),
    "LVNC": (("left ventricular noncompaction", "LVNC"), ("noncompaction of the left ventricle",)),
    "LV": (("dilated left ventricular disease",), ("left ventricular disease (dilated)",)),
    "FALL": (("tetralogy of Fallot", "Fallot tetralogy"), ("tetralogy (Fallot)",)),
    "CIA": (("interatrial communication",), ("communication (interatrial)",)),
    "ARR": (("congenital arrhythmogenesis",), ("arrhythmogenesis (congenital)",)),
    "TRI": (("tricuspid regurgitation",), ("regurgitation (tricuspid)",)),
}
_DIAGNOSIS = ("<>", "patient with <>", "diagnosis of <>"), ("diagnosis: <>", "findings of <>")
_FINDINGS = ("findings of a patient with <>",)

_ADVERBS = {
    "mildly reduced": ("mildly reduced", "slightly impaired"),
    "moderately reduced": ("moderately reduced", "moderately impaired"),
    "severely reduced": ("severely reduced", "severely impaired"),
}
_EF = {"hyperdynamic": ("hyperdynamic",), "normal": ("normal", "preserved"), **_ADVERBS}


def _diagnoses() -> dict[str, Wordings]:
    training, held_out = _DIAGNOSIS
    found = {
        code: Wordings(
            _each((*training, *_FINDINGS), names), (*_each(held_out, names), *_each((training[0],), others))
        )
        for code, (names, others) in DIAGNOSES.items()
    }
    found[ANY] = Wordings(_each((*training, *_FINDINGS), ("{diagnosis}",)), _each(held_out, ("{diagnosis}",)))
    return found


def _sized(long: str, short: str, edv: str) -> dict[str, Wordings]:
    """Size of a ventricle: its long name, its short one and the slot of its end-diastolic volume."""
    adjective, noun = long, long.replace("ventricular", "ventricle")
    dilated = _product(
        (
            f"<> {noun}",
            f"the {noun} is <>",
            f"<> {adjective} cavity",
            f"{short} <> with an end-diastolic volume of {edv} ml",
            f"<> {short} (EDV {edv} ml)",
        ),
        (f"the {short} is <> with an EDV of {edv} ml", f"{adjective} cavity: <>", f"the <> {short}"),
        {
            "dilated": ("dilated", "enlarged"),
            "severely dilated": ("severely dilated", "severely enlarged"),
        },
    )
    normal = Wordings(
        (
            f"{noun} of normal size",
            f"normal {short} size",
            f"the {noun} is not dilated",
            f"{short} size is normal with an end-diastolic volume of {edv} ml",
            f"{adjective} cavity of normal size (EDV {edv} ml)",
        ),
        (
            f"normal {adjective} size",
            f"the {short} is of normal size with an EDV of {edv} ml",
            f"the {short} is not dilated",
        ),
    )
    return {"normal": normal, **dilated}


def _declared() -> dict[str, dict[str, Wordings]]:
    ef = _product(
        (
            "<> left ventricular ejection fraction",
            "<> ejection fraction of {ef_percent} %",
            "the ejection fraction is <>",
            "EF {ef_percent} percent (<>)",
            "left ventricular systolic function: <>",
            "the systolic function of the LV is <> with an EF of {ef_percent} percent",
        ),
        (
            "<> LV systolic function",
            "LV ejection fraction is <> ({ef_percent} %)",
            "the left ventricular EF of {ef_percent} percent is <>",
            "systolic function is <>",
        ),
        _EF,
    )
    rv_size = _sized("right ventricular", "RV", "{rv_edv_ml}")
    rv_size.pop("severely dilated")
    rv_ef = _product(
        (
            "<> right ventricular function",
            "RV systolic function is <>",
            "the right ventricular ejection fraction is <>",
        ),
        ("<> RV ejection fraction", "right ventricular systolic function: <>"),
        {"reduced": ("reduced", "impaired"), "preserved": ("preserved", "normal")},
    )
    wall = {
        "none": Wordings(
            (
                "no hypertrophy",
                "normal wall thickness",
                "wall thickness is normal",
                "no thickened wall segment",
            ),
            ("no wall hypertrophy", "normal thickness of the wall", "no hypertrophy of a segment"),
        ),
        "hypertrophy": Wordings(
            ("hypertrophy of the wall", "thickened wall", "wall hypertrophy"),
            ("the wall is thickened", "hypertrophy: thickened wall"),
        ),
        ANY: Wordings(
            (
                "hypertrophy of the {wall} segment",
                "{wall} hypertrophy",
                "thickened {wall} wall",
                "hypertrophy with the thickest wall in the {wall} segment",
            ),
            ("hypertrophy in the {wall} segment", "the {wall} segment is thickened"),
        ),
    }
    motion = {
        "normal": Wordings(
            ("normal wall motion", "no regional wall motion abnormality", "wall motion is normal"),
            ("no wall motion abnormality", "regional wall motion: normal"),
        ),
        "global": Wordings(
            (
                "global hypokinesia",
                "globally reduced wall motion",
                "diffuse hypokinesia",
                "the wall is globally hypokinetic",
            ),
            ("wall motion is globally reduced", "hypokinesia (global)", "diffuse hypokinesia of the wall"),
        ),
    }
    akinetic = Wordings(
        (
            "akinesia of the {akinetic} wall",
            "akinetic {akinetic} wall",
            "the {akinetic} wall does not contract",
            "{akinetic} akinesia",
        ),
        ("akinesia in the {akinetic} wall", "the {akinetic} wall is akinetic"),
    )
    hypokinetic = Wordings(
        (
            "hypokinesia of the {hypokinetic} wall",
            "hypokinetic {hypokinetic} wall",
            "reduced motion of the {hypokinetic} wall",
            "{hypokinetic} hypokinesia",
        ),
        ("hypokinesia in the {hypokinetic} wall", "the {hypokinetic} wall is hypokinetic"),
    )
    most_reduced = Wordings(
        (
            "hypokinesia is most severe in the {most_reduced} wall",
            "the {most_reduced} wall moves least",
            "motion of the {most_reduced} wall is reduced most",
            "least motion in the {most_reduced} wall",
        ),
        (
            "the motion of the {most_reduced} wall is reduced most",
            "{most_reduced} wall with the least motion",
        ),
    )
    mass = _product(
        (
            "<> myocardial mass",
            "myocardial mass is <> ({myo_mass_g} g)",
            "<> LV mass of {myo_mass_g} g",
            "the mass of the myocardium is <>",
        ),
        ("LV mass is <>", "<> mass of the myocardium", "<> myocardial mass of {myo_mass_g} g"),
        {"increased": ("increased", "high"), "normal": ("normal",)},
    )
    volume = Wordings(
        ("end-systolic volume of {lv_esv_ml} ml", "LV ESV {lv_esv_ml} ml"),
        ("ESV of {lv_esv_ml} ml", "left ventricular end-systolic volume {lv_esv_ml} ml"),
    )
    vendor = Wordings(
        ("{vendor} scanner", "scanner of vendor {vendor}", "acquired on a {vendor} scanner"),
        ("scanner: {vendor}", "vendor: {vendor}", "on a scanner of vendor {vendor}"),
    )
    field = Wordings(
        ("{field} T", "field strength {field} T", "acquired at a field strength of {field} T"),
        ("acquired at {field} T", "at {field} T field strength"),
    )
    return {
        "diagnosis": _diagnoses(),
        "ef": ef,
        "lv_size": _sized("left ventricular", "LV", "{lv_edv_ml}"),
        "lv_esv_ml": {ANY: volume},
        "wall": wall,
        "motion": motion,
        "akinetic": {ANY: akinetic},
        "hypokinetic": {ANY: hypokinetic},
        "most_reduced": {ANY: most_reduced},
        "rv_size": rv_size,
        "rv_ef": rv_ef,
        "mass": mass,
        "vendor": {ANY: vendor},
        "field": {ANY: field},
    }


#: Wordings of each value of each fact that has a clause of its own, in the order of a sentence.
GRAMMAR = _declared()
#: Facts that are said now and then only: another fact implies them or they say little of the heart.
OPTIONAL = ("lv_esv_ml",)

_FACTS = tuple(GRAMMAR)
_HEART, _SCAN = _FACTS[:-2], _FACTS[-2:]


def _first(*names: str) -> tuple[str, ...]:
    return (*names, *(name for name in _HEART if name not in names), *_SCAN)


#: Orders of the facts; the scanner comes last, because a reader with a limit of words cuts the end.
TRAINING_ORDERS = (
    _first(),
    _first("ef", "diagnosis"),
    _first("lv_size", "ef", "diagnosis"),
    (*(name for name in _HEART if name != "diagnosis"), "diagnosis", *_SCAN),
)
HELD_OUT_ORDERS = (
    _first("diagnosis", "rv_size", "rv_ef", "lv_size", "ef"),
    _first("motion", "akinetic", "hypokinetic", "most_reduced", "wall", "ef", "lv_size"),
)
TRAINING_OPENINGS = ("", "", "cardiac cine MRI: ", "short-axis cine MRI: ", "impression: ")
HELD_OUT_OPENINGS = ("", "cine MRI: ", "short-axis cardiac MRI: ")
#: Openings of what is no cine: a sequence is said first, as Kim et al. do ("A FLAIR modality MR image, type of glioma").
TRAINING_SEQUENCES = ("{sequence} MRI: ", "impression of {sequence} MRI: ")
HELD_OUT_SEQUENCES = ("impression: {sequence} MRI: ", "findings of {sequence} MRI: ")
SEPARATORS = (", ", ". ", "; ")


def wordings_of(name: str, value: str) -> Wordings:
    """Wordings of a fact's value."""
    values = GRAMMAR[name]
    return values.get(value) or values[ANY]


def fill(wording: str, facts: Facts) -> str:
    """The wording with its slots filled; walls are joined by ``and``."""

    def spelled(match: re.Match[str]) -> str:
        value = facts[match[1]]
        return " and ".join(value.split()) if match[1] in WALL_FACTS else value

    return _SLOT.sub(spelled, wording)


def grammar_words(held_out: bool = False) -> set[str]:
    """Words of the training wordings or the held-out ones, numbers, segments, walls and openings among them."""
    found: set[str] = set()
    for values in GRAMMAR.values():
        for wordings in values.values():
            for wording in wordings.held_out if held_out else wordings.training:
                found.update(words(_SLOT.sub(" ", wording)))
    openings = (
        (*HELD_OUT_OPENINGS, *HELD_OUT_SEQUENCES) if held_out else (*TRAINING_OPENINGS, *TRAINING_SEQUENCES)
    )
    for opening in openings:
        found.update(words(_SLOT.sub(" ", opening)))
    for spelled in (*SEGMENT_NAMES.values(), *WALLS):
        found.update(words(spelled))
    return found | {"and"} | set(numbers())


assert set(_EF) == {name for _, name in EF_LIMITS}
