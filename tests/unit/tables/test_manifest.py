"""What stands behind a table version: data, code and trainings by their hashes; the run as an RO-Crate."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from report_study import write_made_up_cohort

from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.core.provenance import environment
from synthaug.metric_registry import columns_of
from synthaug.runs import ListedRun
from synthaug.tables import make_table
from synthaug.tables.collate import collate, read_checksums
from synthaug.tables.manifest import code_manifest, data_manifest, trainings_manifest
from synthaug.tables.run_crate import read_crate


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_file_of_every_cohort_and_split_is_listed(tmp_path):
    for name, kind in {"acdc": "real", "g": "synthetic"}.items():
        write_made_up_cohort(tmp_path / name, name, kind, 2, seed=0)
    (tmp_path / "fold-0.tsv").write_text("subject\trole\n")
    found = data_manifest(
        [
            ListedRun("dataset", "acdc", cohort=tmp_path / "acdc"),
            ListedRun("split", fold=0, split=tmp_path / "fold-0.tsv"),
            ListedRun("synthetic", "g", fold=0, generator_seed=1, cohort=tmp_path / "g"),
        ]
    )
    assert set(found["name"]) == {"acdc", "g/fold-0/generator-seed-1", "fold-0"}
    assert found.groupby("kind").size().to_dict() == {"real": 5, "split": 1, "synthetic": 5}
    for row in found[found["subject"] != ""].to_dict("records"):
        folder = tmp_path / row["name"].split("/")[0] / f"sub-{row['subject']}"
        assert row["sha256"] == sha256(folder / row["file"])


def test_a_cine_that_is_not_what_its_cohort_recorded_is_refused(tmp_path):
    for number, recorded in enumerate(("0" * 64, None)):
        folder = tmp_path / str(number)
        (subject,) = write_made_up_cohort(folder, "acdc", "real", 1, seed=0)
        content = json.loads((folder / "cohort.json").read_text())
        cine = folder / f"sub-{subject}" / "cine.nii.gz"
        content["files"] = {subject: {"cine": recorded or sha256(cine)}}
        write_json(folder / "cohort.json", content)
        runs = [ListedRun("dataset", "acdc", cohort=folder)]
        if recorded:
            with pytest.raises(
                SynthaugError, match=r"cine.nii.gz: is not what cohort.json records; restore it"
            ):
                data_manifest(runs)
        else:
            assert len(data_manifest(runs)) == 3
            cine.unlink()
            with pytest.raises(SynthaugError, match=r"cine.nii.gz: is missing; restore it, or remove"):
                data_manifest(runs)


def test_an_edit_of_the_workflow_shows_in_the_code_manifest(tmp_path):
    (tmp_path / "Snakefile").write_text("rule all:\n")
    script = tmp_path / "workflow" / "scripts" / "x.py"
    script.parent.mkdir(parents=True)
    script.write_text("a = 1\n")
    cached = script.parent / "__pycache__" / "x.pyc"
    cached.parent.mkdir()
    cached.write_bytes(b"")
    before = code_manifest(tmp_path).set_index("file")["sha256"]
    assert {"Snakefile", "workflow/scripts/x.py", "synthaug/tables/manifest.py"} <= set(before.index)
    assert not any("__pycache__" in name for name in before.index)
    script.write_text("a = 2\n")
    after = code_manifest(tmp_path).set_index("file")["sha256"]
    assert list(before.index[before != after]) == ["workflow/scripts/x.py"]


def test_code_from_outside_the_package_is_in_the_code_manifest(tmp_path, monkeypatch):
    (tmp_path / "outside_code.py").write_text("a = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    files = code_manifest(tmp_path, ["outside_code"]).set_index("file")["sha256"]
    assert files["outside_code.py"] == sha256(tmp_path / "outside_code.py")
    assert "outside_code.py" not in set(code_manifest(tmp_path)["file"])


def test_trainings_keep_device_time_and_weights(tmp_path):
    write_json(tmp_path / "m.json", {"device": "cuda", "seconds": 9.5, "weights_sha256": "ff"})
    write_json(tmp_path / "s.json", {"device": "cpu", "seconds": {"start": 1, "total": 4}, "other": 1})
    found = trainings_manifest(
        [
            ListedRun("model", "anatomy", fold=0, generator_seed=1, record=tmp_path / "m.json"),
            ListedRun(
                "arm",
                "real",
                "segmentation",
                fold=0,
                generator_seed=0,
                training_seed=1,
                record=tmp_path / "s.json",
            ),
            ListedRun("split", fold=0, split=tmp_path / "fold-0.tsv"),
        ]
    )
    assert found["seconds"].tolist() == [9.5, 4] and found["role"].tolist() == ["model", "segmentation"]
    assert found["generator_seed"].tolist() == [1, 0]
    assert found["training_seed"].isna().tolist() == [True, False]
    assert found["device"].tolist() == ["cuda", "cpu"] and found["weights_sha256"].iloc[0] == "ff"


def test_the_environment_names_versions():
    lines = environment().splitlines()
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names)) and "numpy" in names and all(line.count("==") == 1 for line in lines)


# --- the run as an RO-Crate -----------------------------------------------------------------------

PROVENANCE = {
    "study": "demo",
    "synthaug": "0.1.0",
    "packages": {"torch": "2.10"},
    "git": {"commit": "c0ffee", "dirty": False},
    "created": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture
def version(tmp_path) -> Path:
    write_tsv(tmp_path / "rows.tsv", make_table([{**columns_of("dice"), "status": "ok", "value": 0.9}]))
    collate(
        [tmp_path / "rows.tsv"],
        tmp_path / "v001",
        PROVENANCE,
        lambda _: {"configuration.yaml": "name: demo\n"},
    )
    return tmp_path / "v001"


def test_the_crate_loads_and_has_the_checksums_of_the_version(version):
    sums = read_checksums(version)
    described = read_crate(version)
    assert set(described) == {"rows.csv", "rows.parquet", "configuration.yaml", "provenance.json"}
    assert described == {name: sums[name] for name in described}


def test_the_crate_says_what_ran_on_what_and_gave_what(version):
    graph = json.loads((version / "ro-crate-metadata.json").read_text())["@graph"]
    by_id = {entity["@id"]: entity for entity in graph}
    run, root = by_id["#run"], by_id["./"]
    assert run["@type"] == "CreateAction" and run["endTime"] == PROVENANCE["created"]
    assert run["instrument"] == {"@id": "#synthaug"}
    assert by_id["#synthaug"]["softwareVersion"] == "0.1.0" and by_id["#synthaug"]["version"] == "c0ffee"
    assert run["object"] == [{"@id": "configuration.yaml"}]
    assert {entity["@id"] for entity in run["result"]} == {"rows.csv", "rows.parquet", "provenance.json"}
    assert root["datePublished"] == PROVENANCE["created"]
    assert root["conformsTo"]["@id"].startswith("https://w3id.org/ro/wfrun/process/")


def test_a_broken_record_is_one_line(version):
    (version / "ro-crate-metadata.json").write_text('{"@graph": []}')
    with pytest.raises(SynthaugError, match=r"ro-crate-metadata\.json: is no RO-Crate"):
        read_crate(version)
