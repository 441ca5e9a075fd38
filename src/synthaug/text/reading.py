"""What a sentence claims: facts, and words that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from synthaug.labels import WALLS
from synthaug.text.clauses import CLAUSE_END
from synthaug.text.contradictions import Claim, against, within
from synthaug.text.facts import SEGMENT_NAMES, Facts
from synthaug.text.grammar import DIAGNOSES, grammar_words
from synthaug.text.words import is_number, words


class Reading(NamedTuple):
    """What was read.

    Attributes
    ----------
    claims : tuple of Claim
        Empty of an empty sentence, the null condition.
    unknown : tuple of str
        Words that neither the grammar nor the reader knows, in their order, each once.
    warnings : tuple of str
        One line a contradiction, with both sides.
    """

    claims: tuple[Claim, ...]
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def facts(self) -> Facts:
        """The claims by name; the first of each."""
        found: Facts = {}
        for claim in self.claims:
            found.setdefault(claim.name, claim.value)
        return found


#: Words of free text that say nothing of a fact, or are understood beside the grammar's.
_COMMON = frozenset(
    words(
        "a an the of and or with without in on at to for from by is are was were be has have shows show showing seen there "
        "this that these no not non but as than both all each other mild moderate severe markedly marked good poor low "
        "depressed dysfunction dilatation enlargement enlarged supranormal hypertrophied elevated raised scar infarct "
        "ischemic ischaemia lvef lvedv lvesv rvef rvedv rvesv lvh akinesis hypokinesis akinetic contractility pump study "
        "image images imaging mr cmr patient man woman male female year years old aged beats per minute small size ventricles "
        "biventricular chamber chambers preserved function"
    )
)
_GRAMMAR_WORDS = frozenset(grammar_words() | grammar_words(held_out=True))
_RIGHT = re.compile(r"\b(?:right ventric\w*|rv(?:ef|edv|esv)?)\b")
_LEFT = re.compile(r"\b(?:left ventric\w*|lv(?:ef|edv|esv)?)\b")
_FUNCTION = re.compile(
    r"\b(?:ef|lvef|rvef|ejection fraction|systolic function|function|dysfunction|contractility)\b"
)
#: Function of something else than a ventricle in systole, with the words that grade it.
_GRADED = r"(?:normal|preserved|good|reduced|impaired|abnormal|poor|mild|mildly|moderate|moderately|severe|severely)"
_OTHER_FUNCTION = re.compile(
    rf"(?:\b{_GRADED} )*\b(?:diastolic|valve|valvular|mitral|aortic|tricuspid|pulmonary|atrial|renal)(?: valve)? "
    rf"(?:dys)?function\b(?: (?:is|was)(?: {_GRADED})+)?"
)
# A number is that of the quantity named last before it; one that is indexed to the body surface is another quantity.
_OTHER_QUANTITY = (
    r"(?:(?:lv|rv)?(?:ef|edv|esv)|ejection|end|volume|mass|stroke|output|rate|thickness|diameter|field|age|"
    r"index|indexed)\b"
)
_GAP = rf"(?: (?!\d|{_OTHER_QUANTITY})\w+){{0,6}} "
_NUMBER = r"(\d+(?:\.\d+)?)(?![\d.])"
_VOLUME = rf"{_NUMBER}(?! ml m\b)"
_NUMBERS = {
    "ef_percent": re.compile(
        rf"\b(?:ef|lvef|rvef|ejection fraction){_GAP}{_NUMBER}(?! (?:ml|g|mm|cm|t|ms|bpm|beats|years?)\b)"
    ),
    "edv": re.compile(rf"\b(?:edv|lvedv|rvedv|end diastolic volume){_GAP}{_VOLUME}"),
    "esv": re.compile(rf"\b(?:esv|lvesv|rvesv|end systolic volume){_GAP}{_VOLUME}"),
    "mass": re.compile(rf"(?<!\bbody )\bmass{_GAP}{_NUMBER} g\b(?! m\b)"),
}
_REDUCED = r"(?:reduced|impaired|depressed|dysfunction|poor|low)"
_JOINED = re.compile(r" (?:and|with|but|while|whereas) ")
_BETWEEN = r"(?: (?:lv|left|ventricular|systolic|global|globally))*"
_DEGREES = (
    ("mildly reduced", re.compile(rf"\b(?:mildly|mild|slightly)\b{_BETWEEN} {_REDUCED}")),
    ("moderately reduced", re.compile(rf"\b(?:moderately|moderate)\b{_BETWEEN} {_REDUCED}")),
    ("severely reduced", re.compile(rf"\b(?:severely|severe|markedly)\b{_BETWEEN} {_REDUCED}")),
    ("reduced", re.compile(rf"\b{_REDUCED}\b")),
    ("hyperdynamic", re.compile(r"\b(?:hyperdynamic|supranormal)\b")),
    ("normal", re.compile(r"\b(?:normal|preserved|good)\b")),
)
#: Before "MRI", at the beginning of a clause; an axis or "cine" there names the view of a cine.
_SEQUENCE = re.compile(
    r"(?:(?:impression|findings)(?: of)? )?((?!(?:short|long|cardiac|cine|impression|findings|the|a)\b)\w+(?: \w+){0,2}?) mri\b"
)
_WEAK = re.compile(
    r"\b(?:hypokine\w+|akine\w+)\b|\breduced(?: \w+)? motion\b|\bmotion(?: \w+){0,2} reduced\b"
)
_AKINETIC = re.compile(r"\bakine\w+\b|\bdoes not contract\b")
#: Motion, and that it is reduced most in the walls that the clause names.
_MOTION = re.compile(r"\b(?:motion|moves|hypokine\w+)\b")
_MOST = re.compile(
    r"(?<!\bat )\bleast\b|\bworst\b|\breduced most\b|\bmost (?:severe|severely|marked|pronounced|reduced)\b"
)
#: At the end of what stands before a finding that is denied: "no evidence of", "no significant left ventricular".
_DENIED = re.compile(
    r"\b(?:no|not|without|nor)(?: (?:\w+ ){0,2}(?:of|for))?(?: (?!(?:and|but|with|yet)\b)\w+){0,3} ?$"
)
#: At the beginning of what stands behind one.
_ABSENT = re.compile(r" (?:\w+ )?(?:not (?:seen|present|found|detected|evident)|absent|excluded)\b")
_DILATED = r"(?:dilated|enlarged|dilatation|enlargement)"
_DILATION = re.compile(rf"\b{_DILATED}\b(?! left ventricular disease| cardiomyopathy)")
#: Size of something else than a ventricle.
_OTHER = r"(?:(?:left|right|ascending|pulmonary) )?(?:atri\w+|aort\w+|artery|trunk)(?: root)?"
_OTHER_SIZE = re.compile(
    rf"\b{_DILATED}(?: of)?(?: the)? {_OTHER}\b|\b{_OTHER} (?:(?:is|are) )?(?:\w+ )?{_DILATED}\b"
)
_DEGREE_DENIED = re.compile(
    rf"\b(?:no|not|without) (?:\w+ )?(?:mild|moderate|severe|marked)(?:ly)? (?:\w+ )?{_DILATED}\b"
)
_THICK = re.compile(r"\b(?:hypertrophy|hypertrophied|thickened|thickest|lvh)\b")
#: Words before "scanner" that name no vendor.
_NO_VENDOR = r"(?:a|an|the|of|on|in|at|by|with|same|our|this|one|clinical|whole|body|wide|bore|t|mr|mri|cmr|cardiac|magnetic|resonance)"
_VENDORS = (
    re.compile(r"\bvendor (\w+)"),
    re.compile(r"\ba (\w) scanner\b"),
    re.compile(r"^scanner (\w)$"),
    re.compile(rf"\b((?:(?!{_NO_VENDOR}\b|\d)\w+ )+)scanner\b"),
    re.compile(rf"^scanner (?!{_NO_VENDOR}\b)(\w+)"),
)
_OTHER_DIAGNOSES = {
    "NOR": ("normal study", "healthy volunteer", "no cardiac abnormality", "normal cine", "normal findings"),
    "DCM": ("dilative cardiomyopathy",),
    "HCM": (),
    "MINF": ("infarct", "infarction", "myocardial scar"),
}


def _plain(text: str) -> str:
    return " ".join(words(text))


def _names() -> dict[str, re.Pattern[str]]:
    found = {}
    for code, (names, others) in DIAGNOSES.items():
        spelled = {_plain(name) for name in (*names, *others, *_OTHER_DIAGNOSES.get(code, ()))}
        # The longest first, so that a denial is looked for before "previous myocardial infarction" and not before its last word.
        longest_first = "|".join(map(re.escape, sorted(spelled, key=len, reverse=True)))
        found[code] = re.compile(rf"\b(?:{longest_first})\b(?! (?:rate|rhythm|size|valves?|sounds?)\b)")
    return found


_DIAGNOSIS_NAMES = _names()


def read(sentence: str, row: Mapping[str, Any] | None = None, known: Collection[str] = ()) -> Reading:
    """Read a sentence.

    Parameters
    ----------
    sentence : str
        Of the grammar, or free text.
    row : mapping, optional
        What else is known of the heart, as of `facts_of`: the sentence must not contradict it.
    known : collection of str
        Further words that are known, such as those of training reports.

    Returns
    -------
    Reading
        Facts by rules, not by a model: what free text says beyond the grammar's facts is not among the claims.
    """
    claims: list[Claim] = []
    for part in CLAUSE_END.split(sentence):
        for clause in _by_ventricle(_plain(part)):
            claims += (Claim(name, value, part.strip(" ()")) for name, value in _claims_of(clause))
    if _plain(sentence) in ("normal", "healthy"):
        claims.append(Claim("diagnosis", "NOR", sentence.strip(" .")))
    understood = _GRAMMAR_WORDS | _COMMON | set(known) | _codes(row)
    unknown = [word for word in words(sentence) if not is_number(word) and word not in understood]
    named = {word for claim in claims if claim.name in ("vendor", "sequence") for word in words(claim.value)}
    warnings = [*within(claims), *against(claims, row or {})]
    return Reading(
        tuple(claims),
        tuple(dict.fromkeys(word for word in unknown if word not in named)),
        tuple(dict.fromkeys(warnings)),
    )


def warnings_of(
    subject: str, sentence: str, row: Mapping[str, Any], known: Collection[str] = ()
) -> list[str]:
    """Lines for the log about one subject's sentence: contradictions, then unknown words."""
    reading = read(sentence, row, known)
    lines = [f"{subject}: {warning}" for warning in reading.warnings]
    if reading.unknown:
        lines.append(
            f"{subject}: unknown words {', '.join(map(repr, reading.unknown))}; a text encoder takes them for one unknown word"
        )
    return lines


