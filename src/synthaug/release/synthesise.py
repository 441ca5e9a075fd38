"""Cines of a trained generator without its study: from a table of requests, or a folder with masks, to a cohort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synthaug.config.conditions import CATEGORIES
from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import GateSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.generators import load
from synthaug.generators.base import Generator
from synthaug.models.weights import read_header
from synthaug.release.card import categories_of, view_of
from synthaug.release.export import CARD, DESCRIPTION
from synthaug.synthesis.chunk import WRITERS, synthesise_chunk
from synthaug.synthesis.plan_requests import complete_requests
from synthaug.synthesis.requests import problem_of, read_cohort, read_table, refuse_other_view, request_cohort
from synthaug.synthesis.word_requests import word_requests
from synthaug.views import SHORT_AXIS, View


def synthesise(
    folder: str | Path,
    requests: str | Path,
    output: str | Path,
    seed: int = 0,
    batch_size: int = 1,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Cohort:
    """Make a cine for every request, with the quality control that a study has by default.

    Parameters
    ----------
    folder : path
        Folder with a ``generator.json``: an exported one, or one of a study's results.
    requests : path
        TSV of requests (as `synthesis.requests.table`; `n_slices` must be given), or a folder of requests or of a cohort
        on the generator's grid, whose masks are requested, too.
    output : path
        Cohort folder to write, whole or not at all; it must not exist.
    seed : int
        The same seed gives the same cines.
    batch_size : int
        Requests worked on together.
    device : str
        ``"auto"`` is a GPU where there is one.
    progress : callable, optional
        Called with the numbers of accepted and of requested subjects.

    Returns
    -------
    Cohort
        Those that passed quality control; ``attempts.tsv`` beside it lists every sample.

    Raises
    ------
    SynthaugError
        The generator or the requests cannot be read, a request is impossible, or `output` exists.
    """
    folder, requests, output = Path(folder), Path(requests), Path(output)
    if output.exists():
        raise SynthaugError(f"{output}: exists already; give another folder")
    generator = load(folder, device)
    card = read_json(folder / CARD) if (folder / CARD).is_file() else {}
    name = card.get("generator", generator.settings.kind.replace("_", "-"))
    view = card["view"] if "view" in card else _view_of_study(folder)
    asked = _requested(requests, generator, folder, name, seed, view)
    if "sentence" in generator.conditions:
        asked = word_requests(asked, held_out=True)
    synthesise_chunk(
        generator,
        asked,
        GateSettings(),
        generator.grid.spacing_mm,
        output,
        name=name,
        batch_size=batch_size,
        identity=generator.identity,
        progress=progress,
        writers=WRITERS if torch.cuda.is_available() and device != "cpu" else 0,
    )
    return Cohort.open(output)


def _view_of_study(folder: Path) -> View:
    """What the cines of the study show that a generator's folder lies in."""
    places = folder.resolve().parents
    return view_of(places[3]) if len(places) > 3 else SHORT_AXIS


def _requested(path: Path, generator: Generator, folder: Path, name: str, seed: int, view: View) -> Cohort:
    grid = generator.grid
    folders: list[Path] = []
    if path.is_dir():
        matrix = HarmonisationSettings(
            spacing_mm=grid.spacing_mm, matrix=(grid.z, grid.y, grid.x), frames=grid.frames
        )
        own, folders = read_cohort(path, matrix, view)
    else:
        own = read_table(path)
    refuse_other_view(own, view, path)
    _refuse_impossible(own, folder, grid.z, path)
    names = [f"{name}-s{seed}-{number:04d}" for number in range(len(own))]
    table = complete_requests(own, names, seed)
    masks = dict(zip(names, folders, strict=bool(folders)))
    return request_cohort(table, name, masks, grid.spacing_mm, view=view)


def _refuse_impossible(requests: pd.DataFrame, folder: Path, max_slices: int, where: Path) -> None:
    described = read_json(folder / DESCRIPTION)["models"].values()
    known = categories_of(read_header(folder / model["path"]) for model in described)
    # What the generator is not conditioned on has no effect, whatever is asked.
    seen = {name: known.get(name, _values(requests, name)) for name in CATEGORIES}
    for number, row in enumerate(requests.to_dict("records"), start=1):
        if pd.isna(row["n_slices"]):
            problem: str | None = f"n_slices is open; give a whole number from 1 to {max_slices}"
        else:
            problem = problem_of(row, seen, max_slices)
        if problem:
            raise SynthaugError(f"{where}: row {number}: {problem}")


def _values(requests: pd.DataFrame, column: str) -> list[str]:
    return list(np.unique(requests[column].dropna().astype(str))) if column in requests else []
