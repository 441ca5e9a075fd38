"""From a cine to the clips that the network takes: slices, frames and pixels as planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.features.preprocessing import temporal_clips


def read_cine(cohort: Cohort, subject: str, plan: Mapping[str, Any]) -> np.ndarray:
    """A subject's cine (t, z, y, x), on the matrix that was planned for.

    Raises
    ------
    SynthaugError
        Another number of frames or pixels: resized, hearts would be distorted.
    """
    cine = cohort.cine(subject)
    t, _, y, x = cine.shape
    if [t, y, x] != list(plan["matrix"]):
        raise SynthaugError(
            f"{cohort.folders[subject] / 'cine.nii.gz'}: frames and matrix {[t, y, x]} differ from the plan's "
            f"{list(plan['matrix'])}; harmonise all cohorts with the same settings"
        )
    return cine


def clips_of(cine: np.ndarray, plan: Mapping[str, Any]) -> np.ndarray:
    """Clips of single slices along time.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].
    plan : mapping
        Its ``clips``: slices, frames, y and x.

    Returns
    -------
    ndarray, shape (slices, frames, y, x), float32
        Slices evenly spaced from the first to the last, some twice where the stack has fewer; frames resampled
        cyclically; images resized with smoothing.
    """
    slices, frames, *size = plan["clips"]
    chosen = np.round(np.linspace(0, cine.shape[1] - 1, slices)).astype(int)
    clips = temporal_clips(cine[:, chosen], frames)
    if list(clips.shape[2:]) == size:
        return clips
    resized = functional.interpolate(
        torch.from_numpy(clips), tuple(size), mode="bilinear", align_corners=False, antialias=True
    )
    return resized.clamp(0, 1).numpy()


def relative_height(cohort: Cohort, subject: str, plan: Mapping[str, Any]) -> float:
    """Slices of a subject, relative to the mean of the fold's training patients."""
    return float(cohort.record(subject)["n_slices"]) / float(plan["mean_slices"])
