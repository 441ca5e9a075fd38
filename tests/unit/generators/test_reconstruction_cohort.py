"""Cohorts of reconstructions: what is written is what the model decodes, and whom it saw is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES
from tiny_models import train, write_store

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.store import TensorStore
from synthaug.generators.real import real_as_synthetic
from synthaug.generators.reconstruction import Reconstruction
from synthaug.measures.mask_agreement import whose_masks
from synthaug.metrics.volumes import measure_function
from synthaug.models.latents import slice_weights
from synthaug.models.weights import load_model


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reconstruction")
    train("autoencoder", write_store(folder / "store"), folder / "autoencoder")
    return folder


@pytest.fixture(scope="module")
def real(root):
    return Cohort.open(root / "store-cohort")


@pytest.fixture(scope="module")
def weights(root):
    return root / "autoencoder" / "model.safetensors"


@pytest.fixture(scope="module")
def decoded(root, real, weights):
    through = Reconstruction.load(weights, "vae", device="cpu")
    nobody = real.select([])
    real_as_synthetic(real, root / "cohort", "recon", ["h0", "h1", "h3"], nobody, through=through)
    return Cohort.open(root / "cohort")


def test_what_is_lent_is_what_the_model_decodes(root, decoded, weights):
    """The same as the model's own decoding of the store that it was trained on."""
    store, coder = TensorStore.open(root / "store"), load_model(weights)
    for index, subject in enumerate(("h0", "h1")):  # of 6 and of 5 slices
        cine = torch.from_numpy(store.images[index].astype(np.float32))[None]
        there = store.slice_mask[index]
        slices = slice_weights(there)
        images, labels = coder.decode_cine(coder.encode_cine(cine, slices)[0], slices)
        # On disk in steps of 3e-5; the store's float16 moves the input by 2e-4.
        found = decoded.cine(f"recon-{subject}")
        np.testing.assert_allclose(found, images[0, :, there].numpy(), atol=5e-3)
        agree = decoded.label_cine(f"recon-{subject}") == labels[0, :, there].numpy()
        assert agree.mean() > 0.98


def test_only_labelled_training_subjects_are_lent_with_masks_in_every_frame(decoded):
    assert sorted(decoded.subjects) == ["recon-h0", "recon-h1"]  # h3 has no labels
    assert decoded.kind == "synthetic"
    for subject in decoded.subjects:
        assert decoded.labelled_frames(subject) == list(range(FRAMES))


def test_the_table_speaks_of_the_decoded_masks(decoded, real):
    row, labels = decoded.record("recon-h1"), decoded.label_cine("recon-h1")
    measured = measure_function(labels, real.spacing_mm, 0, FRAMES // 2)
    assert row["lv_edv_ml"] == pytest.approx(measured["lv_edv_ml"])
    assert row["lv_edv_ml"] != real.record("h1")["lv_edv_ml"]
    assert row["diagnosis"] == "DCM" and row["generator"] == "recon" and row["es_frame"] == FRAMES // 2


def test_hash_and_whom_it_saw_are_recorded(decoded, weights):
    assert decoded.meta["through"] == "vae" and decoded.meta["real_dataset"] == "h"
    assert decoded.meta["hashes"] == {"through": sha256_file(weights)}
    assert decoded.meta["seen"] == ["h0", "h1", "h2", "h3"]  # the model's, beyond those lent
    assert whose_masks(decoded.meta) == ""


def test_a_held_out_cine_is_refused_before_it_is_decoded(tmp_path, real, weights):
    through = Reconstruction.load(weights, "vae", device="cpu")
    with pytest.raises(SynthaugError, match="has the cine of h0, who validates or tests"):
        real_as_synthetic(real, tmp_path / "c", "recon", None, real.select(["h0"]), through=through)
    assert not (tmp_path / "c").exists()


def test_nobody_is_lent_through_an_autoencoder_without_masks(tmp_path, root, real):
    weights = train("autoencoder", root / "store", tmp_path / "maskless", changes={"masks": False})
    through = Reconstruction.load(weights, "maskless", device="cpu")
    with pytest.raises(SynthaugError, match="maskless: decodes no masks; set through to an autoencoder"):
        real_as_synthetic(real, tmp_path / "c", "recon", ["h0"], real.select([]), through=through)
    assert not (tmp_path / "c").exists()


def test_another_grid_is_refused(weights):
    through = Reconstruction.load(weights, "vae", device="cpu")
    with pytest.raises(SynthaugError, match="does not fit the model's grid"):
        through.reconstruct(np.zeros((FRAMES + 1, 5, 64, 64), np.float32))


def test_a_model_that_decodes_no_cines_is_refused(tmp_path, root, weights):
    needs = {"autoencoder": weights}
    diffusion = train("anatomy_diffusion", root / "store", tmp_path / "anatomy", needs, iterations=2)
    with pytest.raises(SynthaugError, match="decodes no cines"):
        Reconstruction.load(diffusion, "anatomy", device="cpu")
