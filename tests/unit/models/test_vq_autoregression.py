"""Autoregression over codes: causality, kept keys and values, missing slices, guidance, and what training learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from einops import rearrange
from tiny_models import FEW_CODES, settings_of, train, write_store
from torch.nn import functional

from synthaug.config.generators import CodeSamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid
from synthaug.models.codes import draw_codes, encode_codes
from synthaug.models.latents import encode_cines
from synthaug.models.vq_autoregression import VQAutoregression, raster_order
from synthaug.models.weights import load_model

FRAMES, DEPTH, SIDE, CHANNELS, CODES = 2, 3, 2, 2, 5
SMALL = {
    "kind": "vq_autoregression",
    "width": 16,
    "depth": 2,
    "heads": 2,
    "conditions": ["diagnosis", "lv_edv_ml"],
}
PER_SLICE = FRAMES * SIDE * SIDE
TOKENS = DEPTH * PER_SLICE


def made(depth=DEPTH, output=True, **changes):
    """A model on a codebook of 5 vectors, whose weights are all random; without `output`, that of its output 0."""
    generator = torch.Generator().manual_seed(4)

    class Coder:
        """What the model reads of an autoencoder."""

        latent_shape, frames_per_latent = (CHANNELS, depth, SIDE, SIDE), 1
        codebook = torch.randn(CODES, CHANNELS, generator=generator)

    torch.manual_seed(0)
    model = VQAutoregression(
        settings_of({**SMALL, **changes}),
        Grid(FRAMES, depth, 32, 32, (10, 2, 2)),
        {"autoencoder": Coder()},
        {"vocabulary": {"diagnosis": ["DCM", "NOR"]}},
    )
    for name, parameter in model.named_parameters():
        if output or "network.output" not in name:
            torch.nn.init.normal_(parameter, std=0.6)
    return model


def batch_of(b=2, missing=1):
    """Codes of which the second subject lacks its last slices."""
    generator = torch.Generator().manual_seed(1)
    slices = torch.ones(b, 1, DEPTH, 1, 1)
    slices[1, :, DEPTH - missing :] = 0
    return {
        "codes": torch.randint(CODES, (b, FRAMES, DEPTH, SIDE, SIDE), generator=generator),
        "phases": torch.arange(FRAMES).expand(b, -1) / FRAMES,
        "slices": slices,
        "diagnosis": torch.arange(b) % 2.0,
        "lv_edv_ml": torch.linspace(-1, 1, b),
    }


def loss_of(model, batch, seed=0):
    return model.loss(batch, torch.Generator().manual_seed(seed), 0)[0]


def logits_of(model, batch, kept=None):
    conditions = model.conditioner.each(batch, kept).expand(len(batch["codes"]), -1, -1)
    return model.logits(batch, conditions)[0]


def drawn(model, rows=2, only=slice(None), most_slices=None, missing=1, unknown=False, **sampler):
    """Samples of the first subjects of `batch_of`, their seeds 10, 11, ..."""
    batch = batch_of(rows, missing)
    return model.sample(
        {
            name: torch.full_like(batch[name], torch.nan)[only] if unknown else batch[name][only]
            for name in ("diagnosis", "lv_edv_ml")
        },
        batch["phases"][only],
        batch["slices"][only],
        Noise(range(10, 10 + rows)[only]),
        CodeSamplerSettings(**sampler),
        most_slices,
    )


# --- the order ----------------------------------------------------------------------------------


def test_codes_come_in_raster_order_and_missing_ones_last():
    existing = torch.tensor([[True, False, True, False, True], [True] * 5])
    assert raster_order(existing).tolist() == [[0, 2, 4, 1, 3], [0, 1, 2, 3, 4]]
    model = made()
    slices = torch.ones(1, 1, DEPTH, 1, 1)
    slices[:, :, 0] = 0
    order = raster_order(model.patches.existing(slices, FRAMES))
    # Frame 0 has places 0 to 11, frame 1 places 12 to 23; slice 0 has the first four of each.
    assert order.tolist() == [[*range(4, 12), *range(16, 24), *range(4), *range(12, 16)]]


@torch.no_grad()
def test_a_later_code_changes_no_earlier_logits():
    model, batch = made(), batch_of(missing=0)
    before = logits_of(model, batch)
    for place in (0, 7, TOKENS - 2):
        codes = rearrange(batch["codes"], "b t z y x -> b (t z y x)").clone()
        codes[:, place] = (codes[:, place] + 1) % CODES
        other = codes.view_as(batch["codes"])
        after = logits_of(model, {**batch, "codes": other})
        assert torch.equal(after[:, : place + 1], before[:, : place + 1])
        # Every later one changes: nothing is looked at by its neighbour alone.
        assert ((after - before)[:, place + 1 :].abs().amax(dim=-1) > 0).all()


@torch.no_grad()
@pytest.mark.parametrize("conditions", [["diagnosis", "lv_edv_ml"], []])
def test_kept_keys_and_values_give_the_same_logits(conditions):
    model, batch = made(conditions=conditions), batch_of()
    given = model.conditioner.each(batch).expand(2, -1, -1)
    whole, codes, _ = model.logits(batch, given)
    order = raster_order(model.patches.existing(batch["slices"], FRAMES))
    logits, decoding = model.network.begin(order, batch["slices"], batch["phases"], given, TOKENS)
    one_by_one = [logits]
    for place in range(TOKENS - 1):
        assert decoding.done == place + 1
        vectors = functional.embedding(codes[:, place], model._vectors())
        one_by_one.append(model.network.proceed(vectors, decoding))
    torch.testing.assert_close(torch.stack(one_by_one, dim=1), whole, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_kept_keys_and_values_are_of_the_precision_of_autocast():
    """As on a GPU, where generators sample in bfloat16."""
    model, batch = made(), batch_of()
    with torch.autocast("cpu", torch.bfloat16):
        given = model.conditioner.each(batch).expand(2, -1, -1)
        order = raster_order(model.patches.existing(batch["slices"], FRAMES))
        _, decoding = model.network.begin(order, batch["slices"], batch["phases"], given, TOKENS)
        kept = decoding.layers[0].append(*torch.zeros(2, 2, 2, 1, 8))
        sampled = drawn(model, guidance=2.0)
    assert {part.dtype for part in kept} == {torch.bfloat16} and sampled.dtype == torch.float32
    assert sampled.isfinite().all() and sampled.std() > 0


@torch.no_grad()
def test_the_work_of_a_code_is_one_token():
    """Linear layers see each token once, whatever came before it."""
    model, seen = made(), []
    model.network.blocks[0].query_key_value.register_forward_hook(
        lambda module, given, result: seen.append(result.shape[1])
    )
    drawn(model)
    assert seen == [3, *[1] * (TOKENS - 1)]  # two conditions and the first code; then one at a time
    seen.clear()
    drawn(model, most_slices=2)
    assert len(seen) == 2 * PER_SLICE


# --- the loss -----------------------------------------------------------------------------------


def test_without_an_output_every_code_is_equally_likely():
    assert float(loss_of(made(output=False), batch_of()).detach()) == pytest.approx(math.log(CODES), rel=1e-6)


@torch.no_grad()
def test_the_loss_is_the_mean_of_codes_that_exist():
    model, batch = made(drop_condition=0, drop_all_conditions=0), batch_of()
    chances = logits_of(model, batch).softmax(dim=-1)
    total = 0.0
    for row, slices in enumerate((3, 2)):
        own = batch["codes"][row, :, :slices].flatten()
        assert len(own) == slices * PER_SLICE
        total -= float(chances[row, torch.arange(len(own)), own].log().sum())
    assert float(loss_of(model, batch)) == pytest.approx(total / (5 * PER_SLICE), rel=1e-5)


@torch.no_grad()
def test_missing_slices_change_nothing():
    model, batch = made(), batch_of()
    other = {**batch, "codes": batch["codes"].clone()}
    other["codes"][1, :, -1] = (other["codes"][1, :, -1] + 1) % CODES
    assert torch.equal(loss_of(model, batch), loss_of(model, other))
    other["codes"][1, :, 0] = (other["codes"][1, :, 0] + 1) % CODES
    assert not torch.equal(loss_of(model, batch), loss_of(model, other))


@torch.no_grad()
def test_a_subject_of_two_slices_is_as_in_a_grid_of_two():
    model, small = made(), made(depth=2)
    state = model.state_dict()
    state["network.places.slice"] = state["network.places.slice"][:2]
    state["network.slices.weight"] = state["network.slices.weight"][:, :2]
    small.load_state_dict(state)
    batch = batch_of()
    one = {name: value[1:] for name, value in batch.items()}
    alone = {**one, "codes": one["codes"][:, :, :2], "slices": one["slices"][:, :, :2]}
    torch.testing.assert_close(logits_of(model, one)[:, : 2 * PER_SLICE], logits_of(small, alone))


@torch.no_grad()
def test_the_first_code_knows_the_slices_and_conditions():
    model, batch = made(), batch_of()
    first = logits_of(model, batch)[:, 0]
    for other in ({"slices": torch.ones_like(batch["slices"])}, {"lv_edv_ml": batch["lv_edv_ml"] + 1}):
        assert not torch.allclose(first[1], logits_of(model, {**batch, **other})[1, 0])


@torch.no_grad()
def test_dropped_conditions_change_nothing_and_kept_ones_do():
    batch = batch_of()
    other = {**batch, "lv_edv_ml": batch["lv_edv_ml"] + 1}
    dropping, keeping = made(drop_condition=0.999999), made(drop_condition=0, drop_all_conditions=0)
    assert torch.equal(loss_of(dropping, batch), loss_of(dropping, other))
    assert not torch.equal(loss_of(keeping, batch), loss_of(keeping, other))


# --- drawing a code -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampler", "chances"),
    [
        ({}, [0.5, 0.2, 0.2, 0.1]),
        ({"temperature": 0.5}, [0.25 / 0.34, 0.04 / 0.34, 0.04 / 0.34, 0.01 / 0.34]),
        ({"top_k": 1}, [1, 0, 0, 0]),
        ({"top_k": 2}, [5 / 7, 2 / 7, 0, 0]),
        ({"top_k": 9}, [0.5, 0.2, 0.2, 0.1]),
        ({"top_p": 0.4}, [1, 0, 0, 0]),
        ({"top_p": 0.6}, [5 / 7, 2 / 7, 0, 0]),
        ({"top_p": 0.8}, [5 / 9, 2 / 9, 2 / 9, 0]),
        ({"top_k": 3, "top_p": 0.6}, [5 / 7, 2 / 7, 0, 0]),  # 5/9 of the three, then 7/9
    ],
)
def test_codes_are_drawn_as_often_as_they_are_likely(sampler, chances):
    order = torch.tensor([2, 0, 3, 1])  # the likeliest is code 2
    logits = torch.empty(4)
    logits[order] = torch.tensor([0.5, 0.2, 0.2, 0.1]).log() + 3
    quantiles = (torch.arange(10_000) + 0.5) / 10_000
    codes = draw_codes(logits.expand(10_000, -1), quantiles, CodeSamplerSettings(**sampler))
    shares = torch.bincount(codes, minlength=4)[order] / 10_000
    assert shares.tolist() == pytest.approx(chances, abs=2e-4)


def test_the_ends_of_the_quantiles_are_codes_too():
    logits = torch.tensor([[0.0, -200.0, 1.0]])  # the second has probability 0
    for sampler, last in (({}, 1), ({"top_p": 0.9}, 0), ({"top_k": 1}, 2)):
        for quantile, code in ((0.0, 2), (1.0, last)):
            settings = CodeSamplerSettings(**sampler)
            assert draw_codes(logits, torch.tensor([quantile]), settings).tolist() == [code]


# --- sampling -----------------------------------------------------------------------------------


def test_samples_are_vectors_of_codes_in_the_slices_that_are_requested():
    model = made()
    sampled = drawn(model)
    assert sampled.shape == (2, FRAMES, CHANNELS, DEPTH, SIDE, SIDE) and not sampled[1, :, :, -1].any()
    vectors = rearrange(sampled[0], "t c z y x -> (t z y x) c")
    assert ((vectors[:, None] == model.autoencoder.codebook).all(dim=-1).sum(dim=1) == 1).all()
    assert len(vectors.unique(dim=0)) > 1


@torch.no_grad()
def test_greedy_samples_are_the_likeliest_code_after_those_before():
    """Each code that was drawn is the maximum of the logits of the whole sequence."""
    model = made()
    batch = batch_of(missing=0)
    for guidance in (1.0, 3.0):
        sampled = drawn(model, missing=0, top_k=1, guidance=guidance)
        distances = rearrange(sampled, "b t c z y x -> b t z y x 1 c") - model.autoencoder.codebook
        codes = distances.abs().sum(dim=-1).argmin(dim=-1)
        own = {**batch, "codes": codes}
        given, free = logits_of(model, own), logits_of(model, own, model.conditioner.nothing(2))
        likeliest = (free + guidance * (given - free)).argmax(dim=-1)
        assert torch.equal(likeliest, rearrange(codes, "b t z y x -> b (t z y x)"))


def test_a_sample_does_not_depend_on_its_batch():
    model = made()
    for sampler in ({}, {"guidance": 2.0, "top_k": 4, "temperature": 1.3}):
        together = drawn(model, 3, **sampler)
        for row in range(3):
            alone = drawn(model, 3, only=slice(row, row + 1), **sampler)
            assert torch.equal(alone[0], together[row])
        assert torch.equal(together, drawn(model, 3, **sampler)) and not torch.equal(together[0], together[2])
    # Codes beyond those of its slices are not needed.
    short = drawn(model, 3, only=slice(1, 2), most_slices=2)
    assert torch.equal(short[0], drawn(model, 3)[1])


def test_guidance_of_1_is_none_and_others_are_not():
    model, branches = made(), []
    plain = drawn(model)
    model.network.output.register_forward_hook(lambda module, given, result: branches.append(len(result)))
    assert torch.equal(drawn(model, guidance=1.0), plain) and set(branches) == {2}
    branches.clear()
    guided = drawn(model, guidance=6.0)
    assert set(branches) == {4} and not torch.equal(guided, plain)
    assert torch.equal(drawn(model, guidance=1.0 + 1e-7), plain)  # both branches, and the same
    # Guidance of 0 leaves the unconditional model.
    assert torch.equal(drawn(model, guidance=0.0), drawn(model, unknown=True))
    assert not torch.equal(drawn(model, guidance=0.0), plain)
    free = made(conditions=[])
    assert torch.equal(drawn(free, guidance=6.0), drawn(free))


def test_a_single_slice_is_a_cine_of_one():
    model, batch = made(depth=1), batch_of()
    batch["codes"], batch["slices"] = batch["codes"][:, :, :1], torch.ones(2, 1, 1, 1, 1)
    assert torch.isfinite(loss_of(model, batch).detach())
    values = {name: batch[name] for name in ("diagnosis", "lv_edv_ml")}
    settings = CodeSamplerSettings()
    sampled = model.sample(values, batch["phases"], batch["slices"], Noise([1, 2]), settings)
    assert sampled.shape == (2, FRAMES, CHANNELS, 1, SIDE, SIDE) and sampled.std() > 0


# --- training -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """A store of two hearts, of two slices and of one, and an autoencoder of 2 x 2 codes a latent frame."""
    folder = tmp_path_factory.mktemp("coded")
    store = write_store(folder / "train", subjects=2, n_slices=2)
    weights = train("vq_autoencoder", store, folder / "coder", changes=FEW_CODES, iterations=20)
    return store, weights, load_model(weights)


def test_codes_are_those_of_the_encoded_cines(coded):
    store, _, autoencoder = coded
    data = TensorStore.open(store)
    geometry = settings_of(SMALL).augmentation
    cache = encode_codes(autoencoder, data, 2, geometry)
    latents = encode_cines(autoencoder, data, range(data.images.shape[1]), 2, geometry)
    assert cache.codes.shape == (2, 2, 5, 2, 2, 2) and len(cache.codes.unique()) > 1
    assert (
        torch.equal(cache.scale, latents.scale)
        and cache.scale[0].tolist() == [1, 1] != cache.scale[1].tolist()
    )
    kept = autoencoder.nearest_codes(latents.mean.flatten(0, 1).float())  # rounded to 16 bits
    assert (kept.view_as(cache.codes) == cache.codes).float().mean() > 0.95
    # A vector of the codebook is the nearest to itself, and decodes as the latents it is nearest to.
    vectors = rearrange(autoencoder.codebook[cache.codes[0].long()], "n t z y x c -> n t c z y x")
    slices = torch.from_numpy(data.slice_mask).float()[:, None, :, None, None]
    cines = torch.from_numpy(data.images.astype(np.float32))
    for decoded, expected in zip(
        autoencoder.decode_cine(vectors, slices), autoencoder.reconstruct(cines, slices), strict=True
    ):
        torch.testing.assert_close(decoded[0], expected[0])


def test_training_learns_the_codes_of_each_subject(coded):
    """The negative log likelihood falls to nearly 0, and the likeliest codes are those of the subject requested."""
    store, _, autoencoder = coded
    data = TensorStore.open(store)
    changes = {"copies": 1, "drop_condition": 0, "drop_all_conditions": 0, "width": 32}
    settings = settings_of({**SMALL, **changes})
    torch.manual_seed(0)
    model = VQAutoregression(
        settings, Grid.of(data), {"autoencoder": autoencoder}, VQAutoregression.facts(settings, data)
    )
    model.prepare(data)
    generator, losses = torch.Generator().manual_seed(0), []
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(150):
        loss, _ = model.loss(model.batch([0, 1], generator), generator, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(math.log(8), rel=1e-5) and losses[-1] < 0.02, losses[-1]
    assert all(parameter.grad is not None for parameter in model.parameters())
    values, greedy = model.conditioner.read(data.table), CodeSamplerSettings(top_k=1)
    sampled = model.sample(values, model.phases, model.slices, Noise([0, 1]), greedy)
    codes = autoencoder.nearest_codes(sampled)
    there = (model.slices[:, 0] > 0).expand(-1, 2, 2, 2)[:, None].expand(-1, 5, -1, -1, -1)
    assert torch.equal(codes[there], model.coded.codes[0].long()[there])
    assert not torch.equal(codes[0], codes[1])


def test_a_training_that_was_killed_resumes_bit_for_bit(coded, tmp_path, monkeypatch):
    store, weights, _ = coded
    needs, loss = {"autoencoder": weights}, VQAutoregression.loss
    whole = train("vq_autoregression", store, tmp_path / "whole", needs)

    def killed(self, batch, generator, iteration):
        if iteration == 3:
            raise KeyError("killed")
        return loss(self, batch, generator, iteration)

    with monkeypatch.context() as patch:
        patch.setattr(VQAutoregression, "loss", killed)
        patch.setattr("synthaug.jobs.checkpoint_times.monotonic", iter(range(0, 10**6, 301)).__next__)
        with pytest.raises(KeyError):
            train("vq_autoregression", store, tmp_path / "parts", needs)
    seen = []
    monkeypatch.setattr(
        VQAutoregression, "loss", lambda *arguments: seen.append(arguments[-1]) or loss(*arguments)
    )
    parts = train("vq_autoregression", store, tmp_path / "parts", needs)
    assert seen == [2, 3] and parts.read_bytes() == whole.read_bytes()


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 18, "heads": 4}, "width 18 must be a multiple of heads 4"),
        ({"needs": {}}, "needs exactly the role 'autoencoder'; name the model whose latents it takes"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings_of({**SMALL, **changes})


@pytest.mark.parametrize("changes", [{"top_k": 0}, {"top_p": 0}, {"temperature": 0}, {"guidance": -1}])
def test_samplers_that_draw_nothing_are_refused(changes):
    with pytest.raises(ValueError, match="greater than"):
        CodeSamplerSettings(**changes)


def test_an_autoencoder_without_codes_is_refused_in_one_line():
    class Coder:
        latent_shape, frames_per_latent = (CHANNELS, DEPTH, SIDE, SIDE), 1

    with pytest.raises(SynthaugError) as caught:
        VQAutoregression(
            settings_of(SMALL), Grid(FRAMES, DEPTH, 32, 32, (10, 2, 2)), {"autoencoder": Coder()}
        )
    assert str(caught.value) == (
        "vq_autoregression: the autoencoder has no codebook; give a vq_autoencoder, or a class with codebook and "
        "nearest_codes like its"
    )
