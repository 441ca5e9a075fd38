"""A trained generator as one folder that `synthaug.generators.load` reads on another machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import atomic_folder, read_json, sha256_file, write_json, write_text, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.models.weights import read_header
from synthaug.release.card import describe_release, measured_rows
from synthaug.release.page import card_page

DESCRIPTION, CARD, MEASURED = "generator.json", "card.json", "measured.tsv"
#: Where a study keeps a generator.
_OF_A_STUDY = re.compile(r"/generators/[^/]+/fold-\d+/generator-seed-\d+$")


def export_generator(generator: str | Path, output: str | Path, licence: str) -> dict[str, Any]:
    """Write a generator's folder: ``generator.json``, ``models/``, ``README.md``, ``card.json`` and ``measured.tsv``.

    Weight files are copied as they are, so that their hashes stay.

    Parameters
    ----------
    generator : path
        ``results/<study>/generators/<generator>/fold-<fold>/generator-seed-<seed>``.
    output : path
        Folder to write, whole or not at all; it must not exist.
    licence : str
        Under which the weights are given away, in the card: an SPDX identifier or a sentence.

    Returns
    -------
    dict
        Content of ``card.json``.

    Raises
    ------
    SynthaugError
        The folder describes no generator, a weight file is missing or another than described, or `output` exists.
    """
    source, output = Path(generator).resolve(), Path(output)
    if not (source / DESCRIPTION).is_file() or not _OF_A_STUDY.search(source.as_posix()):
        raise SynthaugError(
            f"{source}: no {DESCRIPTION} of a study; give results/<study>/generators/<generator>/fold-<fold>/generator-seed-<seed>"
        )
    if output.exists():
        raise SynthaugError(f"{output}: exists already; give another folder")
    content = read_json(source / DESCRIPTION)
    models = {
        role: _described(source / model["path"], model["sha256"]) for role, model in content["models"].items()
    }
    files = _with_needs(models)
    shared = Path(os.path.commonpath([file.parents[3] for file in files]))
    card = describe_release(source, content, models, files, licence)
    with atomic_folder(output) as folder:
        for file in files:
            place = folder / "models" / file.relative_to(shared)
            place.parent.mkdir(parents=True)
            shutil.copyfile(file, place)
            record = file.with_name("training.json")
            if record.is_file():
                shutil.copyfile(record, place.with_name(record.name))
        for role, file in models.items():
            content["models"][role]["path"] = str(Path("models", file.relative_to(shared)))
        write_json(folder / DESCRIPTION, content)
        write_json(folder / CARD, card)
        write_tsv(folder / MEASURED, measured_rows(source), checksum=False)
        write_text(folder / "README.md", card_page(card))
    return card


def _described(file: Path, sha256: str) -> Path:
    file = file.resolve()
    if not file.is_file():
        raise SynthaugError(f"{file}: is missing; train the generator again")
    if sha256_file(file) != sha256:
        raise SynthaugError(f"{file}: is not what {DESCRIPTION} describes; synthesise again")
    return file


def _with_needs(models: Mapping[str, Path]) -> list[Path]:
    """Weight files of a generator, and those that they build on, each once."""
    files: dict[Path, None] = {}
    waiting = list(models.values())
    while waiting:
        file = waiting.pop(0)
        if file in files:
            continue
        files[file] = None
        for need in read_header(file).needs.values():
            waiting.append(_described(file.parent / need["path"], need["sha256"]))
    return list(files)
