"""Models of token and mask conditioning made of the package's parts alone: conditioner, U-Net ports, objective."""

from __future__ import annotations

import copy

import pandas as pd
import pytest
import torch
from einops import rearrange
from tiny_models import requests, settings_of, train, write_store
from torch import nn

from synthaug.config.conditions import CONDITIONS, REQUESTED
from synthaug.config.generators import SamplerSettings
from synthaug.config.phenotype_conditions import condition_of
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.base import Grid
from synthaug.models.conditioned_latents import ConditionedLatents
from synthaug.models.conditioner import CONTROL, TOKEN_MASK, TOKENS, Conditioner, check_columns
from synthaug.models.latent_diffusion import LatentDiffusion
from synthaug.models.weights import load_model
from synthaug.networks.blocks import zero_initialised
from synthaug.networks.conditioning import Dropout
from synthaug.networks.unet import Context, LatentUNet
from synthaug.synthesis.requests import request_cohort

WIDTH = 5


class EndDiastole(LatentDiffusion):
    """Data and loss of a toy model of the ED latent; a kind adds `predictor`."""

    def prepare(self, store):
        self.fit_to_fold(store, range(1))
        self.fit_normalisation(self.cache.mean[0].float())

    def batch(self, indices, generator):
        latents = [self.cache.draw(0, index, torch.tensor([0]), generator)[0] for index in indices]
        values = self.values_of(indices, self.cache.scale[0, indices])
        return {"latents": torch.stack(latents), "slices": self.slices[indices], **values}

    def loss(self, batch, generator, iteration):
        data = self.normalise(batch["latents"], batch["slices"])
        predict = self.predictor(batch, batch["slices"])
        return self.diffusion_loss(predict, data, batch["slices"], generator), {}

    def sample(self, values, slices, noise):
        sampler = SamplerSettings(steps=2, guidance=2.0)
        data = self.solve(self.predictor, (values, slices), noise, self.autoencoder.latent_shape, sampler)
        return self.denormalise(data, slices)

    def unet(self, **ports):
        channels, settings = self.autoencoder.latent_shape[0], self.settings
        return LatentUNet(
            channels + 1,
            channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=False,
            **ports,
        )


def with_slices(noisy, slices):
    return torch.cat([noisy * slices, slices.expand(-1, -1, -1, *noisy.shape[-2:])], dim=1)


class TokenModel(EndDiastole):
    """The ED latent given context tokens."""

    def __init__(self, settings, grid, needs, facts=None):
        super().__init__(settings, grid, needs, facts, token_width=WIDTH, drop_tokens=0.5)
        self.conditions = (*self.conditions, "sentence")
        self.network = self.unet(context=WIDTH, through_slices=True)

    def prepare(self, store):
        super().prepare(store)
        self.training_values |= sentences(len(store))

    def predictor(self, values, slices):
        def predict(noisy, times, kept):
            given = self.conditioner(values, kept)
            context = Context(given.tokens, given.token_mask)
            embedding = self.time(times) + given.vector
            return self.network(with_slices(noisy, slices), slices, embedding, context=context)

        return predict


