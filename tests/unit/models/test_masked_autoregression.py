"""Masked autoregression: what the loss sees, which tokens each step decodes, guidance, and independence of the batch."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from tiny_models import requests, settings_of, train, write_store

from synthaug.config.generators import SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models import masked_autoregression
from synthaug.models.base import Grid
from synthaug.models.conditioner import Conditioner
from synthaug.models.masked_autoregression import MaskedAutoregression, guidance_at
from synthaug.models.masking import draw_mask_ratios, most_known, random_order, still_masked
from synthaug.models.weights import load_model
from synthaug.networks.attention import take
from synthaug.networks.masked_transformer import MaskedTransformer
from synthaug.networks.patches import Patches

FRAMES, DEPTH, SIDE = 4, 3, 4
SMALL = {
    "kind": "masked_autoregression",
    "patch": [2, 2, 2],
    "width": 16,
    "encoder_depth": 2,
    "decoder_depth": 2,
    "heads": 2,
    "buffer": 2,
    "head_width": 16,
    "head_depth": 2,
    "conditions": ["diagnosis", "lv_edv_ml"],
}
TOKENS = 2 * DEPTH * 2 * 2
SAMPLER = SamplerSettings(name="ddpm", steps=2, guidance=3.0)


class Latents:
    """What the model reads of an autoencoder."""

    latent_shape, frames_per_latent = (2, DEPTH, SIDE, SIDE), 1


def made(depth=DEPTH, **changes):
    """A model whose weights are all random, none 0."""

    class Coder(Latents):
        latent_shape = (2, depth, SIDE, SIDE)

    torch.manual_seed(0)
    model = MaskedAutoregression(
        settings_of({**SMALL, **changes}),
        Grid(FRAMES, depth, 32, 32, (10, 2, 2)),
        {"autoencoder": Coder()},
        {"vocabulary": {"diagnosis": ["DCM", "NOR"]}},
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def batch_of(b=2, missing=1):
    """Latents of which the second subject lacks its last slices."""
    generator = torch.Generator().manual_seed(1)
    slices = torch.ones(b, 1, DEPTH, 1, 1)
    slices[1, :, DEPTH - missing :] = 0
    return {
        "latents": torch.randn(b, FRAMES, 2, DEPTH, SIDE, SIDE, generator=generator),
        "phases": torch.arange(FRAMES).expand(b, -1) / FRAMES,
        "slices": slices,
        "diagnosis": torch.arange(b) % 2.0,
        "lv_edv_ml": torch.linspace(-1, 1, b),
    }


def loss_of(model, batch, seed=0):
    return model.loss(batch, torch.Generator().manual_seed(seed), 0)[0]


def drawn(model, rows=2, steps=3, sampler=SAMPLER, only=slice(None), **changes):
    """Samples of the first subjects of `batch_of`, their seeds 10, 11, ..."""
    batch = batch_of(rows)
    seeds = range(10, 10 + rows)[only]
    values = {name: batch[name][only] for name in ("diagnosis", "lv_edv_ml")}
    return model.sample(
        values, batch["phases"][only], batch["slices"][only], Noise(seeds), sampler, steps, **changes
    )


# --- masking ------------------------------------------------------------------------------------


def test_masked_tokens_follow_the_cosine():
    # 12 cos(0), 12 cos(22.5 deg) = 11.09, 12 cos(45 deg) = 8.49, 12 cos(67.5 deg) = 4.59, none.
    assert still_masked(12, 4) == [12, 11, 8, 4, 0]
    assert still_masked(100, 3) == [100, 86, 50, 0]
    # 20 cos(4.5 deg) = 19.94 and so on: at first one token a step, where the cosine would decode none.
    assert still_masked(20, 20) == [*range(20, -1, -1)]
    assert still_masked(7, 1) == [7, 0] and still_masked(2, 4) == [2, 1, 0, 0, 0]


@pytest.mark.parametrize("tokens", [1, 2, 5, 24, 180])
@pytest.mark.parametrize("steps", [1, 2, 16, 24, 200])
def test_every_step_decodes_until_none_is_left(tokens, steps):
    left = still_masked(tokens, steps)
    assert len(left) == steps + 1 and left[0] == tokens and left[-1] == 0
    assert all(after < before or before == 0 for before, after in itertools.pairwise(left))


def test_mask_ratios_are_a_truncated_normal():
    ratios = draw_mask_ratios(100_000, 0.7, torch.Generator().manual_seed(0))
    assert ratios.min() >= 0.7 and ratios.max() <= 1
    # Mean of 1 - |N(0, 0.25)| below 0.3: 1 - 0.25 (phi(0) - phi(1.2)) / (Phi(1.2) - Phi(0)).
    density = (1 - math.exp(-(1.2**2) / 2)) / math.sqrt(2 * math.pi)
    expected = 1 - 0.25 * density / (math.erf(1.2 / math.sqrt(2)) / 2)
    assert float(ratios.mean()) == pytest.approx(expected, abs=1e-3)
    assert most_known(10, 0.7) == 3 and most_known(24, 0.7) == 7


def test_an_order_is_uniform_and_ends_with_what_is_missing():
    existing = torch.tensor([[True, False, True, True]]).expand(30_000, -1)
    order, counts = random_order(torch.rand(30_000, 4, generator=torch.Generator().manual_seed(0)), existing)
    assert (counts == 3).all() and (order[:, 3] == 1).all()
    share = torch.stack([(order[:, 0] == place).float().mean() for place in (0, 2, 3)])
    assert share.tolist() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_patches_are_cut_and_pasted():
    patches, latents = Patches(2, (DEPTH, SIDE, SIDE), (2, 2, 2)), batch_of()["latents"]
    tokens = patches.cut(latents)
    assert tokens.shape == (2, TOKENS, patches.features) and torch.equal(patches.paste(tokens), latents)
    only = torch.zeros(1, 1, DEPTH, 1, 1)
    only[:, :, 1] = 1
    there = patches.existing(only, FRAMES)
    assert there.sum() == 8 and (tokens[:1][~there] == patches.cut(latents[:1] * (1 - only))[~there]).all()


# --- the loss -----------------------------------------------------------------------------------


def test_missing_slices_change_nothing():
    model, batch = made(), batch_of()
    other = {**batch, "latents": batch["latents"].clone()}
    other["latents"][1, :, :, -1] = 7
    assert torch.equal(loss_of(model, batch), loss_of(model, other))
    other["latents"][1, :, :, 0] = 7
    assert not torch.equal(loss_of(model, batch), loss_of(model, other))


def test_the_network_ignores_tokens_that_are_masked_or_missing():
    model, batch = made(), batch_of()
    tokens, order = torch.randn(2, TOKENS, 16), torch.rand(2, TOKENS).argsort(dim=1)
    known, existing = torch.tensor([5, 3]), torch.tensor([TOKENS, 16])
    arguments = batch["phases"], torch.randn(2, 2, 16)

    def context(tokens, known=known, limit=7):
        return model.network(tokens, order, known, limit, existing, *arguments)

    other = tokens.clone()
    other[0, 5:], other[1, 3:] = 9, -9
    torch.testing.assert_close(context(tokens), context(other))
    torch.testing.assert_close(context(tokens), context(tokens, limit=5))  # shapes do not matter
    other = tokens.clone()
    other[0, 4] += 1
    assert (context(other)[0] - context(tokens)[0]).abs().amin(dim=0).min() > 0  # a known one matters to all
    assert not torch.allclose(context(tokens, known=known + 1), context(tokens))


def test_missing_tokens_are_not_attended_to():
    """A subject of two slices has the context that it has in a grid of two slices."""
    model = made()
    batch, order = batch_of(), torch.cat([torch.randperm(16), torch.arange(16, 24)])[None]
    first = torch.tensor([[t * 12 + place for t in range(2) for place in range(8)]])  # slices 0 and 1
    missing = torch.tensor([[t * 12 + place for t in range(2) for place in range(8, 12)]])
    places = torch.cat([first[:, order[0, :16]], missing], dim=1)
    tokens, conditions = torch.randn(1, TOKENS, 16), torch.randn(1, 2, 16)
    known, existing, phases = torch.tensor([4]), torch.tensor([16]), batch["phases"][:1]
    small = made(depth=2)
    state = model.state_dict()
    for name in ("network.encoder_places.slice", "network.decoder_places.slice"):
        state[name] = state[name][:2]
    small.load_state_dict(state)
    whole = model.network(tokens, places, known, 7, existing, phases, conditions)[:, :16]
    alone = small.network(tokens[:, :16], order[:, :16], known, 4, existing, phases, conditions)
    torch.testing.assert_close(whole, alone)


def test_only_masked_tokens_count():
    model, generator = made(), torch.Generator().manual_seed(0)
    tokens, context = torch.randn(2, TOKENS, 16), torch.randn(2, TOKENS, 16)
    masked = torch.rand(2, TOKENS, generator=generator) < 0.6

    def loss(tokens, context=context):
        return model.token_loss(tokens, context, masked, torch.Generator().manual_seed(3))

    other = torch.where(masked[..., None], tokens, tokens + 5)
    assert torch.equal(loss(tokens), loss(other))
    assert torch.equal(loss(tokens), loss(tokens, torch.where(masked[..., None], context, 0.0)))
    assert not torch.equal(loss(tokens), loss(tokens + 5 * masked[..., None]))


def test_the_loss_of_a_known_answer():
    """A head that predicts no noise errs by the noise, of variance 1, whatever the tokens are."""
    model = made(draws=50, objective="epsilon")
    for parameter in model.head.output.parameters():
        torch.nn.init.zeros_(parameter)
    assert float(loss_of(model, batch_of()).detach()) == pytest.approx(1, abs=0.02)


def test_a_shift_is_more_noise_over_the_signal_of_a_token():
    half = torch.tensor(0.5)
    plain, shifted = (made(noise_shift=shift).objective.schedule(half) for shift in (1.0, 3.0))
    torch.testing.assert_close(shifted[1] / shifted[0], 3 * plain[1] / plain[0])


@pytest.mark.parametrize("smallest", [0.2, 0.7])
def test_the_masked_tokens_of_a_step(smallest, monkeypatch):
    model, seen = made(smallest_mask_ratio=smallest), []
    monkeypatch.setattr(
        model,
        "token_loss",
        lambda tokens, context, masked, generator: seen.append(masked) or masked.float().mean(),
    )
    for seed in range(20):
        loss_of(model, batch_of(), seed)
    counts = torch.stack([masked.sum(dim=1) for masked in seen])
    assert (counts <= torch.tensor([24, 16])).all()
    assert (counts >= torch.tensor([math.ceil(smallest * 24), math.ceil(smallest * 16)])).all()
    assert counts.float().std() > 0 and not any(masked[1, 16:].any() for masked in seen)


def test_the_null_is_used_when_a_condition_is_dropped_or_unknown():
    conditioner = Conditioner(["diagnosis", "lv_edv_ml"], {"diagnosis": ["DCM", "NOR"]}, 4)
    values = {"diagnosis": torch.tensor([1.0, math.nan]), "lv_edv_ml": torch.tensor([math.nan, 0.5])}
    tokens, null = conditioner.each(values), conditioner.embedding.null
    assert tokens.shape == (2, 2, 4)
    torch.testing.assert_close(tokens[1, 0], null["diagnosis"])
    torch.testing.assert_close(tokens[0, 1], null["lv_edv_ml"])
    assert not torch.allclose(tokens[1, 1], null["lv_edv_ml"])
    torch.testing.assert_close(tokens.sum(dim=1), conditioner(values).vector)
    nothing = conditioner.each(values, conditioner.nothing(2))
    torch.testing.assert_close(nothing, torch.stack([*null.values()]).expand(2, -1, -1))
    assert Conditioner([], {}, 4).each({}).shape == (1, 0, 4)


def test_dropped_conditions_change_nothing_and_kept_ones_do():
    batch = batch_of()
    other = {**batch, "lv_edv_ml": batch["lv_edv_ml"] + 1}
    dropping, keeping = made(drop_condition=0.999999), made(drop_condition=0, drop_all_conditions=0)
    assert torch.equal(loss_of(dropping, batch), loss_of(dropping, other))
    assert not torch.equal(loss_of(keeping, batch), loss_of(keeping, other))


# --- sampling -----------------------------------------------------------------------------------


def test_the_context_of_wanted_tokens_is_that_of_all_of_them():
    torch.manual_seed(0)
    model, batch = made(), batch_of()
    for parameter in model.network.parameters():  # layers that start at zero would hide what they mix
        torch.nn.init.normal_(parameter, std=0.3)
    tokens = model.patches.cut(model.normalise(batch["latents"], batch["slices"][:, None]))
    order, existing = random_order(
        torch.rand(tokens.shape[:2]), model.patches.existing(batch["slices"], FRAMES)
    )
    known = torch.tensor([5, 3])
    given = model.conditioner.each(batch).expand(2, -1, -1)
    told = (take(tokens, order), order, known, 6, existing, batch["phases"], given)
    wanted = torch.tensor([[5, 6, 7], [3, 4, 0]])
    torch.testing.assert_close(model.network(*told, wanted), take(model.network(*told), wanted))


def test_one_time_for_all_tokens_is_that_time_for_each():
    torch.manual_seed(0)
    head = made().head
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    noisy, context = torch.randn(2, 3, head.input.in_features), torch.randn(2, 3, head.context.in_features)
    of_each = head(noisy, torch.full((2, 3), 0.4), context)
    torch.testing.assert_close(head(noisy, torch.full((1, 1), 0.4), context), of_each)


@pytest.mark.parametrize("steps", [1, 3, TOKENS, 2 * TOKENS])
def test_every_token_is_decoded_exactly_once(steps, monkeypatch):
    """The n-th token drawn is n everywhere: whatever is read back was written once."""
    model = made()
    contexts, calls = [], []
    original = MaskedTransformer.forward

    def forward(self, tokens, order, known, *others):
        contexts.append((tokens[:2].clone(), order[:2].clone(), known[:2].clone()))
        return original(self, tokens, order, known, *others)

    def count_up(context, noise, shape, settings, scale, temperature):
        calls.append(shape[0])
        return torch.full((2, *shape), float(len(calls)))

    monkeypatch.setattr(MaskedTransformer, "forward", forward)
    monkeypatch.setattr(model, "_draw_tokens", count_up)
    tokens = model.patches.cut(drawn(model, steps=steps))[..., 0]
    for row, count in enumerate((24, 16)):
        there = model.patches.existing(batch_of()["slices"], FRAMES)[row]
        left = still_masked(count, steps)
        decoded = torch.bincount(tokens[row][there].long(), minlength=len(calls) + 1)
        expected = [before - after for before, after in itertools.pairwise(left)][: len(calls)]
        assert decoded[0] == 0 and decoded[1:].tolist() == expected
        assert (tokens[row][~there] == 0).all()
        for values, order, known in contexts:
            seen = values[row, : known[row], 0]
            assert (seen > 0).all() and not values[row, known[row] :].any()  # none is written ahead
            torch.testing.assert_close(seen, tokens[row][order[row, : known[row]]])


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", ["ddpm", "dpm_solver"])
def test_a_perfect_model_gives_the_latents_back(name, steps, monkeypatch):
    model, batch = made(objective="data"), batch_of()
    model.mean.fill_(0.5)
    model.standard_deviation.fill_(2)
    tokens = model.patches.cut(model.normalise(batch["latents"], batch["slices"][:, None]))

    def context(known_tokens, order, *others):
        return take(take(tokens, order), others[-1])  # of the wanted places

    monkeypatch.setattr(model.network, "forward", context)
    monkeypatch.setattr(model.head, "forward", lambda noisy, times, context: context)
    sampled = drawn(model, steps=steps, sampler=SamplerSettings(name=name, steps=2))
    torch.testing.assert_close(sampled, batch["latents"] * batch["slices"][:, None], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_a_sample_does_not_depend_on_its_batch(name):
    model, sampler = made(), SamplerSettings(name=name, steps=2, guidance=3.0)
    together = drawn(model, 3, sampler=sampler)
    for row in range(3):
        alone = drawn(model, 3, sampler=sampler, only=slice(row, row + 1))
        torch.testing.assert_close(alone[0], together[row], atol=1e-3, rtol=1e-3)  # to rounding
    assert torch.equal(together, drawn(model, 3, sampler=sampler)) and together.std() > 0
    assert not together[1, :, :, -1].any()  # not requested


def test_guidance_of_1_is_none_and_others_are_not():
    model = made()
    plain = drawn(model, sampler=SAMPLER.model_copy(update={"guidance": 1.0}))
    branches = []
    handle = model.network.register_forward_hook(lambda module, given, result: branches.append(len(result)))
    assert torch.equal(plain, drawn(model, sampler=SAMPLER.model_copy(update={"guidance": 1.0})))
    assert branches == [2, 2, 2]
    guided = drawn(model)
    assert branches[3:] == [2, 4, 4]  # the first step has none; the others ask for both at once
    handle.remove()
    assert not torch.allclose(plain, guided)
    never = SAMPLER.model_copy(update={"guidance_interval": (0.0, 0.01)})
    torch.testing.assert_close(drawn(model, sampler=never), plain, atol=1e-5, rtol=1e-4)
    almost = SAMPLER.model_copy(update={"guidance": 1.0 + 1e-7})  # both branches, and the same
    torch.testing.assert_close(drawn(model, sampler=almost), plain, atol=1e-4, rtol=1e-4)


def test_guidance_moves_away_from_the_nulls():
    """The context is the condition token itself: 1 with the condition and 0 without it; the head predicts it."""
    model = made(objective="data")
    context = torch.cat([torch.ones(2, 3, 16), torch.zeros(2, 3, 16)])
    model.head.forward = lambda noisy, times, context: context
    drawing = (context, Noise([1, 2]), (3, 16), SAMPLER)
    assert (model._draw_tokens(*drawing, 2.5, 1.0) == 2.5).all()
    assert (model._draw_tokens(context[:2], *drawing[1:], 1.0, 1.0) == 1).all()


def test_guidance_rises_over_the_steps():
    assert [guidance_at(step, 5, 3.0) for step in range(5)] == [1, 1.5, 2, 2.5, 3]
    assert guidance_at(0, 1, 3.0) == 3
    assert [guidance_at(step, 5, 0.0) for step in range(5)] == [0] * 5


def test_guidance_of_0_is_the_model_without_conditions(monkeypatch):
    model, free = made(), SAMPLER.model_copy(update={"guidance": 0.0})
    branches = []
    model.network.register_forward_hook(lambda module, given, result: branches.append(len(result)))
    unconditional = drawn(model, sampler=free)
    assert branches == [2, 2, 2]  # every step asks for the nulls alone
    plain = SAMPLER.model_copy(update={"guidance": 1.0})
    assert not torch.allclose(unconditional, drawn(model, sampler=plain))
    each, nothing = model.conditioner.each, model.conditioner.nothing
    monkeypatch.setattr(model.conditioner, "each", lambda values, kept=None: each(values, nothing(2)))
    assert torch.equal(unconditional, drawn(model, sampler=plain))


def test_no_conditions_no_guidance():
    model = made(conditions=[])
    sampled = drawn(model, sampler=SAMPLER.model_copy(update={"guidance": 1.0}))
    assert torch.equal(sampled, drawn(model)) and sampled.std() > 0


@pytest.mark.parametrize(("name", "scaled"), [("ddpm", [1, 0.5]), ("ddim", [0.5])])
def test_temperature_scales_the_noise(name, scaled, monkeypatch):
    """Of each step of ddpm, else of the start; a head that sees only zeros predicts zero data."""
    model, seen = made(objective="data"), []
    model.head.forward = lambda noisy, times, context: torch.zeros_like(noisy)

    def sample(denoise, start, *others, redraw):
        seen.append(start)
        seen.append(redraw())
        return start

    monkeypatch.setattr(masked_autoregression, "sample", sample)
    settings = SamplerSettings(name=name, steps=2)
    model._draw_tokens(torch.zeros(1, 3, 16), Noise([4]), (3, 16), settings, 1.0, 0.5)
    fresh = Noise([4])
    expected = [fresh(3, 16), fresh(3, 16)]
    for value, factor, noise in zip(seen, scaled, expected, strict=False):
        assert torch.equal(value, factor * noise)


def test_a_single_slice_is_a_cine_of_one():
    model = made(depth=1)
    batch = batch_of()
    batch["latents"], batch["slices"] = batch["latents"][:, :, :, :1], torch.ones(2, 1, 1, 1, 1)
    assert torch.isfinite(loss_of(model, batch))
    values = {name: batch[name] for name in ("diagnosis", "lv_edv_ml")}
    sampled = model.sample(values, batch["phases"], batch["slices"], Noise([1, 2]), SAMPLER, 3)
    assert sampled.shape == batch["latents"].shape and sampled.std() > 0


# --- training -----------------------------------------------------------------------------------


def test_training_on_few_hearts_lowers_the_loss(tmp_path):
    store = write_store(tmp_path / "train", subjects=2, n_slices=2)
    autoencoder = load_model(train("autoencoder", store, tmp_path / "autoencoder", iterations=20))
    data = TensorStore.open(store)
    content = {**SMALL, "patch": [5, 4, 4], "width": 32, "head_width": 64, "copies": 1, "objective": "v"}
    settings = settings_of(content)
    torch.manual_seed(0)
    model = MaskedAutoregression(
        settings, Grid.of(data), {"autoencoder": autoencoder}, MaskedAutoregression.facts(settings, data)
    )
    model.prepare(data)
    generator, losses = torch.Generator().manual_seed(0), []
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(120):
        loss, _ = model.loss(model.batch([0, 1], generator), generator, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    first, last = torch.tensor(losses[:10]).mean(), torch.tensor(losses[-10:]).mean()
    assert last < 0.7 * first, (first, last)
    assert all(parameter.grad is not None for parameter in model.parameters())
    values = model.conditioner.read(requests(2))
    slices = torch.ones(2, 1, 2, 1, 1)
    sampled = model.sample(values, model.phases, slices, Noise([0, 1]), SAMPLER, 4)
    images, labels = autoencoder.decode_cine(sampled, slices)
    assert torch.isfinite(images).all() and labels is not None


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 18, "heads": 4}, "width 18 must be a multiple of heads 4"),
        ({"needs": {}}, "needs exactly the role 'autoencoder'; name the model whose latents it takes"),
        ({"patch": [0, 2, 2]}, "greater than or equal to 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings_of({**SMALL, **changes})


def test_a_patch_that_does_not_divide_the_latent_is_refused_in_one_line():
    with pytest.raises(SynthaugError) as caught:
        made(patch=[3, 2, 2])
    assert str(caught.value) == (
        "masked_autoregression: 4 latent frames of the latent are not divisible by the patch's 3; change patch"
    )
