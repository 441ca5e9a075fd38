"""The table of a large cohort as TSV and as Parquet: time to write and to read, memory, disk; and what opening the cohort takes.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/table_formats.py 100000 1000000

A synthetic cohort's table, as gathering writes it. Each measurement is a process of its own; prints processor seconds and how much
its largest resident memory grew. docs/scaling.md keeps what it printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv, sha256_file, write_tsv
from synthaug.data.cohort import COLUMNS, TEXT_COLUMNS, Cohort, write_cohort

#: What an arm needs of a cohort to choose its training subjects.
FEW = ["subject", "diagnosis", "labelled_frames"]
_ROWS_OF_A_GROUP = 20_000
_OPENED = 100_000  # folders of subjects that are made at most, to open a cohort


def made_table(rows: int) -> pd.DataFrame:
    """A cohort's table with the columns and texts of a gathered synthetic cohort."""
    rng = np.random.default_rng(0)
    measured = {
        name: np.round(rng.normal(120, 20, rows), 3)
        for name in COLUMNS
        if name.endswith(("_ml", "_ef", "_g"))
    }
    requested = {
        name: rng.normal(120, 20, rows)
        for name in ("lv_edv_ml", "lv_esv_ml", "myo_mass_g", "es_phase", "n_slices")
    }
    texts = [
        json.dumps({"diagnosis": "NOR", "vendor": "A", "lv_edv_ml": edv, "lv_esv_ml": esv, "n_slices": 10})
        for edv, esv in zip(requested["lv_edv_ml"], requested["lv_esv_ml"], strict=True)
    ]
    known = {
        "subject": [f"cascade-s0-{number:04d}" for number in range(rows)],
        "dataset": "cascade",
        "vendor": "A",
        "diagnosis": np.array(["NOR", "DCM", "HCM", "MINF", "RV"])[np.arange(rows) % 5],
        "ed_frame": 0,
        "es_frame": rng.integers(5, 12, rows),
        "labelled_frames": ",".join(map(str, range(30))),
        "n_frames": 30,
        "n_slices": 10,
        "spacing": "10,1.5,1.5",
        "generator": "cascade",
        "request": texts,
        "seed": rng.integers(0, 2**31, rows),
        **measured,
    }
    further = {f"requested_{name}": values for name, values in requested.items()}
    table = pd.DataFrame(known).reindex(columns=list(COLUMNS)).assign(**further)
    texts_of_it = [name for name in TEXT_COLUMNS if name in table]
    return table.astype(dict.fromkeys(texts_of_it, "string"))


def cases(folder: Path) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    tsv, parquet = folder / "subjects.tsv", folder / "subjects.parquet"
    return {
        "read TSV": lambda: read_tsv(tsv, TEXT_COLUMNS),
        "read Parquet": lambda: pd.read_parquet(parquet),
        "read 3 columns of TSV": lambda: pd.read_csv(tsv, sep="\t", usecols=FEW, dtype="string"),
        "read 3 columns of Parquet": lambda: pd.read_parquet(parquet, columns=FEW),
        "checksum of TSV": lambda: sha256_file(tsv),
        "open the cohort": lambda: Cohort.open(folder),
    }


def peak_mib() -> float:
    """Largest resident memory of this program so far; what `getrusage` says counts the process that started it, too."""
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) / 1024


def write(folder: Path, rows: int) -> None:
    """Write the cohort, and print what its table took."""
    table = made_table(rows)
    for subject in table["subject"] if rows <= _OPENED else ():
        (folder / f"sub-{subject}").mkdir()
        (folder / f"sub-{subject}" / "cine.nii.gz").touch()
    write_cohort(folder, "cascade", "synthetic", [{"subject": "x"}], (10, 1.5, 1.5))
    for name, action in (
        ("subjects.tsv", lambda: write_tsv(folder / "subjects.tsv", table)),
        (
            "subjects.parquet",
            lambda: table.to_parquet(
                folder / "subjects.parquet", row_group_size=_ROWS_OF_A_GROUP, compression="zstd", index=False
            ),
        ),
    ):
        began = time.process_time()
        action()
        size = (folder / name).stat().st_size / 2**20
        print(
            f"{rows:>10,} write {name:24} {time.process_time() - began:>8.2f} s {size:>8.1f} MiB on disk",
            flush=True,
        )
    meta = json.loads((folder / "cohort.json").read_text())
    meta["table_sha256"] = sha256_file(folder / "subjects.tsv")
    (folder / "cohort.json").write_text(json.dumps(meta))


def measure(folder: Path, rows: int, case: str) -> None:
    """Run one case and print its line."""
    before, began = peak_mib(), time.process_time()
    kept = cases(folder)[case]()
    seconds = time.process_time() - began
    print(f"{rows:>10,} {case:30} {seconds:>8.2f} s {peak_mib() - before:>8.0f} MiB more", flush=True)
    del kept


def main() -> None:
    """Write and measure for each number of rows."""
    if len(sys.argv) == 5 and sys.argv[1] == "--case":
        measure(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
        return
    for rows in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, rows)
            for case in cases(folder):
                if case == "open the cohort" and rows > _OPENED:
                    continue
                subprocess.run([sys.executable, __file__, "--case", name, str(rows), case], check=True)


if __name__ == "__main__":
    main()
