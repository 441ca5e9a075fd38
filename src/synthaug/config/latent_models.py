"""What the settings of all models on latents have in common."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings
from synthaug.config.conditions import CONDITIONS, ScalarCondition
from synthaug.config.geometry import GeometrySettings
from synthaug.config.training import Channels, TrainableSettings

#: Latent frames, rows and columns of a token.
Patch = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]

#: What the documentation says of `conditions`.
CONDITIONS_TEXT = (
    "Conditions of the model, each of which may stay unknown: "
    + ", ".join(f"`{name}`" for name, condition in CONDITIONS.items() if condition.scalar)
    + ", a phenotype of docs/phenotypes.md, or a numeric column of the cohort's table or of a table of phenotypes."
)


class ConditionedLatentsSettings(TrainableSettings):
    """What all models on latents have in common: encoded copies of the cines, and conditions."""

    optional_needs: ClassVar[frozenset[str]] = frozenset()
    drop_condition: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Probability that a condition is replaced by its learned null, independently of the others.",
    )
    drop_all_conditions: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Probability that all conditions are replaced at once, for classifier-free guidance.",
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings,
        description="Random geometry of the encoded copies; conditions that are volumes or masses are scaled with it.",
    )
    copies: int = Field(
        8,
        ge=1,
        description="Versions of each training cine that are encoded before training, the original first.",
    )
    conditions: tuple[ScalarCondition, ...] = Field(description=CONDITIONS_TEXT)

    @field_validator("conditions")
    @classmethod
    def _conditions_differ(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(conditions)) < len(conditions):
            raise ValueError("a condition is listed twice; list each once")
        return conditions

    @field_validator("needs", check_fields=False)
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        return check_roles(needs, cls.optional_needs)


class DiffusionObjectiveSettings(Settings):
    """Objective of a diffusion model, of whole latents or of single tokens."""

    objective: Literal["data", "epsilon", "v", "flow"] = Field(
        "data",
        description=(
            "What the network predicts: the data, the noise, the v of progressive distillation, or the "
            "velocity of rectified flow."
        ),
    )
    schedule: Literal["cosine", "linear", "flow"] = Field(
        "cosine",
        description=(
            "Signal and noise over diffusion time; `flow`, the straight path of rectified flow, is the default of "
            "`objective: flow`."
        ),
    )
    noise_shift: float = Field(
        1.0,
        gt=0,
        le=100,
        description="Noise over signal at every diffusion time, as a multiple of the schedule's. Data that are correlated over "
        "many voxels show through more noise than single voxels do; above 1 the model is also trained where they do not.",
    )
    loss: Literal["squared", "huber"] = Field(
        "squared", description="Error of the prediction: its square, or Huber's with threshold 1."
    )

    @model_validator(mode="before")
    @classmethod
    def _flow_is_straight(cls, content: Any) -> Any:
        # The velocity of rectified flow on another path is another objective: wanted only where it is said.
        if isinstance(content, dict) and content.get("objective") == "flow":
            return {"schedule": "flow", **content}
        return content


class LatentDiffusionSettings(ConditionedLatentsSettings, DiffusionObjectiveSettings):
    """What all diffusion models of latents have in common."""

    channels: Channels = Field(
        (64, 128),
        min_length=1,
        description="Feature channels a level; each after the first halves y and x of the latent.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level.")


def check_roles(needs: dict[str, str], optional: frozenset[str] = frozenset()) -> dict[str, str]:
    if set(needs) - optional != {"autoencoder"}:
        others = "".join(f", and may have {role!r}" for role in sorted(optional))
        raise ValueError(
            f"needs exactly the role 'autoencoder'{others}; name the model whose latents it takes"
        )
    return needs


def check_heads(width: int, heads: int) -> None:
    if width % heads:
        raise ValueError(f"width {width} must be a multiple of heads {heads}")