def _codes(row: Mapping[str, Any] | None) -> set[str]:
    """Words of the row's own vendor, diagnosis and sequence."""
    values = [(row or {}).get(name) for name in ("vendor", "diagnosis", "sequence")]
    return {word for value in values if isinstance(value, str) for word in words(value)}


def _by_ventricle(clause: str) -> list[str]:
    """A clause in parts of which each is about one ventricle: "normal LV size with a dilated RV"."""
    if not (_LEFT.search(clause) and _RIGHT.search(clause)):
        return [clause] if clause else []
    parts: list[str] = []
    for part in _JOINED.split(clause):
        if parts and not (_LEFT.search(part) or _RIGHT.search(part)):
            parts[-1] += f" {part}"
        else:
            parts.append(part)
    # "LV and RV are dilated": a name alone says nothing.
    alone = [not (set(_RIGHT.sub("", _LEFT.sub("", part)).split()) - {"the", "both"}) for part in parts]
    return [clause] if any(alone) else parts


def _claims_of(clause: str) -> Iterator[tuple[str, str]]:
    """Facts of one clause of plain words."""
    for code, pattern in _DIAGNOSIS_NAMES.items():
        if _asserted(pattern, clause):
            yield "diagnosis", code
            break
    right = bool(_RIGHT.search(clause)) and not _LEFT.search(clause)
    yield from _numbers(clause, right)
    yield from _function(clause, right)
    yield from _size(clause, right)
    if not right:  # the facts are of the left ventricle's wall
        yield from _wall(clause)
        yield from _motion(clause)
    if re.search(r"(?<!\bbody )\bmass\b", clause):
        if re.search(r"\b(?:increased|high|elevated|raised)\b", clause):
            yield "mass", "increased"
        elif re.search(r"\bnormal\b", clause):
            yield "mass", "normal"
    if sequence := _SEQUENCE.match(clause):
        yield "sequence", sequence[1]
    if field := re.search(rf"\b{_NUMBER} t\b", clause):
        yield "field", field[1]
    if vendor := next((found for pattern in _VENDORS if (found := pattern.search(clause))), None):
        yield "vendor", vendor[1].strip()


