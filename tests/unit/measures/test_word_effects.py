"""The effect of a word: the change of the image where its clauses are left out, with the same noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.measures.word_effects import has_word, word_effects
from synthaug.synthesis.requests import request_cohort
from synthaug.text.words import words

SENTENCES = ["large LV, thick wall", "thick wall; thick RV wall", None]
PLACES = {"lv": 0, "wall": 1, "rv": 2}


class Painting:
    """Each word of a sentence brightens a voxel of its own, over noise of the seed."""

    def __init__(self):
        self.asked = []

    def sample(self, requests, batch_size=1):
        for subject, row in requests.table.iterrows():
            self.asked.append((subject, row["sentence"]))
            cine = np.random.default_rng(int(row["seed"])).random((1, 1, 1, 3)).astype(np.float32)
            for word, place in PLACES.items():
                cine[..., place] += word in words(str(row["sentence"]))
            yield subject, cine, None


@pytest.fixture
def requests():
    table = {"subject": ["a", "b", "c"], "seed": [4, 5, 6], "n_slices": 1, "sentence": SENTENCES}
    return request_cohort(pd.DataFrame(table))


def test_only_what_the_clause_said_changes(requests):
    generator = Painting()
    cines = {subject: cine for subject, cine, _ in generator.sample(requests)}
    generator.asked.clear()
    found = {
        (subject, word): effect.ravel().round(5).tolist()
        for subject in requests.subjects
        for word, effect in word_effects(
            generator, requests.select([subject]), ["LV", "wall", "[CLS]", "apex"], cines[subject]
        ).items()
    }
    assert found == {
        ("a", "LV"): [1, 0, 0],
        ("a", "wall"): [0, 1, 0],
        ("b", "wall"): [0, 1, 1],  # both clauses go, and the RV with the second
    }
    assert generator.asked == [("a", "thick wall"), ("a", "large LV"), ("b", "")]


def test_words_of_one_clause_are_sampled_once(requests):
    generator = Painting()
    one = requests.select(["a"])
    ((_, cine, _),) = generator.sample(one)
    generator.asked.clear()
    found = word_effects(generator, one, ["thick", "wall", "large"], cine)
    assert set(found) == {"thick", "wall", "large"}
    assert generator.asked == [("a", "large LV"), ("a", "thick wall")]


def test_the_class_stands_before_every_sentence_and_a_word_in_its_own():
    assert has_word("", "[CLS]") and has_word("thick wall", "wall")
    assert not has_word("", "wall") and not has_word("thick walls", "wall")
