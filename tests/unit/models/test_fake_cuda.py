"""Every kind of model takes a training step, goes on from its checkpoint and is used on a GPU: nothing mixes devices or waits for the host.

The GPU is `synthaug.rehearsal.fake_cuda.FakeCuda`. Steps are in float32 here, in bfloat16 in test_full_size.py.
"""

from __future__ import annotations

import typing
from typing import Any

import pytest
import torch
from fake_training import step_once
from tiny_clip import write_tiny_clip
from tiny_models import FEW_CODES, SMALL, requests, settings_of, write_store
from tiny_text import TINY_TEXT, tell
from torch.nn import functional

from synthaug.config.generators import CodeSamplerSettings, SamplerSettings
from synthaug.config.models import ModelSettings
from synthaug.config.training import TrainingSettings
from synthaug.core.artifacts import sha256_file
from synthaug.core.registry import class_of, members
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.diffusion.schedules import Schedule
from synthaug.models.base import Grid, TrainableModel
from synthaug.networks.attention_maps import MeanMaps
from synthaug.networks.masked_autoencoder import AXES
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.host_work import watch_losses

SHARPENED = {"adversarial_weight": 0.1, "late_from": 0.0}
LATE = {"late_from": 0.0}
CODER = {"autoencoder": "autoencoder"}
PERCEIVES = {"perceptual": "masked_autoencoder"}
READER = {**CODER, "text": "plugin"}
BASE = {**CODER, "diffusion": "cine_diffusion"}
#: Kind, what differs from the small model, and the models it needs by role.
CASES: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("autoencoder", {**SHARPENED, "consistency": {"late_from": 0.0}}, {}),
    ("autoencoder", {"masks": False}, {}),
    ("slice_autoencoder", SHARPENED, {}),
    ("vq_autoencoder", SHARPENED, {}),
    ("vq_autoencoder", {"entropy_weight": 0.1, "codebook_norm_weight": 0.1}, {}),
    ("autoencoder", LATE, PERCEIVES),
    ("slice_autoencoder", SHARPENED, PERCEIVES),
    ("vq_autoencoder", LATE, PERCEIVES),
    ("masked_autoencoder", {}, {}),
    ("patient_recogniser", {}, {}),
    ("text_encoder", {}, {}),
    ("phenotype_vae", {}, {}),
    ("phenotype_vae", {"diagnosis": False}, {}),
    (
        "anatomy_diffusion",
        {"frames": "all", "objective": "flow", "slice_places": True, "dropout": 0.1},
        CODER,
    ),
    ("motion_network", {}, CODER),
    (
        "motion_diffusion",
        {"objective": "v", "anatomy_noise": 0.3, "slice_places": True, "dropout": 0.1},
        {**CODER, "motion_network": "motion_network"},
    ),
    ("cine_diffusion", {"network": "unet", "loss": "huber"}, {"autoencoder": "vq_autoencoder"}),
    ("cine_diffusion", {"network": "factorised_unet"}, CODER),
    ("cine_diffusion", {"network": "transformer", "objective": "epsilon"}, CODER),
    ("control_branch", {"copies": 1}, BASE),
    ("control_branch", {"copies": 1, "structure": "canny", "trainable_base": "middle"}, BASE),
    (
        "control_branch",
        {"copies": 1, "trainable_base": "middle"},
        {**CODER, "diffusion": "text_diffusion", "text": "plugin"},
    ),
    ("masked_autoregression", {"copies": 1}, CODER),
    (
        "masked_autoregression",
        {"copies": 1, "objective": "v", "loss": "huber"},
        {"autoencoder": "vq_autoencoder"},
    ),
    ("vq_autoregression", {"copies": 1}, {"autoencoder": "vq_autoencoder"}),
    ("text_alignment", {"depth": 2}, READER),
    ("text_alignment", {"local_weight": 0, "relevance_weight": 0}, READER),
    ("text_diffusion", {}, READER),
    (
        "text_diffusion",
        {"freeze_base": True, "frames_drawn": 4, "conditions": ["lv_edv_ml"]},
        {**READER, "alignment": "text_alignment", "base": "text_diffusion"},
    ),
    ("deformation_network", {}, CODER),
    ("deformation_network", {"through_plane": False}, CODER),
    ("deformation_diffusion", {"objective": "v"}, {**CODER, "deformation_network": "deformation_network"}),
    ("sequence_diffusion", {"objective": "flow"}, {"autoencoder": "slice_autoencoder"}),
    ("sequence_diffusion", {"missing": 0.0, "frames_drawn": 1}, CODER),
]
#: What differs from the small model of a kind where another model needs it.
NEEDED: dict[tuple[str, str], dict[str, Any]] = {
    ("vq_autoregression", "autoencoder"): FEW_CODES,
    ("text_diffusion", "text"): TINY_TEXT,
    ("text_alignment", "text"): TINY_TEXT,
    ("text_diffusion", "base"): {"temporal": False, "slice_aware": False, "conditions": ["lv_edv_ml"]},
}
#: Roles that the model of a role needs itself, where the model that needs it has them.
FURTHER = {
    "motion_network": ["autoencoder"],
    "deformation_network": ["autoencoder"],
    "diffusion": ["autoencoder", "text"],
    "alignment": ["autoencoder", "text"],
    "base": ["autoencoder", "text", "alignment"],
}
#: Roles that a kind does not have itself, but a model that it needs.
BELOW = {"control_branch": {"text"}}
#: Kinds without parameters, which take no steps.
FITTED = ["phenotype_copula"]
#: What is read from a folder, in a test of its own.
READ = ["clip_text"]
TRAINING = TrainingSettings(iterations=4, batch_size=2, warmup_iterations=1)
LAST = 3  # every late term has risen by this iteration
#: Copies to the GPU that a step waits for: those of the toy text model. A step waits for its terms alone.
WAITS = {"text_alignment": 2}
#: Random numbers that a loss may draw on the host: seeds, dropout of conditions; of a codebook, positions of which the entropy is taken.
FEW, POSITIONS = 64, 4096


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> TensorStore:
    return TensorStore.open(
        tell(write_store(tmp_path_factory.mktemp("data") / "train", subjects=2, n_slices=2))
    )


