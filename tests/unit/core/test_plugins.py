"""The public door: a model and a generator from outside are trained, described, loaded, sampled, and held apart by their code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from beating_ellipsoid import SPACING_MM, beating_heart
from doc_examples import example, painted_sections, write_painted_hearts
from tiny_models import requests, train, write_store

from synthaug.config.generators import CascadeSettings, GeneratorSettings, SamplerSettings
from synthaug.config.models import ModelSettings
from synthaug.config.plugin_checks import check_plugins
from synthaug.config.study import load_study
from synthaug.config.synthesis import GateSettings
from synthaug.core.artifacts import read_json, sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.imports import imported_files
from synthaug.core.plugins import code_hashes, name_plugins
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.store import TensorStore
from synthaug.generators import describe, load
from synthaug.metrics.volumes import volume_curve_ml
from synthaug.models.weights import load_model, read_header
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.requests import request_cohort
from synthaug.training import train_model

TINY = Path(__file__).parents[3] / "config" / "studies" / "tiny.yaml"
SECTIONS = painted_sections()


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A working directory with the documented generator in it, as if Snakemake had been started there."""
    folder = tmp_path_factory.mktemp("outside")
    write_painted_hearts(folder)
    sys.modules.pop("painted_hearts", None)  # another file's
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        importlib.invalidate_caches()
        yield folder
    sys.modules.pop("painted_hearts", None)


@pytest.fixture(scope="module")
def store(outside):
    return write_store(outside / "store")


@pytest.fixture(scope="module")
def palette(outside, store):
    content = SECTIONS["models"]["palette"]
    train_model(
        parse({**content, "training": {**content["training"], "iterations": 120}}, ModelSettings),
        store=store,
        needs={},
        weights=outside / "palette" / "model.safetensors",
        record=outside / "palette" / "training.json",
        history=outside / "palette" / "history.csv",
        checkpoints=outside / "palette" / "checkpoints",
        seed=0,
        threads=1,
    )
    return outside / "palette" / "model.safetensors"


@pytest.fixture(scope="module")
def painted(outside, palette):
    describe(
        outside / "painted" / "generator.json",
        parse(SECTIONS["generators"]["painted"], GeneratorSettings),
        {"palette": palette},
    )
    name_plugins(["painted_hearts:PaintedHearts"])
    return load(outside / "painted", device="cpu")


def test_a_model_from_outside_learns_in_the_common_loop(palette, store):
    """The likeliest mean and deviation of a tissue are those of its voxels about the mean cine."""
    data, model = TensorStore.open(store), load_model(palette)
    images = data.images.astype(np.float32)
    residual = images - images.mean(axis=0)
    for tissue in (0, 1, 2):  # the ellipsoids have no RV
        values = residual[data.labels == tissue]
        assert float(model.mean[tissue]) == pytest.approx(values.mean(), abs=0.01)
        assert float(model.log_deviation[tissue].exp()) == pytest.approx(values.std(), rel=0.05)


def test_its_hearts_go_through_bulk_synthesis_as_asked(painted, tmp_path):
    plan = request_cohort(requests(3).assign(n_slices=6))
    synthesise_chunk(
        painted,
        plan,
        GateSettings(attempts=1),
        painted.grid.spacing_mm,
        tmp_path / "chunk",
        name="painted",
        batch_size=2,
        identity={"hashes": painted.hashes, "seen": painted.seen},
    )
    cohort = Cohort.open(tmp_path / "chunk")
    assert cohort.subjects == plan.subjects
    requested = cohort.table["requested_lv_edv_ml"]
    assert cohort.table["lv_edv_ml"].to_numpy() == pytest.approx(requested.fillna(140).to_numpy(), rel=0.1)
    assert cohort.meta["seen"] == ["h0", "h1", "h2", "h3"]
    assert set(cohort.meta["hashes"]) == {"palette", "painted_hearts.py"}


def test_a_sample_from_outside_does_not_depend_on_its_batch(painted):
    table = requests(3)
    together = {subject: cine for subject, cine, _ in painted.sample(request_cohort(table), batch_size=3)}
    for number in (2, 0, 1):
        subject, cine, _ = next(painted.sample(request_cohort(table.iloc[[number]]), batch_size=1))
        assert np.array_equal(cine, together[subject])


