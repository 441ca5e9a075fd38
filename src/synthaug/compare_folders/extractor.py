"""The feature extractor of a comparison: checked before any cine is read, trained on REAL where none is given."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthaug import __version__
from synthaug.compare_folders.cohorts import VoxelGrid, spelled
from synthaug.compare_folders.options import EvaluateOptions
from synthaug.core.artifacts import read_json, sha256_file, sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.store import pack

if TYPE_CHECKING:
    from synthaug.models.weights import Header

#: Patches of one clip that attention can hold in a few GB: 20 frames of 128 x 128 in patches of 2 x 8 x 8.
MOST_PATCHES = 2560


def check_extractor(options: EvaluateOptions) -> Header | None:
    """Refuse an unusable extractor before any cine is read; header of the weights of a masked autoencoder."""
    if options.network is not None:
        from synthaug.features.extraction import make_extractor

        make_extractor(options.network)
        return None
    if options.weights is None:
        if options.sha256 is not None:
            raise SynthaugError("--sha256 is the hash of --weights; give both or none")
        return None
    if options.sha256 is not None and options.weights.is_file():
        found = sha256_file(options.weights)
        if found != options.sha256:
            raise SynthaugError(
                f"{options.weights}: SHA-256 is {found}, --sha256 says {options.sha256}; check the file"
            )
    from synthaug.models.weights import read_header

    header = read_header(options.weights)
    if header.settings["kind"] != "masked_autoencoder":
        raise SynthaugError(
            f"{options.weights}: is a model of kind {header.settings['kind']}; give one of kind masked_autoencoder"
        )
    return header


def patch_of(options: EvaluateOptions, header: Header | None) -> tuple[int, int, int]:
    """Extent (s, y, x) of what the extractor looks at as one."""
    if options.network is not None:
        return 1, 1, 1  # it scales every image to its own size
    s, y, x = header.settings["patch"] if header else options.model.patch
    return s, y, x


def refuse_large_clips(grid: VoxelGrid, patch: tuple[int, int, int]) -> None:
    """Refuse clips of more patches than a masked autoencoder can attend to."""
    along_time = -(-grid.frames // patch[0])
    patches = along_time * (grid.matrix[1] // patch[1]) * (grid.matrix[2] // patch[2])
    if patches > MOST_PATCHES:
        most = max(int((MOST_PATCHES // along_time) ** 0.5), 1) * max(patch[1:])
        raise SynthaugError(
            f"REAL: {grid.frames} frames of {spelled(grid.matrix[1:])} pixels are {patches} patches a clip, more than the "
            f"{MOST_PATCHES} the extractor can attend to; crop around the middle with --size {most} or less"
        )


def extractor_weights(
    cohort: Cohort, n_slices: int, content: Mapping[str, Any], options: EvaluateOptions, output: Path
) -> tuple[Path | None, bool]:
    """The extractor's weight file, and whether it was trained now.

    Parameters
    ----------
    cohort : Cohort
        Real cines on one voxel grid.
    n_slices : int
        Slices of the highest stack.
    content : mapping
        JSON-able identity of the cines (hashes, grid): equal content gives equal training data.
    options : EvaluateOptions
        Without a network and weights, a masked autoencoder is trained, or the one found that was trained on
        the same before. A training that was interrupted goes on from its last checkpoint.
    output : Path
        Trainings lie here, each in a folder named after what it was trained on: ``model.safetensors``,
        ``training.json`` and ``history.csv``.
    """
    if options.network is not None or options.weights is not None:
        return options.weights, False
    seed = options.settings.seed
    content = {"version": __version__, **content}
    settings = options.model.model_dump(mode="json")
    folder = output / sha256_json({"content": content, "settings": settings, "seed": seed})[:16]
    weights, record = folder / "model.safetensors", folder / "training.json"
    # The record is written last; weights that are not those it speaks of are not read.
    if record.is_file() and weights.is_file() and read_json(record)["weights_sha256"] == sha256_file(weights):
        return weights, False
    from synthaug.training import train_model

    pack(cohort, folder / "store", n_slices)
    train_model(
        options.model,
        folder / "store",
        {},
        weights,
        record,
        folder / "history.csv",
        folder / "checkpoints",
        seed=seed,
        threads=options.threads,
    )
    shutil.rmtree(folder / "store")
    return weights, True
