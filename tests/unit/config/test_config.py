"""The configuration is closed, inherits, and is documented by its own types."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from synthaug.config import docs
from synthaug.config.arms import ArmSettings, comparisons_of, reference_of, resolve_arms
from synthaug.config.design_warnings import design_warnings
from synthaug.config.inherit import merge, resolve_inheritance
from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture
def demo():
    return yaml.safe_load((CONFIG / "config.yaml").read_text())


def edited(content, path, value):
    content = copy.deepcopy(content)
    *parents, last = path.split(".")
    section = content
    for key in parents:
        section = section[key]
    section[last] = value
    return content


@pytest.mark.parametrize(
    "path", [CONFIG / "config.yaml", *sorted((CONFIG / "studies").rglob("*.yaml"))], ids=lambda p: p.stem
)
def test_every_study_in_the_repository_is_valid(path):
    study = load_study(yaml.safe_load(path.read_text()))
    assert study.arms and study.datasets


def test_a_misspelt_key_names_the_nearest_right_one(demo):
    with pytest.raises(
        SynthaugError, match=r"config: harmonisation: unknown key 'frmes'; did you mean 'frames'\?"
    ):
        load_study(edited(demo, "harmonisation.frmes", 12))
    with pytest.raises(SynthaugError, match=r"config: unknown key 'arm'; did you mean 'arms'\?"):
        load_study(edited(demo, "arm", {}))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "arms.bad",
            {"generator": "nobody", "dose": 1.0},
            "arms.bad.generator: 'nobody' is not declared; known are",
        ),
        ("arms.bad", {"generator": "cascade"}, "an arm has a generator exactly when its dose is above 0"),
        ("arms.bad", {"real": False}, "needs a generator"),
        (
            "arms",
            {"synthetic": {"real": False, "generator": "cascade", "dose": 1}},
            "no arm of real patients only",
        ),
        ("arms.b_d", {}, "not allowed"),
        (
            "split.annotation",
            "diagnosis",
            "tasks.segmentation: a task of kind segmentation is tested on label volumes",
        ),
        ("models.motion.needs", {"autoencoder": "nobody"}, "models.motion.needs: 'nobody' is not declared"),
        (
            "models.motion.needs",
            {"autoencoder": "features"},
            "models.motion.needs.autoencoder: 'features' is of kind masked_autoencoder; this role takes autoencoder",
        ),
        ("models.anatomy", {"inherits": "nobody"}, "inherits 'nobody', which is not in models"),
        ("evaluation.recognition", "nobody", "'nobody' is not declared"),
        (
            "evaluation.recognition",
            "features",
            "evaluation.recognition: 'features' is of kind masked_autoencoder; name a model of kind patient_recogniser",
        ),
        ("name", "../demo", "not allowed"),
        (
            "harmonisation.spacing_mm",
            [10, 1, 2],
            "harmonisation.spacing_mm: pixels of 1 x 2 mm are not square",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_line(demo, path, value, message):
    with pytest.raises(SynthaugError) as caught:
        load_study(edited(demo, path, value))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_variant_inherits_what_it_does_not_change(demo):
    study = load_study(edited(demo, "models.quick", {"inherits": "motion", "training": {"iterations": 7}}))
    assert study.models["quick"].training.iterations == 7
    expected = study.models["motion"].model_dump()
    expected["training"]["iterations"] = 7
    assert study.models["quick"].model_dump() == expected


def test_inheritance_is_deep_and_circles_are_named():
    entries = {
        "a": {"x": {"y": 1, "z": [1, 2]}},
        "b": {"inherits": "a", "x": {"z": [3]}},
        "c": {"inherits": "b"},
    }
    assert resolve_inheritance("models", entries)["c"] == {"x": {"y": 1, "z": [3]}}
    with pytest.raises(SynthaugError, match="a inherits b inherits a"):
        resolve_inheritance("models", {"a": {"inherits": "b"}, "b": {"inherits": "a"}})


def test_merging_does_not_touch_its_arguments():
    base = {"x": {"y": 1}}
    assert merge(base, {"x": {"z": 2}}) == {"x": {"y": 1, "z": 2}} and base == {"x": {"y": 1}}


def test_an_arm_brings_its_controls():
    arms = resolve_arms(
        {
            "real": ArmSettings(),
            "plus": ArmSettings(generator="g", dose=0.5),
            "only": ArmSettings(real=False, generator="g", dose=1),
            "bare": ArmSettings(generator="g", dose=1, controls=()),
        }
    )
    controls = ["plus-repeated", "plus-classical", "plus-exposure"]
    assert list(arms) == ["real", "plus", *controls, "only", "bare"]
    control = arms["plus-classical"]
    assert (control.control, control.control_of, control.dose, control.real) == (
        "classical",
        ("plus",),
        0.5,
        True,
    )


def test_arms_that_differ_in_the_generator_alone_share_their_controls():
    """Trained for each arm they would be the same to the bit."""
    plus = {
        name: ArmSettings(generator=name, dose=1.0, controls=("repeated", "mislabelled")) for name in "abc"
    }
    plus["half"] = ArmSettings(generator="b", dose=0.5, controls=("repeated",))
    arms = resolve_arms({"real": ArmSettings(), **plus})
    assert {name: arm.control_of for name, arm in arms.items() if arm.control} == {
        "a-repeated": ("a", "b", "c"),
        "a-mislabelled": ("a",),
        "b-mislabelled": ("b",),
        "c-mislabelled": ("c",),
        "half-repeated": ("half",),
    }
    pairs = {(arm.name, other.name) for arm, other, counts in comparisons_of(list(arms.values())) if counts}
    assert pairs == {("a", "a-repeated"), ("b", "a-repeated"), ("c", "a-repeated"), ("half", "half-repeated")}


def test_a_cohort_from_elsewhere_shares_no_control_with_sampled_ones():
    """Its subjects may lack masks: a control of the same dose has another number of cases."""
    plus = {
        name: ArmSettings(generator=name, dose=1.0, controls=("repeated",)) for name in ("a", "b", "folder")
    }
    arms = resolve_arms({"real": ArmSettings(), **plus}, brought=["folder"])
    assert arms["a-repeated"].control_of == ("a", "b") and arms["folder-repeated"].control_of == ("folder",)


def test_controls_have_their_arms_patients_and_draws():
    settings = ArmSettings(
        real=0.25,
        generator="g",
        dose=2,
        real_share=0.5,
        controls=("repeated", "exposure", "mislabelled", "extra-real"),
    )
    arms = resolve_arms({"low": settings})
    assert {arm.real for arm in arms.values()} == {0.25}
    shares = {name.removeprefix("low-"): arm.real_share for name, arm in arms.items()}
    assert shares == {"low": 0.5, "repeated": 0.5, "exposure": None, "mislabelled": 0.5, "extra-real": 0.5}
    assert [name for name, arm in arms.items() if arm.adds_synthetic] == ["low", "low-mislabelled"]
    assert [arm.corruption for arm in arms.values()] == ["none", "none", "none", "labels", "none"]


def test_real_is_a_share_and_a_truth_value():
    assert ArmSettings(real=True).real == 1.0
    assert ArmSettings(real=False, generator="g", dose=1).real == 0.0
    assert not resolve_arms({"only": ArmSettings(real=0, generator="g", dose=1)})["only"].real


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ({"real": 1.2}, "less than or equal to 1"),
        ({"controls": ["extra-real"], "generator": "cascade", "dose": 1}, "set real below 1"),
        (
            {"real": 0.25, "controls": ["extra-real"], "generator": "cascade", "dose": 4},
            "leaves 0.75 of them out; give a dose of at most 3",
        ),
        ({"real_share": 0.5}, "real_share says how real and synthetic cases take turns"),
        ({"real": False, "generator": "cascade", "dose": 1, "pretrain": 0.5}, "the arm needs both"),
        ({"generator": "cascade", "dose": 1, "pretrain": 0.5, "real_share": 0.5}, "exclude each other"),
        ({"corruption": "labels"}, "corruption is of synthetic subjects"),
        (
            {"generator": "cascade", "dose": 1, "corruption": "labels", "controls": ["mislabelled"]},
            "leave out one of them",
        ),
        ({"generator": "cascade", "dose": 1, "controls": ["repeated"] * 2}, "one appears twice"),
        ({"real": 0.1, "generator": "cascade", "dose": 1}, "add `real-0-1: {real: 0.1}`"),
    ],
)
def test_arms_that_cannot_be_made_are_refused_in_one_line(demo, arm, message):
    with pytest.raises(SynthaugError) as caught:
        load_study(edited(demo, "arms.bad", arm))
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith("config: arms.bad")


def test_an_arm_is_compared_with_the_real_patients_it_has(demo):
    demo["arms"] |= {"real-10": {"real": 0.1}, "low": {"real": 0.1, "generator": "cascade", "dose": 5}}
    arms = load_study(demo).every_arm()
    found = {name: reference_of(arm, arms.values()).name for name, arm in arms.items()}
    assert found["low"] == found["low-exposure"] == "real-10"
    assert found["real-plus"] == found["synthetic-only"] == "real"


def test_a_dataset_outside_the_split_must_be_used(demo):
    alone = edited(demo, "datasets.other", {**demo["datasets"]["phantom-a"], "split": False})
    with pytest.raises(SynthaugError, match=r"datasets\.other: split is false and no generator"):
        load_study(alone)
    load_study(edited(alone, "generators.oracle", {"kind": "real", "dataset": "other"}))
    with pytest.raises(SynthaugError, match=r"generators\.oracle\.dataset: 'nobody' is not declared"):
        load_study(edited(demo, "generators.oracle", {"kind": "real", "dataset": "nobody"}))


def test_subjects_go_through_autoencoders_only(demo):
    real = {"kind": "real", "dataset": "phantom-a"}
    study = load_study(edited(demo, "generators.decoded", {**real, "through": "autoencoder"}))
    assert study.generators["decoded"].needs == {"through": "autoencoder"}
    with pytest.raises(
        SynthaugError, match=r"generators\.decoded\.through: 'motion' is of kind motion_diffusion"
    ):
        load_study(edited(demo, "generators.decoded", {**real, "through": "motion"}))
    with pytest.raises(SynthaugError, match=r"generators\.decoded: 'vae' is not declared"):
        load_study(edited(demo, "generators.decoded", {**real, "through": "vae"}))


def test_weak_designs_are_named_not_refused(demo):
    demo["tasks"]["segmentation"]["training_seeds"] = [0, 1]
    said = design_warnings(load_study(demo))  # two training seeds, one generator seed
    assert len(said) == 2
    assert "2 training seeds" in said[0] and "Generator cascade" in said[1]
    more = {
        **demo,
        "tasks": demo["tasks"]
        | {
            "again": {"inherits": "segmentation"},
            "once": {"inherits": "segmentation", "training_seeds": [0]},
        },
        "generators": demo["generators"] | {"another": {"inherits": "cascade"}},
        "arms": demo["arms"] | {"more": {"generator": "another", "dose": 1}},
    }
    said = design_warnings(load_study(more))
    assert said[0].startswith("Task once trains every arm with 1 training seed;")
    assert said[1].startswith("Tasks segmentation, again train every arm with 2 training seeds;")
    assert (
        said[2].startswith("Generators another, cascade are trained and sampled with 1 seed;")
        and len(said) == 3
    )
    demo["tasks"]["segmentation"]["training_seeds"], demo["synthesis"]["generator_seeds"] = [0, 1, 2], [0, 1]
    (said,) = design_warnings(load_study(demo))
    assert "with 2 seeds; the results may be specific to these trainings" in said
    demo["synthesis"]["generator_seeds"] = [0, 1, 2]
    assert design_warnings(load_study(demo)) == []
    demo["arms"] |= {
        "real-50": {"real": 0.5},
        "low": {"real": 0.5, "generator": "cascade", "dose": 1, "controls": ["repeated", "classical"]},
    }
    said = design_warnings(load_study(demo))
    assert "has no control exposure" in said[0]
    assert "50% of the labelled training patients" in said[1]
    # Cines from elsewhere, labelled by the segmenter that all training patients taught.
    demo["generators"]["mine"] = {"kind": "external", "folder": "/x", "labels": "pseudo"}
    demo["arms"]["low"] = {"real": 0.5, "generator": "mine", "dose": 1}
    (said,) = design_warnings(load_study(demo))
    assert "but the segmenter of its pseudo labels was trained on all of them" in said
    demo["generators"]["mine"]["labels"] = "own"
    assert design_warnings(load_study(demo)) == []


def test_masks_judged_by_their_teacher_are_named(demo):
    demo["tasks"]["segmentation"]["training_seeds"] = demo["synthesis"]["generator_seeds"] = [0, 1, 2]
    demo["tasks"]["teacher"] = {
        "inherits": "segmentation",
        "arms": "real",
    }  # the same weights by another name
    for task in ("segmentation", "teacher"):
        demo["models"]["autoencoder"]["teacher"] = {"task": task}
        (said,) = design_warnings(load_study(demo))
        assert said.startswith(
            "Masks of autoencoder autoencoder were taught by the training that judges generators:"
        )
    for other in ({"training_seeds": [3, 4, 5]}, {"base_features": 16}):
        demo["tasks"]["teacher"] = {"inherits": "segmentation", "arms": "real", **other}
        assert design_warnings(load_study(demo)) == []


def test_a_teacher_is_a_segmenter_and_teaches_masks(demo):
    demo["tasks"]["diagnosis"] = {"kind": "classification"}
    for task, said in (
        (
            "nobody",
            r"models\.autoencoder\.teacher\.task: 'nobody' is not declared; known are segmentation, diagnosis",
        ),
        ("diagnosis", "'diagnosis' is of kind classification; name a task of kind segmentation"),
    ):
        with pytest.raises(SynthaugError, match=said):
            load_study(edited(demo, "models.autoencoder.teacher", {"task": task}))
    demo["models"]["autoencoder"] |= {"teacher": {"task": "segmentation"}, "masks": False}
    with pytest.raises(SynthaugError, match="teacher: there are no masks with masks: false"):
        load_study(demo)


def test_distances_in_features_that_an_autoencoder_matches_are_named(demo):
    demo["tasks"]["segmentation"]["training_seeds"] = demo["synthesis"]["generator_seeds"] = [0, 1, 2]
    demo["models"]["features"] = {"kind": "masked_autoencoder"}
    demo["models"]["same"] = {"inherits": "features"}
    demo["models"]["other"] = {"inherits": "features", "order_weight": 0}
    demo["evaluation"] |= {"extractors": {"study": {"kind": "study", "model": "features"}}}
    for network in ("features", "same"):  # of one seed: the same weights
        demo["models"]["autoencoder"]["needs"] = {"perceptual": network}
        (said,) = design_warnings(load_study(demo))
        assert said.startswith(
            "Autoencoder autoencoder is trained to match features that extractor study measures distances in;"
        )
    demo["models"]["autoencoder"]["needs"] = {"perceptual": "other"}
    assert design_warnings(load_study(demo)) == []


def test_the_documentation_is_what_the_types_say():
    remedy = "run python -m synthaug.config.docs"
    assert (CONFIG / "README.md").read_text() == docs.readme(), remedy
    assert (CONFIG.parent / "workflow" / "schemas" / "study.schema.json").read_text() == docs.schema(), remedy


def test_every_key_is_explained():
    for heading, settings in docs._sections("study", docs.StudySettings, set()):
        for key, field in settings.model_fields.items():
            assert field.description and len(field.description) > 10, f"{heading}.{key}"
