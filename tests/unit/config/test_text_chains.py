"""Text-driven chains: what does not fit is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError

STUDY = Path(__file__).parents[3] / "config" / "studies" / "texdc.yaml"


def study(models=None, generators=None):
    """The shipped study with further models and generators."""
    content = yaml.safe_load(STUDY.read_text())
    content["models"] |= models or {}
    content["generators"] |= generators or {}
    return content


def test_every_variant_of_table_1_differs_in_one_thing():
    made = load_study(study())
    models, own = made.models, made.models["alignment"]
    changed = {
        name: {key for key in type(own).model_fields if getattr(own, key) != getattr(models[name], key)}
        for name in models
        if name.startswith("alignment-")
    }
    assert changed == {
        **{f"alignment-m{m}": {"contexts"} for m in (4, 8, 12, 24)},
        "alignment-no-local": {"local_weight"},
        "alignment-no-relevance": {"relevance_weight"},
    }
    full = models["diffusion"]
    for name, model in models.items():
        if name.startswith("diffusion-"):
            differs = {key for key in type(full).model_fields if getattr(full, key) != getattr(model, key)}
            expected = {"diffusion-no-tam": {"temporal"}, "diffusion-no-sam": {"slice_aware"}}
            assert differs == expected.get(name, {"needs"})
            base = models[model.needs["base"]]
            assert {**base.needs, "base": model.needs["base"]} == model.needs
    assert "alignment" not in models["diffusion-no-alignment"].needs
    assert [made.generators[f"texdc-m{m}"].models["diffusion"] for m in (4, 24)] == [
        "diffusion-m4",
        "diffusion-m24",
    ]


@pytest.mark.parametrize(
    ("models", "generators", "message"),
    [
        (
            {
                "moving": {"inherits": "base", "temporal": True},
                "strange": {"inherits": "diffusion", "needs": {"base": "moving"}},
            },
            {},
            "models.strange.needs.base: moving attends over frames or slices; set its temporal: false",
        ),
        (
            {"strange": {"inherits": "diffusion", "channels": [64, 64]}},
            {},
            "models.strange.needs.base: base has another channels; give both the same",
        ),
        (
            {"strange": {"inherits": "diffusion", "needs": {"base": "base-no-alignment"}}},
            {},
            "models.strange.needs.base: base-no-alignment has another needs.alignment; give both the same",
        ),
        (
            {"strange": {"inherits": "diffusion", "needs": {"alignment": "alignment-m4"}}},
            {},
            "models.strange.needs: base has the alignment 'alignment', not 'alignment-m4'; give both the same",
        ),
        (
            {},
            {
                "texdc-no-alignment": {
                    "inherits": "texdc-class-start",
                    "models": {"diffusion": "diffusion-no-alignment"},
                }
            },
            "generators.texdc-no-alignment.start_weight: diffusion-no-alignment has no alignment to take class means from",
        ),
        (
            {"strange": {"inherits": "diffusion", "needs": {"text": "features"}}},
            {},
            "models.strange.needs.text: 'features' is of kind masked_autoencoder; this role takes text_encoder or clip_text",
        ),
        (
            {"strange": {"inherits": "alignment", "width": 50}},
            {},
            "models.strange: width 50 must be a multiple of heads 4",
        ),
        (
            {"strange": {"inherits": "alignment", "patch": [5, 1, 2, 2]}},
            {},
            "models.strange.patch: 12 frames of the latent are not divisible by the patch's 5; give a divisor",
        ),
        (
            {
                "short": {"kind": "text_encoder", "longest": 17},
                "strange": {
                    "inherits": "alignment",
                    "needs": {"autoencoder": "autoencoder", "text": "short"},
                },
            },
            {},
            "models.strange.contexts: 17 learned words with that of the class, short reads 17, so that no word",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(models, generators, message):
    with pytest.raises(SynthaugError) as caught:
        load_study(study(models, generators))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_defaults_of_text_driven_generation_fit_the_default_grid():
    """16 frames of 16 x 16 latent pixels, tokens of 2 frames and 2 x 2 pixels."""
    content = yaml.safe_load(STUDY.read_text())
    kinds = ("autoencoder", "text_encoder", "text_alignment", "text_diffusion")
    names = ("autoencoder", "text", "alignment", "diffusion")
    content["models"] = {name: {"kind": kind} for name, kind in zip(names, kinds, strict=True)}
    content["generators"] = {"texts": {"kind": "text_driven"}}
    content["arms"] = {"real": {}, "more": {"generator": "texts", "dose": 1.0}}
    for key in ("harmonisation", "evaluation", "tasks"):
        content.pop(key, None)
    made = load_study(content)
    assert made.harmonisation.frames == 16 and made.models["alignment"].patch == (2, 1, 2, 2)
