"""Weight files: safetensors with everything in the header that is needed to use them again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from synthaug.config.models import ModelSettings
from synthaug.config.paths import without_home
from synthaug.core.artifacts import atomic_file, sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import check_named, code_hashes
from synthaug.core.registry import class_of, parse, reference_of
from synthaug.models.base import Grid, TrainableModel, to_device

_KEY = "synthaug"  # one header entry: safetensors writes several in no fixed order


@dataclass(frozen=True)
class Header:
    """What a weight file says of itself.

    Attributes
    ----------
    settings : dict
        The model's section of the study; has `kind`.
    grid : dict
        Content of a `Grid`.
    facts : dict
        What the model learned of its fold besides weights.
    seen : list of str
        Ids of the subjects it was trained on, with those of the models it needs.
    seed : int
        Seed of its training.
    needs : dict
        For each role, `path` relative to the file and `sha256` of the needed weight file.
    content_sha256 : str
        Digest of the tensors.
    code : dict of str to str
        SHA-256 of each file of a class from outside the package, as it was trained; else empty.
    """

    settings: dict[str, Any]
    grid: dict[str, Any]
    facts: dict[str, Any]
    seen: list[str]
    seed: int
    needs: dict[str, dict[str, str]]
    content_sha256: str
    code: dict[str, str] = field(default_factory=dict)


def save_model(
    path: Path,
    model: TrainableModel,
    settings: Mapping[str, Any],
    seen: list[str],
    seed: int,
    needs: Mapping[str, Path],
) -> None:
    """Write a model atomically; the same model gives the same bytes.

    Parameters
    ----------
    path : Path
        File to write.
    model : TrainableModel
        Its parameters and buffers are written.
    settings : mapping
        JSON-able settings with their `kind`.
    seen : list of str
        Training subjects.
    seed : int
        Seed of the training.
    needs : mapping of str to Path
        Weight files of the needed models by role.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    header = {
        "settings": without_home(settings),
        "grid": model.grid.as_dict(),
        "facts": model.fold_facts,
        "seen": seen,
        "seed": seed,
        # Relative, so that a results folder can be moved whole.
        "needs": {
            role: {"path": os.path.relpath(need, path.parent), "sha256": sha256_file(need)}
            for role, need in needs.items()
        },
        "content_sha256": _digest(tensors),
        "code": code_hashes([type(model).__module__]),
    }
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, metadata={_KEY: json.dumps(header)})


def read_header(path: str | Path) -> Header:
    """Read what a weight file says of itself, without its tensors."""
    return _open(Path(path))[0]


def read_weights(path: str | Path, sha256: str | None = None) -> tuple[Header, dict[str, Tensor], str]:
    """Read a weight file whole, after its hash.

    Parameters
    ----------
    path : path
        ``model.safetensors``.
    sha256 : str, optional
        What the file's hash must be.

    Returns
    -------
    Header
        What it says of itself.
    dict of str to Tensor
        Parameters and buffers.
    str
        SHA-256 of the file.

    Raises
    ------
    SynthaugError
        The file is missing, damaged, not one of ours or another than expected.
    """
    path = Path(path)
    header, tensors = _open(path, with_tensors=True)
    identity = sha256_file(path)
    if sha256 is not None and identity != sha256:
        raise SynthaugError(
            f"{path}: SHA-256 is {identity[:12]}, {sha256[:12]} was expected; train again what was built on the old one"
        )
    if _digest(tensors) != header.content_sha256:
        raise SynthaugError(f"{path}: the weights differ from their recorded checksum; train the model again")
    return header, tensors, identity


def model_settings(header: Header, path: str | Path) -> Any:
    """Settings of a model, by its header.

    Raises
    ------
    SynthaugError
        This version of the package does not know them.
    """
    try:
        return parse(header.settings, ModelSettings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SynthaugError(
            f"{path}: its settings are of another version of synthaug ({where}: {first['msg']}); load it with that version, "
            "or train the model again"
        ) from None


def load_model(
    path: str | Path,
    needs: Mapping[str, TrainableModel] | None = None,
    device: str | torch.device = "cpu",
    sha256: str | None = None,
) -> TrainableModel:
    """Load a trained model, frozen and in evaluation mode.

    Parameters
    ----------
    path : path
        ``model.safetensors``.
    needs : mapping of str to TrainableModel, optional
        Needed models that are loaded already; the others are loaded from where they lay,
        relative to this file, when it was written.
    device : str or torch.device
        Where to put it.
    sha256 : str, optional
        What the file's hash must be.

    Raises
    ------
    SynthaugError
        The file is missing, damaged, not one of ours, needs another model than the one given, does
        not fit the code as it is now, or is of a class from outside that nobody named (`synthaug.core.plugins`).
    """
    path = Path(path)
    header, tensors, identity = read_weights(path, sha256)
    loaded: dict[str, TrainableModel] = {}
    for role, need in header.needs.items():
        given = (needs or {}).get(role)
        if given is None:
            # What is loaded already serves further down too: a motion network moves this autoencoder's latents.
            shared = {**(needs or {}), **loaded}
            given = load_model(path.parent / need["path"], shared, device, need["sha256"])
        elif given.identity != need["sha256"]:
            raise SynthaugError(f"{path}: was trained with another {role} than the one given; give the same")
        loaded[role] = given
    settings = model_settings(header, path)
    check_named(reference_of(settings), path)
    model = class_of(settings, TrainableModel)(settings, Grid.from_dict(header.grid), loaded, header.facts)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        code = reference_of(settings)
        raise SynthaugError(
            f"{path}: the weights do not fit {code} as it is now; train again, or go back to its code"
        ) from error
    model.identity, model.seen = identity, header.seen
    return freeze(model, device)


def freeze(model: TrainableModel, device: str | torch.device) -> TrainableModel:
    """Put a model on a device, in evaluation mode, with parameters that are not trained."""
    model.requires_grad_(False).eval()
    to_device(model, device)
    return model


def _open(path: Path, with_tensors: bool = False) -> tuple[Header, dict[str, Tensor]]:
    if not path.is_file():
        raise SynthaugError(f"{path}: no such weight file; train the model first")
    try:
        with safe_open(path, framework="pt") as file:
            content = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()} if with_tensors else {}  # noqa: SIM118
    except SafetensorError as error:
        raise SynthaugError(
            f"{path}: not a readable safetensors file ({error}); train the model again"
        ) from None
    if content is None:
        raise SynthaugError(f"{path}: has no synthaug header; give a model.safetensors that a study wrote")
    try:
        return Header(**json.loads(content)), tensors
    except (ValueError, TypeError) as error:
        raise SynthaugError(
            f"{path}: its synthaug header is of another version ({error}); train the model again"
        ) from None


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()
