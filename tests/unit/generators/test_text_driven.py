"""Text-driven generation: samples, start noise, attention maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX, SPACING_MM
from tiny_models import SLICES, requests, train, write_store
from tiny_text import SENTENCES, SMALL_LATENTS, TINY_TEXT, tell

from synthaug.config.attention import AttentionSettings
from synthaug.config.generators import SamplerSettings, TextDrivenSettings
from synthaug.core.errors import SynthaugError
from synthaug.generators import build_generator, describe, load
from synthaug.generators.text_driven import attention_maps
from synthaug.measures.attention import measure_attention
from synthaug.measures.measurement import Measurement
from synthaug.models.weights import load_model
from synthaug.synthesis.requests import request_cohort

SETTINGS = TextDrivenSettings(
    kind="text_driven", start_weight=0.5, sampler=SamplerSettings(steps=2, guidance=2.0)
)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    store = tell(write_store(root / "store"))
    found = {
        "autoencoder": train("autoencoder", store, root / "autoencoder", changes=SMALL_LATENTS, iterations=2),
        "text": train("plugin", store, root / "text", changes=TINY_TEXT, iterations=1),
    }
    needs = dict(found)
    found["plain"] = train("text_diffusion", store, root / "plain", needs, iterations=2)
    needs["alignment"] = train("text_alignment", store, root / "alignment", needs, iterations=2)
    changes = {"temporal": False, "slice_aware": False}
    needs["base"] = train("text_diffusion", store, root / "base", needs, changes, iterations=2)
    found["diffusion"] = train(
        "text_diffusion", store, root / "diffusion", needs, iterations=4, learning_rate=0.05
    )
    return found


@pytest.fixture(scope="module")
def models(paths):
    return {role: paths[role] for role in ("autoencoder", "diffusion")}


@pytest.fixture(scope="module")
def generator(models):
    return build_generator(SETTINGS, models, "cpu")


def table(count=3):
    sentences = [SENTENCES["NOR"], None, SENTENCES["DCM"]]
    return requests(count).assign(sentence=sentences[:count])


def test_samples_depend_on_their_row_and_seed_alone(generator, models, tmp_path):
    asked = table()
    together = {subject: parts for subject, *parts in generator.sample(request_cohort(asked), batch_size=3)}
    for row in asked.itertuples():
        cine, labels = together[row.subject]
        assert cine.shape == labels.shape == (FRAMES, row.n_slices, MATRIX, MATRIX)
        assert cine.dtype == np.float32 and cine.min() >= 0 and cine.max() <= 1 and labels.max() <= 3
    describe(tmp_path / "generator.json", SETTINGS, models)
    again = load(tmp_path, device="cpu")
    _, cine, labels = next(again.sample(request_cohort(asked.iloc[[2]])))
    assert np.array_equal(cine, together["s-2"][0]) and np.array_equal(labels, together["s-2"][1])
    assert generator.seen == ["h0", "h1", "h2", "h3"]
    assert {"sentence", "diagnosis", "n_slices"} <= set(generator.conditions)


def test_an_open_class_is_the_one_that_the_sentence_names(paths):
    model = load_model(paths["diffusion"])
    asked = requests(1).assign(sentence="Dilated cardiomyopathy.")
    given, told, other = (
        model.read(asked.assign(diagnosis=diagnosis))["tokens"] for diagnosis in ("DCM", None, "NOR")
    )
    assert torch.equal(told, given) and not torch.equal(told, other)


def test_another_sentence_is_another_heart(generator):
    first, other = (
        next(generator.sample(request_cohort(table(1).assign(sentence=sentence))))[1]
        for sentence in (SENTENCES["NOR"], SENTENCES["DCM"])
    )
    assert not np.array_equal(first, other)


def test_start_noise_moves_towards_the_class_and_not_where_it_is_unknown(generator, paths, models):
    plain = build_generator(SETTINGS.model_copy(update={"start_weight": 0.0}), models, "cpu")
    known = table(1).assign(diagnosis="DCM")
    unknown = known.assign(diagnosis=None, sentence=SENTENCES["DCM"])  # which names no diagnosis
    for asked, same in ((known, False), (unknown, True)):
        one, two = (next(either.sample(request_cohort(asked)))[1] for either in (generator, plain))
        assert np.array_equal(one, two) == same
    mean = generator.diffusion.start_mean(known)
    assert mean.shape == (1, FRAMES, *generator.autoencoder.latent_shape) and mean.any()
    without = {"autoencoder": paths["autoencoder"], "diffusion": paths["plain"]}
    with pytest.raises(SynthaugError, match="start_weight takes class means from an alignment"):
        build_generator(SETTINGS, without, "cpu")


def test_attention_maps_of_words_over_the_cine(generator):
    asked = table()
    words = ["heart", "left ventricle", "[CLS]"]
    maps = attention_maps(generator, request_cohort(asked), words)
    assert maps.shape == (3, 3, FRAMES, SLICES, MATRIX, MATRIX) and maps.dtype == np.float32
    # The first sentence has "heart", the third "left ventricle"; the second request has none.
    given = np.isfinite(maps).any(axis=(2, 3, 4, 5))
    assert given.tolist() == [[True, False, True], [False, False, False], [False, True, True]]
    # The third has four of six slices, centred.
    assert np.isfinite(maps[2, 1]).all(axis=(0, 2, 3)).tolist() == [False, True, True, True, True, False]
    assert (maps[0, 0] > 0).all() and (maps[0, 0] < 1).all()


def test_maps_of_all_pieces_of_a_sentence_sum_to_one(generator):
    asked = table(1)
    pieces = generator.diffusion.pieces(SENTENCES["NOR"])
    assert pieces == ["[V]", "[V]", "[CLS]", "normal", "heart"]
    ((_, maps),) = generator.attention_maps(request_cohort(asked), ["[V]", "[CLS]", "normal", "heart"])
    np.testing.assert_allclose(2 * maps[0] + maps[1:].sum(axis=0), 1, atol=1e-5)


def test_maps_are_collected_on_the_way_of_the_sample_itself(generator, monkeypatch):
    """The noise is the sample's: the latents with maps are those without, to rounding of fused attention."""
    seen = []
    draw = generator.diffusion.sample
    monkeypatch.setattr(
        generator.diffusion, "sample", lambda *arguments: seen.append(draw(*arguments)) or seen[-1]
    )
    asked = request_cohort(table(1))
    next(generator.attention_maps(asked, ["heart"]))
    next(generator.sample(asked))
    torch.testing.assert_close(seen[0], seen[1], atol=1e-4, rtol=1e-3)


