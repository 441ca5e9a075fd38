"""Pickles that nnU-Net reads: nothing but arrays and plain values, or they are not read.

nnU-Net keeps the properties of a preprocessed case (spacing, crop, places of classes) as a pickle and unpickles it
whenever the case is drawn; a pickle can run any program. The workflow makes these files itself, inside the study's results,
and takes none from a user. A folder of results that came from elsewhere, or a file put into one's own, is another matter:
so every pickle is looked at before nnU-Net is, by an unpickler that knows arrays and nothing else. The cases' arrays are
Blosc2 files, whose library refuses what is more than an array by itself.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from synthaug.core.errors import SynthaugError

#: What nnU-Net's pickles of properties are made of, beside plain values: module and name.
_ALLOWED = frozenset(
    {
        *(
            (f"numpy.{core}.multiarray", name)
            for core in ("core", "_core")
            for name in ("_reconstruct", "scalar")
        ),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),  # bytes in the pickles of protocol 2
        ("collections", "OrderedDict"),
    }
)


class _Arrays(pickle.Unpickler):
    """Reads arrays and plain values; every other name of a pickle is refused before it is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"names {module}.{name}")
        return super().find_class(module, name)


def check_pickles(folder: str | Path) -> None:
    """Refuse a preprocessed dataset whose pickles hold more than arrays and plain values.

    Parameters
    ----------
    folder : path
        A folder that `synthaug.tasks.segmentation.preprocess.preprocess_dataset` wrote.

    Raises
    ------
    SynthaugError
        One line: the file, what it names or that it cannot be read, and what to do. Nothing of it was run.
    """
    for path in sorted(Path(folder).rglob("*.pkl")):
        try:
            with path.open("rb") as stream:
                _Arrays(stream).load()
        except Exception as error:  # damaged pickles raise whatever their bytes lead to
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise SynthaugError(
                f"{path}: is no list of properties that nnU-Net wrote here ({reason}); it is not read. Remove {folder} and "
                "run again"
            ) from None
