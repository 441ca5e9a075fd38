"""The reconstruction ceiling: no generator is better than what its autoencoder can decode."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthaug.artifacts import read_json
from synthaug.config.synthesis import CeilingSettings
from synthaug.errors import SynthaugError


def check_ceiling(record: str | Path, settings: CeilingSettings) -> dict[str, float]:
    """Refuse an autoencoder that reconstructs too badly to train a generator on.

    Parameters
    ----------
    record : path
        ``training.json`` of an autoencoder.
    settings : CeilingSettings
        The least that is asked for.

    Returns
    -------
    dict of str to float
        What was found: ``psnr_db``, ``ssim`` and, where frames have labels and masks are decoded, ``dice``,
        the mean over structures.

    Raises
    ------
    SynthaugError
        A figure is below its floor; the message names all that are.
    """
    figures = read_json(record)["figures"]
    found = {name: float(figures[name]) for name in ("psnr_db", "ssim")}
    overlaps = [value for name, value in figures.items() if name.startswith("dice_")]
    if overlaps:
        found["dice"] = float(np.mean(overlaps))
    below = [
        f"{name} {value:.3g} is below {getattr(settings, name):g}"
        for name, value in found.items()
        if not value >= getattr(settings, name)
    ]
    if below:
        raise SynthaugError(
            f"{record}: the autoencoder reconstructs too badly to train a generator on ({', '.join(below)}); train it "
            "longer, give it more latent channels, or lower synthesis.ceiling"
        )
    return found