def _asserted(pattern: re.Pattern[str], clause: str) -> bool:
    """Whether a clause says what a pattern finds, and does not deny it: "no evidence of myocardial infarction"."""
    return any(
        not (_DENIED.search(clause[: match.start()]) or _ABSENT.match(clause[match.end() :]))
        for match in pattern.finditer(clause)
    )


def _numbers(clause: str, right: bool) -> Iterator[tuple[str, str]]:
    found = {name: match[1] for name, pattern in _NUMBERS.items() if (match := pattern.search(clause))}
    if "ef_percent" in found and not right:
        value = float(found["ef_percent"])
        # A share, or in percent.
        yield "ef_percent", f"{100 * value:g}" if value <= 1 else found["ef_percent"]
    if "edv" in found:
        yield "rv_edv_ml" if right else "lv_edv_ml", found["edv"]
    if "esv" in found and not right:
        yield "lv_esv_ml", found["esv"]
    if "mass" in found:
        yield "myo_mass_g", found["mass"]


def _function(clause: str, right: bool) -> Iterator[tuple[str, str]]:
    clause = _OTHER_FUNCTION.sub("", clause)
    if not _FUNCTION.search(clause):
        return
    degree = next((name for name, pattern in _DEGREES if _asserted(pattern, clause)), None)
    if degree is None:
        return
    if not right:
        yield "ef", degree
    else:
        yield "rv_ef", "reduced" if degree.endswith("reduced") else "preserved"


