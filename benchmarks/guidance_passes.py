"""Both predictions of guidance in one pass of twice the samples, or in two passes: seconds of the processor for the same cines.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/guidance_passes.py config/studies/cpgg.yaml modelscope [--cines 4]

Models of the study's sizes with random weights, one thread. Both ways sample the same requests in turn, decoding included, so that
whatever else the machine does slows both alike. docs/gpu.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partialmethod
from pathlib import Path
from unittest.mock import patch

import torch

from synthaug.config.study import load_study
from synthaug.core.registry import class_of
from synthaug.core.yaml_files import read_yaml
from synthaug.generators.base import Generator
from synthaug.models.latent_diffusion import LatentDiffusion
from synthaug.rehearsal.random_study import random_models, random_requests, random_store


@contextmanager
def solving(apart: bool) -> Iterator[None]:
    """Diffusion models that predict with and without conditions in passes of their own, or in one."""
    with patch.object(LatentDiffusion, "solve", partialmethod(LatentDiffusion.solve, apart=apart)):
        yield


def seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def main() -> None:
    """Print a line for each way and round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study")
    parser.add_argument("generator")
    parser.add_argument("--cines", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    study = load_study(read_yaml(Path(arguments.study)))
    models = {name: model.eval() for name, model in random_models(study, random_store(study, 2))}
    settings = study.generators[arguments.generator]
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        requests = random_requests(study, arguments.cines, Path(folder))
        own = {role: models[name] for role, name in settings.models.items()}
        generator = class_of(settings, Generator).of(settings, own)
        for number in range(arguments.rounds):
            for apart in (False, True):
                with solving(apart):
                    taken = seconds(lambda: generator.sample_batch(requests))
                print(f"round {number + 1}, {'two passes' if apart else 'one pass'}: {taken:.1f} s")


if __name__ == "__main__":
    main()
