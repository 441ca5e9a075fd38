"""Generators: chains of trained models behind one `sample` method.

>>> from synthaug.generators import load
>>> generator = load("results/demo/generators/cascade/fold-0/generator-seed-0/generator.json")
>>> for subject, cine, labels in generator.sample(conditions): ...
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug.core.artifacts import read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import code_hashes, load_class

if TYPE_CHECKING:
    from synthaug.config.generators import GeneratorSettings
    from synthaug.generators.base import Generator

#: Where the class of each kind that can be sampled is found.
KINDS = {
    "cascade": "synthaug.generators.cascade:Cascade",
    "single_pass": "synthaug.generators.single_pass:SinglePass",
}


def settings_of(content: Mapping[str, Any]) -> GeneratorSettings:
    """Settings of a generator from their JSON-able content, by its `kind`."""
    from pydantic import TypeAdapter

    from synthaug.config.generators import GeneratorSettings

    settings: GeneratorSettings = TypeAdapter(GeneratorSettings).validate_python(dict(content))
    return settings


def build_generator(
    settings: GeneratorSettings, models: Mapping[str, Path], device: str = "auto"
) -> Generator:
    """Make a generator from its settings and its models' weight files.

    Parameters
    ----------
    settings : GeneratorSettings
        The generator's section of the study.
    models : mapping of str to Path
        Weight file of each role.
    device : str
        ``"auto"`` is a GPU where there is one.

    Raises
    ------
    SynthaugError
        The generator cannot be sampled, or a weight file is missing or damaged.
    """
    import torch

    from synthaug.generators.base import Generator
    from synthaug.models.weights import read_header

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    generator: Generator = load_class(reference_of(settings), Generator).build(settings, models, device)
    generator.settings = settings
    weights = {role: sha256_file(path) for role, path in models.items()}
    generator.hashes = weights | code_hashes(_modules_of(settings, models))
    generator.seen = sorted({*generator.seen}.union(*(read_header(path).seen for path in models.values())))
    return generator


def reference_of(settings: GeneratorSettings) -> str:
    """``module:Class`` of a generator: by its kind, or as the settings of a plugin name it.

    Raises
    ------
    SynthaugError
        The generator cannot be sampled.
    """
    if settings.kind == "plugin":
        return settings.class_name
    if settings.kind not in KINDS:
        raise SynthaugError(
            f"a generator of kind {settings.kind!r} cannot be sampled; its folder is used as it is"
        )
    return KINDS[settings.kind]


def _modules_of(settings: GeneratorSettings, models: Mapping[str, Path]) -> list[str]:
    """Modules of a generator's class and of the classes of its models, and of those they need."""
    from synthaug.models import reference_of as model_reference_of
    from synthaug.models import settings_of as model_settings_of
    from synthaug.models.weights import read_header

    references, waiting = [reference_of(settings)], list(models.values())
    while waiting:
        path = waiting.pop()
        header = read_header(path)
        references.append(model_reference_of(model_settings_of(header.settings)))
        waiting += [path.parent / need["path"] for need in header.needs.values()]
    return [reference.partition(":")[0] for reference in references]


def describe(path: str | Path, settings: GeneratorSettings, models: Mapping[str, Path]) -> None:
    """Write ``generator.json``: settings, where each model lies with its SHA-256, and whose code it was.

    Code from outside the package is named by the SHA-256 of each of its files. Paths are relative to
    the file, so that a results folder can be moved whole.
    """
    path = Path(path)
    content = {
        "settings": settings.model_dump(mode="json"),
        "code": code_hashes(_modules_of(settings, models)),
        "models": {
            role: {"path": os.path.relpath(weights, path.parent), "sha256": sha256_file(weights)}
            for role, weights in models.items()
        },
    }
    write_json(path, content)


def load(path: str | Path, device: str = "auto") -> Generator:
    """Load a generator from its ``generator.json``, or from the folder that holds one.

    Raises
    ------
    SynthaugError
        There is no description, or a model is missing or not the one described.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "generator.json"
    if not path.is_file():
        raise SynthaugError(f"{path}: no such file; give a generator.json or the folder that holds it")
    content = read_json(path)
    models: dict[str, Path] = {}
    for role, model in content["models"].items():
        models[role] = path.parent / model["path"]
        if not models[role].is_file():
            raise SynthaugError(f"{models[role]}: the {role} of {path} is missing; train it or move it back")
        if sha256_file(models[role]) != model["sha256"]:
            raise SynthaugError(f"{models[role]}: is not the {role} that {path} describes; synthesise again")
    return build_generator(settings_of(content["settings"]), models, device)
