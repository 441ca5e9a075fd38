"""The study's own text encoder: its loss by hand, what it learns in a few steps, and what generators ask of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from final_weights import features_after_finish
from tiny_models import settings_of, train, write_store

from synthaug.config.text_encoders import TextEncoderSettings
from synthaug.core.artifacts import read_json
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid
from synthaug.models.contrastive_text import ContrastiveText
from synthaug.models.text_retrieval import retrieval_scores, soft_cross_entropy, training_texts
from synthaug.models.weights import load_model
from synthaug.text.impressions import write

SMALL = {
    "width": 32,
    "depth": 1,
    "heads": 2,
    "embedding": 16,
    "channels": [8, 16],
    "slices_drawn": 2,
    "frames_drawn": 1,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> TensorStore:
    return TensorStore.open(write_store(tmp_path_factory.mktemp("data") / "train", subjects=8, n_slices=3))


def made(store: TensorStore, **changes: object) -> ContrastiveText:
    settings = settings_of({"kind": "text_encoder", **SMALL, **changes})
    assert isinstance(settings, TextEncoderSettings)
    torch.manual_seed(0)
    model = ContrastiveText(settings, Grid.of(store), {}, ContrastiveText.facts(settings, store))
    model.prepare(store)
    return model


def test_loss_by_hand() -> None:
    # Two sentences true of their own subject only, at cosine 1 and 0.
    loss = soft_cross_entropy(torch.eye(2), torch.eye(2, dtype=torch.bool))
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))
    # Both true of both: equal similarity is what is asked for, and the loss is the entropy of the targets.
    assert float(soft_cross_entropy(torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool))) == pytest.approx(
        math.log(2)
    )
    assert float(soft_cross_entropy(torch.eye(2), torch.ones(2, 2, dtype=torch.bool))) > math.log(2)


def test_retrieval_by_hand() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.1], [0.0, 0.1, 0.5]])
    true = torch.tensor([[True, True, False], [False, True, False], [False, False, True]])
    found = retrieval_scores(scores, true)
    # Sentence 1 finds subject 0, of whom it is not true; subject 1's best sentence is 1.
    assert found["text_to_image"] == pytest.approx(2 / 3) and found["image_to_text"] == 1
    assert found["chance"] == pytest.approx(4 / 9)


def test_subjects_of_whom_a_sentence_is_true_are_no_negatives(store) -> None:
    same = [{"diagnosis": "NOR", "vendor": "A"}] * 2 + [{"diagnosis": "DCM", "vendor": "A"}]
    model = made(store, share_said=1.0)
    model.rows = [{**row, "es_frame": 2} for row in same]
    batch = model.batch([0, 1, 2], torch.Generator().manual_seed(0))
    assert batch["true"].tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert batch["same"].tolist() == batch["true"].tolist()
    # With few facts said, a sentence can be true of all: "scanner of vendor A".
    drawn = [training_texts(same[0], np.random.default_rng(seed), 0.3) for seed in range(200)]
    assert {len(text.said) for text in drawn} == {1, 2} and all(text.said <= text.true for text in drawn)


def test_a_report_is_true_of_its_own_subject(store) -> None:
    row = {"diagnosis": "NOR", "report": "Unremarkable study."}
    drawn = [training_texts(row, np.random.default_rng(seed), 1.0) for seed in range(20)]
    assert {text.first == row["report"] for text in drawn} == {True, False}
    assert all(("report", row["report"]) in text.true for text in drawn)
    assert "unremarkable" in made(replace(store, table=store.table.assign(report=row["report"]))).vocabulary


def test_volumes_are_told_of_the_enlarged_heart(store) -> None:
    model = made(store, share_said=1.0, augmentation={"scale": 0.4, "shift_voxels": 0, "rotation_degrees": 0})
    model.rows = [{"lv_edv_ml": 200.0}] * 2
    told = set()
    for seed in range(8):
        numbers = model.batch([0], torch.Generator().manual_seed(seed))["first"]
        told |= {model.vocabulary[int(number) - 1] for number in numbers[0] if number > 0}
    assert {"dilated", "normal"} <= told or {"enlarged", "normal"} <= told


def test_a_few_steps_lower_the_loss_and_bring_paraphrases_together(store) -> None:
    model = made(store, share_said=1.0, slices_drawn=1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for iteration in range(60):
        loss, terms = model.loss(model.batch(list(range(8)), generator), generator, iteration)
        assert all(term.ndim == 0 and not term.requires_grad for term in terms.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.3
    model.eval().requires_grad_(False)
    # Held-out paraphrases of the same facts, against sentences of another diagnosis, size and function.
    normal = {"diagnosis": "NOR", "vendor": "A", "lv_edv_ml": 120.0, "lv_esv_ml": 50.0}
    failing = {"diagnosis": "DCM", "vendor": "A", "lv_edv_ml": 240.0, "lv_esv_ml": 150.0}
    one, other = (
        model.embed([write(row, number, held_out=True) for number in range(8)]) for row in (normal, failing)
    )
    within = (one @ one.T).mean() / 2 + (other @ other.T).mean() / 2
    assert float(within) > float((one @ other.T).mean()) + 0.1


def test_reports_that_are_cut_are_told_of_once(store, caplog) -> None:
    sentences = ["EF 60 %"] * 7 + ["word " * 20]
    told = replace(store, table=store.table.assign(sentence=sentences))
    made(told, longest=20)
    assert not caplog.records
    made(told, longest=19)
    (line,) = caplog.messages
    assert "1 of 8 training sentences are longer than the 19 pieces that are read, the longest has 20" in line


def test_sentences_as_tokens(store) -> None:
    model = made(store).eval()
    encoded = model.encode(["", "normal heart", "dilated cardiomyopathy, EF 27 %"])
    assert encoded.tokens.shape == (3, 5, model.width)
    assert encoded.known.sum(dim=1).tolist() == [0, 2, 5] and torch.isfinite(encoded.tokens).all()
    assert model.pieces("Normal heart.") == ["normal", "heart"]
    # What follows a sentence in the batch changes nothing of it.
    alone = model.encode(["normal heart"]).tokens
    assert torch.allclose(alone[0], encoded.tokens[1, :2], atol=1e-6)
    assert model.embed(["", "normal heart"]).norm(dim=1).tolist() == pytest.approx([1, 1])


def test_gradients_reach_learned_words_in_front(store) -> None:
    model = made(store).eval().requires_grad_(False)
    with torch.no_grad():  # the attention starts as the identity, in which a word sees none other
        for block in model.text.attention:
            torch.nn.init.normal_(block.attention.output.weight, std=0.1)
    prefix = torch.zeros(2, 3, model.word_width, requires_grad=True)
    encoded = model.encode(["normal heart", ""], prefix)
    assert encoded.tokens.shape == (2, 5, model.width) and encoded.known.sum(dim=1).tolist() == [5, 3]
    # Weighted, because the sum of a normalised vector is the same whatever the words in front say.
    (encoded.tokens[0, 3:] * torch.linspace(-1, 1, model.width)).sum().backward()
    assert prefix.grad is not None and prefix.grad[0].abs().sum() > 0 and prefix.grad[1].abs().sum() == 0


def test_long_sentences_are_cut_and_unknown_words_are_one(store) -> None:
    model = made(store, longest=8).eval()
    assert model.encode(["heart " * 50], torch.zeros(1, 3, 32)).tokens.shape == (1, 8, 32)
    assert len(model.pieces("heart " * 50)) == 8
    first, second = model.encode(["zebra heart"]).tokens, model.encode(["quagga heart"]).tokens
    assert torch.equal(first, second) and model.unknown("zebra heart 243") == ["zebra"]


def test_trained_and_loaded_it_reads_the_same(store, tmp_path) -> None:
    path = write_store(tmp_path / "train", subjects=4, n_slices=3)
    weights = train("text_encoder", path, tmp_path / "model", changes=SMALL)
    model, again = load_model(weights), load_model(weights)
    assert torch.equal(model.embed(["normal heart"]), again.embed(["normal heart"]))  # type: ignore[operator]
    figures = read_json(tmp_path / "model" / "training.json")["figures"]
    assert {"text_to_image", "image_to_text", "chance"} <= set(figures)
    assert 0 <= figures["text_to_image"] <= 1


def test_images_are_standardised_with_the_final_weights(store) -> None:
    model = made(store, training={"batch_size": 4})
    standardise = model.images.standardise
    seen = features_after_finish(model, model.images.images, standardise, store)
    assert torch.allclose(standardise.running_mean, seen.mean(dim=0), atol=1e-5)
    assert not standardise.training
