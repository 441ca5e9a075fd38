"""Two folders compared without a study: what comes out, what is done once, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Barrier

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from synthaug.cli import main
from synthaug.compare_folders import (
    EvaluateOptions,
    Evaluation,
    check_features_agree,
    cohorts,
    evaluate_folders,
)
from synthaug.compare_folders.cohorts import (
    PERCENTILES,
    VoxelGrid,
    cohort_on_grid,
    common_grid,
    content_of,
    read_folder,
)
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.training import TrainingSettings
from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import write_cohort, write_subject
from synthaug.features import FeatureSet
from synthaug.tables import COLUMNS

SPACING = (8.0, 2.0, 1.5)
MODEL = MaskedAutoencoderSettings(
    kind="masked_autoencoder",
    patch=(2, 4, 4),
    width=24,
    depth=2,
    heads=2,
    decoder_width=12,
    decoder_depth=1,
    training=TrainingSettings(iterations=20, batch_size=4, learning_rate=2e-3, warmup_iterations=5),
)
OPTIONS = EvaluateOptions(model=MODEL, settings=EvaluationSettings(splits=8))
THIRDS = ["fid_basal", "fid_middle", "fid_apical"]
MEASURES = ["fid", "kid", "fvd_t", "fvd_s", "f4d", *THIRDS, "precision", "recall", "density", "coverage"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made_up(index: int, shape: tuple[int, int, int, int] = (6, 5, 16, 16), still: bool = False) -> np.ndarray:
    """A beating disc (t, z, y, x) in the file's own units, with noise; `still` ones do not beat."""
    rng = np.random.default_rng(index)
    t, z, y, x = np.ogrid[tuple(slice(n) for n in shape)]
    beat = np.zeros(1) if still else np.cos(2 * np.pi * t / shape[0])
    radius = rng.uniform(3, 4) + 1.5 * beat - 0.2 * abs(z - shape[1] // 2)
    centre = np.array(shape[2:]) / 2 + rng.normal(size=2)
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    return (600 * disc + 40 * rng.normal(size=shape) + 100).astype(np.float32)


def write(path: Path, cine: np.ndarray, spacing: tuple[float, float, float] = SPACING) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(cine.T, np.diag([*spacing[::-1], 1.0])), path)
    return path


def folder(path: Path, n: int, first: int = 0, still: bool = False) -> Path:
    for index in range(first, first + n):
        write(path / f"patient{index:02d}" / "sa.nii.gz", made_up(index, still=still))
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("folders")
    return folder(root / "real", 8), folder(root / "still", 6, first=50, still=True)


@pytest.fixture(scope="module")
def done(pair, tmp_path_factory) -> tuple[Path, Evaluation]:
    output = tmp_path_factory.mktemp("done")
    return output, evaluate_folders(*pair, output, OPTIONS)


def values(evaluation: Evaluation) -> pd.Series:
    return evaluation.rows.set_index("metric")["value"].astype(float)


def test_rows_keep_to_the_schema_in_both_files(done):
    output, evaluation = done
    rows = pd.read_parquet(output / "rows.parquet")
    assert list(rows.columns) == list(COLUMNS) and len(rows) > len(MEASURES)
    endless = rows["metric"].str.endswith("_extrapolated")
    assert set(rows.loc[endless, "status"]) == {"not_measured"}  # of eight subjects
    rows = rows[~endless]
    assert set(rows["status"]) == {"ok"}
    assert [metric for metric in rows["metric"] if not metric.endswith("_ratio")] == MEASURES
    written = pd.read_csv(output / "rows.csv").dropna(subset="value")
    np.testing.assert_allclose(written["value"], rows["value"])
    indexed = rows.set_index("metric")
    assert set(rows["generator"]) == {"still"} and set(rows["versus"]) == {"real"}
    assert indexed.loc["fvd_t", "n"] == 4 and indexed.loc["coverage", "n"] == 6
    assert (
        indexed.loc["coverage", "note"] == "8 real patients and 6 synthetic subjects, coarse below 50 of each"
    )
    # Hearts that stand still are further from beating ones than those are from one another.
    beyond = indexed.loc["fvd_t", "value"] - indexed.loc["fvd_t", "floor"]
    assert beyond > 2 * indexed.loc["fvd_t", "floor_sd"]
    assert indexed.loc["fvd_t", "ci_low"] < indexed.loc["fvd_t", "value"] < indexed.loc["fvd_t", "ci_high"]
    assert indexed.loc["fvd_t_ratio", "value"] > 1.5
    assert any("reference and extractor share subjects" in note for note in evaluation.notes)
    assert any("percentiles 1 and 99" in note for note in evaluation.notes)