def test_attention_is_measured_on_the_generators_own_samples(generator):
    """Of a hardly trained generator: which samples count, not where they look."""
    asked = request_cohort(table())
    settings = AttentionSettings(words={"left": "LV", "heart": "MYO"}, subjects=3, field_mm=60)
    made = {subject: labels for subject, _, labels in generator.sample(asked)}
    rows, examples, _ = measure_attention(generator, asked, settings, SPACING_MM, Measurement())
    told = {"left": "s-2", "heart": "s-0"}  # each word is in one of the three sentences
    shown = {example.word: example.subject for example in examples}
    assert shown == {
        word: told[word] for word, label in (("left", 1), ("heart", 2)) if (made[told[word]] == label).any()
    }
    # Two kinds of maps, two measures, five suffixes; and two measures by class with three.
    assert (
        len(rows) == 2 * (2 * 2 * 5 + 2 * 3)
        and set(rows["status"]) == {"not_measured"}
        and rows["n"].max() <= 1
    )


def test_a_class_start_heeds_the_diagnosis_without_guidance_too(models):
    sampler = SamplerSettings(steps=2, guidance=0.0)
    for weight, takes_effect in ((0.5, {"diagnosis"}), (0.0, set())):
        changes = {"sampler": sampler, "start_weight": weight}
        unguided = build_generator(SETTINGS.model_copy(update=changes), models, "cpu")
        normal, dilated = (
            next(unguided.sample(request_cohort(table(1).assign(diagnosis=diagnosis))))[1]
            for diagnosis in ("NOR", "DCM")
        )
        assert np.array_equal(normal, dilated) == (not takes_effect)
        assert set(unguided.conditions) == {"n_slices", "es_phase"} | takes_effect


def test_roles_and_class_means_are_checked_in_the_study():
    with pytest.raises(ValueError, match="exactly the roles autoencoder and diffusion"):
        TextDrivenSettings(kind="text_driven", models={"autoencoder": "a"})


def test_without_guidance_no_word_is_attended_to(models):
    """Guidance 0 asks for the null alone, which is no sentence."""
    sampler = SamplerSettings(steps=2, guidance=0.0)
    blind = build_generator(TextDrivenSettings(kind="text_driven", sampler=sampler), models, "cpu")
    ((_, maps),) = blind.attention_maps(request_cohort(table(1)), ["heart"])
    assert maps.shape == (1, FRAMES, SLICES, MATRIX, MATRIX) and np.isnan(maps).all()
