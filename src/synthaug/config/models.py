"""Settings of every kind of trainable model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from synthaug.config.autoencoders import AutoencoderSettings, SliceAutoencoderSettings, VQAutoencoderSettings
from synthaug.config.autoregression import MaskedAutoregressionSettings, VQAutoregressionSettings
from synthaug.config.cascade_models import (
    AnatomyDiffusionSettings,
    MotionDiffusionSettings,
    MotionNetworkSettings,
)
from synthaug.config.cine_diffusion import CineDiffusionSettings
from synthaug.config.control_branch import ControlBranchSettings
from synthaug.config.deformation_models import DeformationDiffusionSettings, DeformationNetworkSettings
from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.patient_recogniser import PatientRecogniserSettings
from synthaug.config.phenotype_samplers import PhenotypeCopulaSettings, PhenotypeVAESettings
from synthaug.config.plugins import PluginModelSettings
from synthaug.config.sequence_diffusion import SequenceDiffusionSettings
from synthaug.config.text_encoders import ClipTextSettings, TextEncoderSettings
from synthaug.config.text_models import TextAlignmentSettings, TextDiffusionSettings

ModelSettings = Annotated[
    AutoencoderSettings
    | SliceAutoencoderSettings
    | VQAutoencoderSettings
    | AnatomyDiffusionSettings
    | MotionNetworkSettings
    | MotionDiffusionSettings
    | CineDiffusionSettings
    | ControlBranchSettings
    | MaskedAutoregressionSettings
    | VQAutoregressionSettings
    | DeformationNetworkSettings
    | DeformationDiffusionSettings
    | SequenceDiffusionSettings
    | TextAlignmentSettings
    | TextDiffusionSettings
    | MaskedAutoencoderSettings
    | PatientRecogniserSettings
    | PhenotypeVAESettings
    | PhenotypeCopulaSettings
    | TextEncoderSettings
    | ClipTextSettings
    | PluginModelSettings,
    Field(discriminator="kind"),
]