def test_the_page_needs_nothing_else_and_escapes_names(pair, done, tmp_path):
    page = (done[0] / "evaluation.html").read_text()
    assert "default-src 'none'" in page and "<script" not in page and "src=" not in page
    assert "FVD-T" in page and "frechet.temporal.v1" in page and "share subjects" in page
    odd = tmp_path / "<b>&real"
    odd.symlink_to(pair[0])
    cines = read_folder(odd, "real").cines
    assert len(cines) == 8
    from synthaug.report.evaluation import render_page

    render_page(
        {
            "title": "<b>x",
            "sides": [],
            "table": done[1].table,
            "notes": ["<i>"],
            "confidence": 0.95,
            "facts": {},
        },
        tmp_path / "page.html",
    )
    assert "<b>x" not in (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;x" in (tmp_path / "page.html").read_text()


def test_a_second_call_does_not_train_again_and_gives_the_same(pair, done, monkeypatch):
    output, first = done
    assert first.trained
    rows = (output / "rows.csv").read_bytes()

    def refuse(*arguments, **named):
        raise AssertionError("trained again")

    monkeypatch.setattr("synthaug.training.train_model", refuse)
    monkeypatch.setattr("synthaug.features.extraction.extract_features", refuse)  # nor described again
    second = evaluate_folders(*pair, output, OPTIONS)
    assert not second.trained and (output / "rows.csv").read_bytes() == rows
    assert not list(output.glob("extractor/*/store")) and not list(output.glob("extractor/*/checkpoints"))
    # Weights that are not those the record speaks of are trained again, never read.
    weights = next(output.glob("extractor/*/model.safetensors"))
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"x")
    with pytest.raises(AssertionError, match="trained again"):
        evaluate_folders(*pair, output, OPTIONS)
    weights.write_bytes(content)
    # Other cines are another training.
    with pytest.raises(AssertionError, match="trained again"):
        evaluate_folders(pair[1], pair[0], output, OPTIONS)


def test_two_threads_work_on_two_cines_at_a_time_and_change_nothing(pair, tmp_path, monkeypatch):
    """Each reading waits for another one beside it: alone it would wait in vain."""
    read, beside = cohorts.read_nifti, Barrier(2, timeout=30)
    folders, written = {}, {}
    for threads in (1, 2):
        if threads == 2:
            monkeypatch.setattr(cohorts, "read_nifti", lambda *given: (beside.wait(), read(*given))[1])
        folders[threads] = read_folder(pair[0], "real", threads)
        grid = VoxelGrid(4, (5, 8, 8), SPACING, resample=True)
        made = cohort_on_grid(folders[threads], "real", grid, tmp_path / f"{threads}", threads)
        written[threads] = [(folder / "cine.nii.gz").read_bytes() for folder in made.folders.values()]
    assert folders[1] == folders[2] and len(folders[1].cines) == 8
    assert written[1] == written[2] and len(set(written[1])) == 8


def with_weights(done) -> EvaluateOptions:
    weights = next(done[0].glob("extractor/*/model.safetensors"))
    return EvaluateOptions(weights=weights, sha256=sha256_file(weights), settings=OPTIONS.settings)


def test_what_an_extractor_is_trained_on_does_not_depend_on_the_other_folder(pair, tmp_path):
    """Synthetic stacks of 7 slices beside real ones of 5: no real cine changes, so that no extractor is trained again."""
    higher = tmp_path / "higher"
    for index in range(2):
        write(higher / f"{index}.nii.gz", made_up(index, shape=(6, 7, 16, 16)))
    real = read_folder(pair[0], "real")
    grids = [common_grid(real, read_folder(other, "synthetic"), False, None, (4, 4)) for other in (pair[1], higher)]  # fmt: skip
    assert [grid.matrix[0] for grid in grids] == [5, 7]
    assert content_of(real, grids[0]) == content_of(real, grids[1])
    cohorts = [cohort_on_grid(real, "real", grid, tmp_path / f"{grid.matrix[0]}") for grid in grids]
    subject = cohorts[0].subjects[0]
    np.testing.assert_array_equal(*(cohort.cine(subject) for cohort in cohorts))


