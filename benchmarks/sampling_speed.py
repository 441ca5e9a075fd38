"""How long the generators of whole cines take for a clip, side by side on one latent grid.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/sampling_speed.py [--frames 48 --matrix 1 96 96] [--repeats 5]

Models of about the same size with random weights on the latents of one `vq_autoencoder`, halved twice in time and three
times in the plane. Every generator samples and decodes one clip in turn, so that whatever else the machine does slows
all alike; the first round does not count. Prints one line a generator and guidance: parameters without the autoencoder,
passes of the transformer or U-Net for a clip, seconds by the clock and of the processor (medians). One CPU thread
unless a GPU is asked for with --device cuda. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import nn

from synthaug.config.generators import (
    CodeSamplerSettings,
    MaskedAutoregressiveSettings,
    SamplerSettings,
    SinglePassSettings,
    VQAutoregressiveSettings,
)
from synthaug.config.models import ModelSettings
from synthaug.core.registry import class_of, parse
from synthaug.data.cohort import Cohort
from synthaug.generators.latent import LatentGenerator
from synthaug.generators.masked_autoregressive import MaskedAutoregressive
from synthaug.generators.single_pass import SinglePass
from synthaug.generators.vq_autoregressive import VQAutoregressive
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.weights import freeze
from synthaug.synthesis.requests import request_cohort

#: Halvings (t, y, x) of the levels of the autoencoder.
STRIDES = [[2, 2, 2], [2, 2, 2], [1, 2, 2]]
UNCOUNTED = 1  # rounds


def make(content: dict[str, Any], grid: Grid, device: str, **needs: TrainableModel) -> Any:
    """A model with random weights."""
    settings: ModelSettings = parse({**content, "needs": {role: role for role in needs}}, ModelSettings)
    torch.manual_seed(0)
    facts = {"vocabulary": {"diagnosis": ["DCM", "NOR"], "vendor": ["A", "B"]}}
    model = class_of(settings, TrainableModel)(settings, grid, needs, facts)
    return freeze(model, device)


class Procedure(NamedTuple):
    """A generator, the model that the table gives the size of, and the network whose passes it counts."""

    generator: LatentGenerator
    model: TrainableModel
    network: nn.Module


def make_procedures(options: argparse.Namespace, guidance: float) -> dict[str, Procedure]:
    """Each generator by what the table calls it."""
    z, y, x = options.matrix
    grid = Grid(options.frames, z, y, x, (10.0, 1.5, 1.5))
    codes = {
        "kind": "vq_autoencoder",
        "channels": [32, 64, 64],
        "strides": STRIDES,
        "blocks": 1,
        "codes": 1024,
    }
    autoencoder = make(codes, grid, options.device)

    def on_codes(**content: Any) -> Any:
        return make(content, grid, options.device, autoencoder=autoencoder)

    masked = on_codes(kind="masked_autoregression", width=256, patch=[4, 2, 2])
    causal = on_codes(kind="vq_autoregression", width=256, depth=8)
    diffusion = on_codes(kind="cine_diffusion", network="factorised_unet", channels=options.channels)
    found: dict[str, Procedure] = {}
    for steps in (16, 32):
        sampler = SamplerSettings(name="ddpm", steps=100, guidance=guidance)
        settings = MaskedAutoregressiveSettings(kind="masked_autoregressive", steps=steps, sampler=sampler)
        generator = MaskedAutoregressive(autoencoder, masked, settings)
        found[f"masked autoregressive, {steps} steps, 100 of ddpm a token"] = Procedure(
            generator, masked, masked.network
        )
    for name, steps in (("ddim", 50), ("dpm_solver", 20)):
        sampler = SamplerSettings(name=name, steps=steps, guidance=guidance)
        single = SinglePass(autoencoder, diffusion, SinglePassSettings(kind="single_pass", sampler=sampler))
        found[f"single pass, factorised U-Net, {steps} steps of {name}"] = Procedure(
            single, diffusion, diffusion.network
        )
    chosen = VQAutoregressiveSettings(
        kind="vq_autoregressive", sampler=CodeSamplerSettings(guidance=guidance)
    )
    # A pass of the causal transformer ends with its output layer, whichever of its methods is called.
    found["autoregressive over codes"] = Procedure(
        VQAutoregressive(autoencoder, causal, chosen), causal, causal.network.output
    )
    return found


def requests(count: int, slices: int) -> Cohort:
    """Clips of all slices, everything requested."""
    return request_cohort(
        pd.DataFrame(
            {
                "subject": [f"clip-{number}" for number in range(count)],
                "diagnosis": pd.array(["NOR"] * count, dtype="string"),
                "vendor": pd.array(["A"] * count, dtype="string"),
                "lv_edv_ml": 150.0,
                "lv_esv_ml": 60.0,
                "n_slices": slices,
                "es_phase": 0.4,
                "seed": range(count),
            }
        )
    )


def main() -> None:
    """Time all generators in turn, with and without guidance, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--matrix", type=int, nargs=3, default=(1, 96, 96), metavar=("Z", "Y", "X"))
    parser.add_argument(
        "--channels",
        type=int,
        nargs="+",
        default=[160, 192],
        help="of the U-Net, for a size like the others'",
    )
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 3.0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1, help="clips at once; one on a CPU")
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)
        options.batch = 1
    cohort = requests(options.batch, options.matrix[0])
    procedures = {
        (name, guidance): made
        for guidance in options.guidance
        for name, made in make_procedures(options, guidance).items()
    }
    passes: dict[tuple[str, float], int] = dict.fromkeys(procedures, 0)
    seconds: dict[tuple[str, float], list[tuple[float, float]]] = {key: [] for key in procedures}
    for repeat in range(UNCOUNTED + options.repeats):
        for key, procedure in procedures.items():
            counted: list[int] = []
            hook = procedure.network.register_forward_hook(lambda *_, counted=counted: counted.append(1))
            wall, processor = time.perf_counter(), time.process_time()
            list(procedure.generator.sample(cohort, options.batch))  # images are on the host: it has waited
            taken = time.perf_counter() - wall, time.process_time() - processor
            hook.remove()
            passes[key] = len(counted)
            if repeat >= UNCOUNTED:
                seconds[key].append((taken[0] / options.batch, taken[1] / options.batch))
    autoencoder = next(iter(procedures.values())).generator.autoencoder
    latent = (options.frames // autoencoder.frames_per_latent, *autoencoder.latent_shape[1:])
    size = " x ".join(map(str, (options.frames, *options.matrix)))
    print(
        f"clips of {size}, latents of {' x '.join(map(str, latent))}, {options.batch} at once, "
        f"{options.repeats} repeats, {options.device}, {torch.get_num_threads()} thread(s), torch {torch.__version__}"
    )
    print("| generator | parameters | guidance | passes | s/clip, clock | s/clip, processor |")
    print("|---|---|---|---|---|---|")
    for (name, guidance), procedure in procedures.items():
        parameters = sum(parameter.numel() for parameter in procedure.model.parameters())
        clock, processor = (statistics.median(part) for part in zip(*seconds[name, guidance], strict=True))
        print(
            f"| {name} | {parameters / 1e6:.1f} M | {guidance:g} | {passes[name, guidance]} "
            f"| {clock:.2f} | {processor:.2f} |"
        )


if __name__ == "__main__":
    main()