def _size(clause: str, right: bool) -> Iterator[tuple[str, str]]:
    if not right and not _LEFT.search(clause):
        return
    name = "rv_size" if right else "lv_size"
    clause = _OTHER_SIZE.sub("", clause)
    about_size = re.search(r"\b(?:size|cavity|ventricle)\b", clause) and not _FUNCTION.search(clause)
    if re.search(rf"\bnon {_DILATED}\b", clause):
        yield name, "normal"
    elif _DEGREE_DENIED.search(clause):
        return  # "not severely dilated" leaves open whether it is dilated
    elif _DILATION.search(clause) and "disease" not in clause:
        if not _asserted(_DILATION, clause):
            yield name, "normal"
        elif not right and re.search(rf"\b(?:severely|severe|markedly) {_DILATED}\b", clause):
            yield name, "severely dilated"
        else:
            yield name, "dilated"
    elif about_size and re.search(r"\bnormal\b", clause) and "mass" not in clause:
        yield name, "normal"


def _wall(clause: str) -> Iterator[tuple[str, str]]:
    thick = _asserted(_THICK, clause)
    if (_THICK.search(clause) and not thick) or re.search(
        r"\bnormal\b(?: \w+)? thickness\b|\bthickness\b(?: \w+){0,3} normal\b", clause
    ):
        yield "wall", "none"
    elif thick:
        named = [name for name in SEGMENT_NAMES.values() if re.search(rf"\b{name}\b", clause)]
        yield "wall", named[0] if named else "hypertrophy"


def _motion(clause: str) -> Iterator[tuple[str, str]]:
    if re.search(r"\bno(?: \w+)? wall motion abnormalit", clause) or re.search(
        r"\bnormal(?: \w+)? wall motion\b|\bwall motion(?: \w+)? normal\b", clause
    ):
        yield "motion", "normal"
        return
    weak = _asserted(_WEAK, clause)
    walls = " ".join(wall for wall in WALLS if re.search(rf"\b{wall}\b", clause))
    worst = walls and _MOTION.search(clause) and _MOST.search(clause)
    if weak and re.search(r"\b(?:global|globally|diffuse|diffusely)\b", clause):
        yield "motion", "global"
        if worst:
            yield "most_reduced", walls
    elif worst:
        yield "most_reduced", walls
    elif _asserted(_AKINETIC, clause):
        yield "akinetic", walls
    elif weak:
        yield "hypokinetic", walls
