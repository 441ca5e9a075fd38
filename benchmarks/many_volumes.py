"""A study of very many very small volumes, really run: time, memory, disk and files of each stage.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/many_volumes.py --subjects 1000
    OMP_NUM_THREADS=1 taskset -c 0 .venv/bin/python benchmarks/many_volumes.py --subjects 100000
    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/many_volumes.py --subjects 2000 --segment

The real workflow with one core, in a copy of the repository: a phantom of few voxels, a generator trained for a few steps, all
samples accepted, features, distances, audits, function, a task, tables and report. `--segment` adds a segmenter
(nnU-Net) that predicts every synthetic cine. Each job writes what its process used when it ends. With `--keep`
a run that was stopped goes on, and the table lists its further jobs. docs/scaling.md keeps what it
printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "src")
NAME = "many"
_TRAINING = {"iterations": 20, "warmup_iterations": 2}
# Copies are looked for as far as training cines were moved, and a plane is 12 voxels wide.
_STILL = {"shift_voxels": 0, "rotation_degrees": 0, "scale": 0}
#: Imported by every Python of the run: what a job's process used, one line a job.
_RECORDER = """
import atexit, json, os, resource, sys, time

_began = time.time()


def _record():
    snakemake = getattr(sys.modules.get("__main__"), "snakemake", None)
    if snakemake is None or not hasattr(snakemake, "rule"):
        return
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    used = {
        "rule": snakemake.rule,
        "processor": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "clock": time.time() - _began,
        "mib": max(own.ru_maxrss, children.ru_maxrss) / 1024,
    }
    with open(os.environ["MANY_VOLUMES_RECORD"], "a") as stream:
        stream.write(json.dumps(used) + "\\n")


atexit.register(_record)
"""
#: Rules by stage, in the order of the table; a rule that is not named is its own stage.
STAGES = {
    "data and split": (
        *("write_phantom", "harmonise", "split_subjects", "find_duplicates", "pack_cohort"),
        *("describe_generator", "list_runs"),
    ),
    "training": ("train_model", "check_reconstruction"),
    "plan of requests": ("plan_requests",),
    "synthesis": ("synthesise_chunk",),
    "gathering": ("gather_synthetic", "gather_features", "gather_predictions"),
    "features": ("extract_real_features", "extract_synthetic_features"),
    "distances, map": ("measure_distances", "map_features", "measure_metric_sensitivity"),
    "audit of images": ("audit_memorisation",),
    "audit of features": ("audit_features",),
    "cardiac function": ("measure_cardiac_function",),
    "phenotypes": ("measure_phenotypes", "measure_synthetic_phenotypes"),
    "segmentation": ("predict_synthetic",),
    "measures of segmentation": ("measure_controllability", "measure_mask_agreement"),
    "arms and tasks": (
        *("choose_training_subjects", "plan_task", "write_training_set", "train_task", "validate_task"),
        *("predict_test", "predict_validation", "score_predictions"),
    ),
    "tables": ("compare_arms", "collate_results"),
    "report": ("gather_content", "render_report"),
}


def study(subjects: int, patients: int, chunk_size: int, segment: bool) -> dict[str, Any]:
    """The study file."""
    image_task = {
        "kind": "regression",
        "slices": 1,
        "patch": [4, 4],
        "width": 24,
        "depth": 1,
        "heads": 2,
        "decoder_width": 12,
        "decoder_depth": 1,
        "pretraining_iterations": 20,
        "iterations": 20,
        "batch_size": 4,
        "training_seeds": [0],
    }
    side, spacing_mm = (32, 5) if segment else (12, 14)
    segmenter = {
        "kind": "segmentation",
        "configuration": "2d",
        "iterations": 6,
        "epoch_iterations": 3,
        "validation_iterations": 1,
        "batch_size": 2,
        "base_features": 4,
        "mirroring": False,
        "training_seeds": [0],
    }
    return {
        "name": NAME,
        "datasets": {
            "phantom": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": patients, "vendors": ["A"]}}
        },
        "harmonisation": {
            "spacing_mm": [40, spacing_mm, spacing_mm],
            "matrix": [2, side, side],
            "frames": 4,
        },
        "split": {"scheme": "within_domain"},
        "models": {
            "autoencoder": {
                "kind": "autoencoder",
                "channels": [8, 8],
                "latent_channels": 2,
                "training": _TRAINING,
                "augmentation": _STILL,
            },
            "diffusion": {
                "kind": "cine_diffusion",
                "channels": [8],
                "training": _TRAINING,
                "augmentation": _STILL,
            },
            "features": {
                "kind": "masked_autoencoder",
                "patch": [2, 4, 4],
                "width": 24,
                "depth": 1,
                "decoder_width": 12,
                "decoder_depth": 1,
                "training": _TRAINING,
            },
        },
        "generators": {"single-pass": {"kind": "single_pass", "sampler": {"steps": 1, "guidance": 1}}},
        "synthesis": {
            "subjects": subjects,
            "chunk_size": chunk_size,
            "batch_size": 64,
            "gate": {"enabled": False},
            "sweep": {"levels": 0},
            "reconstruction_check": {
                "psnr_db": 0,
                "ssim": -1,
                "dice": 0,
                "fid_ratio": 1000,
                "accepted": 0,
            },
        },
        "arms": {"real": {}, "real-plus": {"generator": "single-pass", "dose": 1.0, "controls": []}},
        "tasks": {"segmentation": segmenter} if segment else {"function": image_task},
        "evaluation": {"extractors": {"study": {"kind": "study", "model": "features"}}},
    }


def run(folder: Path, subjects: int, patients: int, chunk_size: int, segment: bool, cores: int) -> None:
    """Run the study in a copy of the repository and print the table."""
    for part in PARTS if not (folder / "src").is_dir() else ():
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(source, folder / part)
    (folder / "study.yaml").write_text(yaml.safe_dump(study(subjects, patients, chunk_size, segment)))
    (folder / "recorder").mkdir(exist_ok=True)
    (folder / "recorder" / "sitecustomize.py").write_text(_RECORDER)
    record = folder / "record.jsonl"
    record.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder / "recorder"), str(folder / "src")]),
        "MANY_VOLUMES_RECORD": str(record),
    }
    options = ["--cores", str(cores), "--configfile", "study.yaml", "--quiet", "--rerun-incomplete"]
    command = [sys.executable, "-m", "snakemake", *options]
    began = time.perf_counter()
    with (folder / "snakemake.log").open("w") as log:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit((folder / "snakemake.log").read_text()[-3000:])
    everything = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = everything.ru_utime + everything.ru_stime
    print_table([json.loads(line) for line in record.read_text().splitlines()], processor, seconds)
    print_disk(folder)


def print_table(jobs: list[dict[str, Any]], processor: float, seconds: float) -> None:
    """Jobs, seconds and memory of each stage; what no job used is Snakemake's own."""
    stage_of = {rule: stage for stage, rules in STAGES.items() for rule in rules}
    stages: dict[str, list[dict[str, Any]]] = {stage: [] for stage in STAGES}
    for job in jobs:
        stages.setdefault(stage_of.get(job["rule"], job["rule"]), []).append(job)
    print(f"{'stage':26} {'jobs':>6} {'processor (s)':>14} {'clock (s)':>10} {'peak (MiB)':>11}")
    for stage, found in stages.items():
        if found:
            used, clock = (sum(job[key] for job in found) for key in ("processor", "clock"))
            peak = max(job["mib"] for job in found)
            print(f"{stage:26} {len(found):>6} {used:>14.1f} {clock:>10.1f} {peak:>11.0f}")
    rest, waited = (
        processor - sum(job["processor"] for job in jobs),
        seconds - sum(job["clock"] for job in jobs),
    )
    print(f"{'Snakemake itself':26} {'':>6} {rest:>14.1f} {waited:>10.1f}")
    print(f"{'all':26} {len(jobs):>6} {processor:>14.1f} {seconds:>10.1f}")


