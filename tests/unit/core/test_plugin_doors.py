"""A reader, an extractor, and generators that read sentences and masks: one file each, beside the study, and a block in it."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from beating_ellipsoid import FRAMES, MATRIX, SPACING_MM, beating_heart
from raw_files import heart

from synthaug.cli import main
from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.config.generators import GeneratorSettings
from synthaug.config.plugin_checks import check_plugins
from synthaug.config.plugins import plugin_modules, plugins_of
from synthaug.config.study import load_study
from synthaug.config.synthesis import GateSettings, RequestSettings
from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import name_plugins
from synthaug.core.registry import module_of, parse
from synthaug.data.cohort import Cohort, write_cohort, write_labels, write_subject
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.readers import raw_files
from synthaug.features import ExtractorAbsent, extract_features, make_extractor, read_features
from synthaug.generators import describe, load
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.gather import gather_chunks
from synthaug.synthesis.plan_requests import plan_requests
from synthaug.synthesis.requests import write_requests

ROOT = Path(__file__).parents[3]
GRID = HarmonisationSettings(spacing_mm=SPACING_MM, matrix=(10, MATRIX, MATRIX), frames=FRAMES)

EXTRACTOR = '''
from synthaug.config.base import Settings
from synthaug.features.base import Extractor

class Brightness(Extractor):
    """Mean intensity of each image, in steps."""

    class Options(Settings):
        steps: int = 1

    @classmethod
    def build(cls, settings, weights):
        extractor = cls()
        extractor.steps = cls.Options.model_validate(settings.options).steps
        extractor.id = f"brightness-{extractor.steps}"
        extractor.file = weights
        return extractor

    def extract(self, cine):
        return {"frames": self.steps * cine.mean(axis=(2, 3)).reshape(-1, 1)}
'''

SENTENCES = '''
import numpy as np
from synthaug.generators.base import Generator
from synthaug.models.base import Grid

class Spoken(Generator):
    """A bright square whose size is the number of words of the sentence, as bright as the phenotype says."""

    roles = ()
    conditions = ("sentence", "glow")

    @classmethod
    def build(cls, settings, models, device):
        generator = cls()
        generator.grid, generator.seen = Grid(10, 10, 64, 64, (10.0, 2.0, 2.0)), []
        return generator

    def sample(self, requests, batch_size=1):
        for row in requests.table.itertuples():
            cine = np.zeros((10, row.n_slices, 64, 64), np.float32)
            size = len(row.sentence.split())
            cine[:, :, :size, :size] = row.glow
            yield row.subject, cine, None
'''

MASKS = '''
import numpy as np
from synthaug.generators.base import Generator
from synthaug.models.base import Grid

class Coloured(Generator):
    """Paints the masks that are requested: blood bright, muscle dark, with noise of the seed."""

    roles = ()

    @classmethod
    def build(cls, settings, models, device):
        generator = cls()
        generator.grid, generator.seen = Grid(10, 10, 64, 64, (10.0, 2.0, 2.0)), []
        return generator

    def sample(self, requests, batch_size=1):
        seeds = requests.table["seed"]
        for subject in requests.subjects:
            labels = requests.label_cine(subject)
            noise = np.random.default_rng(int(seeds[subject])).normal(0, 0.02, labels.shape)
            cine = np.array([0.4, 0.9, 0.2, 0.8])[labels] + noise
            yield subject, np.clip(cine, 0, 1).astype(np.float32), labels
'''


def documented_reader() -> str:
    page = (ROOT / "docs" / "adding-a-dataset.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    return block


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A working directory with one file a plugin, as if Snakemake had been started there."""
    folder = tmp_path_factory.mktemp("outside")
    modules = {
        "numpy_reader": documented_reader(),
        "brightness": EXTRACTOR,
        "spoken": SENTENCES,
        "coloured": MASKS,
    }
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        importlib.invalidate_caches()
        yield folder
    for name in modules:
        sys.modules.pop(name, None)


def study(**sections):
    """The tiny study with further entries."""
    content = yaml.safe_load((ROOT / "config" / "studies" / "tiny.yaml").read_text())
    for section, entries in sections.items():
        content[section] = content.get(section, {}) | entries
    return load_study(content)


# --- reader ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def raw(outside):
    """Two patients in the layout of the documented reader."""
    root = outside / "npz"
    root.mkdir()
    for name in ("a", "b"):
        image, labels = heart()
        np.savez(root / f"{name}.npz", cine=image.T, labels=labels.T, voxel_mm=(1.5, 1.5, 10.0))
    (root / "patients.tsv").write_text("id\tdiagnosis\na\tNOR\nb\tDCM\n")
    return root