def test_identical_folders_are_closer_than_real_is_to_real(pair, done, tmp_path):
    same = evaluate_folders(pair[0], pair[0], tmp_path, with_weights(done))
    found = values(same)
    assert (found[[f"{metric}_ratio" for metric in ("fid", "fvd_t", "fvd_s", "f4d")]] < 0.9).all()
    assert found["precision"] == found["recall"] == found["coverage"] == 1
    assert any("8 of 8 synthetic files are byte-identical copies of real ones" in note for note in same.notes)
    assert not (tmp_path / "extractor").exists()


def test_plain_folders_and_cohorts_agree(pair, done, tmp_path):
    cohorts = []
    for source, kind in zip(pair, ("real", "synthetic"), strict=True):
        place, rows = tmp_path / source.name, []
        for cine in read_folder(source, kind).cines:
            name = cine.path.parent.name
            raw = nib.load(cine.path).get_fdata().T
            low, high = np.percentile(raw, PERCENTILES)
            write_subject(place / f"sub-{name}", np.clip((raw - low) / (high - low), 0, 1), {}, SPACING)
            rows.append({"subject": name})
        write_cohort(place, source.name, kind, rows, SPACING)
        cohorts.append(place)
    options = with_weights(done)
    of_cohorts = evaluate_folders(*cohorts, tmp_path / "cohorts", options)
    assert not any("percentiles" in note for note in of_cohorts.notes)
    np.testing.assert_allclose(values(of_cohorts), values(done[1]), rtol=2e-2, atol=1e-3)


def test_the_command_prints_a_table_and_shows_progress(pair, tmp_path, capsys):
    arguments = [
        "evaluate",
        *map(str, pair),
        "--output",
        str(tmp_path / "out"),
        "--iterations",
        "3",
        "--threads",
        "1",
    ]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("measure") and "95 % CI" in out.splitlines()[0]
    assert [line.split()[0] for line in out.splitlines()[1:6]] == ["FID", "KID", "FVD-T", "FVD-S", "F4D"]
    assert " ± " in out and "note: The extractor was trained on the real cines themselves" in out
    for said in (
        "8 of 8 real files read",
        "3 of 3 iterations",
        "6 of 6 synthetic cines described",
        "9 of 9 distances",
    ):
        assert said in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "rows.csv", "rows.parquet", "evaluation.html", "cohorts", "extractor", "features",
    }  # fmt: skip


def test_stacks_and_labels_beside_cines_are_left_out_and_said(pair, done, tmp_path):
    mixed = folder(tmp_path / "mixed", 4)
    write(mixed / "patient00" / "frame01.nii.gz", made_up(0)[0])
    write(mixed / "patient00" / "sa_gt.nii.gz", made_up(0))
    evaluation = evaluate_folders(mixed, pair[1], tmp_path / "out", with_weights(done))
    assert "REAL: left out, 3D: patient00/frame01.nii.gz." in evaluation.notes
    assert "REAL: left out, named as labels: patient00/sa_gt.nii.gz." in evaluation.notes
    assert set(evaluation.rows.set_index("metric").loc["precision", ["status"]]) == {"not_measured"}


def test_cines_in_hidden_folders_are_no_data(tmp_path):
    write(tmp_path / "a.nii.gz", made_up(0))
    write(tmp_path / ".partial-cohort~host~1~x~~abc" / "sub-b" / "cine.nii.gz", made_up(1))
    assert [cine.subject for cine in read_folder(tmp_path, "real").cines] == ["a"]


def test_mixed_cines_are_resampled_on_request(pair, done, tmp_path):
    mixed = folder(tmp_path / "mixed", 1)
    write(mixed / "coarse.nii", made_up(1, (9, 4, 8, 8)), (9.0, 4.0, 3.0))
    evaluation = evaluate_folders(
        pair[0], mixed, tmp_path / "out", EvaluateOptions(resample=True, **_shared(done))
    )
    note = "SYNTHETIC: 1 of 2 cines were resampled to 2 x 1.5 mm in the plane and 6 frames"
    assert any(said.startswith(note) for said in evaluation.notes)
    assert any("8 to 9 mm" in said for said in evaluation.notes)


def _shared(done) -> dict:
    options = with_weights(done)
    return {"weights": options.weights, "sha256": options.sha256, "settings": options.settings}


