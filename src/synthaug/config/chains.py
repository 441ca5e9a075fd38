"""Whether the models that a study names for one another fit together: what one section cannot see by itself."""

from __future__ import annotations

from collections.abc import Mapping

from synthaug.config.generators import CascadeSettings, GeneratorSettings
from synthaug.config.models import AnatomyDiffusionSettings, AutoencoderSettings, ModelSettings
from synthaug.config.plugins import PluginGeneratorSettings
from synthaug.config.sampled import SampledSettings


def check_model(name: str, models: Mapping[str, ModelSettings]) -> None:
    """Refuse a model beside a motion network of another autoencoder.

    Parameters
    ----------
    name : str
        The model.
    models : mapping of str to ModelSettings
        All models of the study, with every name in their `needs` among them.

    Raises
    ------
    ValueError
        Both were trained on latents, but of different autoencoders.
    """
    needs = models[name].needs
    if "motion_network" in needs:
        _check_latents(f"models.{name}.needs", "motion_network", needs, models)


def check_generator(name: str, generator: GeneratorSettings, models: Mapping[str, ModelSettings]) -> None:
    """Refuse a chain of models that cannot be sampled, or whose cines an arm could not train on.

    Parameters
    ----------
    name : str
        Name of the generator.
    generator : GeneratorSettings
        Its settings.
    models : mapping of str to ModelSettings
        All models of the study, the generator's among them.

    Raises
    ------
    ValueError
        Models of different autoencoders; no masks and no teacher; or a cascade without a motion model whose anatomy
        model draws nothing but end-diastole.
    """
    if not isinstance(generator, SampledSettings) or isinstance(generator, PluginGeneratorSettings):
        return  # a class from outside knows what its models must have in common
    where, roles = f"generators.{name}", generator.models
    if "autoencoder" not in roles:
        return
    for role in roles:
        if role != "autoencoder":
            _check_latents(f"{where}.models", role, roles, models)
    coder = models[roles["autoencoder"]]
    if isinstance(coder, AutoencoderSettings) and not coder.masks and generator.labels == "own":
        raise ValueError(
            f"{where}.labels: {roles['autoencoder']} decodes no masks; set labels: teacher, or its masks: true"
        )
    if isinstance(generator, CascadeSettings) and "motion" not in roles:
        anatomy = models[roles["anatomy"]]
        if isinstance(anatomy, AnatomyDiffusionSettings) and anatomy.frames == "ed":
            raise ValueError(
                f"{where}.models: {roles['anatomy']} draws end-diastole only; add the role motion, or set its frames: all"
            )


def _check_latents(
    where: str, role: str, roles: Mapping[str, str], models: Mapping[str, ModelSettings]
) -> None:
    """The model in a role must have been trained on the latents of the model in the role autoencoder."""
    learned, wanted = models[roles[role]].needs.get("autoencoder"), roles["autoencoder"]
    if learned != wanted:
        raise ValueError(
            f"{where}: {roles[role]} has the autoencoder {learned!r}, not {wanted!r}; give both the same"
        )
