"""Fine-tuning: what a training takes of other weights, whom it then has seen, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import settings_of, train, write_store

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.base import TrainableModel
from synthaug.models.weights import load_model, read_header
from synthaug.training.initialise import Initialised, initialise

#: A step that moves no weight by more than about this.
TINY = {"iterations": 1, "learning_rate": 1e-9, "warmup_iterations": 0, "ema_decay": 0.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def released(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train("autoencoder", store, tmp_path_factory.mktemp("released"))


def init(weights: Path, **changes: object) -> dict[str, object]:
    return {"init": {"weights": str(weights), "sha256": sha256_file(weights), **changes}}


def test_a_training_starts_from_the_weights_and_has_seen_their_subjects(
    released: Path, tmp_path: Path
) -> None:
    others = write_store(tmp_path / "others", subjects=6, seed=50)
    tuned = train("autoencoder", others, tmp_path, changes=init(released), **TINY)
    before, after = load_file(released), load_file(tuned)
    parameters = [name for name in before if before[name].dim()]
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in parameters)
    random = load_file(train("autoencoder", others, tmp_path / "random", **TINY))
    assert not all(torch.allclose(before[name], random[name], atol=1e-3) for name in parameters)
    # The others have ids of h0 to h5, the released weights saw h0 to h3: the union, whoever comes first.
    assert {f"h{number}" for number in range(6)} == set(read_header(tuned).seen)
    record = json.loads((tmp_path / "training.json").read_text())["init"]
    assert record == {"sha256": sha256_file(released), "taken": 1.0, "anew": []}


def test_codes_that_are_in_use_stay(store: Path, tmp_path: Path) -> None:
    """A step moves a code by a hundredth of the way to its vectors; begun anew, codes would lie at encoded vectors."""
    released = train("vq_autoencoder", store, tmp_path / "released", iterations=24)
    tuned = train("vq_autoencoder", store, tmp_path / "tuned", changes=init(released), **TINY)
    codebook = "network.quantizer.quantizer."
    before, after = load_file(released), load_file(tuned)
    sizes, found = (tensors[f"{codebook}ema_cluster_size"] for tensors in (before, after))
    assert float(found.sum()) > 0.9 * float(sizes.sum()) > 8  # eight codes that start again have 1 each
    used = sizes > 1
    codes, moved = (tensors[f"{codebook}embedding.weight"][used] for tensors in (before, after))
    assert used.any() and float((moved - codes).abs().max()) < 0.05 * float(codes.std())


def test_parameters_of_another_shape_start_at_random_and_are_listed(
    store: Path, released: Path, tmp_path: Path
) -> None:
    wider = {**init(released), "channels": [4, 16]}
    tuned = train("autoencoder", store, tmp_path, changes=wider, **TINY)
    record = json.loads((tmp_path / "training.json").read_text())["init"]
    assert 0 < record["taken"] < 1 and record["anew"]
    before, after = load_file(released), load_file(tuned)
    fits = [name for name in before if name in after and before[name].shape == after[name].shape]
    assert fits and not set(fits) & set(record["anew"])


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("autoencoder", {"sha256": "0" * 64}, "its SHA-256 is .*, init.sha256 is another; give the file"),
        (
            "patient_recogniser",
            {},
            "is of .*:Autoencoder, not of .*:PatientRecogniser; name weights of the same kind",
        ),
        ("phenotype_copula", {}, "has no parameters to start from; leave init out"),
    ],
)
def test_what_cannot_be_started_from_is_one_line(
    store: Path, released: Path, tmp_path: Path, kind: str, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(SynthaugError, match=said):
        train(kind, store, tmp_path, changes=init(released, **changes), **TINY)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_file_that_is_none_of_ours_is_one_line(store: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")
    with pytest.raises(SynthaugError, match="not a readable safetensors file"):
        train("autoencoder", store, tmp_path, changes=init(tmp_path / "weights.safetensors"), **TINY)


def with_rvd_for_dcm(store: Path) -> TensorStore:
    """The same subjects, with another diagnosis in the place of one."""
    opened = TensorStore.open(store)
    table = opened.table.assign(diagnosis=opened.table["diagnosis"].replace("DCM", "RVD"))
    return dataclasses.replace(opened, table=table)


def initialised(theirs: Path, store: TensorStore) -> tuple[TrainableModel, Initialised | None]:
    """A new model on the fold of `store`, with the settings of other weights and started from these."""
    old = load_model(theirs)
    settings = settings_of({**read_header(theirs).settings, **init(theirs)})
    model = type(old)(settings, old.grid, old.needs, type(old).facts(settings, store))
    return model, initialise(model, settings)


def test_rows_of_categories_are_taken_by_name(store: Path, released: Path, tmp_path: Path) -> None:
    """Vocabularies DCM, NOR there and NOR, RVD here: NOR has its own row, RVD starts at random."""
    theirs = train("anatomy_diffusion", store, tmp_path, {"autoencoder": released}, {"copies": 1})
    model, done = initialised(theirs, with_rvd_for_dcm(store))
    name = "conditioner.embedding.categorical.diagnosis.weight"
    before, after = load_file(theirs)[name], model.get_parameter(name)
    assert torch.equal(after[0], before[1])
    assert not any(torch.allclose(after[1], row, atol=1e-3) for row in before)
    assert done is not None and done.record["anew"] == [name] and 0.9 < done.record["taken"] < 1


def test_weights_of_other_diagnoses_are_one_line(store: Path, tmp_path: Path) -> None:
    theirs = train("phenotype_vae", store, tmp_path, changes={"diagnosis": True})
    assert initialised(theirs, TensorStore.open(store))[1] is not None
    with pytest.raises(SynthaugError, match="its training data have another diagnoses than this study's"):
        initialised(theirs, with_rvd_for_dcm(store))