def on_grid(
    place: Path, cine: np.ndarray, grid: VoxelGrid, spacing: tuple[float, ...] = SPACING
) -> np.ndarray:
    """A cine with intensities in [0, 1], as a cohort's, brought to a grid."""
    write_subject(place / "in" / "sub-a", cine, {}, spacing)
    write_cohort(place / "in", "c", "synthetic", [{"subject": "a"}], spacing)
    return cohort_on_grid(read_folder(place / "in", "synthetic"), "synthetic", grid, place / "out").cine("a")


def test_cropping_and_padding_keep_the_middle(tmp_path):
    row = np.arange(1, 6) / 8
    cine = np.broadcast_to(row, (2, 1, 5, 5))
    for name, length, kept in (
        ("crop", 3, row[1:4]),
        ("pad", 8, [0, *row, 0, 0]),
        ("odd", 4, row[:4]),
        ("same", 5, row),
    ):
        grid = VoxelGrid(2, (1, 5, length), SPACING, resample=False)
        found = on_grid(tmp_path / name, cine, grid)
        np.testing.assert_allclose(found, np.broadcast_to(kept, (2, 1, 5, length)), atol=2e-5)
    # A cohort that is on the grid is read where it lies.
    assert not (tmp_path / "same" / "out").exists() and (tmp_path / "odd" / "out").exists()


def test_a_cohort_that_is_resampled_keeps_its_patients(tmp_path):
    rows = [{"subject": name, "patient": patient} for name, patient in (("a", "p"), ("b", "p"), ("c", None))]
    for row in rows:
        write_subject(tmp_path / f"in/sub-{row['subject']}", np.full((2, 1, 5, 5), 0.5), {}, SPACING)
    write_cohort(tmp_path / "in", "c", "real", rows, SPACING, "long_axis")
    grid = VoxelGrid(2, (1, 8, 8), SPACING, resample=False)
    found = cohort_on_grid(read_folder(tmp_path / "in", "real"), "real", grid, tmp_path / "out")
    assert found.table["patient"].tolist() == ["p", "p", "c"] and found.view == "long_axis"


def test_resampling_keeps_straight_lines(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 1, 8), (3, 2, 8, 8))
    grid = VoxelGrid(4, (2, 16, 16), (8.0, 1.0, 1.0), resample=True)
    finer = on_grid(tmp_path, ramp, grid, (9.0, 2.0, 2.0))
    assert finer.shape == (4, 2, 16, 16)
    # Samples of half the distance about the same middle; beyond the outermost voxel it repeats.
    expected = np.interp(3.5 + (np.arange(16) - 7.5) / 2, np.arange(8), ramp[0, 0, 0])
    np.testing.assert_allclose(finer[0, 0, 0], expected, atol=2e-5)


def test_two_files_of_one_subject_are_refused(tmp_path, capsys):
    for name in ("a_1.nii.gz", "a-1.nii.gz"):
        write(tmp_path / "in" / name, made_up(0))
    said = refusal(capsys, tmp_path / "in", tmp_path / "in")
    assert "subject a-1 is also" in said and said.endswith("rename one of them")


def refusal(capsys, *arguments: object) -> str:
    """The one line with which the command refuses."""
    assert main(["evaluate", *map(str, arguments), "--threads", "1"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("synthaug: ")]
    assert len(lines) == 1
    return lines[0]


def test_folders_without_a_cine_are_refused(pair, tmp_path, capsys):
    out = ("--output", tmp_path / "out")
    assert "no such folder" in refusal(capsys, tmp_path / "nowhere", pair[1], *out)
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "IM0001.dcm").write_bytes(b"DICM")
    assert "no cine in a common format" in refusal(capsys, pair[0], tmp_path / "dicom", *out)
    write(tmp_path / "stacks" / "ed.nii.gz", made_up(0)[0])
    said = refusal(capsys, tmp_path / "stacks", pair[1], *out)
    assert "only 3D: ed.nii.gz" in said and not (tmp_path / "out").exists()


