"""Features on their way to a file: kept on disk subject by subject, so that memory does not grow."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from synthaug.core.array_files import StoredArray
from synthaug.core.leftovers import PARTIAL, clear_left_behind, owned_prefix, temporary_folder
from synthaug.features.files import FeatureMeta, write_arrays


class FeatureSpool:
    """Collects features one subject at a time and writes the feature file at the end.

    Kept in memory instead, a few small arrays a subject would pin the large blocks that each subject's
    cine and activations lived in: the heap grew by several MiB a subject.

    >>> with FeatureSpool() as spool:
    ...     spool.add("p-1", {"frames": np.ones((2, 3))})
    ...     spool.write(path, FeatureMeta("extractor id"))

    Parameters
    ----------
    near : path, optional
        Features are kept beside this path, for more of them than ``TMPDIR`` may hold. Without it they are kept there.
    """

    def __init__(self, near: str | Path | None = None) -> None:
        if near is None:
            self._folder = temporary_folder("features")
        else:
            beside = Path(near).parent
            beside.mkdir(parents=True, exist_ok=True)
            clear_left_behind(beside)
            self._folder = tempfile.TemporaryDirectory(dir=beside, prefix=owned_prefix(PARTIAL, "features"))
        self._subjects: list[str] = []
        self._rows: dict[str, list[int]] = {}
        self._widths: dict[str, int] = {}

    def __enter__(self) -> FeatureSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def add(self, subject: str, features: Mapping[str, np.ndarray]) -> None:
        """Keep the features of one subject, each kind (n_rows, d).

        A kind that other subjects have and this one lacks is kept as no rows.

        Raises
        ------
        ValueError
            A kind has another d than before.
        """
        for kind, rows in features.items():
            if self._widths.setdefault(kind, rows.shape[1]) != rows.shape[1]:
                raise ValueError(f"{kind} of {subject}: d is {rows.shape[1]}, before {self._widths[kind]}")
            with self._file(kind).open("ab") as stream:
                stream.write(np.ascontiguousarray(rows, np.float32).tobytes())
            earlier = self._rows.setdefault(kind, [])
            earlier += [0] * (len(self._subjects) - len(earlier)) + [len(rows)]
        self._subjects.append(subject)

    def write(self, path: str | Path, meta: FeatureMeta) -> None:
        """Write the feature file, atomically."""
        arrays: dict[str, np.ndarray | StoredArray] = {}
        for kind, rows in self._rows.items():
            rows = rows + [0] * (len(self._subjects) - len(rows))
            shape = (sum(rows), self._widths[kind])
            arrays[f"{kind}_rows"] = np.array(rows)
            arrays[kind] = StoredArray(self._file(kind), np.dtype(np.float32), shape)
        write_arrays(path, self._subjects, arrays, meta)

    def _file(self, kind: str) -> Path:
        return Path(self._folder.name) / f"{kind}.f32"
