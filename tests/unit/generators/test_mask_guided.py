"""Mask-guided generation: a cine that follows the requested masks, and the base's where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from beating_ellipsoid import FRAMES, MATRIX, SPACING_MM, beating_heart
from tiny_models import requests, train, write_store
from tiny_text import TINY_TEXT, tell

from synthaug.config.generators import (
    MaskGuidedSettings,
    SamplerSettings,
    SinglePassSettings,
    TextDrivenSettings,
)
from synthaug.config.synthesis import GateSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_labels, write_subject
from synthaug.generators import build_generator
from synthaug.labels import UNLABELLED
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.requests import request_cohort, write_requests

SAMPLER = SamplerSettings(steps=2, guidance=2.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("guided") / "store")


@pytest.fixture(scope="module")
def models(store, tmp_path_factory):
    made = {}
    for role, kind, changes in (
        ("autoencoder", "autoencoder", {}),
        ("diffusion", "cine_diffusion", {"copies": 1}),
        ("control", "control_branch", {"copies": 1}),
    ):
        folder = tmp_path_factory.mktemp(role)
        made[role] = train(kind, store, folder, dict(made), changes, iterations=3, learning_rate=0.05)
    return made


def guided(models, **changes):
    return build_generator(MaskGuidedSettings(kind="mask_guided", sampler=SAMPLER, **changes), models, "cpu")


def asked(folder, frames=(0, 5), count=3, open_requests=(2,)):
    """Requests with masks of some frames; those of `open_requests` have none."""
    table, folders = requests(count), {}
    table["labelled_frames"] = None
    for number, row in enumerate(table.itertuples()):
        if number in open_requests:
            continue
        labels = beating_heart(140.0 + 20 * number, 60.0, int(row.n_slices), seed=number)[1]
        folders[row.subject] = folder / f"sub-{row.subject}"
        write_labels(folders[row.subject], {frame: labels[frame] for frame in frames}, FRAMES, SPACING_MM)
        table.loc[number, "labelled_frames"] = ",".join(map(str, frames))
    return request_cohort(table, folders=folders, spacing_mm=SPACING_MM)


def test_samples_depend_on_their_request_and_seed_alone(models, tmp_path):
    generator, wanted = guided(models), asked(tmp_path)
    together = {subject: (cine, labels) for subject, cine, labels in generator.sample(wanted, batch_size=3)}
    for subject in wanted.subjects:
        _, cine, labels = next(generator.sample(wanted.select([subject])))
        assert np.array_equal(cine, together[subject][0]) and np.array_equal(labels, together[subject][1])
    assert {"labels", "lv_edv_ml"} <= set(generator.conditions)


def test_a_request_without_masks_is_the_diffusion_models_own(models, tmp_path):
    wanted = asked(tmp_path)
    base = {role: models[role] for role in ("autoencoder", "diffusion")}
    plain = build_generator(SinglePassSettings(kind="single_pass", sampler=SAMPLER), base, "cpu")
    cines = {subject: cine for subject, cine, _ in plain.sample(wanted)}
    steered = {subject: cine for subject, cine, _ in guided(models).sample(wanted)}
    unsteered = {subject: cine for subject, cine, _ in guided(models, control_scale=0).sample(wanted)}
    same = [np.array_equal(cines[subject], steered[subject]) for subject in wanted.subjects]
    assert same == [False, False, True]
    assert all(np.array_equal(cines[subject], unsteered[subject]) for subject in wanted.subjects)


def test_a_branch_without_weight_leaves_the_base_alone_whatever_it_trained(store, models, tmp_path):
    """A trained middle block takes the base's place only where masks are followed; masks then are no condition."""
    needs = {role: models[role] for role in ("autoencoder", "diffusion")}
    changes = {"copies": 1, "trainable_base": "middle"}
    control = train("control_branch", store, tmp_path, needs, changes, iterations=3, learning_rate=0.05)
    unsteered = guided({**needs, "control": control}, control_scale=0)
    plain = build_generator(SinglePassSettings(kind="single_pass", sampler=SAMPLER), needs, "cpu")
    wanted = asked(tmp_path / "asked", count=1, open_requests=())
    assert np.array_equal(next(unsteered.sample(wanted))[1], next(plain.sample(wanted))[1])
    assert "labels" not in unsteered.conditions and "lv_edv_ml" in unsteered.conditions