def made(kind: str, changes: dict[str, Any], needs: dict[str, str], store: TensorStore) -> Any:
    """A model of a kind on the fake GPU, prepared, with untrained models where it needs some."""
    needed: dict[str, TrainableModel] = {}
    own = {role: other for role, other in needs.items() if role not in BELOW.get(kind, ())}
    for role, other in own.items():
        changed = NEEDED.get((kind, role), {})
        further = {below: needs[below] for below in FURTHER.get(role, []) if below in needs}
        needed[role] = made(other, changed, further, store)
        needed[role].requires_grad_(False).eval()
    settings = settings_of(
        {
            "kind": kind,
            **SMALL[kind],
            **({"copies": 1, "blocks": 1} if kind.endswith("_diffusion") else {}),
            **changes,
            "needs": {role: role for role in own},
            "training": TRAINING.model_dump(),
        }
    )
    model_class = class_of(settings, TrainableModel)
    model = model_class(settings, Grid.of(store), needed, model_class.facts(settings, store))
    move(model)
    model.prepare(store)
    return model


def use(model: Any, kind: str) -> list[torch.Tensor]:
    """What a model is trained for: reconstructions, features, a code or samples."""
    grid = model.grid
    cines, slices = torch.rand(2, grid.frames, grid.z, grid.y, grid.x), torch.ones(2, 1, grid.z, 1, 1)
    if kind.endswith("autoencoder") and kind != "masked_autoencoder":
        return [part for part in model.reconstruct(cines, slices) if part is not None]
    if kind == "masked_autoencoder":
        return [model.features(cines[:, 0], axis) for axis in AXES]
    if kind == "patient_recogniser":
        return [model.describe(cines[:, 0])]
    if kind == "text_encoder":
        prefix = torch.zeros(2, 3, model.word_width).cuda()
        sentences = ["normal heart", ""]
        return [
            model.encode(sentences, prefix).tokens,
            model.embed(sentences),
            model.image_features(cines[0]),
        ]
    if kind in ("phenotype_vae", "phenotype_copula"):
        return [model.draw(torch.tensor([0, 0, 0]), torch.Generator().manual_seed(0))]
    if kind == "text_alignment":
        return [*model.describe(["normal heart", ""], torch.tensor([0, 1]).cuda())]
    slices = slices.cuda()
    latents = torch.rand(2, *model.autoencoder.latent_shape).cuda()
    if kind == "motion_network":
        return [model(latents, latents, slices)]
    if kind == "deformation_network":
        code = model.encode(latents, latents, slices)
        return [code, model.displacements(code[:, None], latents, slices)]
    base = model.base if kind == "control_branch" else model
    values = {name: value.cuda() for name, value in base.read(requests(2)).items()}
    frames = grid.frames // model.autoencoder.frames_per_latent
    phases = (torch.arange(frames).expand(2, -1) / frames).cuda()
    noise = Noise([1, 2], "cuda")
    drawing = noise, SamplerSettings(name="ddpm", steps=1, guidance=2.0)
    if kind == "text_diffusion":
        table = requests(2).assign(sentence=["normal heart", None])
        values = {name: value.cuda() for name, value in model.read(table).items()}
        mean = model.start_mean(table) if model.alignment is not None else None
        steps = MeanMaps(torch.ones(2, values["tokens"].shape[1], 1).cuda(), frames, (grid.y, grid.x))
        sampled = model.sample(values, phases, slices, *drawing, mean, steps.add)
        return [sampled, steps.mean()]
    arguments = {
        "anatomy_diffusion": (values, slices, *drawing, phases[:, 0]),
        "motion_diffusion": (latents, values, phases, slices, *drawing),
        "cine_diffusion": (values, phases, slices, *drawing),
        "control_branch": (values, phases, slices, (255 * cines).to(torch.uint8).cuda(), *drawing),
        "deformation_diffusion": (latents, values, slices, *drawing),
        "sequence_diffusion": (values, phases, slices, *drawing),
        "masked_autoregression": (values, phases, slices, *drawing, 3, 0.9),
        "vq_autoregression": (
            values,
            phases,
            slices,
            noise,
            CodeSamplerSettings(guidance=2.0, top_k=4, top_p=0.9),
            1,
        ),
    }
    drawn = model.sample(*arguments[kind])
    if kind == "deformation_diffusion":
        return [drawn, model.displacements(latents, drawn, phases, slices)]
    return [drawn]


