"""The text-driven diffusion model: its base, its words, its guidance."""

from __future__ import annotations

import pytest
import torch
from tiny_models import SMALL, requests, settings_of, train, write_store
from tiny_text import SENTENCES, SMALL_LATENTS, TINY_TEXT, tell

from synthaug.config.generators import SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models import text_diffusion
from synthaug.models.base import Grid
from synthaug.models.conditioner import TOKEN_MASK, TOKENS
from synthaug.models.text_diffusion import TextDiffusion
from synthaug.models.weights import load_model

IMAGES = {"temporal": False, "slice_aware": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tell(write_store(tmp_path_factory.mktemp("data") / "train"))


@pytest.fixture(scope="module")
def needs(data, tmp_path_factory):
    root = tmp_path_factory.mktemp("needs")
    paths = {
        "autoencoder": train("autoencoder", data, root / "autoencoder", changes=SMALL_LATENTS, iterations=2),
        "text": train("plugin", data, root / "text", changes=TINY_TEXT, iterations=1),
    }
    return {role: load_model(path) for role, path in paths.items()}


def made(data, needs, **changes):
    """A prepared model whose layers all answer."""
    store = TensorStore.open(data)
    content = {"kind": "text_diffusion", **SMALL["text_diffusion"], "copies": 1, **changes}
    settings = settings_of({**content, "needs": {role: role for role in needs}})
    torch.manual_seed(0)
    model = TextDiffusion(settings, Grid.of(store), needs, TextDiffusion.facts(settings, store))
    if "base" not in needs:
        for name, parameter in model.network.named_parameters():
            if not name.endswith("alpha"):
                torch.nn.init.normal_(parameter, std=0.1)
    model.prepare(store)
    return model


@torch.no_grad()
def prediction(model, values, noisy, kept=None):
    b = len(noisy)
    slices = torch.ones(b, 1, model.grid.z, 1, 1)
    phases = (torch.arange(model.frames) / model.frames).expand(b, -1)
    return model.predictor(values, phases, slices)(noisy, torch.full((b,), 0.5), kept)


def noisy_cines(model, count=1):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(count, model.frames, *model.autoencoder.latent_shape, generator=generator)


def asked(*sentences):
    return requests(len(sentences)).assign(sentence=list(sentences))


def test_with_both_switches_off_frames_and_slices_do_not_influence_one_another(data, needs):
    model = made(data, needs, **IMAGES)
    values, noisy = model.read(asked("normal heart")), noisy_cines(model)
    changed = noisy.clone()
    changed[:, 2, :, 3] += 1
    different = (prediction(model, values, changed) - prediction(model, values, noisy)).abs() > 0
    different = different.flatten(4).any(dim=4).any(dim=2)[0]  # (t, z)
    assert different[2, 3] and different.sum() == 1


@pytest.mark.parametrize("frozen", [True, False])
def test_training_starts_as_its_base_and_moves_what_it_may(data, needs, frozen):
    base = made(data, needs, **IMAGES)
    model = made(data, {**needs, "base": base}, freeze_base=frozen)
    values, noisy = model.read(asked("normal heart", None)), noisy_cines(model, 2)
    assert torch.equal(prediction(model, values, noisy), prediction(base, values, noisy))
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser, generator = torch.optim.Adam(learned, lr=1e-2), torch.Generator().manual_seed(0)
    for step in range(3):
        loss, terms = model.loss(model.batch([0, 1], generator), generator, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert set(terms) == {"over_frames_mixing", "over_slices_mixing"} and terms["over_frames_mixing"] != 1
    same = [
        torch.equal(model.state_dict()[name], value)
        for name, value in base.network.named_parameters("network")
    ]
    assert all(same) if frozen else not any(same)
    assert not torch.equal(prediction(model, values, noisy), prediction(base, values, noisy))


def test_another_networks_base_is_refused(data, needs):
    with pytest.raises(SynthaugError, match="the base has temporal or slice_aware attention"):
        made(data, {**needs, "base": made(data, needs, slice_aware=False)})
    with pytest.raises(SynthaugError, match="the base has other layers"):
        made(data, {**needs, "base": made(data, needs, **IMAGES)}, channels=[8, 16])
    with pytest.raises(ValueError, match="freeze_base trains temporal and slice_aware"):
        settings_of({"kind": "text_diffusion", "freeze_base": True})
    with pytest.raises(ValueError, match="may have 'alignment' and 'base'"):
        settings_of({"kind": "text_diffusion", "needs": {"autoencoder": "a", "text": "t", "motion": "m"}})


def test_guidance_1_is_the_conditional_model_and_no_sentence_is_its_null(data, needs):
    model = made(data, needs)
    told, untold = (model.read(asked(sentence)) for sentence in (SENTENCES["DCM"], None))
    slices, phases = torch.ones(1, 1, model.grid.z, 1, 1), (torch.arange(model.frames) / model.frames)[None]

    def drawn(values, guidance):
        settings = SamplerSettings(name="ddim", steps=2, guidance=guidance)
        return model.sample(values, phases, slices, Noise([5]), settings)

    calls = []
    model.conditioner.register_forward_hook(lambda module, given, out: calls.append(given[1]))
    one = drawn(told, 1.0)
    assert calls == [None, None]  # never the nulls
    assert not torch.allclose(one, drawn(untold, 1.0)) and not torch.allclose(one, drawn(told, 3.0))
    torch.testing.assert_close(drawn(untold, 1.0), drawn(told, 0.0))
    torch.testing.assert_close(drawn(untold, 1.0), drawn(untold, 4.0))  # nothing to guide towards


def test_a_batch_has_a_sentence_of_its_own_copy_and_a_subject_without_has_none(data, needs, monkeypatch):
    def write(row, scale, count):
        return (
            []
            if row["subject"] == "h3"
            else [f"{row['subject']} {scale:.3f} {number}" for number in range(2)]
        )

    monkeypatch.setattr(text_diffusion, "paraphrases_of", write)
    model = made(data, needs, copies=3, paraphrases=2)
    generator = torch.Generator().manual_seed(0)
    batch = model.batch([0, 3] * 8, generator)
    again = torch.Generator().manual_seed(0)
    copies = torch.randint(3, (16,), generator=again)
    for place, copy in enumerate(copies.tolist()):
        if place % 2:
            assert not batch[TOKEN_MASK][place].any()
            continue
        own = [f"h0 {model.cache.scale[copy, 0]:.3f} {number}" for number in range(2)]
        features = model.describe(own, torch.zeros(2, dtype=torch.long)).tokens
        assert features.shape[1] == 3  # words
        errors = (batch[TOKENS][place][: features.shape[1]] - features).abs().amax(dim=(1, 2))
        assert errors.min() < 0.01  # half precision
    assert len({tuple(row[0].tolist()) for row in batch[TOKENS][::2]}) > 1


def test_fewer_frames_may_be_drawn_with_their_own_phases(data, needs):
    model = made(data, needs, frames_drawn=4, conditions=["lv_edv_ml"])
    batch = model.batch([0, 1], torch.Generator().manual_seed(0))
    assert batch["latents"].shape[:2] == (2, 4) and (batch["phases"].diff(dim=1) > 0).all()
    assert model.conditions == ("lv_edv_ml", "sentence") and "lv_edv_ml" in batch
    assert torch.isfinite(model.loss(batch, torch.Generator().manual_seed(0), 0)[0])
