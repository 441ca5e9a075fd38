"""Whether the models that a study names for one another fit together: what one section cannot see by itself."""

from __future__ import annotations

from collections.abc import Mapping

from synthaug.config.autoencoders import AutoencoderSettings
from synthaug.config.cascade_models import AnatomyDiffusionSettings
from synthaug.config.cine_diffusion import CineDiffusionSettings
from synthaug.config.control_branch import ControlBranchSettings
from synthaug.config.generators import (
    CascadeSettings,
    GeneratorSettings,
    MaskGuidedSettings,
    TextDrivenSettings,
)
from synthaug.config.models import ModelSettings
from synthaug.config.phenotype_samplers import PhenotypeSamplerSettings
from synthaug.config.plugins import PluginGeneratorSettings
from synthaug.config.sampled import SampledSettings
from synthaug.config.synthesis import RequestSettings
from synthaug.config.text_models import TextDiffusionSettings


def check_model(name: str, models: Mapping[str, ModelSettings]) -> None:
    """Refuse a model beside models that build on others than it does.

    Parameters
    ----------
    name : str
        The model.
    models : mapping of str to ModelSettings
        All models of the study, with every name in their `needs` among them.

    Raises
    ------
    ValueError
        It names a model for a role, and one of its models names another for the same role; it starts from a base
        whose layers are others; a control branch on a network without a U-Net, or on an autoencoder without the masks
        it is to decode.
    """
    model = models[name]
    _check_shared(f"models.{name}.needs", model.needs, models)
    if isinstance(model, TextDiffusionSettings):
        _check_base(name, model, models)
    if isinstance(model, ControlBranchSettings):
        _check_control(f"models.{name}", model, models)


def check_generator(
    name: str, generator: GeneratorSettings, models: Mapping[str, ModelSettings], segments: bool
) -> None:
    """Refuse a chain of models that cannot be sampled, or whose cines an arm could not train on.

    Parameters
    ----------
    name : str
        Name of the generator.
    generator : GeneratorSettings
        Its settings.
    models : mapping of str to ModelSettings
        All models of the study, the generator's among them.
    segments : bool
        Whether a task of the study reads masks of cines.

    Raises
    ------
    ValueError
        Models that build on different models of one role; where a task segments, no masks and no pseudo labels, or none beside the requested
        ones; a cascade without a motion model whose anatomy model draws nothing but end-diastole; or start noise with
        class means that no alignment gives.
    """
    if not isinstance(generator, SampledSettings) or isinstance(generator, PluginGeneratorSettings):
        return  # a class from outside knows what its models must have in common
    where, roles = f"generators.{name}", generator.models
    _check_shared(f"{where}.models", roles, models)
    for used in roles.values():
        coder = models[used]
        without = isinstance(coder, AutoencoderSettings) and not coder.masks
        if segments and without and generator.labels == "own":
            raise ValueError(
                f"{where}.labels: {used} decodes no masks; set labels: pseudo, or its masks: true"
            )
    if isinstance(generator, MaskGuidedSettings) and generator.masks == "requested":
        coder = models[roles["autoencoder"]]
        if isinstance(coder, AutoencoderSettings) and not coder.masks:
            raise ValueError(
                f"{where}.masks: {roles['autoencoder']} decodes no masks for frames without a requested one; set masks: "
                "decoded, or its masks: true"
            )
    if isinstance(generator, CascadeSettings) and "motion" not in roles:
        anatomy = models[roles["anatomy"]]
        if isinstance(anatomy, AnatomyDiffusionSettings) and anatomy.frames == "ed":
            raise ValueError(
                f"{where}.models: {roles['anatomy']} draws end-diastole only; add the role motion, or set its frames: all"
            )
    means = isinstance(generator, TextDrivenSettings) and generator.start_weight > 0
    if means and "alignment" not in models[roles["diffusion"]].needs:
        raise ValueError(
            f"{where}.start_weight: {roles['diffusion']} has no alignment to take class means from; set 0, or add one to "
            "its needs"
        )


def check_sampler(requests: RequestSettings, models: Mapping[str, ModelSettings]) -> None:
    """Refuse requests from a model that phenotypes cannot be drawn from.

    Raises
    ------
    ValueError
        No such model, one of another kind, or balanced diagnoses of a model that does not tell them apart.
    """
    if requests.sampler is None:
        return
    where = "synthesis.requests.sampler"
    samplers = [name for name, model in models.items() if isinstance(model, PhenotypeSamplerSettings)]
    if requests.sampler not in samplers:
        found = models.get(requests.sampler)
        what = "is not declared" if found is None else f"is of kind {found.kind}"
        raise ValueError(
            f"{where}: {requests.sampler!r} {what}; name a model of kind phenotype_vae or phenotype_copula, known are "
            f"{', '.join(samplers) or 'none'}"
        )
    model = models[requests.sampler]
    if requests.source == "balanced" and not getattr(model, "diagnosis", True):
        raise ValueError(
            f"{where}: {requests.sampler} does not model diagnoses, which source balanced asks for; set its diagnosis: "
            "true, or source: real"
        )


def _check_base(name: str, model: TextDiffusionSettings, models: Mapping[str, ModelSettings]) -> None:
    """A base is a text_diffusion of single images with the layers of the model that starts from it."""
    base = models[model.needs["base"]] if "base" in model.needs else None
    if not isinstance(base, TextDiffusionSettings):
        return  # none, or a class from outside
    where, used = f"models.{name}.needs.base", model.needs["base"]
    if base.temporal or base.slice_aware:
        raise ValueError(
            f"{where}: {used} attends over frames or slices; set its temporal: false and slice_aware: false"
        )
    unlike = [
        key
        for key in ("channels", "blocks", "conditions", "objective", "schedule")
        if getattr(base, key) != getattr(model, key)
    ]
    if ("alignment" in base.needs) != ("alignment" in model.needs):
        unlike.append("needs.alignment")
    if unlike:
        raise ValueError(f"{where}: {used} has another {unlike[0]}; give both the same")


def _check_control(where: str, model: ControlBranchSettings, models: Mapping[str, ModelSettings]) -> None:
    base, coder = models[model.needs["diffusion"]], models[model.needs["autoencoder"]]
    if isinstance(base, CineDiffusionSettings) and base.network == "transformer":
        raise ValueError(
            f"{where}.needs: {model.needs['diffusion']} is a transformer, a control branch copies a U-Net; set its "
            "network: unet or factorised_unet"
        )
    if model.structure == "labels" and model.masks == "decoded" and not getattr(coder, "masks", True):
        raise ValueError(
            f"{where}.masks: {model.needs['autoencoder']} decodes no masks; set masks: own, or its masks: true"
        )


def _check_shared(where: str, roles: Mapping[str, str], models: Mapping[str, ModelSettings]) -> None:
    """Models used together must share the model of each role."""
    wanted = dict(roles)
    for used in roles.values():
        for role, needed in models[used].needs.items():
            if needed != wanted.setdefault(role, needed):
                raise ValueError(
                    f"{where}: {used} has the {role} {needed!r}, not {wanted[role]!r}; give both the same"
                )