def test_every_kind_is_tested():
    """Plugins bring classes of their own."""
    assert {kind for kind, _, _ in CASES} | {*FITTED, *READ} == set(members(ModelSettings)) - {"plugin"}


@pytest.mark.parametrize(("kind", "changes", "needs"), CASES)
def test_a_step_and_a_use_stay_on_the_gpu(kind, changes, needs, store, monkeypatch):
    with FakeCuda() as gpu:
        model = made(kind, changes, needs, store)
        before, uploads = gpu.copies, gpu.uploads
        with watch_losses(model, gpu) as losses:
            read = step_once(model, TRAINING, LAST, list(store.table.index), monkeypatch, gpu=gpu)
            monkeypatch.undo()
        assert gpu.uploads - uploads == WAITS.get(kind, 0)
        (work,) = losses
        assert work.host_draws <= FEW + (POSITIONS if "entropy_weight" in changes else 0)
        with torch.no_grad():
            assert {part.device.type for part in use(model, kind)} == {"cuda"}
        assert gpu.copies == before
    assert {(value.device.type, value.ndim, value.requires_grad) for value in read} == {("cuda", 0, False)}


@pytest.mark.parametrize("kind", FITTED)
def test_a_fit_and_its_loss_stay_on_the_gpu(kind, store):
    with FakeCuda() as gpu:
        model = made(kind, {}, {}, store)
        before = gpu.copies
        batch = {name: value.cuda() for name, value in model.batch([0, 1], torch.Generator()).items()}
        loss, _ = model.loss(batch, torch.Generator(), 0)
        assert {part.device.type for part in [loss, *use(model, kind)]} == {"cuda"} and loss.ndim == 0
        assert gpu.copies == before


