"""The grammar: what is held out stays out of training, and is made of words that training has."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.text.facts import facts_of
from synthaug.text.grammar import (
    ANY,
    GRAMMAR,
    HELD_OUT_OPENINGS,
    HELD_OUT_ORDERS,
    TRAINING_OPENINGS,
    TRAINING_ORDERS,
    fill,
    grammar_words,
    slots,
    wordings_of,
)
from synthaug.text.impressions import compose, rescaled, training_sentence, write
from synthaug.text.reading import read
from synthaug.text.words import nearest_number, words

#: A value of each open fact, and numbers that agree with a category.
OPEN = {
    "wall": "basal anteroseptal",
    "akinetic": "anterior septal",
    "hypokinetic": "lateral",
    "most_reduced": "inferolateral",
    "vendor": "Siemens",
    "field": "1.5",
    "diagnosis": "Xyz",
    "lv_esv_ml": "80",
}
AGREEING = {
    "ef_percent": {
        "hyperdynamic": "80",
        "normal": "60",
        "mildly reduced": "45",
        "moderately reduced": "35",
        "severely reduced": "20",
    },
    "lv_edv_ml": {"normal": "150", "dilated": "220", "severely dilated": "300"},
    "rv_edv_ml": {"normal": "150", "dilated": "260"},
    "myo_mass_g": {"normal": "100", "increased": "200"},
}
ROW = {
    "diagnosis": "DCM",
    "vendor": "A",
    "field_strength_t": 3.0,
    "lv_edv_ml": 247.0,
    "lv_esv_ml": 190.0,
    "myo_mass_g": 170.0,
    "rv_edv_ml": 150.0,
    "rv_ef": 45.0,
    "wall_thickness_max_ed_mm": 9.0,
}


def clauses() -> list[tuple[str, dict[str, str], bool]]:
    """Every wording of every value, filled, with the facts that it says and whether it is held out."""
    found = []
    for name, value in ((name, value) for name, values in GRAMMAR.items() for value in values):
        spoken = OPEN[name] if value == ANY else value
        facts = {name: spoken} | {n: by[spoken] for n, by in AGREEING.items() if spoken in by}
        wordings = wordings_of(name, value)
        for held_out, group in ((False, wordings.training), (True, wordings.held_out)):
            for wording in group:
                said = {fact: facts[fact] for fact in (name, *slots(wording))}
                found.append((fill(wording, facts), said, held_out))
    return found


CLAUSES = clauses()


def test_held_out_wordings_never_occur_in_training():
    training = {clause for clause, _, held_out in CLAUSES if not held_out}
    assert training.isdisjoint(clause for clause, _, held_out in CLAUSES if held_out)
    assert not set(TRAINING_ORDERS) & set(HELD_OUT_ORDERS)
    for held_out in (False, True):
        own = sorted((c for c, _, h in CLAUSES if h == held_out), key=len, reverse=True)
        for paraphrase in range(100):
            # A sentence of one fact: its clause is one of its own kind.
            for name, value in (("ef", "normal"), ("lv_size", "dilated"), ("diagnosis", "HCM")):
                sentence = compose({name: value}, paraphrase, held_out).sentence
                openings = HELD_OUT_OPENINGS if held_out else TRAINING_OPENINGS
                opening = max((o for o in openings if sentence.lower().startswith(o.lower())), key=len)
                assert sentence.removesuffix(".")[len(opening) :].lower() in {
                    clause.lower() for clause in own
                }


def test_every_held_out_word_is_a_word_of_training():
    assert grammar_words(held_out=True) <= grammar_words()


def test_a_held_out_wording_is_nearest_to_training_wordings_of_its_own_value():
    """By the words alone: an encoder that has learned what the words mean needs no wording it has not seen."""

    def likeness(one: str, other: str) -> float:
        first, second = set(words(one)), set(words(other))
        return len(first & second) / len(first | second)

    for values in GRAMMAR.values():
        named = {value: wordings for value, wordings in values.items() if value != ANY}
        for value, wordings in named.items():
            for wording in wordings.held_out:
                best = {
                    other: max(likeness(wording, one) for one in theirs.training)
                    for other, theirs in named.items()
                }
                assert best[value] == max(best.values()), (value, wording)


@pytest.mark.parametrize("held_out", [False, True])
def test_every_wording_is_read_as_the_facts_that_it_says(held_out):
    for clause, said, own in CLAUSES:
        if own != held_out or said.get("diagnosis") == "Xyz":
            continue
        reading = read(clause)
        found = {name: value.lower() for name, value in reading.facts.items()}
        assert found == {name: value.lower() for name, value in said.items()}, clause
        assert not reading.warnings and not reading.unknown, clause


@pytest.mark.parametrize("held_out", [False, True])
def test_a_whole_impression_says_the_facts_of_its_row(held_out):
    facts = facts_of(ROW)
    seen = set()
    for paraphrase in range(60):
        impression = compose(facts, paraphrase, held_out)
        assert impression.said <= set(facts.items())
        reading = read(impression.sentence, ROW)
        # The first vendor and diagnosis are codes as the row spells them.
        assert {(n, v.lower()) for n, v in reading.facts.items()} <= {
            (n, v.lower()) for n, v in facts.items()
        }
        assert not reading.warnings and not reading.unknown
        assert {"diagnosis", "ef", "lv_size", "wall", "rv_size", "rv_ef", "mass"} <= set(
            dict(impression.said)
        )
        seen.add(impression.sentence)
    assert len(seen) == 60


def test_a_number_gives_the_same_sentence_and_a_generator_another_each_time():
    assert write(ROW, 3) == write(ROW, 3) != write(ROW, 4)
    draw = np.random.default_rng(0)
    assert write(ROW, draw) != write(ROW, draw)


def test_a_report_takes_the_place_of_a_written_sentence():
    assert training_sentence({**ROW, "report": "As told."}, 3) == "As told."
    assert training_sentence({**ROW, "report": None}, 3) == write(ROW, 3)


def test_nothing_known_is_the_empty_sentence():
    assert write({"diagnosis": None, "lv_edv_ml": float("nan")}, 0) == ""
    assert write({}, 0, held_out=True) == ""


def test_a_part_of_the_facts_is_said_and_at_least_one():
    facts = facts_of(ROW)
    told = [len(dict(compose(facts, number, share=0.3).said)) for number in range(50)]
    assert min(told) >= 1 and max(told) < len(facts)
    assert all(compose({"ef": "normal"}, number, share=0.01).said for number in range(10))


def test_an_enlarged_heart_is_described_as_it_is():
    # 180 mL and 80 g become 217.8 mL and 96.8 g; a wall of 14 mm becomes 15.4 mm; the ejection fraction stays.
    row = {
        "lv_edv_ml": 180.0,
        "lv_esv_ml": 90.0,
        "myo_mass_g": 80.0,
        "wall_thickness_max_ed_mm": 14.0,
        "age": 50,
        "vendor": "A",
        "rv_edv_ml": None,
    }
    found = rescaled(row, 1.1)
    assert found["lv_edv_ml"] == pytest.approx(217.8) and found["myo_mass_g"] == pytest.approx(96.8)
    assert found["wall_thickness_max_ed_mm"] == pytest.approx(15.4)
    assert (found["age"], found["vendor"], found["rv_edv_ml"]) == (50, "A", None)
    before, after = facts_of(row), facts_of(found)
    assert (before["lv_size"], after["lv_size"]) == ("normal", "dilated") and "wall" not in before
    assert after["wall"] == "hypertrophy" and before["ef"] == after["ef"] == "mildly reduced"


def test_numbers_near_one_of_the_vocabulary_are_read_as_it():
    assert nearest_number("243", ["200", "240", "250"]) == "240"
    assert nearest_number("7", ["200", "240"]) is None


def test_a_sequence_is_said_first_and_alone_where_nothing_else_is_known():
    openings = {False: set(), True: set()}
    for held_out in (False, True):
        for name in ("T1", "FLAIR", "T1CE"):
            alone = compose({"sequence": name}, 0, held_out)
            assert alone.sentence.endswith(f"{name} MRI.") and alone.said == {("sequence", name)}
        for paraphrase in range(40):
            row = {**ROW, "sequence": "T1CE"}
            told = compose(facts_of(row), paraphrase, held_out)
            assert ("sequence", "T1CE") in told.said
            openings[held_out].add(told.sentence.partition("T1CE")[0])
            reading = read(told.sentence, row)
            assert reading.facts["sequence"] == "t 1 ce" and not reading.warnings and not reading.unknown
            # Two contrasts of one heart differ in the word of the contrast alone.
            other = write({**row, "sequence": "T2"}, paraphrase, held_out)
            assert other == told.sentence.replace("T1CE", "T2")
    assert openings[False].isdisjoint(openings[True]) and min(map(len, openings.values())) == 2
    assert "contradicts the sequence of its row, T2" in read("T1CE MRI", {"sequence": "T2"}).warnings[0]
    assert "sequence" not in read("Short-axis cine MRI: normal heart").facts


def test_a_row_without_a_sequence_has_the_sentence_it_had():
    assert write({**ROW, "sequence": None}, 5) == write(ROW, 5)
