"""A small picture of every subject: a slice at ED beside its motion, many in one file, within a budget of bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synthaug.data.cohort import Cohort
from synthaug.labels import LV

#: Subjects that a page shows at most.
MOST_SUBJECTS = 1000
#: Bytes of all pictures together; base64 in the page makes four thirds of it.
BUDGET = 3_000_000
#: Heights in pixels (multiples of 8, the blocks of JPEG: no picture touches its neighbour's) and qualities, best first.
_STEPS = ((96, 80), (96, 65), (80, 65), (64, 65), (64, 50), (48, 50), (48, 30), (32, 30), (16, 20))
_COLUMNS, _PER_SHEET = 10, 100
#: Side of what a picture shows of the heart window, around its centre.
_FIELD_MM = 144.0


class Sheets(NamedTuple):
    """Pictures in a grid, `columns` in a row, `per_sheet` in a file.

    Attributes
    ----------
    files : list of str
        Names of the JPEG files.
    columns, per_sheet : int
        Place of the picture with index i: file i // per_sheet, then row by row.
    height : int
        Pixels of a picture; its width is one and a half of that.
    """

    files: list[str]
    columns: int
    per_sheet: int
    height: int

    def place(self, index: int) -> dict[str, Any]:
        """File of a picture, and its place as the percentages of a CSS background."""
        sheet, within = divmod(index, self.per_sheet)
        row, column = divmod(within, self.columns)
        last = max(self.per_sheet // self.columns - 1, 1)
        return {"sheet": sheet, "x": 100 * column / (self.columns - 1), "y": 100 * row / last}


def picture(cohort: Cohort, subject: str, height: int = _STEPS[0][0]) -> np.ndarray:
    """Mid-ventricular slice at ED, and beside it the intensities along its vertical line over the cycle.

    Parameters
    ----------
    cohort : Cohort
        The cohort.
    subject : str
        Whom to show.
    height : int
        Pixels.

    Returns
    -------
    ndarray, shape (height, 3 * height // 2), uint8
        The line goes through the centre of the LV cavity where ED is labelled, else through the centre of the window; ticks
        above and below mark it.
    """
    from PIL import Image

    cine = cohort.cine(subject)
    z, x = _line(cohort, subject, cine.shape[1:])
    _, y_mm, x_mm = cohort.spacing_mm
    n_y, n_x = cine.shape[2:]
    field = min(_FIELD_MM, n_y * y_mm, n_x * x_mm)
    top, left = (n_y - field / y_mm) / 2, (n_x - field / x_mm) / 2
    bottom, right = top + field / y_mm, left + field / x_mm

    def resized(values: np.ndarray, width: int, box: tuple[float, float, float, float]) -> np.ndarray:
        grey = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
        return np.array(grey.resize((width, height), Image.Resampling.BICUBIC, box))

    still = resized(cine[0, z], height, (left, top, right, bottom))
    motion = resized(cine[:, z, :, round(x)].T, height // 2, (0, top, len(cine), bottom))
    column = int(np.clip((x + 0.5 - left) / (right - left) * height, 0, height - 1))
    tick = height // 16
    still[:tick, column] = still[-tick:, column] = 255
    motion[:, 0] = 160
    return np.concatenate([still, motion], axis=1)


def _line(cohort: Cohort, subject: str, shape: tuple[int, ...]) -> tuple[int, float]:
    """Middle slice of the LV cavity at ED and the x of its centre; of the window where ED has no labels."""
    n_z, _, n_x = shape
    if 0 in cohort.labelled_frames(subject):
        cavity = cohort.label_cine(subject)[0] == LV
        slices = np.flatnonzero(cavity.any(axis=(1, 2)))
        if len(slices):
            z = int(slices[len(slices) // 2])
            return z, float(np.argwhere(cavity[z])[:, 1].mean())
    return n_z // 2, (n_x - 1) / 2


def write_sheets(pictures: Sequence[np.ndarray], folder: Path) -> Sheets:
    """Write pictures into as few files as hold them, as large and fine as `BUDGET` allows.

    Parameters
    ----------
    pictures : sequence of ndarray, shape (height, width), uint8
        From `picture`, all of one size.
    folder : Path
        Folder to write into.
    """
    for height, quality in _STEPS:
        sheets = [
            _sheet(pictures[start : start + _PER_SHEET], height, quality)
            for start in range(0, len(pictures), _PER_SHEET)
        ]
        if sum(map(len, sheets)) <= BUDGET:
            break
    files = [f"subjects-{number}.jpg" for number in range(len(sheets))]
    for file, content in zip(files, sheets, strict=True):
        (folder / file).write_bytes(content)
    return Sheets(files, _COLUMNS, _PER_SHEET, height)


def _sheet(pictures: Sequence[np.ndarray], height: int, quality: int) -> bytes:
    """One JPEG; a sheet that is not full is black where it is empty, so that all sheets have one size."""
    from PIL import Image

    width = 3 * height // 2
    canvas = Image.new("L", (_COLUMNS * width, _PER_SHEET // _COLUMNS * height))
    for index, each in enumerate(pictures):
        row, column = divmod(index, _COLUMNS)
        tile = Image.fromarray(each)
        if tile.height != height:
            tile = tile.resize((width, height), Image.Resampling.LANCZOS)
        canvas.paste(tile, (column * width, row * height))
    stream = io.BytesIO()
    canvas.save(stream, "JPEG", quality=quality, optimize=True)
    return stream.getvalue()