def test_a_reader_is_one_file(outside, raw, capsys):
    content = {"layout": "plugin", "class": "numpy_reader:NumpyReader", "minimum_subjects": 2}
    dataset = parse({**content, "root": str(raw)}, DatasetSettings)
    assert [file.name for file in raw_files(dataset, raw)] == ["a.npz", "b.npz", "patients.tsv"]
    grid = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 32, 32), frames=8)
    harmonise_dataset("mine", dataset, raw, grid, outside / "cohort", 1)
    cohort = Cohort.open(outside / "cohort")
    assert cohort.subjects == ["mine-a", "mine-b"] and cohort.table["diagnosis"].tolist() == ["NOR", "DCM"]
    assert cohort.labelled_frames("mine-a") == [0, cohort.table["es_frame"].iloc[0]]
    assert cohort.meta["source"]["code"] == {"numpy_reader.py": sha256_file(outside / "numpy_reader.py")}
    check_plugins(study(datasets={"mine": {**content, "root": str(raw)}}))
    assert main(["validate", str(raw), "--dataset", "numpy_reader:NumpyReader"]) == 0
    with pytest.raises(SystemExit) as refused:
        main(["validate", str(raw), "--dataset", "numpy"])
    assert refused.value.code == 2 and "'numpy' is no layout; give acdc, mnms" in capsys.readouterr().err


# --- extractor ------------------------------------------------------------------------------------


def test_an_extractor_is_one_file(outside, tmp_path):
    content = {"kind": "plugin", "class": "brightness:Brightness", "options": {"steps": 2}}
    check_plugins(study(evaluation={"extractors": {"mine": content}}))
    cine, _ = beating_heart(n_slices=4)
    write_subject(tmp_path / "c" / "sub-a", cine, {}, SPACING_MM)
    write_cohort(tmp_path / "c", "c", "real", [{"subject": "a", "n_slices": 4}], SPACING_MM)
    cohort, settings = Cohort.open(tmp_path / "c"), parse(content, ExtractorSettings)
    extract_features(cohort, settings, tmp_path / "f.npz")
    features = read_features(tmp_path / "f.npz")
    assert features.features["frames"][0] == pytest.approx(
        2 * cohort.cine("a").mean(axis=(2, 3)).reshape(-1, 1), rel=1e-3
    )
    first = make_extractor(settings).id
    source = outside / "brightness.py"
    original = source.read_text()
    try:
        source.write_text(original + "\n# edited\n")
        assert make_extractor(settings).id != first  # other code, other features
    finally:
        source.write_text(original)
    # Weights reach it only after their hash was checked.
    (tmp_path / "w").write_bytes(b"weights")
    digest = sha256_file(tmp_path / "w")
    made = make_extractor(
        parse({**content, "weights": str(tmp_path / "w"), "sha256": digest}, ExtractorSettings)
    )
    assert made.file == tmp_path / "w"
    with pytest.raises(SynthaugError, match="SHA-256 is"):
        make_extractor(
            parse({**content, "weights": str(tmp_path / "w"), "sha256": "0" * 64}, ExtractorSettings)
        )
    with pytest.raises(ExtractorAbsent):
        make_extractor(parse({**content, "weights": "gone", "sha256": digest}, ExtractorSettings))


# --- generators -----------------------------------------------------------------------------------


def training_table():
    return pd.DataFrame(
        {
            "subject": ["a", "b"],
            "diagnosis": ["NOR", "DCM"],
            "vendor": "A",
            "lv_edv_ml": [120.0, 200.0],
            "lv_esv_ml": [50.0, 140.0],
            "myo_mass_g": [90.0, 120.0],
            "n_slices": [8, 9],
            "es_frame": [5, 5],
            "n_frames": FRAMES,
        }
    )


