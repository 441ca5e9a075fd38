"""Cines in array stores beside NIfTI: bytes, files, and the time to write and to read one.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/array_store.py [--folder /dev/shm]

Image and labels of a simulated cine of 30 frames, 12 slices and 192 x 192 pixels, and of one of 4 frames, 2 slices and 12 x 12 pixels,
as int16 and uint8: what a cohort stores. Stores have a chunk a frame; zarr is measured where it is installed. Times are medians of the
processor's, read from memory: no disk is measured. docs/scaling.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import blosc2
import nibabel as nib
import numpy as np

from synthaug.data.cohort import write_subject
from synthaug.data.stored_nifti import read_voxels
from synthaug.phantom.population import draw_parameters
from synthaug.phantom.scanner import SCANNERS
from synthaug.phantom.simulation import simulate

_STEPS = 32767  # int16 of [0, 1], as in a cohort
_SPACING_MM = (10.0, 1.5, 1.5)
_FRAME = 3
Arrays = dict[str, np.ndarray]


class Store(NamedTuple):
    """How a cine is written to a folder, and one of its arrays read whole or a frame of it."""

    write: Callable[[Path, Arrays], None]
    whole: Callable[[Path, str], np.ndarray]
    frame: Callable[[Path, str], np.ndarray]


# --- NIfTI ---------------------------------------------------------------------------------------


def _write_cohort_files(folder: Path, arrays: Arrays) -> None:
    write_subject(
        folder, arrays["cine"].astype(np.float32) / _STEPS, dict(enumerate(arrays["labels"])), _SPACING_MM
    )


def _read_stored(folder: Path, name: str) -> np.ndarray:
    return read_voxels(folder / f"{name}.nii.gz", np.float32 if name == "cine" else np.uint8)


def _write_plain_nifti(folder: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        nib.Nifti1Image(array.T, np.eye(4)).to_filename(folder / f"{name}.nii")


def _map_nifti(folder: Path, name: str) -> Any:
    return nib.load(folder / f"{name}.nii").dataobj


# --- NumPy, Blosc, zarr --------------------------------------------------------------------------


def _write_npy(folder: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def _write_npz(folder: Path, arrays: Arrays) -> None:
    np.savez_compressed(folder / "subject.npz", **arrays)


def _read_npz(folder: Path, name: str) -> np.ndarray:
    with np.load(folder / "subject.npz") as found:
        return np.asarray(found[name])


def _write_blosc(folder: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        blosc2.asarray(
            array,
            chunks=(1, *array.shape[1:]),
            urlpath=str(folder / f"{name}.b2nd"),
            mode="w",
            cparams={"codec": blosc2.Codec.ZSTD, "clevel": 5, "nthreads": 1},
        )


def _open_blosc(folder: Path, name: str) -> Any:
    return blosc2.open(str(folder / f"{name}.b2nd"), mode="r", dparams={"nthreads": 1})


def _write_zarr(folder: Path, arrays: Arrays) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    for name, array in arrays.items():
        zarr.create_array(
            str(folder / f"{name}.zarr"),
            data=array,
            chunks=(1, *array.shape[1:]),
            compressors=BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),
        )


def _write_zarr_shard(folder: Path, arrays: Arrays) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    for name, array in arrays.items():
        zarr.create_array(
            str(folder / f"{name}.zarr"),
            data=array,
            chunks=(1, *array.shape[1:]),
            shards=array.shape,
            compressors=BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),
        )


def _open_zarr(folder: Path, name: str) -> Any:
    import zarr

    return zarr.open_array(str(folder / f"{name}.zarr"), mode="r")


STORES = {
    "NIfTI, gzip (as written)": Store(
        _write_cohort_files, _read_stored, lambda f, n: _read_stored(f, n)[_FRAME]
    ),
    "NIfTI": Store(
        _write_plain_nifti,
        lambda f, n: np.asarray(_map_nifti(f, n)).T,
        lambda f, n: np.asarray(_map_nifti(f, n)[..., _FRAME]).T,
    ),
    "npy": Store(
        _write_npy,
        lambda f, n: np.load(f / f"{n}.npy"),
        lambda f, n: np.array(np.load(f / f"{n}.npy", mmap_mode="r")[_FRAME]),
    ),
    "npz, deflate": Store(_write_npz, _read_npz, lambda f, n: _read_npz(f, n)[_FRAME]),
    "Blosc2, zstd": Store(
        _write_blosc, lambda f, n: _open_blosc(f, n)[:], lambda f, n: _open_blosc(f, n)[_FRAME]
    ),
}
_ZARR = {
    "zarr, zstd": Store(_write_zarr, lambda f, n: _open_zarr(f, n)[:], lambda f, n: _open_zarr(f, n)[_FRAME]),
    "zarr, zstd, one shard": Store(
        _write_zarr_shard, lambda f, n: _open_zarr(f, n)[:], lambda f, n: _open_zarr(f, n)[_FRAME]
    ),
}


def simulated(frames: int, slices: int, side: int) -> Arrays:
    """A cine and its labels as a cohort stores them; a small side takes every so many pixels of a larger one."""
    rng = np.random.default_rng(0)
    scanner = replace(SCANNERS["A"], matrix=max(side, 96), frames=(frames, frames))
    heart = simulate(draw_parameters("NOR", rng), scanner, 0)
    step = max(side, 96) // side
    wanted = np.arange(slices) % heart.cine.shape[1]
    cine, labels = (
        array[:, wanted, ::step, ::step][..., :side, :side] for array in (heart.cine, heart.labels)
    )
    low, high = np.percentile(cine, (0.5, 99.5))
    cine = np.round(np.clip((cine - low) / (high - low), 0, 1) * _STEPS).astype(np.int16)
    return {"cine": np.ascontiguousarray(cine), "labels": np.ascontiguousarray(labels)}


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """Median of the processor's time."""
    took = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        took.append(1000 * (time.process_time() - began))
    return statistics.median(took)


def measure(name: str, store: Store, arrays: Arrays, root: Path, repeats: int) -> None:
    """Print the line of one store."""
    folder = root / "subject"

    def write() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        store.write(folder, arrays)

    write_ms = milliseconds(write, repeats)
    files = [file for file in folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1024
    blocks = sum(-(-file.stat().st_size // 4096) * 4 for file in files)
    whole_ms = milliseconds(lambda: [store.whole(folder, each) for each in arrays], repeats)
    frame_ms = milliseconds(lambda: [store.frame(folder, each) for each in arrays], repeats)
    np.testing.assert_array_equal(store.whole(folder, "labels"), arrays["labels"])
    print(
        f"{name:26} {size:>10.1f} {blocks:>12.0f} {len(files):>6} {write_ms:>9.2f} {whole_ms:>9.2f} {frame_ms:>9.2f}",
        flush=True,
    )


def main() -> None:
    """Print a table for each size of cine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, help="where to write; a RAM disk keeps a slow disk out of it")
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    stores = STORES | (_ZARR if importlib.util.find_spec("zarr") else {})
    for shape in ((30, 12, 192), (4, 2, 12)):
        arrays = simulated(*shape)
        print(f"cine and labels {arrays['cine'].shape}")
        print(
            f"{'store':26} {'KiB':>10} {'KiB in 4 KiB':>12} {'files':>6} {'write':>9} {'read':>9} {'a frame':>9}  (ms)"
        )
        with tempfile.TemporaryDirectory(dir=arguments.folder) as root:
            for name, store in stores.items():
                measure(name, store, arrays, Path(root), arguments.repeats)


if __name__ == "__main__":
    main()