def test_a_model_of_a_folder_stays_on_the_gpu(store, tmp_path):
    weights = write_tiny_clip(tmp_path)
    settings = settings_of({"kind": "clip_text", "weights": str(weights), "sha256": sha256_file(weights)})
    model: Any = class_of(settings, TrainableModel)(settings, Grid.of(store), {})
    model.prepare(store)
    with FakeCuda() as gpu:
        move(model)
        before = gpu.copies
        batch = {name: value.cuda() for name, value in model.batch([0, 1], torch.Generator()).items()}
        loss, _ = model.loss(batch, torch.Generator(), 0)
        prefix = torch.zeros(2, 3, model.word_width).cuda()
        used = [model.encode(["normal heart", ""], prefix).tokens, model.embed(["normal heart"])]
        assert {part.device.type for part in [loss, *used]} == {"cuda"} and loss.ndim == 0
        assert gpu.copies == before


@pytest.mark.parametrize("sampler", typing.get_args(SamplerSettings.model_fields["name"].annotation))
@pytest.mark.parametrize("target", ["data", "epsilon", "v", "flow"])
def test_every_sampler_stays_on_the_gpu(sampler, target):
    objective = DiffusionObjective(target, Schedule("flow" if target == "flow" else "cosine"))
    settings = SamplerSettings(name=sampler, steps=3, guidance=2.0, guidance_interval=(0.2, 0.8))

    def predict(noisy: torch.Tensor, times: torch.Tensor, scale: float) -> torch.Tensor:
        assert times.device.type == "cuda" and times.shape == (2,)
        return noisy * times[:, None] * scale

    with FakeCuda() as gpu:
        sampled = objective.solve(predict, Noise([1, 2], "cuda"), (3,), settings)
        assert sampled.device.type == "cuda" and gpu.copies == gpu.uploads == 0


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda gpu: gpu + torch.zeros(3), "same device"),
        (lambda gpu: float(gpu.sum()), "_local_scalar_dense"),
        (lambda gpu: gpu[gpu > 0], "nonzero"),
        (lambda gpu: torch.zeros(3)[gpu.long()], "is indexed by one on the GPU"),
        (lambda gpu: torch.randn(3, device="cuda", generator=torch.Generator()), "a generator on the CPU"),
    ],
)
def test_mistakes_are_found(mistake, message):
    with FakeCuda() as gpu:
        tensor = torch.zeros(3, device="cuda")
        with pytest.raises(Exception, match=message):
            mistake(tensor)
        tensor.cpu()
        assert gpu.copies == 1


def test_copies_that_wait_are_counted():
    with FakeCuda() as gpu:
        torch.zeros(3).to("cuda", non_blocking=True)
        assert gpu.uploads == 0
        tensor = torch.zeros(3).cuda()
        torch.zeros(3, device="cuda").copy_(torch.ones(3))
        tensor[torch.tensor([0, 1])]
        assert gpu.uploads == 3 and gpu.copies == 0


def test_random_numbers_and_bytes_are_counted():
    with FakeCuda() as gpu:
        torch.rand(5), torch.randint(3, (2, 2)), torch.zeros(3).normal_()
        assert (gpu.host_draws, gpu.gpu_draws) == (5 + 4 + 3, 0)
        there = torch.randn(6, device="cuda")
        functional.dropout(there, training=True)
        assert (gpu.host_draws, gpu.gpu_draws, gpu.upload_bytes) == (12, 6, 0)
        torch.zeros(3).to("cuda", non_blocking=True), torch.zeros(2, dtype=torch.int8).cuda()
        there[torch.tensor([0, 1])]
        assert gpu.upload_bytes == 3 * 4 + 2 + 2 * 8


def test_copies_in_inference_mode_are_counted_too():
    with FakeCuda() as gpu, torch.inference_mode():
        tensor = torch.zeros(3).to("cuda")
        torch.zeros(3).to("cuda", non_blocking=True)
        assert (gpu.uploads, gpu.copies) == (1, 0)
        tensor.to("cuda").float()
        assert (gpu.uploads, gpu.copies) == (1, 0)
        tensor.cpu(), tensor.to(torch.zeros(1))
        assert (gpu.uploads, gpu.copies) == (1, 2)
