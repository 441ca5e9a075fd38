"""Image quality of every subject, measured once on the voxels that it was imaged on: the table ``quality.tsv`` of a cohort.

    python -m synthaug.data.image_quality

prints the table of docs/report.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.metrics.image_quality import edge_width_mm, signal_to_noise

#: Name of the table in a cohort's folder.
TABLE = "quality.tsv"
#: Radius of the disc around the heart's centre in which signal, noise and edges are measured: both ventricles.
HEART_MM = 40.0


@dataclass(frozen=True)
class QualityMeasure:
    """One column of ``quality.tsv``.

    Attributes
    ----------
    title, unit : str
        For headings; the unit is empty where there is none.
    decimals : int
        Shown.
    better : {"higher", "lower", ""}
        Which values are good; empty where neither is.
    definition : str
        How it is measured, with its source.
    """

    title: str
    unit: str
    decimals: int
    better: str
    definition: str

    @property
    def label(self) -> str:
        """Title with unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


_WHERE = f"disc of {HEART_MM:g} mm radius around the centre of the heart window, middle half of the slices, native voxels"
MEASURES: dict[str, QualityMeasure] = {
    "snr": QualityMeasure(
        "SNR",
        "",
        0,
        "higher",
        "S / s: S is the 80th percentile of the mean over frames (blood), s the temporal noise: median |d| / (0.6745 "
        f"sqrt(70)), d the fourth difference over frames in pixels above 0.3 S; {_WHERE}; at least 6 frames. Noise that is "
        "correlated over frames (view sharing, interpolated phases) is underestimated. Dietrich et al., J. Magn. Reson. "
        "Imaging 26, 2007; Donoho and Johnstone, Biometrika 81, 1994",
    ),
    "edge_width_mm": QualityMeasure(
        "Edge width",
        "mm",
        1,
        "lower",
        "median of H / g over the crests among the steepest 5 % of the pixels at ED: g is the gradient, H the distance from the 10th to the "
        f"90th percentile within 6 mm, about the 10 % to 90 % rise of an edge; {_WHERE}. Marziliano et al., ICIP 2002; Ahmad, "
        "Ding and Simonetti, Concepts Magn. Reson. A 44, 2015",
    ),
    "pixel_mm": QualityMeasure("Pixel size", "mm", 2, "lower", "larger side of a native pixel"),
    "slices": QualityMeasure("Slices", "", 0, "", "slices of the stack as it was imaged"),
    "coverage_mm": QualityMeasure("Coverage", "mm", 0, "higher", "slices times their distance"),
    "frames": QualityMeasure("Frames", "", 0, "higher", "frames of the cycle as they were imaged"),
    "frame_ms": QualityMeasure(
        "Frame duration", "ms", 0, "lower", "time between frames; unknown where no header has it"
    ),
    "findings": QualityMeasure("Findings", "", 0, "lower", "rows of findings.tsv (docs/findings.md)"),
}
COLUMNS = ("subject", *MEASURES)
#: Columns of ``subjects.tsv`` that are shown beside these measures, where a cohort has them.
FROM_SUBJECTS: dict[str, QualityMeasure] = {
    "slice_shift_mm": QualityMeasure("Slice shift", "mm", 1, "lower", "column of subjects.tsv"),
    "window_margin_mm": QualityMeasure(
        "Window margin",
        "mm",
        0,
        "higher",
        "column of subjects.tsv: least distance in the plane from the labels to the border of the heart window, negative "
        "where it cuts them (docs/adding-a-dataset.md)",
    ),
}
SHOWN: dict[str, QualityMeasure] = {**MEASURES, **FROM_SUBJECTS}


def measure_quality(
    cine: np.ndarray,
    spacing_mm: Sequence[float],
    centre: tuple[float, float],
    frame_duration_s: float | None,
) -> dict[str, float]:
    """Measures of one subject but the number of its findings.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in the file's own unit, on the native voxels; frame 0 is ED.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    centre : tuple of 2 floats
        Centre (y, x) of the heart window in pixels.
    frame_duration_s : float or None
        Time between frames.

    Returns
    -------
    dict of str to float
        Keys of `MEASURES`; NaN is not measured.
    """
    n_frames, n_slices, n_rows, n_columns = cine.shape
    z_mm, y_mm, x_mm = spacing_mm
    rows, columns = np.ogrid[:n_rows, :n_columns]
    region = np.hypot((rows - centre[0]) * y_mm, (columns - centre[1]) * x_mm) <= HEART_MM
    middle = cine[:, n_slices // 4 : n_slices - n_slices // 4]
    return {
        "snr": signal_to_noise(middle, region),
        "edge_width_mm": edge_width_mm(middle[0], region, (y_mm, x_mm)),
        "pixel_mm": float(max(y_mm, x_mm)),
        "slices": n_slices,
        "coverage_mm": float(n_slices * z_mm),
        "frames": n_frames,
        "frame_ms": float("nan") if frame_duration_s is None else 1000 * frame_duration_s,
    }


def read_quality(folder: Path, subjects: pd.DataFrame) -> pd.DataFrame:
    """Measures of a cohort's subjects, with those that stand in its table of subjects.

    Parameters
    ----------
    folder : Path
        Folder of the cohort. Only cohorts that were harmonised from raw files have the table.
    subjects : DataFrame
        The cohort's table, indexed by subject.

    Returns
    -------
    DataFrame
        Indexed by subject, columns of `SHOWN`; NaN is not measured.
    """
    path = folder / TABLE
    table = read_tsv(path, ("subject",)) if path.is_file() else pd.DataFrame(columns=list(COLUMNS))
    found = table.set_index("subject").reindex(index=subjects.index, columns=list(SHOWN)).astype(float)
    for column in FROM_SUBJECTS:
        if column in subjects:
            found[column] = pd.to_numeric(subjects[column], errors="coerce").astype(float)
    return found


def markdown_table() -> str:
    """The measures as a table of docs/report.md."""
    lines = ["| column | unit | better | definition |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {each.unit or '1'} | {each.better or '-'} | {each.definition.replace('|', chr(92) + '|')} |"
        for name, each in SHOWN.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_table())
