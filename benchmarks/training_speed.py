"""How fast the models of a study train and its generators sample, and how much memory they take.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/training_speed.py config/studies/cpgg_full.yaml [--compile] [--sampling]

Random cines on the study's grid; networks, batch sizes and samplers are the study's, each cine is encoded once instead of
`copies` times. Prints one line a model and way of computing: seconds of a step (median), of which drawing its batches from the
store takes so much (on a GPU a thread draws the next ones meanwhile), peak memory, arithmetic of a step,
the share of the GPU's peak where that is known, and hours for the study's iterations at this rate. With `--sampling` one line
a generator: seconds a cine, in batches of the study's size, decoding included. With one CPU thread the seconds are processor
time, which other work on the machine disturbs less. docs/benchmarks.md and docs/gpu.md keep what it printed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from synthaug.config.study import StudySettings, load_study
from synthaug.config.training import TrainableSettings
from synthaug.core.yaml_files import read_yaml
from synthaug.data.cohort import Cohort
from synthaug.data.store import TensorStore
from synthaug.generators import build_generator
from synthaug.jobs.interruption import Interruption
from synthaug.models.base import TrainableModel, to_device
from synthaug.models.weights import freeze, save_model
from synthaug.rehearsal.random_study import encoded_once, random_models, random_requests, random_store
from synthaug.rehearsal.rehearse import PEAKS
from synthaug.training.devices import compile_parts, make_accelerator, precision_of
from synthaug.training.loop import Loop

UNMEASURED = "not measured"
UNCOUNTED = 3  # first steps: they choose kernels, and compile


def wait() -> None:
    """Until the GPU, if there is one, has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def clock() -> float:
    """Seconds: of the processor with one CPU thread, else by the clock."""
    alone = not torch.cuda.is_available() and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def start_peak() -> None:
    """Forget the GPU's peak so far."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> str:
    """Peak of the GPU's memory since `start_peak`, or that of the process so far."""
    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB (process)"


def count_flops(model: TrainableModel, batch_size: int, iteration: int, precision: str) -> int:
    """Floating-point operations of one forward and backward pass."""
    generator = torch.Generator().manual_seed(0)
    batch = {
        key: value.to(model.device) for key, value in model.batch(list(range(batch_size)), generator).items()
    }
    half = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    with (
        torch.autocast(model.device.type, half, enabled=half is not None),
        FlopCounterMode(display=False) as counter,
    ):
        model.loss(batch, generator, iteration)[0].backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def _drawing(model: TrainableModel, batch_size: int) -> float:
    """Seconds that a batch takes to be read and moved at random, by the clock of steps; median of ten."""
    seconds = []
    for number in range(10):
        generator = torch.Generator().manual_seed(number)
        started = clock()
        model.batch(list(range(batch_size)), generator)
        seconds.append(clock() - started)
    return statistics.median(seconds)


def measure_training(
    name: str,
    model: TrainableModel,
    settings: TrainableSettings,
    store: TensorStore,
    precision: str,
    compiled: bool,
    iterations: int,
) -> str:
    """One line of the first table: the last steps of the training, when every term of the loss is there."""
    training = settings.training.model_copy(update={"compile": "on" if compiled else "off"})
    accelerator = make_accelerator(precision)
    to_device(model, accelerator.device)
    model.train()
    model.prepare(store)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return f"| {name} | fitted, without steps | | | | | | | |"
    subjects = list(store.table.index)
    # No more cines than there are: a batch of the loop may hold one twice.
    counted = min(training.batch_size, len(subjects))
    flops = count_flops(model, counted, training.iterations - 1, precision)
    flops = training.accumulation * training.batch_size * flops // counted
    compile_parts(model, training)
    start_peak()
    loop = Loop(model, training, accelerator)
    seconds = []
    for iteration in range(
        training.iterations - min(iterations + UNCOUNTED, training.iterations), training.iterations
    ):
        started = clock()
        loop.step(iteration, subjects, 0, Interruption())
        wait()
        seconds.append(clock() - started)
    step = statistics.median(seconds[UNCOUNTED:])
    memory = peak_memory()
    drawn = training.accumulation * _drawing(model, counted) * training.batch_size / counted
    model.zero_grad(set_to_none=True)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    peak = next((value for part, value in PEAKS.items() if part in gpu), None)
    used = f"{flops / step / peak:.1%}" if peak and precision != "float32" else UNMEASURED
    return (
        f"| {name} | {precision}{', compiled' if compiled else ''} | {training.batch_size * training.accumulation} "
        f"| {step:.3f} | {drawn:.4f} | {memory} | {flops / 1e12:.3g} | {used} | {training.iterations * step / 3600:.1f} |"
    )


