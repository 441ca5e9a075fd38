"""Where cines differ from real ones in time and in the plane: amplitude of their Fourier coefficients over that of real cines.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/cine_spectrum.py results/five-systems

Reads a finished study, and prints one line for each autoencoder (real training cines through it) and each generator: root mean
square over cines, slices and coefficients of a band, over that of the training cines. 1 is as much as in real cines. Bands:

- slow motion: harmonics 1 and 2 of the cycle, below 0.1 cycles a voxel
- fast motion: the other harmonics, below 0.1 cycles a voxel
- fine structure: the mean over the cycle, above 0.1 cycles a voxel
- fast fine structure: harmonics above a third of the frames, above 0.1 cycles a voxel: noise, and edges that move
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from synthaug.core.artifacts import read_json
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.generators.reconstruction import Reconstruction

BANDS = ("slow motion", "fast motion", "fine structure", "fast fine structure")
COARSE = 0.1  # cycles a voxel


def amplitudes(cines: Iterable[np.ndarray]) -> np.ndarray:
    """Root mean square of the coefficients of each band, over cines (t, z, y, x) and slices."""
    return np.sqrt(np.mean([power(cine) for cine in cines], axis=0))


def power(cine: np.ndarray) -> list[float]:
    """Mean power of a cine in each of `BANDS`."""
    frames, _, rows, columns = cine.shape
    spectrum = np.abs(np.fft.fft(np.fft.fft2(cine, norm="ortho"), axis=0, norm="ortho")) ** 2
    spectrum = spectrum.mean(axis=1)
    harmonic = np.minimum(np.arange(frames), frames - np.arange(frames))
    coarse = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None]) < COARSE
    slow, fast = (harmonic == 1) | (harmonic == 2), harmonic > 2
    return [
        float(spectrum[slow][:, coarse].mean()),
        float(spectrum[fast][:, coarse].mean()),
        float(spectrum[0][~coarse].mean()),
        float(spectrum[harmonic > frames / 3][:, ~coarse].mean()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of a finished study of one fold")
    parser.add_argument("--cines", type=int, default=24, help="cines of each line at most")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results, count = arguments.results, arguments.cines
    real = Cohort.open_all(sorted((results / "cohorts").iterdir()))
    chosen = subjects_of(read_split(results / "splits/fold-0.tsv"), "train")[:count]
    real = real.select(chosen)
    cines = [real.cine(subject).astype(np.float32) for subject in real.subjects]
    reference = amplitudes(cines)
    print(f"| | {' | '.join(BANDS)} |\n|---|{'---|' * len(BANDS)}")
    for record in sorted(results.glob("models/*/fold-0/generator-seed-0/reconstruction_check.json")):
        name = record.parents[2].name
        coder = Reconstruction.load(record.with_name("model.safetensors"), name)
        show(
            f"`{name}`, reconstructions", amplitudes(coder.reconstruct(cine)[0] for cine in cines) / reference
        )
    for folder in sorted(results.glob("synthetic/*/fold-0/generator-seed-0/cohort")):
        cohort = Cohort.open(folder)
        made = (cohort.cine(subject).astype(np.float32) for subject in cohort.subjects[:count])
        show(f"`{folder.parents[2].name}`", amplitudes(made) / reference)
    print(f"\n{len(cines)} training cines of {read_json(results / 'configuration.json')['name']}")


def show(label: str, ratios: np.ndarray) -> None:
    """Print one line of the table."""
    print(f"| {label} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |", flush=True)


if __name__ == "__main__":
    main()
