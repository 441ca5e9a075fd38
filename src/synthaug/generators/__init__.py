"""Generators: chains of trained models behind one `sample` method.

>>> from synthaug.data.cohort import Cohort
>>> from synthaug.generators import load
>>> generator = load("results/demo/generators/cascade/fold-0/generator-seed-0/generator.json")
>>> requests = Cohort.open("results/demo/synthetic/cascade/fold-0/generator-seed-0/requests/0")
>>> for subject, cine, labels in generator.sample(requests): ...
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError

from synthaug.config.generators import GeneratorSettings
from synthaug.config.paths import without_home
from synthaug.core.artifacts import read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import check_named, code_hashes
from synthaug.core.registry import class_of, module_of, parse, reference_of
from synthaug.generators.base import Generator
from synthaug.models.weights import model_settings, read_header


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
        The generator cannot be sampled, or a weight file is missing or corrupted.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    generator: Generator = class_of(settings, Generator).build(settings, models, device)
    generator.settings = settings
    weights = {role: sha256_file(path) for role, path in models.items()}
    generator.hashes = weights | code_hashes(_modules_of(settings, models))
    generator.seen = sorted({*generator.seen}.union(*(read_header(path).seen for path in models.values())))
    return generator


def _modules_of(settings: GeneratorSettings, models: Mapping[str, Path]) -> list[str]:
    """Modules of a generator's class and of the classes of its models, and of those they need."""
    modules, waiting = [module_of(settings)], list(models.values())
    while waiting:
        path = waiting.pop()
        header = read_header(path)
        modules.append(module_of(model_settings(header, path)))
        waiting += [path.parent / need["path"] for need in header.needs.values()]
    return modules


def describe(path: str | Path, settings: GeneratorSettings, models: Mapping[str, Path]) -> None:
    """Write ``generator.json``: settings, where each model lies with its SHA-256, and whose code it was.

    Code from outside the package is named by the SHA-256 of each of its files. Paths are relative to
    the file, so that a results folder can be moved whole.
    """
    path = Path(path)
    content = {
        "settings": without_home(settings.model_dump(mode="json")),
        "code": code_hashes(_modules_of(settings, models)),
        "models": {
            role: {"path": os.path.relpath(weights, path.parent), "sha256": sha256_file(weights)}
            for role, weights in models.items()
        },
    }
    write_json(path, content, checksum=True)


def load(path: str | Path, device: str = "auto") -> Generator:
    """Load a generator from its ``generator.json``, or from the folder that holds one.

    Raises
    ------
    SynthaugError
        There is no description, a model is missing or not the one described, or a class from outside is described
        that nobody named (`synthaug.core.plugins`).
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
            raise SynthaugError(
                f"{models[role]}: the {role} of {path} is missing; train it or restore the file"
            )
        if sha256_file(models[role]) != model["sha256"]:
            raise SynthaugError(f"{models[role]}: is not the {role} that {path} describes; synthesise again")
    try:
        settings = parse(content["settings"], GeneratorSettings)
    except ValidationError as error:
        first = error.errors()[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise SynthaugError(
            f"{path}: is of another version of synthaug ({said}); load it with that version, or synthesise again"
        ) from None
    check_named(reference_of(settings), path)
    return build_generator(settings, models, device)