def synthesised(outside, folder, reference, settings, count, gate):
    """What the workflow does: requests to disk, generator from its description, chunks, one cohort."""
    requests = plan_requests(training_table(), settings, "toy", range(count), 0, GRID)
    write_requests(requests, folder / "requests")
    requests = Cohort.open(folder / "requests")
    generator_settings = parse({"kind": "plugin", "class": reference}, GeneratorSettings)
    describe(folder / "generator.json", generator_settings, {})
    name_plugins([reference])  # as a job does with what its study names
    generator = load(folder / "generator.json")
    chunks = []
    for number in range(-(-count // 2)):
        chunks.append(folder / "chunks" / str(number))
        part = requests.select(requests.subjects[2 * number : 2 * number + 2])
        identity = {"hashes": dict(generator.hashes), "seen": []}
        synthesise_chunk(generator, part, gate, SPACING_MM, chunks[-1], "toy", 2, identity)
    gather_chunks(chunks, requests, folder / "cohort", 0.5)
    return Cohort.open(folder / "cohort")


def test_a_generator_that_reads_sentences_is_one_file(outside, tmp_path):
    (tmp_path / "requests.tsv").write_text(
        "diagnosis\tsentence\tglow\tn_slices\nNOR\tone two three\t0.5\t8\nDCM\tone\t1.0\t\n"
    )
    settings = RequestSettings(source="table", table=str(tmp_path / "requests.tsv"), phenotypes=("glow",))
    cohort = synthesised(outside, tmp_path, "spoken:Spoken", settings, 3, GateSettings(enabled=False))
    assert cohort.cine("toy-s0-0000")[0, 0, :3, :3] == pytest.approx(0.5, abs=1e-4)
    assert [np.count_nonzero(cohort.cine(subject)[0, 0]) for subject in cohort.subjects] == [9, 1, 9]
    assert cohort.table["requested_sentence"].tolist() == ["one two three", "one", "one two three"]
    assert cohort.table["requested_glow"].tolist() == [0.5, 1.0, 0.5]
    assert '"sentence": "one two three"' in cohort.record("toy-s0-0002")["request"]
    assert set(cohort.meta["hashes"]) == {"spoken.py"}
    with pytest.raises(
        SynthaugError, match=r"unknown column 'glow'.*name others in synthesis.requests.phenotypes"
    ):
        plan_requests(
            training_table(), settings.model_copy(update={"phenotypes": ()}), "toy", range(1), 0, GRID
        )


def masks_to_request(folder, kind="request", spacing_mm=SPACING_MM):
    """Two hearts whose masks are requested: of 8 slices, and of 9."""
    rows = []
    for number, count in enumerate((8, 9)):
        cine, labels = beating_heart(edv_ml=140 + 20 * number, n_slices=count, seed=number)
        row = {
            "subject": f"m{number}",
            "n_slices": count,
            "labelled_frames": ",".join(map(str, range(FRAMES))),
        }
        frames = dict(enumerate(labels))
        if kind == "request":
            write_labels(folder / f"sub-m{number}", frames, FRAMES, spacing_mm)
        else:
            write_subject(folder / f"sub-m{number}", cine, frames, spacing_mm)
            row |= {"diagnosis": "NOR", "es_frame": 5, "n_frames": FRAMES, "lv_edv_ml": 140 + 20 * number}
        rows.append(row)
    write_cohort(folder, "atlas", kind, rows, spacing_mm)
    return folder


@pytest.mark.parametrize("kind", ["request", "real", "synthetic"])
def test_a_generator_that_paints_masks_is_one_file(outside, tmp_path, kind):
    source = Cohort.open(masks_to_request(tmp_path / "atlas", kind))
    settings = RequestSettings(source="cohort", cohort=str(tmp_path / "atlas"))
    cohort = synthesised(outside, tmp_path, "coloured:Coloured", settings, 3, GateSettings(enabled=False))
    for subject, origin in zip(cohort.subjects, ("m0", "m1", "m0"), strict=True):
        assert np.array_equal(cohort.label_cine(subject), source.label_cine(origin))
        kept, asked = (
            cohort.folders[subject] / "requested_labels.nii.gz",
            source.folders[origin] / "labels.nii.gz",
        )
        assert sha256_file(kept) == sha256_file(asked)
    assert not np.array_equal(cohort.cine("toy-s0-0000"), cohort.cine("toy-s0-0002"))  # another seed
    assert cohort.table["n_slices"].tolist() == [8, 9, 8]
    if kind != "request":
        assert cohort.table["requested_lv_edv_ml"].tolist() == [140, 160, 140]
        assert cohort.table["requested_es_phase"].tolist() == [0.5] * 3


def test_a_generator_that_needs_masks_says_whose_are_missing(outside, tmp_path):
    with pytest.raises(SynthaugError, match="toy-s0-0000: no masks are requested"):
        synthesised(outside, tmp_path, "coloured:Coloured", RequestSettings(), 1, GateSettings())


def test_masks_on_another_grid_are_refused_before_anything_is_sampled(tmp_path):
    masks_to_request(tmp_path / "atlas", spacing_mm=(8.0, 2.0, 2.0))
    settings = RequestSettings(source="cohort", cohort=str(tmp_path / "atlas"))
    with pytest.raises(SynthaugError, match=r"voxels of \(8.0, 2.0, 2.0\) mm, the study's grid is"):
        plan_requests(training_table(), settings, "toy", range(1), 0, GRID)


def test_the_code_of_every_plugin_is_known_and_checked(outside, raw):
    entries = {
        "datasets": {"mine": {"layout": "plugin", "class": "numpy_reader:NumpyReader", "root": str(raw)}},
        "generators": {"toy": {"kind": "plugin", "class": "spoken:Spoken"}},
        "evaluation": {"extractors": {"mine": {"kind": "plugin", "class": "brightness:Brightness"}}},
    }
    modules = {where: module_of(settings) for where, settings in plugins_of(study(**entries))}
    assert modules == {
        "datasets.mine": "numpy_reader",
        "generators.toy": "spoken",
        "evaluation.extractors.mine": "brightness",
    }
    # The manifest of code names a trainer of nnU-Net from outside, too.
    tasks = {
        "tasks": {
            "segmentation": {
                "kind": "segmentation",
                "trainer": "own_trainer:Trainer",
                "planner": "ExperimentPlanner",
            }
        }
    }
    assert plugin_modules(study(**entries, **tasks)) == sorted([*modules.values(), "own_trainer"])
    entries["datasets"]["mine"]["options"] = {"es": 1}
    entries["evaluation"]["extractors"]["mine"]["class"] = "spoken:Spoken"
    with pytest.raises(SynthaugError) as caught:
        check_plugins(study(**entries))
    assert str(caught.value).splitlines() == [
        "config: datasets.mine.options: unknown key 'es'; did you mean 'es_frame'?",
        "config: evaluation.extractors.mine.class: spoken:Spoken is not derived from "
        "synthaug.features.base.Extractor; derive it, or name another",
    ]
