"""Examples of attention on disk, for the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthaug.core.array_files import read_npz
from synthaug.core.artifacts import atomic_file
from synthaug.measures.attention import Example


def write_examples(path: str | Path, examples: Sequence[Example]) -> None:
    """Write examples as one ``.npz``, atomically; there may be none."""
    arrays: dict[str, np.ndarray] = {
        "about": np.array(json.dumps([[example.subject, example.word] for example in examples]))
    }
    for number, example in enumerate(examples):
        arrays[f"image-{number}"] = example.image.astype(np.float16)
        arrays[f"attention-{number}"] = example.attention.astype(np.float16)
        arrays[f"region-{number}"] = example.region
    with atomic_file(Path(path)) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def read_examples(path: str | Path) -> list[Example]:
    """Read what `write_examples` wrote."""
    arrays = read_npz(path)
    about = json.loads(str(arrays["about"]))
    return [
        Example(
            subject,
            word,
            arrays[f"image-{number}"].astype(np.float32),
            arrays[f"attention-{number}"].astype(np.float32),
            arrays[f"region-{number}"],
        )
        for number, (subject, word) in enumerate(about)
    ]
