"""Parts of a cohort, gathered, are byte for byte what one job makes of the whole cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_network import Network, content, extracted, labelled, segmented
from report_study import SPACING_MM, beating_heart

from synthaug.core.artifacts import read_json, write_json, write_text, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features.files import FeatureSet, read_features
from synthaug.features.gather_features import gather_features
from synthaug.synthesis.gather import RECORDS, gather_chunks
from synthaug.tasks.gather_parts import gather_labelled, gather_predictions

#: Accepted requests of each chunk, and the chunks of each part: a chunk and a part may have no subject.
CHUNKS = [(0, 1), (), (5,), (6,), ()]
PARTS = [(0, 1), (2, 3), (4,)]
OF_A_CHUNK = 2


def subject(number: int) -> str:
    return f"g-s0-{number:04d}"


def write_chunk(folder: Path, number: int, accepted: tuple[int, ...]) -> Path:
    rows = []
    for request in accepted:
        cine, _ = beating_heart(request)
        write_subject(folder / f"sub-{subject(request)}", cine, {}, SPACING_MM, 0.03)
        # Whole numbers in one chunk and fractions or nothing in another: a table of its own has types of its own.
        asked = {
            "requested_age": request if number else 1 / 3,
            "requested_lv_ef": request if request < 6 else None,
        }
        row = {"dataset": "g", "vendor": "A", "ed_frame": 0, "n_frames": len(cine), "n_slices": cine.shape[1]}
        rows.append({"subject": subject(request), **row, **asked, "seed": request})
    write_cohort(
        folder, "g", "synthetic", rows, SPACING_MM, generator="g", hashes={"anatomy": "a"}, seen=["p-1"]
    )
    numbers = range(number * OF_A_CHUNK, (number + 1) * OF_A_CHUNK)
    attempts = {
        "subject": [subject(request) for request in numbers],
        "attempt": 1,
        "seed": numbers,
        "accepted": [request in accepted for request in numbers],
        "reasons": ["" if request in accepted else "blood_not_bright" for request in numbers],
    }
    write_tsv(folder / "attempts.tsv", pd.DataFrame(attempts))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[list[Path], Path]:
    """Chunks of a generator, and the cohort that is gathered from them."""
    root = tmp_path_factory.mktemp("made")
    chunks = [write_chunk(root / str(number), number, accepted) for number, accepted in enumerate(CHUNKS)]
    asked = [subject(number) for number in range(len(CHUNKS) * OF_A_CHUNK)]
    table = pd.DataFrame({"subject": asked}).set_index("subject", drop=False)
    gather_chunks(chunks, Cohort("g", "request", table, {}, {}), root / "cohort", 0.1)
    return chunks, root / "cohort"


def in_parts(run, cohorts: list[Cohort], folder: Path, monkeypatch) -> list[Path]:
    outputs = [folder / f"part-{number}" for number in range(len(cohorts))]
    for cohort, output in zip(cohorts, outputs, strict=True):
        run(Network(), cohort, output, None, monkeypatch)
        if output.is_dir():
            (output / ".snakemake_timestamp").touch()
    return outputs


@pytest.mark.parametrize("run", [segmented, labelled, extracted])
def test_gathered_parts_are_what_one_job_makes(run, made, tmp_path, monkeypatch):
    chunks, whole = made
    records = [whole / name for name in RECORDS]
    run(Network(), Cohort.open_all([whole]), tmp_path / "once", None, monkeypatch, records)
    cohorts = [Cohort.open_all([chunks[number] for number in part]) for part in PARTS]
    parts = in_parts(run, cohorts, tmp_path, monkeypatch)
    if run is segmented:
        gather_predictions(parts, tmp_path / "gathered")
    elif run is labelled:
        gather_labelled(parts, whole, tmp_path / "gathered")
    else:
        gather_features(parts, tmp_path / "gathered")
    assert content(tmp_path / "gathered") == content(tmp_path / "once")
    if run is not extracted:
        file = next(parts[0].rglob("*.nii.gz"))
        assert file.samefile(tmp_path / "gathered" / file.relative_to(parts[0]))


def test_what_follows_from_labelled_parts_is_what_follows_from_the_labelled_cohort(
    made, tmp_path, monkeypatch
):
    chunks, whole = made
    cohorts = [Cohort.open_all([chunks[number] for number in part]) for part in PARTS]
    parts = in_parts(labelled, cohorts, tmp_path / "labelled", monkeypatch)
    gather_labelled(parts, whole, tmp_path / "cohort")
    segmented(Network(), Cohort.open_all([tmp_path / "cohort"]), tmp_path / "once", None, monkeypatch)
    again = in_parts(segmented, [Cohort.open_all([part]) for part in parts], tmp_path, monkeypatch)
    gather_predictions(again, tmp_path / "gathered")
    assert content(tmp_path / "gathered") == content(tmp_path / "once")


def test_tables_of_predictions_are_joined(tmp_path):
    for number in (0, 1):
        write_json(tmp_path / f"{number}/predictions.json", {"seen": ["p-1"]})
        write_text(tmp_path / f"{number}/predictions.tsv", f"subject\tNOR\ns-{number}\t0.{number}10\n")
    gather_predictions([tmp_path / "0", tmp_path / "1"], tmp_path / "all")
    assert (tmp_path / "all/predictions.tsv").read_text() == "subject\tNOR\ns-0\t0.010\ns-1\t0.110\n"
    assert read_json(tmp_path / "all/predictions.json") == {"seen": ["p-1"]}
    write_json(tmp_path / "1/predictions.json", {"seen": ["p-2"]})
    with pytest.raises(
        SynthaugError, match=r"1/predictions.json: says something else than .*0/predictions.json"
    ):
        gather_predictions([tmp_path / "0", tmp_path / "1"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_labelled_parts_of_another_cohort_are_refused(made, tmp_path, monkeypatch):
    chunks, whole = made
    (part,) = in_parts(labelled, [Cohort.open_all(chunks[:2])], tmp_path, monkeypatch)
    with pytest.raises(SynthaugError, match="not those that were labelled"):
        gather_labelled([part], whole, tmp_path / "cohort")


def test_features_that_some_parts_lack_and_absent_extractors(tmp_path):
    rows = [np.full((2, 3), 1.0), np.full((1, 3), 2.0)]
    parts = [tmp_path / "0.npz", tmp_path / "1.npz"]
    FeatureSet(("s-0",), {"frames": rows[:1]}, "e", patients={"s-0": "p"}).write(parts[0])
    FeatureSet(("s-1",), {"frames": rows[1:], "text": [np.ones((1, 2))]}, "e").write(parts[1])
    gather_features(parts, tmp_path / "all.npz")
    found = read_features(tmp_path / "all.npz")
    assert found.subjects == ("s-0", "s-1") and found.patients == {"s-0": "p"}
    assert [len(text) for text in found.features["text"]] == [0, 1]
    assert np.concatenate(found.features["frames"]).tolist() == np.concatenate(rows).tolist()
    for part in parts:
        FeatureSet((), {}, "inception", absent="no weights").write(part)
    gather_features(parts, tmp_path / "absent.npz")
    assert (tmp_path / "absent.npz").read_bytes() == parts[0].read_bytes()
    FeatureSet((), {}, "other").write(parts[1])
    with pytest.raises(SynthaugError, match="of another extractor than"):
        gather_features(parts, tmp_path / "mixed.npz")