def test_mixed_spacing_is_refused_naming_two_files(pair, tmp_path, capsys):
    other = write(tmp_path / "other" / "a.nii.gz", made_up(0), (8.0, 2.0, 2.0))
    write(other.with_name("b.nii.gz"), made_up(1))
    said = refusal(capsys, pair[0], other.parent)
    assert "sa.nii.gz has 8 x 2 x 1.5 mm" in said and f"{other} 8 x 2 x 2 mm" in said and "--resample" in said
    longer = write(tmp_path / "longer" / "a.nii.gz", made_up(0, (7, 5, 16, 16)))
    write(longer.with_name("b.nii.gz"), made_up(1))
    assert "mixed numbers of frames" in refusal(capsys, pair[0], longer.parent)
    lost = write(tmp_path / "lost" / "a.nii.gz", made_up(0), (1.0, 1.0, 1.0))
    write(tmp_path / "lost" / "b.nii.gz", made_up(1), (1.0, 1.0, 1.0))
    assert f"{lost}: cannot be resampled" in refusal(capsys, pair[0], lost.parent, "--resample")


def test_too_few_subjects_are_refused(pair, tmp_path, capsys):
    said = refusal(capsys, folder(tmp_path / "three", 3), pair[1])
    assert "too few subjects: 3 in" in said and "at least 4 real and 2 synthetic" in said
    assert "1 in" in refusal(capsys, pair[0], folder(tmp_path / "one", 1))
    assert "at least 9 real" in refusal(capsys, *pair, "--minimum", 9)
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *map(str, pair), "--minimum", "3"])
    assert stopped.value.code == 2


def test_images_that_are_not_finite_or_constant_are_refused(pair, tmp_path, capsys):
    cine = made_up(0)
    cine[2, 1, 3, 4] = np.nan
    bad = write(tmp_path / "nan" / "a.nii.gz", cine)
    said = refusal(capsys, pair[0], bad.parent)
    assert "1 voxels are not finite" in said and str(bad) in said
    for name in "ab":
        write(tmp_path / "flat" / f"{name}.nii.gz", np.ones((6, 5, 16, 16), np.float32))
    assert "one value" in refusal(capsys, pair[0], tmp_path / "flat", "--output", tmp_path / "out")
    cut = write(tmp_path / "cut" / "a.nii.gz", made_up(0))
    cut.write_bytes(cut.read_bytes()[:-500])
    assert "truncated" in refusal(capsys, pair[0], cut.parent)
    write_subject(tmp_path / "cohort" / "sub-a", np.zeros((6, 5, 16, 16)), {}, SPACING)
    write_cohort(tmp_path / "cohort", "c", "synthetic", [{"subject": "a"}], SPACING)
    nib.save(nib.Nifti1Image(made_up(0).T, np.diag([1.5, 2, 8, 1])), tmp_path / "cohort/sub-a/cine.nii.gz")
    assert "which a cohort's do not" in refusal(capsys, pair[0], tmp_path / "cohort")


