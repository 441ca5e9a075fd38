"""How well the ejection fraction can be read from the token of its number in sentences of new hearts.

    .venv/bin/python benchmarks/numbers_in_text.py results/five-systems

A ridge regression is fitted on the tokens that a study's text encoder gives the number before "percent" in twelve paraphrases of
each training subject, and reads the same token of sentences, in held-out wordings, of hearts with ejection fractions between 25
and 70 %. Sentences round to 5 points, so that 1.25 is the least mean error.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV

from synthaug.models.text_encoder import TextEncoder
from synthaug.models.weights import load_model
from synthaug.text.facts import facts_of
from synthaug.text.impressions import compose

PARAPHRASES, NEW_HEARTS = 12, 150


def sentences_with_percent(row: Mapping[str, Any], numbers: Sequence[int], held_out: bool) -> list[str]:
    """Sentences of a row that say the ejection fraction in numbers."""
    written = [compose(facts_of(row), number, held_out=held_out).sentence for number in numbers]
    return [sentence for sentence in written if "%" in sentence or "percent" in sentence]


@torch.no_grad()
def tokens_of_percent(encoder: TextEncoder, sentences: Sequence[str]) -> np.ndarray:
    """Features (n, width) of the word before "percent" in each sentence."""
    places = [encoder.pieces(sentence).index("percent") - 1 for sentence in sentences]
    tokens = encoder.encode(sentences).tokens
    return np.stack([tokens[row, place].numpy() for row, place in enumerate(places)])


def new_heart(known: Sequence[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """A training subject with another EF and EDV; what would contradict them is left out."""
    ef, edv_ml = rng.uniform(25, 70), rng.uniform(90, 260)
    row = {name: value for name, value in known[rng.integers(len(known))].items() if "wall_thick" not in name}
    return row | {"lv_ef": ef, "lv_edv_ml": edv_ml, "lv_esv_ml": edv_ml * (1 - ef / 100)}


def main() -> None:
    """Fit, read, and print the mean absolute error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("results", type=Path)
    parser.add_argument("--model", default="text")
    options = parser.parse_args()
    weights = options.results / "models" / options.model / "fold-0" / "generator-seed-0" / "model.safetensors"
    encoder = cast(TextEncoder, load_model(weights).eval())
    table = pd.read_csv(options.results / "stores" / "fold-0" / "train" / "subjects.tsv", sep="\t")
    known = [
        {str(name): value for name, value in row.items()}
        for row in table[table["lv_ef"].notna()].to_dict("records")
    ]
    fitted, ef = [], []
    for number, row in enumerate(known):
        numbers = range(100 * number, 100 * number + PARAPHRASES)
        said = sentences_with_percent(row, numbers, held_out=False)
        fitted += said
        ef += [row["lv_ef"]] * len(said)
    rng = np.random.default_rng(1)
    read, true = [], []
    for number in range(NEW_HEARTS):
        row = new_heart(known, rng)
        said = sentences_with_percent(row, range(100 * number, 100 * number + 4), held_out=True)[:1]
        read += said
        true += [row["lv_ef"]] * len(said)
    features = tokens_of_percent(encoder, fitted)
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    regression = RidgeCV(np.logspace(-1, 5, 13)).fit((features - centre) / spread, ef)
    answer = regression.predict((tokens_of_percent(encoder, read) - centre) / spread)
    error, r = np.abs(answer - true).mean(), np.corrcoef(answer, true)[0, 1]
    print(
        f"{len(known)} subjects, {len(fitted)} sentences; {len(read)} new hearts: mean error {error:.1f} points of EF, r {r:.2f}"
    )


if __name__ == "__main__":
    main()
