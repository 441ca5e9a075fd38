"""The alignment: what it learns from, what it leaves out, its ablations and its class means."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from tiny_models import SMALL, settings_of, train, write_store
from tiny_text import SENTENCES, TINY_TEXT, tell

from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid
from synthaug.models.sentences import SentenceBank, Sentences, paraphrases_of, word_columns
from synthaug.models.text_alignment import TextAlignment
from synthaug.models.weights import load_model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tell(write_store(tmp_path_factory.mktemp("data") / "train"))


@pytest.fixture(scope="module")
def needs(data, tmp_path_factory):
    root = tmp_path_factory.mktemp("needs")
    paths = {
        "autoencoder": train("autoencoder", data, root / "autoencoder", iterations=2),
        "text": train("plugin", data, root / "text", changes=TINY_TEXT, iterations=1),
    }
    return {role: load_model(path) for role, path in paths.items()}


def made(data, needs, **changes):
    """A prepared alignment and its store; all copies are the original."""
    store = TensorStore.open(data)
    content = {"kind": "text_alignment", **SMALL["text_alignment"], "copies": 1, **changes}
    settings = settings_of({**content, "needs": {role: role for role in needs}})
    torch.manual_seed(0)
    model = TextAlignment(settings, Grid.of(store), needs, TextAlignment.facts(settings, store))
    model.prepare(store)
    return model, store


def loss_of(model, batch):
    return model.loss(batch, torch.Generator().manual_seed(0), 0)


def test_the_losses_fall_and_reach_contexts_classes_and_attention_alone(data, needs):
    model, store = made(data, needs)
    optimiser, generator = torch.optim.Adam(model.parameters(), lr=1e-2), torch.Generator().manual_seed(0)
    totals = []
    for step in range(25):
        loss, terms = model.loss(model.batch([0, 1, 2, 3], generator), generator, step)
        optimiser.zero_grad()
        loss.backward()
        if not step:
            assert all(parameter.grad is not None for parameter in model.parameters())
            assert model.prompt.contexts.grad.any() and model.prompt.classes.grad[:2].any()
            layer = model.network.layers[0]
            assert layer.to_words.query.weight.grad.any() and layer.to_image.query.weight.grad.any()
        optimiser.step()
        totals.append(loss.item())
    model.requires_grad_(False).eval()
    assert model.assess(store)["class_accuracy"] >= 0.75  # of the subjects it was trained on
    others = store.table.assign(diagnosis="HCM")
    unknown = TensorStore(store.images, store.labels, store.slice_mask, others, store.spacing_mm)
    assert model.assess(unknown) == {}
    assert set(terms) == {"class", "image_tokens", "words", "relevance"}
    assert sum(totals[-5:]) < sum(totals[:5]) - 0.5
    assert all(parameter.grad is None for parameter in needs["text"].parameters())


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"local_weight": 0}, {"class", "relevance"}),
        ({"relevance_weight": 0}, {"class", "image_tokens", "words"}),
        ({"local_weight": 0, "relevance_weight": 0}, {"class"}),
        ({"contexts": 5, "depth": 2}, {"class", "image_tokens", "words", "relevance"}),
    ],
)
def test_ablations_leave_out_their_terms_and_no_parameter_is_idle(data, needs, changes, terms):
    model, _ = made(data, needs, **changes)
    loss, found = loss_of(model, model.batch([0, 1], torch.Generator().manual_seed(0)))
    loss.backward()
    assert set(found) == terms and torch.isfinite(loss)
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert len(model.prompt.contexts) == model.settings.contexts


def test_missing_slices_and_missing_words_change_nothing(data, needs):
    model, _ = made(data, needs, patch=[5, 1, 4, 4])
    batch = model.batch([1, 3], torch.Generator().manual_seed(0))  # each one slice short
    before = loss_of(model, batch)[0]
    missing = batch["slices"][:, None] == 0
    assert missing.any()
    batch["latents"] = torch.where(missing, 9.0, batch["latents"])
    torch.testing.assert_close(loss_of(model, batch)[0], before)

    # The same pair beside a longer sentence, which fills the shorter one with pieces that do not exist.
    short, classes = ["normal heart"], torch.tensor([1])
    alone = model.describe(short, classes)
    beside = model.describe([*short, SENTENCES["DCM"]], torch.tensor([1, 0]))
    assert beside.known[0].sum() == alone.known.sum() == model.settings.contexts + 1 + 2
    torch.testing.assert_close(beside.tokens[0, : alone.tokens.shape[1]], alone.tokens[0])
    assert not beside.tokens[0, alone.tokens.shape[1] :].any()


def test_an_empty_sentence_has_no_words_even_with_contexts(data, needs):
    model, _ = made(data, needs)
    assert not model.describe([""], torch.tensor([0])).known.any()


def test_class_means_are_those_of_the_subjects_that_have_the_slices(data, needs):
    model, store = made(data, needs, patch=[5, 1, 4, 4])
    model.requires_grad_(False).eval()
    model.finish(store)
    latents = (model.cache.mean[0].float() - model.mean) / model.standard_deviation
    dilated = model.classes.index("DCM")
    found = model.mean_latents(torch.tensor([dilated, len(model.classes)]))
    members = [1, 3]  # both lack the last slice
    there = model.slices[members][:, None]
    torch.testing.assert_close(found[0], (latents[members] * there).mean(dim=0), atol=1e-5, rtol=1e-4)
    assert not found[0, :, :, -1].any() and not found[1].any() and found[0].any()


def test_a_loaded_alignment_knows_its_classes_and_means(data, tmp_path):
    paths = {
        "autoencoder": train("autoencoder", data, tmp_path / "autoencoder", iterations=1),
        "text": train("plugin", data, tmp_path / "text", changes=TINY_TEXT, iterations=1),
    }
    model = load_model(train("text_alignment", data, tmp_path / "alignment", paths, iterations=2))
    assert model.classes == ["DCM", "NOR"] and model.class_means[:2].any(dim=(1, 2)).all()
    assert model.conditions == ("diagnosis", "sentence")


def test_what_cannot_be_aligned_is_refused(data, needs):
    model, store = made(data, needs)
    with pytest.raises(SynthaugError, match="'HCM' was not among the training subjects; known are DCM, NOR"):
        model.class_ids(store.table.assign(diagnosis="HCM"))
    facts = ("report", "diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "lv_ef")
    silent = replace(store, table=store.table.assign(**dict.fromkeys(facts)))
    with pytest.raises(SynthaugError, match="nothing is known of any training subject"):
        model.prepare(silent)
    with pytest.raises(ValueError, match="all weights are 0"):
        settings_of({"kind": "text_alignment", "global_weight": 0, "local_weight": 0, "relevance_weight": 0})
    with pytest.raises(ValueError, match="contexts, of which there are 0"):
        settings_of({"kind": "text_alignment", "contexts": 0})


# --- sentences ----------------------------------------------------------------------------------


def test_each_copy_has_paraphrases_of_its_own(data):
    def write(row, scale, count):
        """Fewer paraphrases than wanted, which name the enlarged volume."""
        return [f"EDV {row['lv_edv_ml'] * scale**2:.0f} mL", "the same"] if row["subject"] != "h2" else []

    table = TensorStore.open(data).table
    bank = SentenceBank.of(table, torch.tensor([[1.0] * 4, [1.1] * 4]), 3, write)
    told = [[bank.sentences[place] for place in bank.places[copy, 0]] for copy in range(2)]
    assert told == [["EDV 120 mL", "the same", "EDV 120 mL"], ["EDV 145 mL", "the same", "EDV 145 mL"]]
    assert {bank.sentences[place] for place in bank.places[:, 2].flatten()} == {""}
    drawn = bank.draw(torch.tensor([1] * 50), torch.tensor([0] * 50), torch.Generator().manual_seed(0))
    assert {bank.sentences[place] for place in drawn} == {"EDV 145 mL", "the same"}
    assert len(set(bank.sentences)) == len(bank.sentences)


def test_paraphrases_are_of_the_enlarged_heart_or_the_users_report():
    row = {"subject": "h1", "lv_edv_ml": 100.0}
    small, large = (paraphrases_of(row, scale, 6) for scale in (1.0, 1.5))
    assert len(small) == len(set(small)) and len(large) == len(set(large))
    assert {found for text in small for found in re.findall(r"\d+", text)} == {"100"}
    assert {found for text in large for found in re.findall(r"\d+", text)} <= {"220", "230"}  # 225, in tens
    assert paraphrases_of({**row, "report": "dilated"}, 1.5, 4) == ["dilated"]
    assert paraphrases_of({"subject": "h1"}, 1.0, 4) == []
    drawn = Sentences(["a", "b"])
    assert drawn.to(torch.device("cpu")) is drawn and list(drawn) == ["a", "b"]


def test_words_are_found_in_pieces_whatever_their_case_and_spaces():
    pieces = ["[V]", "[CLS]", "Old", "infarct", "##ion", ",", "old", "heart"]
    columns = word_columns(pieces, ["infarction", "old", "old infarction", "tumour", "[CLS]"], 9)
    assert columns.shape == (9, 5) and columns.sum(dim=0).tolist() == [1, 1, 1, 0, 1]
    assert columns[:, 0].nonzero().flatten().tolist() == [3, 4]
    assert columns[:, 1].nonzero().flatten().tolist() == [2, 6]
    assert columns[:, 2].nonzero().flatten().tolist() == [2, 3, 4]
    # Pieces that were cut are not there.
    assert not word_columns(pieces, ["heart"], 7).any()


def test_a_word_of_several_pieces_is_found_whole_and_not_within_another():
    pieces = ["old", "infarct", "##ion", "antero", "##septal", "septal"]
    columns = word_columns(pieces, ["infarction", "septal", "infarct"], 6)
    assert columns[:, 0].nonzero().flatten().tolist() == [1, 2]
    assert columns[:, 1].nonzero().flatten().tolist() == [5]
    assert not columns[:, 2].any()