def print_disk(folder: Path) -> None:
    """Disk and files of each folder of the results; a file of several names counts where it is met first."""
    met: set[int] = set()
    bytes_of: dict[str, int] = defaultdict(int)
    files_of: dict[str, int] = defaultdict(int)
    names_of: dict[str, int] = defaultdict(int)
    root = folder / "results" / NAME
    for parent, folders, files in os.walk(root):
        place = Path(parent).relative_to(root).parts
        top = "/".join(place[:1] if place[:1] != ("synthetic",) else (place[0], *place[4:5])) or "."
        for name in (*files, *folders):
            status = Path(parent, name).lstat()
            names_of[top] += 1
            if status.st_ino not in met:
                met.add(status.st_ino)
                files_of[top] += 1
                bytes_of[top] += 512 * status.st_blocks
    print(f"\n{'results':26} {'disk (MiB)':>11} {'inodes':>9} {'names':>9}")
    for top in sorted(names_of, key=lambda top: -bytes_of[top])[:12]:
        print(f"{top:26} {bytes_of[top] / 2**20:>11.1f} {files_of[top]:>9} {names_of[top]:>9}")
    print(
        f"{'all':26} {sum(bytes_of.values()) / 2**20:>11.1f} {sum(files_of.values()):>9} {sum(names_of.values()):>9}"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument(
        "--patients", type=int, default=9, help="of the phantom; 14 leave the 8 that audits need"
    )
    parser.add_argument("--chunk-size", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=1, help="jobs side by side")
    parser.add_argument(
        "--segment", action="store_true", help="with nnU-Net on every cine, on 32 x 32 voxels"
    )
    parser.add_argument(
        "--keep", type=Path, help="folder to run in, kept; a run that ended early goes on in it"
    )
    arguments = parser.parse_args()
    how = (arguments.subjects, arguments.patients, arguments.chunk_size, arguments.segment, arguments.cores)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        run(arguments.keep.resolve(), *how)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), *how)


if __name__ == "__main__":
    main()