def test_weights_and_description_name_the_code(outside, palette, painted):
    code = {"painted_hearts.py": sha256_file(outside / "painted_hearts.py")}
    assert read_header(palette).code == code
    assert read_json(outside / "painted" / "generator.json")["code"] == code
    assert painted.hashes == {"palette": sha256_file(palette)} | code


def test_edited_code_is_another_generator(outside, palette, painted):
    source = outside / "painted_hearts.py"
    original = source.read_text()
    try:
        source.write_text(original + "\n# edited\n")
        again = load(outside / "painted", device="cpu")
        assert again.hashes["painted_hearts.py"] == sha256_file(source)
        assert again.hashes != painted.hashes and again.hashes["palette"] == painted.hashes["palette"]
    finally:
        source.write_text(original)


def test_weights_that_no_longer_fit_the_code_are_refused_in_one_line(outside, palette):
    source = outside / "painted_hearts.py"
    original = source.read_text()
    try:
        source.write_text(original.replace("torch.zeros(4)", "torch.zeros(5)"))
        sys.modules.pop("painted_hearts")
        with pytest.raises(
            SynthaugError, match="do not fit painted_hearts:Palette as it is now; train again"
        ):
            load_model(palette)
    finally:
        source.write_text(original)
        sys.modules.pop("painted_hearts", None)


STILL = """
import numpy as np
from synthaug.generators.base import Generator
from synthaug.models.base import Grid

class Still(Generator):
    roles = ()

    @classmethod
    def build(cls, settings, models, device):
        generator = cls()
        generator.grid, generator.seen = Grid(4, 6, 16, 16, (10.0, 2.0, 2.0)), ["d-1"]
        return generator

    def sample(self, requests, batch_size=1):
        for row in requests.table.itertuples():
            shape = (4, row.n_slices, 16, 16)
            yield row.subject, np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
"""


def test_a_generator_without_models_tells_itself_what_it_saw(outside):
    source = outside / "still.py"
    source.write_text(STILL)
    importlib.invalidate_caches()
    describe(
        outside / "generator.json", parse({"kind": "plugin", "class": "still:Still"}, GeneratorSettings), {}
    )
    name_plugins(["still:Still"])
    still = load(outside / "generator.json")
    assert still.seen == ["d-1"] and still.hashes == {"still.py": sha256_file(source)}
    assert [cine.shape[1] for _, cine, _ in still.sample(request_cohort(requests(3)))] == [6, 5, 4]


def declared(**changes):
    """The tiny study with the documented sections, each entry changed as asked."""
    content = yaml.safe_load(TINY.read_text())
    for section, entries in SECTIONS.items():
        for name, entry in entries.items():
            content[section][name] = {**entry, **changes.get(name, {})}
    return load_study(content)


def test_the_documented_study_is_sound(outside):
    check_plugins(declared())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"palette": {"class": "nowhere:Palette"}}, "config: models.palette.class: no module 'nowhere' in "),
        (
            {"palette": {"class": "painted_hearts:Pallete"}},
            "config: models.palette.class: .*painted_hearts.py has no class 'Pallete'; name one derived from "
            "synthaug.models.base.TrainableModel",
        ),
        (
            {"painted": {"class": "painted_hearts:Palette"}},
            "config: generators.painted.class: painted_hearts:Palette is not derived from "
            "synthaug.generators.base.Generator",
        ),
        (
            {"painted": {"class": "half:Half"}},
            "half:Half lacks sample; synthaug.generators.base.Generator says",
        ),
        ({"painted": {"class": "broken:Any"}}, r"module 'broken' cannot be imported \(ZeroDivisionError: "),
        (
            {"painted": {"options": {"wall": 3}}},
            "config: generators.painted.options: unknown key 'wall'; did you mean 'wall_mm'?",
        ),
        (
            {"painted": {"options": {"wall_mm": -1}}},
            "config: generators.painted.options.wall_mm: Input should be greater than 0",
        ),
        (
            {"palette": {"options": {"size": 3}}},
            "config: models.palette.options: unknown key 'size'; known keys are none",
        ),
        (
            {"painted": {"models": {"colours": "palette"}}},
            "config: generators.painted.models: PaintedHearts has the roles palette; name a model for each",
        ),
    ],
)
def test_what_is_wrong_with_a_class_is_one_line_before_anything_runs(outside, change, message):
    (outside / "half.py").write_text(
        "from synthaug.generators.base import Generator\n"
        "class Half(Generator):\n    @classmethod\n    def build(cls, settings, models, device): ...\n"
    )
    (outside / "broken.py").write_text("1 / 0\n")
    importlib.invalidate_caches()
    study = declared(**change)
    with pytest.raises(SynthaugError, match=message.replace("?", r"\?")) as caught:
        check_plugins(study)
    assert "\n" not in str(caught.value)


