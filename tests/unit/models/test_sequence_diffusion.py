"""Sequence-aware diffusion: causality, kept keys and values, missing frames, and sampling frame after frame."""

from __future__ import annotations

import pytest
import torch
from tiny_models import settings_of

from synthaug.config.generators import SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid
from synthaug.models.latents import LatentCache
from synthaug.models.sequence_diffusion import SequenceDiffusion

FRAMES, DEPTH, SIDE, CHANNELS, WIDTH = 5, 3, 4, 2, 8
SMALL = {
    "kind": "sequence_diffusion",
    "channels": [8],
    "width": WIDTH,
    "depth": 2,
    "heads": 2,
    "frames_drawn": 3,
    "conditions": ["diagnosis", "lv_edv_ml"],
    "copies": 1,
}
SAMPLER = SamplerSettings(steps=2, guidance=2.0)


class Coder:
    """What the model reads of an autoencoder."""

    latent_shape, frames_per_latent = (CHANNELS, DEPTH, SIDE, SIDE), 1


def made(**changes):
    """A model whose weights are all random."""
    torch.manual_seed(0)
    model = SequenceDiffusion(
        settings_of({**SMALL, **changes}),
        Grid(FRAMES, DEPTH, 32, 32, (10, 2, 2)),
        {"autoencoder": Coder()},
        {"vocabulary": {"diagnosis": ["DCM", "NOR"]}},
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def cines(b=2):
    """Latents, which are known (all), phases and slices; the second subject lacks its last slice."""
    latents = torch.randn(
        (b, FRAMES, CHANNELS, DEPTH, SIDE, SIDE), generator=torch.Generator().manual_seed(1)
    )
    slices = torch.ones(b, 1, DEPTH, 1, 1)
    slices[1:, :, -1] = 0
    phases = torch.arange(FRAMES).expand(b, -1) / FRAMES
    return latents, torch.ones(b, FRAMES, dtype=torch.bool), phases, slices


# --- the encoder --------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("place", [0, 2, FRAMES - 1])
def test_no_context_depends_on_its_own_frame_or_a_later_one(place):
    encoder, (latents, known, phases, slices) = made().encoder, cines()
    before = encoder(latents, known, phases, slices)
    other = latents.clone()
    other[:, place] += 1
    after = encoder(other, known, phases, slices)
    assert torch.equal(after[:, : place + 1], before[:, : place + 1])
    changed = (after - before)[:, place + 1 :, :, :-1].abs().amax(dim=(2, 3, 4, 5))
    assert (changed > 0).all()  # every later one is told


@torch.no_grad()
def test_kept_keys_and_values_give_the_same_contexts():
    encoder, (latents, known, phases, slices) = made().encoder, cines()
    whole = encoder(latents, known, phases, slices)
    context, layers = encoder.begin(latents[:, 0], phases, slices)
    one_by_one = [context]
    for number in range(1, FRAMES):
        one_by_one.append(encoder.proceed(latents[:, number - 1], phases[:, number], slices, layers))
        assert {layer.length for layer in layers} == {number + 1}
    torch.testing.assert_close(torch.stack(one_by_one, dim=1), whole, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_missing_frame_is_not_looked_at():
    encoder, (latents, known, phases, slices) = made().encoder, cines()
    hidden = known.clone()
    hidden[:, 1] = False
    before = encoder(latents, hidden, phases, slices)
    other = latents.clone()
    other[:, 1] = torch.nan
    assert torch.equal(encoder(other, hidden, phases, slices), before)
    assert not torch.equal(encoder(latents, known, phases, slices)[:, 2], before[:, 2])


@torch.no_grad()
def test_a_slice_that_does_not_exist_tells_the_others_nothing():
    encoder, (latents, known, phases, slices) = made().encoder, cines()
    before = encoder(latents, known, phases, slices)
    other = latents.clone()
    other[1, :, :, -1] += 5
    assert torch.equal(encoder(other, known, phases, slices)[1, :, :, :-1], before[1, :, :, :-1])


# --- training -----------------------------------------------------------------------------------


def batch_of(model, seed=0, b=4):
    """A training batch of made-up latents."""
    latents, _, phases, slices = cines(b)
    mean = latents[None].half()
    model.cache = LatentCache(mean, torch.full_like(mean, -10), torch.ones(1, b))
    model.phases, model.slices = phases, slices
    model.training_values = {"diagnosis": torch.arange(b) % 2.0, "lv_edv_ml": torch.linspace(-1, 1, b)}
    return model.batch(list(range(b)), torch.Generator().manual_seed(seed))


def test_frames_to_predict_are_different_ones_and_some_before_are_hidden():
    model = made(missing=1.0, drop_sequence=0.3)
    batches = [batch_of(model, seed) for seed in range(40)]
    places = torch.cat([batch["places"] for batch in batches])
    assert all(len(set(row.tolist())) == 3 for row in places) and set(places.unique().tolist()) == set(
        range(FRAMES)
    )
    known = torch.cat([batch["known"] for batch in batches]).float()
    share = known.mean(dim=1)
    # A share that is uniform in 0 to 1 leaves one half on average; three in ten sequences are hidden whole.
    assert known.mean() == pytest.approx(0.7 / 2, abs=0.08) and (share == 0).float().mean() > 0.25
    batch = batch_of(made(missing=0.0, drop_sequence=0.0))
    assert batch["known"].all()


def test_the_loss_is_of_the_drawn_frames_and_teaches_both_networks():
    model = made(missing=0.0, drop_sequence=0.0, sequence_noise=0.0)
    batch = batch_of(model)
    batch["places"][:] = torch.tensor([0, 1, 2])

    def loss(content):
        return model.loss(content, torch.Generator().manual_seed(3), 0)[0]

    first = loss(batch)
    later, earlier = batch["latents"].clone(), batch["latents"].clone()
    later[:, 3:] += 1
    earlier[:, 1] += 1
    assert torch.equal(loss({**batch, "latents": later}), first)
    assert not torch.equal(loss({**batch, "latents": earlier}), first)
    first.backward()
    for part in (model.network.input, model.encoder.input, model.encoder.phase):
        assert part.weight.grad.abs().max() > 0
    assert model.encoder.start.grad.abs().max() > 0


def test_more_frames_than_there_are_are_refused():
    with pytest.raises(SynthaugError, match="frames_drawn is 6 of 5 latent frames; give fewer"):
        made(frames_drawn=6)
    with pytest.raises(ValueError, match="width 9 must be a multiple of heads 2"):
        made(width=9)


# --- sampling -----------------------------------------------------------------------------------


def drawn(model, only=slice(None), frames=FRAMES, seeds=(10, 11)):
    _, _, phases, slices = cines()
    values = {"diagnosis": torch.tensor([0.0, 1.0])[only], "lv_edv_ml": torch.tensor([-1.0, torch.nan])[only]}
    return model.sample(values, phases[only, :frames], slices[only], Noise(seeds[only]), SAMPLER)


@torch.no_grad()
def test_a_sample_is_of_its_row_alone():
    model = made()
    together = drawn(model)
    assert together.shape == (2, FRAMES, CHANNELS, DEPTH, SIDE, SIDE)
    assert not together[1, :, :, -1].any() and together[1, :, :, :-1].std() > 0
    torch.testing.assert_close(drawn(model, slice(1, 2)), together[1:])
    assert not torch.equal(drawn(model, seeds=(12, 13)), together)


@torch.no_grad()
def test_frames_that_are_drawn_later_change_none_before():
    model = made()
    assert torch.equal(drawn(model, frames=3), drawn(model)[:, :3])


@torch.no_grad()
def test_each_frame_has_noise_of_its_own():
    model, asked = made(), []

    class Counting(Noise):
        def __call__(self, *shape):
            asked.append(super().__call__(*shape))
            return asked[-1]

    _, _, phases, slices = cines()
    values = {"diagnosis": torch.zeros(2), "lv_edv_ml": torch.zeros(2)}
    model.sample(values, phases, slices, Counting([1, 2]), SAMPLER)
    assert len(asked) == FRAMES and not torch.equal(asked[0], asked[1])