@pytest.mark.parametrize("side", [0, 1])
def test_an_output_among_the_cines_is_refused(pair, capsys, monkeypatch, side):
    """Its cohorts hold 4D cines, which the next call would count as further subjects."""
    monkeypatch.chdir(pair[side])
    folders = [*pair]
    folders[side] = Path()
    assert main(["evaluate", *map(str, folders)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("synthaug: evaluation: lies in .,") and said.count("\n") == 1
    assert not Path("evaluation").exists()


def test_iterations_of_an_extractor_that_is_not_trained_are_refused(pair, tmp_path, capsys):
    said = refusal(capsys, *pair, "--weights", tmp_path / "model.safetensors", "--iterations", "5")
    assert said.startswith("synthaug: --iterations: no extractor is trained") and said.endswith(
        "leave it out"
    )


def test_unequal_features_are_refused():
    def made(d: int, extractor: str = "made", value: float = 0.0) -> FeatureSet:
        return FeatureSet(("a", "b"), {"frames": [np.full((3, d), value)] * 2}, extractor)

    check_features_agree(made(4), made(4))
    with pytest.raises(
        SynthaugError, match="frames vectors are of unequal size, 4 and 5; extract both again"
    ):
        check_features_agree(made(4), made(5))
    with pytest.raises(SynthaugError, match="two extractors, made and other"):
        check_features_agree(made(4), made(4, "other"))
    with pytest.raises(SynthaugError, match="frames of a are not finite"):
        check_features_agree(made(4), made(4, value=np.inf))


def test_unusable_extractors_are_refused_before_any_cine_is_read(pair, done, tmp_path, capsys):
    assert "--weights and --sha256" in refusal(capsys, *pair, "--extractor", "inception")
    weights = next(done[0].glob("extractor/*/model.safetensors"))
    assert "no such weight file" in refusal(capsys, *pair, "--weights", tmp_path / "none")
    assert "--sha256 says" in refusal(capsys, *pair, "--weights", weights, "--sha256", "0" * 64)
    in_capitals = ("--weights", weights, "--sha256", sha256_file(weights).upper())
    assert "no such folder" in refusal(capsys, tmp_path / "nowhere", pair[1], *in_capitals)
    assert "give both or none" in refusal(capsys, *pair, "--sha256", "0" * 64)
    torch.save({}, tmp_path / "inception.pth")
    said = refusal(
        capsys,
        *pair,
        "--extractor",
        "inception",
        "--weights",
        tmp_path / "inception.pth",
        "--sha256",
        "0" * 64,
    )
    assert "check the file" in said and not Path("evaluation").exists()


class RowMeans(torch.nn.Module):
    """(n, 1, ..., y, x) -> (n, 8): means of the first rows, of a clip its first frame's."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0].mean(-1).flatten(1)[:, :8]


def network_file(folder: Path, kind: str) -> Path:
    """Settings, as a YAML file, of a network saved beside it."""
    weights = folder / f"{kind}.pt"
    size = (16, 16)
    example = torch.zeros(2, 1, *([4] if kind == "video" else []), *size)
    torch.jit.trace(RowMeans(), example).save(weights)
    content = {"kind": "torchscript", "weights": str(weights), "sha256": sha256_file(weights)}
    content |= {
        "input": kind,
        "size": list(size),
        "channels": 1,
        **({"frames": 4} if kind == "video" else {}),
    }
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("kind", "measured", "said"),
    [
        (
            "image",
            ["fid", "fid_ratio", "kid", *(name for t in THIRDS for name in (t, f"{t}_ratio"))],
            "sees single images",
        ),
        (
            "video",
            [
                *(f"{name}{part}" for name in ("fvd_t", "fvd_s", "f4d") for part in ("", "_ratio")),
                *("precision", "recall", "density", "coverage"),
            ],
            "sees clips only",
        ),
    ],
)
def test_a_network_named_in_a_file_measures_what_it_can(pair, tmp_path, kind, measured, said):
    settings = network_file(tmp_path, kind)
    assert (
        main(["evaluate", *map(str, pair), "--output", str(tmp_path / "out"), "--extractor", str(settings)])
        == 0
    )
    rows = pd.read_csv(tmp_path / "out" / "rows.csv")
    rows = rows[~rows["metric"].str.endswith("_extrapolated")]
    assert list(rows["metric"]) == measured and set(rows["status"]) == {"ok"}
    assert said in (tmp_path / "out" / "evaluation.html").read_text()
    assert not (tmp_path / "out" / "extractor").exists()


def test_settings_files_that_cannot_be_used_are_refused(pair, tmp_path, capsys):
    path = network_file(tmp_path, "image")
    content = yaml.safe_load(path.read_text())
    assert "--weights" in refusal(capsys, *pair, "--extractor", path, "--weights", "w")
    assert "readable YAML" in refusal(capsys, *pair, "--extractor", tmp_path / "none.yaml")
    for change, said in (
        ({"sise": 3}, "did you mean 'size'"),
        ({"kind": "study", "model": "m"}, "study"),
        ({"sha256": "0" * 64}, "SHA-256 is"),
        ({"weights": str(tmp_path / "gone.pt")}, "does not exist"),
    ):
        if "kind" in change:
            path.write_text(yaml.safe_dump(change))
        else:
            path.write_text(yaml.safe_dump({**content, **change}))
        assert said in refusal(capsys, *pair, "--extractor", path)


def test_cines_too_large_for_attention_name_the_size_that_fits(pair, capsys):
    said = refusal(capsys, *pair, "--size", 400)
    assert "7500 patches a clip" in said and "--size 232 or less" in said  # 3 x 50 x 50; 3 x 29 x 29 fit


def test_weights_say_what_they_saw(pair, done, tmp_path):
    evaluation = evaluate_folders(*pair, tmp_path, with_weights(done))
    assert any("trained on 8 of the 8 real subjects" in note for note in evaluation.notes)
    header = next(done[0].glob("extractor/*/training.json"))
    assert json.loads(header.read_text())["seen"] == [f"patient{i:02d}-sa" for i in range(8)]