def test_requested_masks_are_those_of_the_cine_where_asked(models, tmp_path):
    wanted = asked(tmp_path)
    decoded = {subject: labels for subject, _, labels in guided(models).sample(wanted)}
    emitted = {subject: labels for subject, _, labels in guided(models, masks="requested").sample(wanted)}
    for subject in wanted.subjects[:2]:
        masks = wanted.label_cine(subject)
        given = (masks != UNLABELLED).any(axis=(1, 2, 3))
        assert np.array_equal(emitted[subject][given], masks[given])
        assert np.array_equal(emitted[subject][~given], decoded[subject][~given])
    assert np.array_equal(emitted["s-2"], decoded["s-2"])


def test_the_masks_asked_for_lie_beside_the_cine(models, tmp_path):
    wanted = asked(tmp_path / "asked")
    identity = {"hashes": {}, "seen": [], "conditions": []}
    gate = GateSettings(enabled=False, attempts=1)
    output = tmp_path / "chunk"
    synthesise_chunk(guided(models), wanted, gate, SPACING_MM, output, "g", 2, identity)
    cohort = Cohort.open(output)
    assert np.array_equal(cohort.requested_label_cine("s-0"), wanted.label_cine("s-0"))
    assert cohort.requested_label_cine("s-2") is None


def test_masks_of_another_grid_are_refused(models, tmp_path):
    wanted = asked(tmp_path)
    write_labels(tmp_path / "sub-s-0", {0: np.zeros((6, MATRIX, MATRIX + 2), np.uint8)}, FRAMES, SPACING_MM)
    with pytest.raises(
        SynthaugError, match=r"s-0: masks are \(10, 6, 64, 66\) .* harmonise both to one grid"
    ):
        list(guided(models).sample(wanted))


def test_edges_of_a_cine_that_is_handed_over_steer(store, models, tmp_path):
    needs = {role: models[role] for role in ("autoencoder", "diffusion")}
    changes = {"structure": "canny", "copies": 1}
    edges = train(
        "control_branch", store, tmp_path / "edges", needs, changes, iterations=3, learning_rate=0.05
    )
    cine, labels = beating_heart(140.0, 60.0, 6, seed=1)
    write_subject(tmp_path / "real", cine, {0: labels[0]}, SPACING_MM)
    table = requests(1).assign(labelled_frames="0")
    made = {}
    for guides in (False, True):
        wanted = request_cohort(table, "r", {"s-0": tmp_path / "real"}, SPACING_MM, guides=guides)
        write_requests(wanted, tmp_path / f"requests-{guides}")
        written = Cohort.open(tmp_path / f"requests-{guides}")
        assert (written.guide("s-0") is not None) == guides
        made[guides] = next(guided({**needs, "control": edges}).sample(written))[1]
    assert not np.array_equal(made[False], made[True])  # the edges of the labels, and those of the image


@pytest.fixture(scope="module")
def worded(tmp_path_factory):
    """A branch on a text-driven base."""
    store, made = tell(write_store(tmp_path_factory.mktemp("worded") / "store")), {}
    for role, kind, needs, changes in (
        ("autoencoder", "autoencoder", (), {}),
        ("text", "plugin", (), TINY_TEXT),
        ("diffusion", "text_diffusion", ("autoencoder", "text"), {"copies": 1}),
        ("control", "control_branch", ("autoencoder", "diffusion"), {"copies": 1}),
    ):
        own = {name: made[name] for name in needs}
        folder = tmp_path_factory.mktemp(role)
        made[role] = train(kind, store, folder, own, changes, iterations=2, learning_rate=0.05)
    return {role: path for role, path in made.items() if role != "text"}


def test_attention_to_words_is_that_of_base_and_branch(worded, tmp_path):
    generator, wanted = guided(worded), asked(tmp_path, count=2, open_requests=(1,))
    wanted = replace(wanted, table=wanted.table.assign(sentence="normal heart"))
    base = {role: worded[role] for role in ("autoencoder", "diffusion")}
    plain = build_generator(TextDrivenSettings(kind="text_driven", sampler=SAMPLER), base, "cpu")
    words = ["normal", "heart"]
    steered, free = (dict(each.attention_maps(wanted, words)) for each in (generator, plain))
    masked, unmasked = wanted.subjects
    for maps in steered.values():
        np.testing.assert_allclose(maps.sum(axis=0), 1, atol=1e-5)  # the sentence has no other word
    assert np.array_equal(steered[unmasked], free[unmasked])  # without masks the base's own
    assert not np.allclose(steered[masked], free[masked], atol=1e-6)


def test_a_base_that_reads_no_sentences_attends_to_no_word(models, tmp_path):
    with pytest.raises(
        SynthaugError, match="reads no sentences, so that it attends to no word; steer a text_diffusion"
    ):
        next(guided(models).attention_maps(asked(tmp_path), ["heart"]))
