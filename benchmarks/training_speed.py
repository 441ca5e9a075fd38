"""How fast the default study's generator trains, by precision and compilation.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/training_speed.py --matrix 11 64 64 --frames 12 [--compile]

Random cines of the size given; batch sizes are the study's. Prints one line a model and way of
computing: iterations a second (median), peak memory, arithmetic of one iteration and, where the
GPU's peak is known, the share of it that is used. With one CPU thread the seconds are processor
time, which other work on the machine disturbs less. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from pathlib import Path
from typing import Any

#: Dense peak of tensor cores in float16 and bfloat16, FLOP/s, from NVIDIA's data sheets, by part of the name.
PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "A40": 150e12,
    "V100": 125e12,
    "T4": 65e12,
}
UNMEASURED = "not measured"


def measure(model: str, precision: str, compiled: bool, options: argparse.Namespace) -> str:
    """One line of the table; called in a process of its own, so that its peak memory is its own."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from synthaug.core.interruption import Interruption
    from synthaug.models.base import to_device
    from synthaug.training.devices import compile_parts, make_accelerator
    from synthaug.training.loop import Loop

    accelerator = make_accelerator(precision)
    device = accelerator.device
    network, training = make(model, options, device)
    training = training.model_copy(
        update={"iterations": options.iterations + 3, "compile": "on" if compiled else "off"}
    )
    to_device(network, device)
    subjects = [f"s{number}" for number in range(options.subjects)]
    with FlopCounterMode(display=False) as counter:
        generator = torch.Generator().manual_seed(0)
        batch = network.batch(list(range(training.batch_size)), generator)
        batch = {key: value.to(device) for key, value in batch.items()}
        network.loss(batch, generator, 0)[0].backward()
    flops = counter.get_total_flops() * training.accumulation
    compile_parts(network, training)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    loop = Loop(network, training, accelerator)
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    seconds = []
    for iteration in range(training.iterations):
        started = clock()
        loop.step(iteration, subjects, 0, Interruption())
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(clock() - started)
    rate = 1 / statistics.median(seconds[3:])  # the first steps compile, and choose kernels
    if device.type == "cuda":
        peak_bytes = torch.cuda.max_memory_allocated()
        name = torch.cuda.get_device_name(device)
        peak = next((value for part, value in PEAKS.items() if part in name), None)
    else:
        peak_bytes, peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, None
    used = f"{flops * rate / peak:.1%}" if peak and precision != "float32" else UNMEASURED
    return (
        f"| {model} | {precision} | {'yes' if compiled else 'no'} | {rate:.2f} | {peak_bytes / 2**20:.0f} MiB "
        f"| {flops / 1e9:.1f} GFLOP | {used} |"
    )


def make(name: str, options: argparse.Namespace, device: Any) -> tuple[Any, Any]:
    """A model of the default study on random cines, and how it is trained."""
    import torch
    import yaml

    from synthaug.config.models import ModelSettings
    from synthaug.core.registry import class_of, parse
    from synthaug.models.base import Grid, TrainableModel
    from synthaug.models.weights import freeze

    study = yaml.safe_load((Path(__file__).parents[1] / "config" / "config.yaml").read_text())
    store = random_store(options)

    def build(name: str) -> Any:
        settings = parse(study["models"][name], ModelSettings)
        needs = {role: freeze(build(need)[0], device) for role, need in settings.needs.items()}
        model_class = class_of(settings, TrainableModel)
        torch.manual_seed(0)
        model = model_class(settings, Grid.of(store), needs, model_class.facts(settings, store))
        return model, settings.training

    model, training = build(name)
    model.to(device).train()
    model.prepare(store)
    return model, training


def random_store(options: argparse.Namespace) -> Any:
    """Noise in the shape of a training fold, ED and ES labelled."""
    import numpy as np
    import pandas as pd

    from synthaug.data.store import TensorStore

    random = np.random.default_rng(0)
    n, t, (z, y, x) = options.subjects, options.frames, options.matrix
    table = pd.DataFrame(
        {
            "subject": [f"s{number}" for number in range(n)],
            "vendor": "A",
            "diagnosis": ["NOR", "DCM"] * (n // 2) + ["NOR"] * (n % 2),
            "ed_frame": 0,
            "es_frame": t // 3,
            "labelled_frames": f"0,{t // 3}",
            "n_frames": t,
            "n_slices": z,
            "lv_edv_ml": random.uniform(100, 200, n),
            "lv_esv_ml": random.uniform(40, 90, n),
            "lv_ef": random.uniform(40, 60, n),
        }
    ).set_index("subject", drop=False)
    return TensorStore(
        random.random((n, t, z, y, x), np.float32).astype(np.float16),
        random.integers(0, 4, (n, t, z, y, x), np.uint8),
        np.ones((n, z), bool),
        table,
        (10.0, 1.5, 1.5),
    )


def main() -> None:
    """Measure every model in every way, each in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--matrix", type=int, nargs=3, default=(11, 64, 64), metavar=("Z", "Y", "X"))
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--models", nargs="+", default=["autoencoder", "anatomy", "motion"])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--compile", action="store_true", help="measure compiled networks as well")
    options = parser.parse_args()
    print("| model | precision | compiled | it/s | peak memory | one iteration | share of the peak |")
    print("|---|---|---|---|---|---|---|")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for model in options.models:
            for precision in options.precisions:
                for compiled in (False, True) if options.compile else (False,):
                    print(pool.apply(measure, (model, precision, compiled, options)), flush=True)


if __name__ == "__main__":
    main()
