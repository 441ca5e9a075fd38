"""Examples of maps of words on disk, for the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.array_files import read_npz
from synthaug.core.artifacts import atomic_file
from synthaug.measures.attention import Example
from synthaug.measures.attention_by_class import POINT_COLUMNS


def write_examples(path: str | Path, examples: Sequence[Example], points: pd.DataFrame | None = None) -> None:
    """Write examples, and samples in a plane by their maps, as one ``.npz``, atomically; there may be none."""
    arrays: dict[str, np.ndarray] = {
        "about": np.array(json.dumps([[example.kind, example.subject, example.word] for example in examples]))
    }
    shown = pd.DataFrame(columns=list(POINT_COLUMNS)) if points is None else points
    arrays["points"] = np.array(shown.to_json(orient="records"))
    for number, example in enumerate(examples):
        arrays[f"image-{number}"] = example.image.astype(np.float16)
        arrays[f"heat-{number}"] = example.heat.astype(np.float16)
        arrays[f"region-{number}"] = example.region
    with atomic_file(Path(path)) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def read_examples(path: str | Path) -> list[Example]:
    """Read what `write_examples` wrote."""
    arrays = read_npz(path)
    about = json.loads(str(arrays["about"]))
    return [
        Example(
            kind,
            subject,
            word,
            arrays[f"image-{number}"].astype(np.float32),
            arrays[f"heat-{number}"].astype(np.float32),
            arrays[f"region-{number}"],
        )
        for number, (kind, subject, word) in enumerate(about)
    ]


def read_points(path: str | Path) -> pd.DataFrame:
    """The samples in a plane that `write_examples` wrote, columns `POINT_COLUMNS`."""
    return pd.DataFrame(json.loads(str(read_npz(path)["points"])), columns=list(POINT_COLUMNS))
