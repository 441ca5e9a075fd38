"""Models that must fit together: what a study file can get wrong about them is said in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from synthaug.config.chains import _check_shared
from synthaug.config.models import ModelSettings
from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse

STUDIES = Path(__file__).parents[3] / "config" / "studies"
OTHER = {"inherits": "autoencoder", "latent_channels": 4}
ON_OTHER = {"inherits": "anatomy", "needs": {"autoencoder": "other"}}
NETWORK_ON_OTHER = {"kind": "motion_network", "needs": {"autoencoder": "other"}}
BOTH = {"autoencoder": "autoencoder", "motion_network": "network"}
ROLES = {"autoencoder": "autoencoder", "anatomy": "anatomy", "motion": "motion"}


def study(models=None, generator=None):
    content = yaml.safe_load((STUDIES / "tiny.yaml").read_text())
    content["models"] |= models or {}
    content["generators"]["cascade"] |= generator or {}
    return content


@pytest.mark.parametrize(
    ("models", "generator", "message"),
    [
        (
            {"other": OTHER, "strange": ON_OTHER},
            {"models": {**ROLES, "anatomy": "strange"}},
            "generators.cascade.models: strange has the autoencoder 'other', not 'autoencoder'; give both the same",
        ),
        (
            {"other": OTHER, "network": NETWORK_ON_OTHER, "coded": {"inherits": "motion", "needs": BOTH}},
            {},
            "models.coded.needs: network has the autoencoder 'other', not 'autoencoder'; give both the same",
        ),
        (
            {
                "network": {"kind": "motion_network"},
                "coded": {"inherits": "motion", "needs": BOTH, "target": "latent"},
            },
            {},
            "models.coded: a motion_network codes differences, target latent draws none; leave out one of them",
        ),
        (
            {"network": {"kind": "motion_network", "needs": {}}},
            {},
            "models.network.needs: needs exactly the role 'autoencoder'; name the model whose latents it takes",
        ),
        (
            {"anatomy-coded": {"inherits": "anatomy", "needs": BOTH}, "network": {"kind": "motion_network"}},
            {},
            "models.anatomy-coded.needs: needs exactly the role 'autoencoder'; name",
        ),
        (
            {"autoencoder": {"kind": "autoencoder", "masks": False}},
            {},
            "generators.cascade.labels: autoencoder decodes no masks; set labels: pseudo, or its masks: true",
        ),
        (
            {},
            {"models": {"autoencoder": "autoencoder", "anatomy": "anatomy"}},
            "generators.cascade.models: anatomy draws end-diastole only; add the role motion, or set its frames: all",
        ),
        (
            {"tokens": {"kind": "masked_autoregression", "width": 18, "heads": 4}},
            {},
            "models.tokens: width 18 must be a multiple of heads 4",
        ),
        (
            {"gpt": {"kind": "vq_autoregression", "width": 18, "heads": 4}},
            {},
            "models.gpt: width 18 must be a multiple of heads 4",
        ),
        (
            {"gpt": {"kind": "vq_autoregression"}},
            {},
            "models.gpt.needs.autoencoder: 'autoencoder' is of kind autoencoder; this role takes vq_autoencoder",
        ),
        (
            {},
            {"models": {"autoencoder": "autoencoder", "motion": "motion"}},
            "generators.cascade.models: a cascade has exactly the roles autoencoder, anatomy and, unless",
        ),
        (
            {"other": {"kind": "slice_autoencoder", "channels": [8, 8], "latent_channels": 2}},
            {},
            "models.other.strides: 6 frames are not divisible by 4 (2 levels); change harmonisation.frames, or the model's",
        ),
        (
            {"other": {"kind": "autoencoder", "channels": [8] * 6}},
            {},
            "models.other.strides: 32 rows are not divisible by 64 (6 levels); change harmonisation.matrix, or",
        ),
        (
            {"tokens": {"kind": "masked_autoregression"}},
            {},
            "models.tokens.patch: 6 frames of the latent are not divisible by the patch's 4; give a divisor",
        ),
        (
            {"cines": {"kind": "cine_diffusion", "network": "transformer", "patch": [1, 3, 2]}},
            {},
            "models.cines.patch: 4 rows of the latent are not divisible by the patch's 3; give a divisor",
        ),
        (
            {"sequence": {"kind": "sequence_diffusion", "frames_drawn": 7}},
            {},
            "models.sequence.frames_drawn: 7 of 6 latent frames; give fewer",
        ),
        (
            {"recogniser": {"kind": "patient_recogniser", "training": {"batch_size": 1}}},
            {},
            "models.recogniser: training.batch_size: a batch needs at least 2 subjects",
        ),
        (
            {"one": {"inherits": "anatomy", "channels": [8, 1]}},
            {},
            "models.one.channels.1: Input should be greater than or equal to 2",
        ),
    ],
)
def test_models_that_do_not_fit_are_refused_in_one_line(models, generator, message):
    with pytest.raises(SynthaugError) as caught:
        load_study(study(models, generator))
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["autoencoder", "slice_autoencoder", "vq_autoencoder"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"needs": {"perceptual": "features"}, "perceptual_weights": "resnet50.pth"},
            "models.coder: perceptual_weights and needs.perceptual each name a network of the perceptual distance; leave out one",
        ),
        (
            {"needs": {"perceptual": "anatomy"}},
            "models.coder.needs.perceptual: 'anatomy' is of kind anatomy_diffusion; this role takes masked_autoencoder",
        ),
        ({"needs": {"perceptual": "fetaures"}}, "models.coder.needs: 'fetaures' is not declared; known are"),
        (
            {"needs": {"features": "features"}},
            "models.coder.needs: may have the role 'perceptual' and no other; name a masked_autoencoder, or none",
        ),
    ],
)
def test_a_perceptual_network_that_cannot_be_is_refused_in_one_line(kind, changes, message):
    coder = {"kind": kind, "channels": [8]}
    named = {"needs": {"perceptual": "features"}}
    assert load_study(study({"coder": coder | named})).models["coder"].needs == named["needs"]
    with pytest.raises(SynthaugError) as caught:
        load_study(study({"coder": coder | changes}))
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", sorted(STUDIES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_of_the_repository_is_valid(path):
    assert load_study(yaml.safe_load(path.read_text(encoding="utf-8"))).arms


def deformed(**changes):
    """A study with a cine of a drawn ED and a drawn deformation, some of its models changed."""
    content = study(
        {
            "registration": {"kind": "deformation_network"},
            "other-registration": {"kind": "deformation_network", "code_channels": 2},
            "deformation": {
                "kind": "deformation_diffusion",
                "needs": {"autoencoder": "autoencoder", "deformation_network": "registration"},
            },
        }
    )
    roles = {"autoencoder": "autoencoder", "anatomy": "anatomy", "deformation_network": "registration"}
    content["generators"]["deformed"] = {
        "kind": "deformed_anatomy",
        "models": {**roles, "deformation": "deformation", **changes},
    }
    return content


def test_a_code_is_read_by_the_network_that_made_it():
    assert "deformed" in load_study(deformed()).generators
    with pytest.raises(SynthaugError, match=r"deformed\.models: deformation has the deformation_network"):
        load_study(deformed(deformation_network="other-registration"))
    with pytest.raises(
        SynthaugError, match="is of kind motion_diffusion; this role takes deformation_diffusion"
    ):
        load_study(deformed(deformation="motion"))


def test_the_comparison_methods_of_texdc_are_settings():
    """What docs/generators/comparison_methods.md says of them is a study."""
    page = (STUDIES.parents[1] / "docs" / "generators" / "comparison_methods.md").read_text(encoding="utf-8")
    added = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", page, re.M | re.S).group(1))
    content = study(added["models"])
    content["generators"] |= added["generators"]
    found = load_study(content).generators
    assert {found[name].kind for name in added["generators"]} == {
        "deformed_anatomy",
        "frame_autoregressive",
        "cascade",
    }


def test_the_perceptual_network_of_the_page_is_none_that_distances_are_measured_with():
    """What docs/generators/sharper_autoencoders.md shows is a study."""
    page = (STUDIES.parents[1] / "docs" / "generators" / "sharper_autoencoders.md").read_text(
        encoding="utf-8"
    )
    added = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", page, re.M | re.S).group(1))
    found = load_study(study(added["models"])).models
    network = found["autoencoder"].needs["perceptual"]
    assert found[network].kind == "masked_autoencoder" and found[network] != found["features"]


def test_the_baselines_of_cpgg_are_settings():
    """What docs/generators/vq_autoregressive.md says of them is a study."""
    page = (STUDIES.parents[1] / "docs" / "generators" / "vq_autoregressive.md").read_text(encoding="utf-8")
    section = page.split("## Baselines of CPGG")[1]
    added = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", section, re.M | re.S).group(1))
    content = study(added["models"])
    content["generators"] |= added["generators"]
    content["harmonisation"]["frames"] = 16
    generators = load_study(content).generators
    assert {name: generators[name].sampler.guidance for name in added["generators"]} == {
        "videogpt": 0,
        "videogpt-guided": 3,
        "modelscope": 0,
        "modelscope-guided": 3,
    }


SAMPLER = {"kind": "phenotype_copula", "phenotypes": ["lv_edv_ml", "lv_ef"]}


@pytest.mark.parametrize(
    ("sampler", "requests", "message"),
    [
        (
            SAMPLER,
            {"sampler": "smapler"},
            "synthesis.requests.sampler: 'smapler' is not declared; name a model of kind phenotype_vae or "
            "phenotype_copula, known are sampler",
        ),
        (
            SAMPLER,
            {"sampler": "anatomy"},
            "sampler: 'anatomy' is of kind anatomy_diffusion; name a model of kind",
        ),
        (
            SAMPLER | {"diagnosis": False},
            {"sampler": "sampler", "source": "balanced"},
            "sampler: sampler does not model diagnoses, which source balanced asks for; set its diagnosis: true",
        ),
        (
            SAMPLER,
            {"sampler": "sampler", "source": "table", "table": "x.tsv"},
            "synthesis.requests: sampler draws requests, source table reads them; leave out one of them",
        ),
        (SAMPLER | {"phenotypes": ["lv_ef"]}, {}, "models.sampler.phenotypes"),
        (SAMPLER | {"phenotypes": ["lv_ef", "lv_ef"]}, {}, "a phenotype is listed twice; list each once"),
        (
            SAMPLER | {"phenotypes": ["lv_ef", "vendor"]},
            {},
            "'vendor' is no phenotype; requests take it from",
        ),
        (
            SAMPLER | {"kind": "phenotype_vae", "training": {"batch_size": 1}},
            {},
            "models.sampler: training.batch_size: a batch needs at least 2 subjects",
        ),
    ],
)
def test_samplers_that_cannot_be_are_refused_in_one_line(sampler, requests, message):
    content = study({"sampler": sampler})
    content["synthesis"]["requests"] = requests
    with pytest.raises(SynthaugError) as caught:
        load_study(content)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_pseudo_labels_stand_in_for_the_mask_head():
    models = {"autoencoder": {"kind": "autoencoder", "masks": False}}
    assert load_study(study(models, {"labels": "pseudo"})).generators["cascade"].labels == "pseudo"


def test_requested_masks_need_decoded_ones_beside_them():
    """Of frames without a requested mask: an autoencoder without masks would leave all of them out."""
    content = study({"cines": {"kind": "cine_diffusion"}, "control": {"kind": "control_branch"}})
    content["models"]["control"]["needs"] = {"autoencoder": "autoencoder", "diffusion": "cines"}
    roles = {"autoencoder": "autoencoder", "diffusion": "cines", "control": "control"}
    guided = {"kind": "mask_guided", "models": roles, "masks": "requested", "labels": "pseudo"}
    content["generators"]["guided"] = guided
    load_study(content)
    content["models"]["autoencoder"]["masks"] = False
    content["generators"]["cascade"]["labels"] = "pseudo"
    with pytest.raises(
        SynthaugError, match=r"generators\.guided\.masks: autoencoder decodes no masks for frames"
    ):
        load_study(content)


def test_each_variant_of_the_ablation_study_changes_what_its_name_says():
    content = yaml.safe_load((STUDIES / "ablations.yaml").read_text())
    made = load_study(content)
    models, generators = made.models, made.generators
    assert list(generators) == [
        "cascade",
        "no-residual",
        "no-motion-model",
        "no-mask-head",
        "no-clinical-condition",
        "motion-network",
        "anatomy-noise",
        "dropout",
        "slice-places",
    ]

    def changed(variant):
        """Keys of the models in which a variant differs from the cascade, the names of models apart."""
        found = set()
        for role, name in generators[variant].models.items():
            first = models[generators["cascade"].models[role]].model_dump()
            found |= {
                f"{role}.{key}" for key, value in models[name].model_dump().items() if value != first[key]
            }
        return found - {"anatomy.needs", "motion.needs"}

    assert changed("no-residual") == {"motion.target"}
    assert changed("no-motion-model") == {"anatomy.frames", "anatomy.copies"}
    assert changed("no-mask-head") == {"autoencoder.masks"}
    assert changed("no-clinical-condition") == {"anatomy.conditions", "motion.conditions"}
    assert changed("motion-network") == set()
    assert changed("anatomy-noise") == {"motion.anatomy_noise"}
    assert changed("dropout") == {"anatomy.dropout", "motion.dropout"}
    assert changed("slice-places") == {"anatomy.slice_places", "motion.slice_places"}
    assert "motion_network" in models[generators["motion-network"].models["motion"]].needs
    assert "motion" not in generators["no-motion-model"].models


def test_models_agree_on_every_role_not_only_the_autoencoder():
    """The generator has no role autoencoder to compare with: its models are compared with one another."""
    models = {
        "other": OTHER,
        "network": NETWORK_ON_OTHER,
        "ours": {"kind": "motion_network", "needs": {"autoencoder": "autoencoder"}},
        "one": {"inherits": "motion", "needs": {"autoencoder": "autoencoder", "motion_network": "ours"}},
    }
    settings = load_study(study(models)).models
    _check_shared("here", {"first": "one"}, settings)
    with pytest.raises(ValueError, match="here: network has the autoencoder 'other', not 'autoencoder'"):
        _check_shared("here", {"first": "one", "second": "network"}, settings)


@pytest.mark.parametrize(
    ("content", "schedule"),
    [
        ({}, "cosine"),
        ({"objective": "flow"}, "flow"),
        ({"objective": "flow", "schedule": "linear"}, "linear"),
        ({"objective": "v"}, "cosine"),
    ],
)
def test_rectified_flow_takes_its_straight_path_unless_told_otherwise(content, schedule):
    assert parse({"kind": "cine_diffusion", **content}, ModelSettings).schedule == schedule
    texts = {"kind": "text_diffusion", **content}
    assert parse(texts, ModelSettings).schedule == ("linear" if schedule == "cosine" else schedule)
