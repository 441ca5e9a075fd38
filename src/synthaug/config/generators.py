"""Settings of every kind of generator."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.base import Settings
from synthaug.config.paths import PathText
from synthaug.config.plugins import PluginGeneratorSettings
from synthaug.config.sampled import SampledSettings


class SamplerSettings(Settings):
    """How a trained diffusion model is sampled; changing it retrains nothing."""

    name: Literal["ddim", "dpm_solver", "euler", "heun", "ddpm"] = Field(
        "dpm_solver",
        description="Solver; `dpm_solver` is DPM-Solver++(2M), `heun` evaluates the network twice per step, `ddpm` adds noise at each step.",
    )
    steps: int = Field(20, ge=1, le=1000, description="Steps from noise to data.")
    guidance: float = Field(
        1.0, ge=0, le=20, description="Classifier-free guidance scale; 1: conditional model without guidance."
    )
    guidance_interval: tuple[float, float] = Field(
        (0.0, 1.0),
        description="Interval of diffusion time (1 noise, 0 data) with guidance; outside it, the conditional model is "
        "used without (Kynkäänniemi et al., NeurIPS 2024).",
    )

    @field_validator("guidance_interval")
    @classmethod
    def _interval_ascends(cls, interval: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= interval[0] < interval[1] <= 1:
            raise ValueError("guidance_interval must ascend within 0 and 1, for example [0.2, 0.8]")
        return interval

    @property
    def unconditional(self) -> bool:
        """Whether conditions have no effect: the nulls alone are asked, at all times."""
        return self.guidance == 0 and self.guidance_interval == (0.0, 1.0)


class CascadeSettings(SampledSettings):
    """Residual-motion cascade: the anatomy at end-diastole first, then its motion."""

    implementation: ClassVar[str] = "synthaug.generators.cascade:Cascade"
    role_kinds: ClassVar = {
        "autoencoder": ("autoencoder",),
        "anatomy": ("anatomy_diffusion",),
        "motion": ("motion_diffusion",),
    }

    kind: Literal["cascade"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "anatomy": "anatomy", "motion": "motion"},
        description=(
            "Models of the roles autoencoder, anatomy and motion, by name; without motion the anatomy model, trained "
            "with `frames: all`, samples every frame separately."
        ),
    )
    anatomy_sampler: SamplerSettings = Field(
        SamplerSettings(guidance=1.5), description="Sampling of the end-diastolic anatomy."
    )
    motion_sampler: SamplerSettings = Field(
        SamplerSettings(steps=12), description="Sampling of the motion, all frames at once."
    )
    shared_noise: bool = Field(
        True,
        description=(
            "Without motion: whether all frames of a cine are drawn from one noise; `false` draws each from its own, "
            "which is 3D diffusion without time."
        ),
    )

    @field_validator("models")
    @classmethod
    def _has_its_roles(cls, models: dict[str, str]) -> dict[str, str]:
        if set(models) | {"motion"} != {"autoencoder", "anatomy", "motion"}:
            raise ValueError(
                "a cascade has exactly the roles autoencoder, anatomy and, unless the anatomy model draws all frames, "
                "motion; name a model for each"
            )
        return models

    @model_validator(mode="after")
    def _frames_apart_have_no_motion(self) -> CascadeSettings:
        if not self.shared_noise and "motion" in self.models:
            raise ValueError(
                "shared_noise: false draws each frame for itself; leave out the role motion, or shared_noise"
            )
        return self


class SinglePassSettings(SampledSettings):
    """Single pass: one diffusion model samples all slices and frames together."""

    implementation: ClassVar[str] = "synthaug.generators.single_pass:SinglePass"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS, "diffusion": ("cine_diffusion",)}

    kind: Literal["single_pass"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "diffusion": "diffusion"},
        description="Models of the roles autoencoder and diffusion, by name.",
    )
    sampler: SamplerSettings = Field(SamplerSettings(guidance=1.5), description="Sampling of the whole cine.")


class MaskGuidedSettings(SampledSettings):
    """Mask guided: a control branch steers the diffusion model of whole cines by the requested masks."""

    implementation: ClassVar[str] = "synthaug.generators.mask_guided:MaskGuided"
    role_kinds: ClassVar = {
        "autoencoder": AUTOENCODER_KINDS,
        "diffusion": ("cine_diffusion", "text_diffusion"),
        "control": ("control_branch",),
    }

    kind: Literal["mask_guided"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "diffusion": "diffusion", "control": "control"},
        description="Models of the roles autoencoder, diffusion and control (a `control_branch`), by name.",
    )
    sampler: SamplerSettings = Field(SamplerSettings(guidance=1.5), description="Sampling of the whole cine.")
    control_scale: float = Field(
        1.0,
        ge=0,
        le=10,
        description="Factor of the branch's residuals; 0: the diffusion model alone, as for requests without masks.",
    )
    masks: Literal["decoded", "requested"] = Field(
        "decoded",
        description=(
            "Masks of the synthetic cines: `decoded` from the sampled latents, or those `requested` in frames that have "
            "one (the other frames' are decoded)."
        ),
    )


class MaskedAutoregressiveSettings(SampledSettings):
    """Masked autoregressive: tokens of all slices and frames in random order, several a step."""

    implementation: ClassVar[str] = "synthaug.generators.masked_autoregressive:MaskedAutoregressive"
    role_kinds: ClassVar = {
        "autoencoder": AUTOENCODER_KINDS,
        "autoregression": ("masked_autoregression",),
    }

    kind: Literal["masked_autoregressive"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "autoregression": "autoregression"},
        description="Models of the roles autoencoder and autoregression, by name.",
    )
    steps: int = Field(
        32,
        ge=1,
        description="Steps K of decoding; after step k, the fraction cos(pi k / 2K) of the tokens is still masked.",
    )
    temperature: float = Field(
        1.0,
        gt=0,
        le=2,
        description="Factor of the noise of a token: of each step's with the sampler `ddpm`, else of the first.",
    )
    sampler: SamplerSettings = Field(
        SamplerSettings(name="ddpm", steps=100, guidance=3.0),
        description="Sampling of each token; its guidance rises linearly from 1 at the first step of decoding to this "
        "scale at the last; 0: unconditional in all steps.",
    )


class TextDrivenSettings(SampledSettings):
    """Text-driven: one diffusion model samples all slices and frames together, given the words of a sentence."""

    implementation: ClassVar[str] = "synthaug.generators.text_driven:TextDriven"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS, "diffusion": ("text_diffusion",)}

    kind: Literal["text_driven"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "diffusion": "diffusion"},
        description="Models of the roles autoencoder and diffusion, by name.",
    )
    start_weight: float = Field(
        0.0,
        ge=0,
        le=2,
        description=(
            "Weight of the class's mean tokens, which are added to the noise that sampling starts from; 0: plain noise, 1: "
            "as TexDC. Needs a diffusion model with an `alignment`."
        ),
    )
    sampler: SamplerSettings = Field(
        SamplerSettings(steps=30, guidance=3.0), description="Sampling of the whole cine."
    )


class CodeSamplerSettings(Settings):
    """How codes are drawn one after the other; changing it retrains nothing."""

    guidance: float = Field(
        1.0, ge=0, le=20, description="Classifier-free guidance scale of the logits; 1: without guidance."
    )
    temperature: float = Field(1.0, gt=0, le=2, description="Divisor of the logits.")
    top_k: int | None = Field(
        None, ge=1, description="Codes that a draw is from, the likeliest; 1: always that one; empty: all."
    )
    top_p: float = Field(
        1.0,
        gt=0,
        le=1,
        description="A draw is from the fewest codes, likeliest first, whose probabilities sum to this; 1: from all.",
    )


class VQAutoregressiveSettings(SampledSettings):
    """Vector-quantised autoregressive: the codes of all frames and slices one after the other."""

    implementation: ClassVar[str] = "synthaug.generators.vq_autoregressive:VQAutoregressive"
    role_kinds: ClassVar = {"autoencoder": ("vq_autoencoder",), "autoregression": ("vq_autoregression",)}

    kind: Literal["vq_autoregressive"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "autoregression": "autoregression"},
        description="Models of the roles autoencoder (a `vq_autoencoder`) and autoregression, by name.",
    )
    sampler: CodeSamplerSettings = Field(CodeSamplerSettings(), description="Sampling of each code.")


class DeformedAnatomySettings(SampledSettings):
    """Deformed anatomy: the end-diastolic frame first, then a deformation that moves it through the cycle."""

    implementation: ClassVar[str] = "synthaug.generators.deformed_anatomy:DeformedAnatomy"
    role_kinds: ClassVar = {
        "autoencoder": ("autoencoder",),
        "anatomy": ("anatomy_diffusion",),
        "deformation_network": ("deformation_network",),
        "deformation": ("deformation_diffusion",),
    }

    kind: Literal["deformed_anatomy"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {
            "autoencoder": "autoencoder",
            "anatomy": "anatomy",
            "deformation_network": "deformation_network",
            "deformation": "deformation",
        },
        description="Models of the roles autoencoder, anatomy, deformation_network and deformation, by name.",
    )
    anatomy_sampler: SamplerSettings = Field(
        SamplerSettings(guidance=1.5), description="Sampling of the end-diastolic anatomy."
    )
    deformation_sampler: SamplerSettings = Field(
        SamplerSettings(steps=12), description="Sampling of the code of the deformation."
    )


class FrameAutoregressiveSettings(SampledSettings):
    """Frame-autoregressive: each frame is drawn given all frames before it, end-diastole first."""

    implementation: ClassVar[str] = "synthaug.generators.frame_autoregressive:FrameAutoregressive"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS, "sequence": ("sequence_diffusion",)}

    kind: Literal["frame_autoregressive"] = Field(description="Kind of generator.")
    models: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "sequence": "sequence"},
        description="Models of the roles autoencoder and sequence, by name.",
    )
    sampler: SamplerSettings = Field(
        SamplerSettings(steps=12, guidance=1.5), description="Sampling of each frame."
    )


class ExternalSettings(Settings):
    """Folder of synthetic subjects, laid out as a cohort."""

    sampled: ClassVar[bool] = False

    kind: Literal["external"] = Field(description="Kind of generator.")
    folder: PathText = Field(description="Cohort folder; its files: docs/adding-a-generator.md.")
    labels: Literal["own", "pseudo"] = Field(
        "own",
        description=(
            "Masks that the arms train on: the folder's `own`, or `pseudo` labels by the segmenter trained on the "
            "fold's real patients, for cines without (or with few) masks; named in the report."
        ),
    )

    @property
    def needs(self) -> dict[str, str]:
        """No models: the volumes exist already."""
        return {}


class RealSettings(Settings):
    """Real subjects of a declared dataset instead of synthetic ones: an oracle, or an upper bound."""

    sampled: ClassVar[bool] = False
    role_kinds: ClassVar = {"through": AUTOENCODER_KINDS}

    kind: Literal["real"] = Field(description="Kind of generator.")
    dataset: str = Field(
        description=(
            "Dataset whose labelled subjects are used: only the fold's training patients if the dataset is split, "
            "all with `split: false`."
        )
    )
    through: str | None = Field(
        None,
        description=(
            "Autoencoder, by name, whose reconstructions of the cines (images and masks) are used: an upper bound of "
            "every generator on its latents. Without it: the original subjects."
        ),
    )

    @property
    def needs(self) -> dict[str, str]:
        """The model the subjects go through, where they do."""
        return {} if self.through is None else {"through": self.through}


GeneratorSettings = Annotated[
    CascadeSettings
    | SinglePassSettings
    | MaskGuidedSettings
    | MaskedAutoregressiveSettings
    | VQAutoregressiveSettings
    | TextDrivenSettings
    | DeformedAnatomySettings
    | FrameAutoregressiveSettings
    | ExternalSettings
    | RealSettings
    | PluginGeneratorSettings,
    Field(discriminator="kind"),
]
