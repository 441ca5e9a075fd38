"""How fast the models of a study train and its generators sample, and how much memory they take.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/training_speed.py config/studies/cpgg_full.yaml --ahead --sampling

Random cines on the study's grid; networks, batch sizes and samplers are the study's, each cine is encoded once instead of
`copies` times. Prints one line a model and way of computing: seconds of a step (median), those of them that the step waited
for its batch, peak memory, arithmetic of a step, the share of the GPU's peak where that is known, and hours for the study's
iterations at this rate. With `--ahead` both ways of drawing batches are measured: when a step takes them, and by
threads during the steps before. With `--sampling` one line a generator: seconds a cine, in batches of the study's size, decoding
included. With one CPU thread the seconds are processor time, which other work on the machine disturbs less. With `--draws` nothing
is trained: one line a model, of the random numbers that its loss draws and of the bytes that a step sends to a GPU, counted by the
rehearsal, with the seconds that one CPU thread takes to draw as many normal numbers.
docs/benchmarks.md and docs/gpu.md keep what it printed.
"""

from __future__ import annotations

import argparse
import itertools
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
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.host_work import watch_losses
from synthaug.rehearsal.random_study import encoded_once, random_models, random_requests, random_store
from synthaug.rehearsal.rehearse import PEAKS, valueless
from synthaug.rehearsal.step_cost import without_driver
from synthaug.training.ahead import STEPS_AHEAD
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


def measure_training(
    name: str,
    model: TrainableModel,
    settings: TrainableSettings,
    store: TensorStore,
    precision: str,
    compiled: bool,
    ahead: int,
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
    loop = Loop(model, training, accelerator, ahead=ahead)
    seconds, waits = [], []
    for iteration in range(
        training.iterations - min(iterations + UNCOUNTED, training.iterations), training.iterations
    ):
        started, waited = clock(), loop.waited
        loop.step(iteration, subjects, 0, Interruption())
        wait()
        seconds.append(clock() - started)
        waits.append(loop.waited - waited)
    step = statistics.median(seconds[UNCOUNTED:])
    memory = peak_memory()
    model.zero_grad(set_to_none=True)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    peak = next((value for part, value in PEAKS.items() if part in gpu), None)
    used = f"{flops / step / peak:.1%}" if peak and precision != "float32" else UNMEASURED
    return (
        f"| {name} | {precision}{', compiled' if compiled else ''}{', ahead' if ahead else ''} "
        f"| {training.batch_size * training.accumulation} "
        f"| {step:.3f} | {statistics.median(waits[UNCOUNTED:]):.4f} | {memory} | {flops / 1e12:.3g} | {used} | {training.iterations * step / 3600:.1f} |"
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
        "| model | precision | batch | s a step | s waiting for its batch | peak memory | TFLOP a step | of the peak | hours for all steps |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    precisions = options.precisions or [precision_of(next(iter(study.models.values())).training)]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    own = STEPS_AHEAD if device == "cuda" else 0
    drawn = (0, STEPS_AHEAD) if options.ahead else (own,)
    ways = list(itertools.product(precisions, (False, True) if options.compile else (False,), drawn))
    weights: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in random_models(study, store):
            if not options.models or name in options.models:
                for precision, compiled, ahead in ways:
                    line = measure_training(
                        name,
                        model,
                        study.models[name],
                        store,
                        precision,
                        compiled,
                        ahead,
                        options.iterations,
                    )
                    print(line, flush=True)
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


def count_draws(path: Path, options: argparse.Namespace) -> None:
    """The table of `--draws` of a study."""
    study = valueless(encoded_once(load_study(read_yaml(path))))
    store = random_store(study, options.subjects)
    torch.set_num_threads(1)
    print(f"\n{path.stem}: a forward pass on a GPU")
    print(
        "| model | batch | numbers drawn on the GPU | on the host | s of a CPU thread for all | MB of the batch | bytes beside it |"
    )
    print("|---|---|---|---|---|---|---|")
    with FakeCuda() as gpu, without_driver():
        for name, model in random_models(study, store):
            training = study.models[name].training
            move(model)
            model.train()
            model.prepare(store)
            if not options.models or name in options.models:
                generator = torch.Generator().manual_seed(0)
                rows = [index % options.subjects for index in range(training.batch_size)]
                batch = {key: value.to("cuda") for key, value in model.batch(rows, generator).items()}
                with watch_losses(model, gpu) as losses, torch.autocast("cuda", torch.bfloat16):
                    model.loss(batch, generator, training.iterations - 1)
                (work,) = losses
                seconds = []
                for _ in range(3):
                    started = time.process_time()
                    torch.randn(work.gpu_draws + work.host_draws, generator=generator)
                    seconds.append(time.process_time() - started)
                print(
                    f"| {name} | {training.batch_size} | {work.gpu_draws:,} | {work.host_draws:,} | {min(seconds):.4f} "
                    f"| {work.batch_bytes / 1e6:.1f} | {work.sent_bytes:,} |",
                    flush=True,
                )
            model.requires_grad_(False).eval()


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
    parser.add_argument(
        "--ahead", action="store_true", help="batches drawn when a step takes them, then ahead of it"
    )
    parser.add_argument("--sampling", action="store_true", help="measure the generators, too")
    parser.add_argument(
        "--draws",
        action="store_true",
        help="count what the losses draw and send, and train nothing; needs no GPU",
    )
    options = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} CPU thread(s)")
    for path in options.studies:
        (count_draws if options.draws else measure)(path, options)


if __name__ == "__main__":
    main()