def measure_sampling(
    name: str, study: StudySettings, weights: dict[str, Path], requests: Cohort, batches: int
) -> str:
    """One line of the second table."""
    settings = study.generators[name]
    roles = {role: weights[model] for role, model in settings.models.items()}
    generator = build_generator(settings, roles)
    size = study.synthesis.batch_size if torch.cuda.is_available() else 1
    start_peak()
    seconds = []
    for _ in range(1 + batches):  # the first chooses kernels
        started = clock()
        for _cine in generator.sample(requests.select(requests.subjects[:size]), size):
            pass
        seconds.append(clock() - started)
    return f"| {name} | {size} | {statistics.median(seconds[1:] or seconds) / size:.2f} | {peak_memory()} |"


def measure(path: Path, options: argparse.Namespace) -> None:
    """Both tables of a study."""
    study = encoded_once(load_study(read_yaml(path)))
    store = random_store(study, options.subjects)
    grid = " x ".join(map(str, (study.harmonisation.frames, *study.harmonisation.matrix)))
    print(f"\n{path.stem}: cines of {grid}")
    print(
        "| model | precision | batch | s a step | s to draw it | peak memory | TFLOP a step | of the peak | hours for all steps |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    precisions = options.precisions or [precision_of(next(iter(study.models.values())).training)]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in random_models(study, store):
            if not options.models or name in options.models:
                for precision in precisions:
                    for compiled in (False, True) if options.compile else (False,):
                        print(
                            measure_training(
                                name,
                                model,
                                study.models[name],
                                store,
                                precision,
                                compiled,
                                options.iterations,
                            ),
                            flush=True,
                        )
            freeze(model, device)
            if options.sampling:
                weights[name] = Path(folder) / name / "model.safetensors"
                needs = {role: weights[other] for role, other in study.models[name].needs.items()}
                save_model(weights[name], model, study.models[name].model_dump(mode="json"), [], 0, needs)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        if options.sampling:
            print("\n| generator | cines at once | s a cine | peak memory |")
            print("|---|---|---|---|")
            requests = random_requests(study, study.synthesis.batch_size, Path(folder))
            for name in options.generators or study.generators:
                print(measure_sampling(name, study, weights, requests, options.batches), flush=True)


def main() -> None:
    """Measure every study in turn."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "studies", nargs="*", type=Path, default=[Path(__file__).parents[1] / "config/config.yaml"]
    )
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument(
        "--batches",
        type=int,
        default=1,
        help="batches of each generator that count; 0: the first one, with all that it sets up",
    )
    parser.add_argument("--models", nargs="+", help="the others are made, but not trained")
    parser.add_argument("--generators", nargs="+", help="of one study")
    parser.add_argument("--precisions", nargs="+", help="what `auto` chooses on this machine, unless given")
    parser.add_argument("--compile", action="store_true", help="measure compiled networks as well")
    parser.add_argument("--sampling", action="store_true", help="measure the generators, too")
    options = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} CPU thread(s)")
    for path in options.studies:
        measure(path, options)


if __name__ == "__main__":
    main()