class MaskModel(EndDiastole):
    """The ED latent given masks: a copy of the encoder adds to a frozen U-Net what it makes of them."""

    def __init__(self, settings, grid, needs, facts=None):
        super().__init__(settings, grid, needs, facts, control_channels=3, drop_control=0.5)
        self.conditions = (*self.conditions, "labels")
        self.network = self.unet()
        nn.init.normal_(self.network.output.weight, std=0.1)  # stands for a trained base
        self.network.requires_grad_(False)
        self.control = copy.deepcopy(self.network).requires_grad_(True)
        stride = (1, grid.y // self.autoencoder.latent_shape[2], grid.x // self.autoencoder.latent_shape[3])
        channels = self.autoencoder.latent_shape[0] + 1
        self.hint = zero_initialised(nn.Conv3d(3 + 1, channels, stride, stride=stride))
        self.outputs = nn.ModuleList(
            zero_initialised(nn.Conv3d(width, width, 1)) for width in self.network.skips
        )

    def prepare(self, store):
        super().prepare(store)
        self.training_values[CONTROL] = one_hot_masks(store)

    def predictor(self, values, slices):
        def predict(noisy, times, kept):
            given = self.conditioner(values, kept)
            embedding, inputs = self.time(times) + given.vector, with_slices(noisy, slices)
            hinted = inputs + self.hint(given.control)
            encoded = self.control.encode(hinted, slices, embedding)
            residuals = [layer(part) for layer, part in zip(self.outputs, encoded, strict=True)]
            return self.network(inputs, slices, embedding, residuals=residuals)

        return predict


def sentences(count):
    """Three tokens a subject of which the last exists for every other one; of the first, none is known."""
    tokens = torch.randn(count, 3, WIDTH, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(count, 3, dtype=torch.bool)
    mask[::2, 2] = False
    mask[0] = False
    return {TOKENS: tokens, TOKEN_MASK: mask}


def one_hot_masks(store):
    """Masks of the ED frame, (n, 3, z, y, x); NaN where there are none."""
    labels = torch.from_numpy(store.labels[:, 0].copy())
    masks = torch.stack([labels == value for value in (1, 2, 3)], dim=1).float()
    masks[~(labels < 4).flatten(1).any(dim=1)] = torch.nan
    return masks


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("data") / "train")


@pytest.fixture(scope="module")
def autoencoder(data, tmp_path_factory):
    return load_model(train("autoencoder", data, tmp_path_factory.mktemp("autoencoder")))


def trained(kind, data, autoencoder, steps):
    """A model after some steps of optimisation, and its store."""
    store, content = TensorStore.open(data), {"kind": "anatomy_diffusion", "channels": [8, 8], "copies": 1}
    settings = settings_of(content)
    torch.manual_seed(0)
    model = kind(settings, Grid.of(store), {"autoencoder": autoencoder}, kind.facts(settings, store))
    model.prepare(store)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser, generator = torch.optim.AdamW(learned, lr=1e-2), torch.Generator().manual_seed(0)
    losses = []
    for step in range(steps):
        loss, _ = model.loss(model.batch([1, 2, 0, 1], generator), generator, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return model, losses


@torch.no_grad()
def differences(model, key, other):
    """Largest change of a prediction by other conditioning, if it is kept and if it is dropped."""
    generator = torch.Generator().manual_seed(3)
    batch = model.batch([1, 2], generator)
    changed = {**batch, key: other(batch[key])}
    noisy, times = torch.randn(batch["latents"].shape, generator=generator), torch.full((2,), 0.5)
    kept, dropped = None, model.conditioner.nothing(2)
    return [
        float(
            (
                model.predictor(batch, batch["slices"])(noisy, times, which)
                - model.predictor(changed, batch["slices"])(noisy, times, which)
            )
            .abs()
            .max()
        )
        for which in (kept, dropped)
    ]


def other_values(values):
    return values.flip(0) + 1


@pytest.mark.parametrize(("kind", "key"), [(TokenModel, TOKENS), (MaskModel, CONTROL)])
def test_tokens_and_masks_change_the_prediction_once_trained_and_are_ignored_when_dropped(
    kind, key, data, autoencoder
):
    new, _ = trained(kind, data, autoencoder, 0)
    assert differences(new, key, other_values) == [0, 0]  # starts as the network without them
    model, losses = trained(kind, data, autoencoder, 6)
    kept, dropped = differences(model, key, other_values)
    assert kept > 1e-5 and dropped == 0
    assert all(loss == pytest.approx(loss) and loss < 1e4 for loss in losses)


@pytest.mark.parametrize("kind", [TokenModel, MaskModel])
@torch.no_grad()
def test_what_is_unknown_is_the_null_and_samples_follow_from_what_is_given(kind, data, autoencoder):
    with torch.enable_grad():
        model, _ = trained(kind, data, autoencoder, 6)
    slices = torch.ones(2, 1, model.grid.z, 1, 1)
    values = model.values_of([1, 2], torch.ones(2))
    unknown = dict(values)
    if kind is TokenModel:
        unknown[TOKEN_MASK] = torch.zeros_like(values[TOKEN_MASK])
    else:
        unknown[CONTROL] = torch.full_like(values[CONTROL], torch.nan)
    given = model.sample(values, slices, Noise([1, 2]))
    again = model.sample(values, slices, Noise([1, 2]))
    none = model.sample(unknown, slices, Noise([1, 2]))
    assert torch.equal(given, again) and torch.isfinite(none).all() and not torch.allclose(given, none)
    images, labels = autoencoder.decode_cine(given[:, None], slices)
    assert images.shape == labels.shape == (2, 1, model.grid.z, model.grid.y, model.grid.x)


def test_a_generator_has_the_conditions_of_its_models_whatever_their_class(data, autoencoder):
    class Toy(LatentGenerator):
        @classmethod
        def of(cls, settings, models):
            return cls(models["autoencoder"], models)

        def draw(self, rows, slices):
            return slices.new_zeros(len(rows), self.grid.frames, *self.autoencoder.latent_shape)

    model, _ = trained(MaskModel, data, autoencoder, 0)
    toy = Toy(autoencoder, {"autoencoder": autoencoder, "mask": model})
    assert {"labels", "lv_edv_ml", "n_slices", "es_phase"} <= set(toy.conditions)
    assert Toy(autoencoder, {"autoencoder": autoencoder}).conditions == ["es_phase", "n_slices"]
    assert len(list(toy.sample(request_cohort(requests(1))))) == 1


# --- conditioner --------------------------------------------------------------------------------


def test_each_part_is_dropped_at_its_own_rate_and_all_of_them_together():
    kept = Dropout(each=0.2, every=0.1, tokens=0.5, control=0.3).draw(
        20_000, 2, torch.Generator().manual_seed(0)
    )
    rates = [float(part.float().mean()) for part in (kept.values[:, 0], kept.tokens, kept.control)]
    assert rates == pytest.approx([0.9 * 0.8, 0.9 * 0.5, 0.9 * 0.7], abs=0.02)
    nothing = ~(kept.values.any(dim=1) | kept.tokens | kept.control)
    expected = 0.1 + 0.9 * 0.2**2 * 0.5 * 0.3
    assert float(nothing.float().mean()) == pytest.approx(expected, abs=0.01)


def test_scalars_alone_take_the_draws_they_took_before_there_were_tokens():
    generator, again = (torch.Generator().manual_seed(0) for _ in range(2))
    kept = Dropout(each=0.5, every=0.5).draw(6, 2, generator)
    expected = (torch.rand(6, 2, generator=again) >= 0.5) & (torch.rand(6, 1, generator=again) >= 0.5)
    assert torch.equal(kept.values, expected)
    assert torch.equal(torch.rand(1, generator=generator), torch.rand(1, generator=again))


def test_a_sample_without_tokens_attends_to_the_null_alone():
    conditioner = Conditioner([], {}, 4, token_width=WIDTH)
    given = conditioner(sentences(3))
    assert given.token_mask.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    torch.testing.assert_close(given.tokens[0, 0], conditioner.null_token)
    torch.testing.assert_close(given.tokens[1:], sentences(3)[TOKENS][1:])


def test_control_says_where_it_is_given():
    conditioner = Conditioner([], {}, 4, control_channels=2)
    control = torch.rand(2, 2, 3, 4, 4)
    control[1] = torch.nan
    made = conditioner({CONTROL: control}).control
    torch.testing.assert_close(made[0, :2], control[0])
    assert made.shape == (2, 3, 3, 4, 4) and (made[0, 2] == 1).all() and not made[1].any()


# --- the declaration ----------------------------------------------------------------------------


def test_a_numeric_column_of_the_study_is_a_condition():
    made = settings_of({"kind": "anatomy_diffusion", "conditions": ["rv_edv_ml", "strain", "lesion_ml"]})
    assert made.conditions == ("rv_edv_ml", "strain", "lesion_ml")
    table = pd.DataFrame({"rv_edv_ml": [150.0, None], "strain": [-18.0, -12.0], "lesion_ml": [3.0, None]})
    check_columns(table, made.conditions)
    conditioner = Conditioner(made.conditions, {}, 4)
    conditioner.fit(table)
    values = conditioner.read(table)
    assert values["strain"].tolist() == [-18, -12] and torch.isnan(values["lesion_ml"][1])
    open_request = conditioner.read(pd.DataFrame({"strain": [-15.0]}))
    assert torch.isnan(open_request["rv_edv_ml"]).all()
    assert condition_of("lesion_ml").scaling == 2 and condition_of("strain").scaling == 0


def test_a_column_that_is_missing_or_no_number_is_refused_by_name():
    table = pd.DataFrame({"strain": [-18.0], "scanner": ["Avanto"]})
    with pytest.raises(
        SynthaugError, match="condition 'strian' is no column of the cohort's table; give one"
    ):
        check_columns(table, ["strian"])
    with pytest.raises(SynthaugError, match="condition 'scanner': 'Avanto' is no number"):
        check_columns(table, ["scanner"])


def test_a_request_with_text_for_a_number_is_refused_and_not_left_open():
    conditioner = Conditioner(["bmi"], {}, 4)
    assert conditioner.read(pd.DataFrame({"bmi": ["27.5", None]}))["bmi"][0] == 27.5
    with pytest.raises(SynthaugError, match="condition 'bmi': '27,5' is no number"):
        conditioner.read(pd.DataFrame({"bmi": ["27,5", None]}))


@pytest.mark.parametrize(("name", "message"), [("sentence", "is no scalar"), ("LV EDV", "is no column")])
def test_a_condition_that_no_column_can_hold_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        settings_of({"kind": "anatomy_diffusion", "conditions": [name]})


def test_requests_have_the_declared_columns_in_order():
    assert REQUESTED == (
        "diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "myo_mass_g", "n_slices", "es_phase",
    )  # fmt: skip
    assert {condition.kind for condition in CONDITIONS.values()} >= {"text", "mask", "category", "volume"}


def test_conditioned_latents_know_nothing_of_diffusion(data, autoencoder):
    """A model of single latent tokens takes them and the objective apart."""

    class Tokens(ConditionedLatents):
        def __init__(self, settings, grid, needs, facts=None):
            super().__init__(settings, grid, needs, facts)
            self.conditioner = self.make_conditioner(8)

        def prepare(self, store):
            self.fit_to_fold(store, range(self.grid.frames))
            self.fit_normalisation(self.cache.mean[0].float())

        def batch(self, indices, generator):
            return {}

        def loss(self, batch, generator, iteration):
            return torch.zeros(()), {}

    model, _ = trained(Tokens, data, autoencoder, 0)
    assert not hasattr(model, "objective") and not hasattr(model, "time")
    latents = model.cache.mean[0].float()
    slices = model.slices[:, None]
    tokens = rearrange(model.normalise(latents, slices), "n t c z y x -> (n t z y x) c")
    there = rearrange(
        slices.expand(-1, latents.shape[1], -1, -1, *latents.shape[-2:]), "n t c z y x -> (n t z y x) c"
    )
    torch.testing.assert_close(
        tokens[there[:, 0] > 0].mean(dim=0), torch.zeros(latents.shape[2]), atol=1e-3, rtol=0
    )
    assert model.conditioner(model.training_values).vector.shape == (latents.shape[0], 8)
    torch.testing.assert_close(
        model.denormalise(model.normalise(latents, slices), slices), latents * slices, atol=1e-3, rtol=1e-3
    )