def test_a_class_must_be_named_with_its_module():
    with pytest.raises(SynthaugError, match=r"config: models\.palette\.class: 'Palette' is no class; give"):
        declared(palette={"class": "Palette"})


def test_two_wrong_classes_are_two_lines(outside):
    with pytest.raises(SynthaugError) as caught:
        check_plugins(declared(palette={"class": "gone:A"}, painted={"class": "gone:B"}))
    assert [line.split(".class")[0] for line in str(caught.value).splitlines()] == [
        "config: models.palette",
        "config: generators.painted",
    ]


def test_what_a_plugin_imports_from_beside_it_is_its_code(tmp_path, monkeypatch):
    files = {
        "lab_door.py": "import numpy\nfrom lab_parts import walls\nfrom synthaug.core import errors\n",
        "lab_parts/__init__.py": "",
        "lab_parts/walls.py": "def f():\n    from . import thickness\n",
        "lab_parts/thickness.py": "",
        "lab_stranger.py": "",
    }
    (tmp_path / "lab_parts").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert set(code_hashes(["lab_door"])) == set(files) - {"lab_stranger.py"}
    assert any(file.endswith("synthaug/core/errors.py") for file in imported_files([], ["lab_door"]))
    before = code_hashes(["lab_door"])
    (tmp_path / "lab_parts" / "thickness.py").write_text("# edited\n")
    assert {name for name, digest in code_hashes(["lab_door"]).items() if before[name] != digest} == {
        "lab_parts/thickness.py"
    }


def test_of_an_installed_package_only_its_own_modules_count():
    assert {name.partition("/")[0] for name in code_hashes(["einops"])} == {"einops"}


def test_the_package_itself_has_no_outside_code():
    assert code_hashes(["synthaug.generators.cascade"]) == {}


def test_the_documented_notebook_runs(outside, capsys):
    """With a cascade of a few training steps where the demo's would lie."""
    root = outside / "results" / "demo"
    store = write_store(outside / "deep-store", n_slices=10)
    models = {"autoencoder": train("autoencoder", store, root / "models" / "autoencoder")}
    for role in ("anatomy", "motion"):
        needs = {"autoencoder": models["autoencoder"]}
        models[role] = train(f"{role}_diffusion", store, root / "models" / role, needs, iterations=2)
    sampler = SamplerSettings(steps=1)
    settings = CascadeSettings(kind="cascade", anatomy_sampler=sampler, motion_sampler=sampler)
    describe(
        root / "generators" / "cascade" / "fold-0" / "generator-seed-0" / "generator.json", settings, models
    )
    exec(example("python", "pd.DataFrame"), {})
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == ["small", "large", "any"]
    assert "(10, 10, 64, 64)" in said[0] and "(10, 9, 64, 64)" in said[2]


def test_the_documented_folder_is_a_synthetic_cohort(tmp_path):
    block = example("python", "write_cohort").replace("/data/mine", str(tmp_path / "mine"))
    samples = [(*beating_heart(seed=seed), 5) for seed in range(2)]
    exec(block, {"my_samples": lambda: samples, "ids_it_was_trained_on": ["a-1"]})
    cohort = Cohort.open(tmp_path / "mine")
    assert cohort.kind == "synthetic" and cohort.meta["seen"] == ["a-1"]
    labels = cohort.label_cine(cohort.subjects[0])
    assert volume_curve_ml(labels, "LV", SPACING_MM).max() == pytest.approx(150, rel=0.1)
