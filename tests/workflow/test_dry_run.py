"""Every study in the repository makes a workflow, and what is wrong is said in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkout import add_painted_study, copy_repository
from snakemake.api import SnakemakeApi
from snakemake.iocontainers import Namedlist
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

from synthaug.cli import main
from synthaug.config.study import load_study
from synthaug.core.artifacts import write_text
from synthaug.core.errors import SynthaugError
from synthaug.core.yaml_files import read_yaml
from synthaug.cost import count_jobs
from synthaug.jobs.debug_job import find_job

pytestmark = pytest.mark.workflow
CONFIG = Path(__file__).parents[2] / "config"
PHANTOM_STUDIES = [
    "config/config.yaml",
    "config/studies/tiny.yaml",
    "config/studies/ablations.yaml",
    "config/studies/generators.yaml",
    "config/studies/text_mask.yaml",
]
VALIDITY_STUDIES = sorted(path.stem for path in (CONFIG / "studies" / "validity").glob("*.yaml"))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("dry") / "synthaug")


@pytest.mark.parametrize("study", PHANTOM_STUDIES)
def test_phantom_studies(checkout, study):
    jobs = checkout.would_run(study)
    assert {"harmonise", "train_model", "train_task", "render_report"} <= set(jobs)
    # What the cost of a study and the progress of a run are counted by is what Snakemake plans.
    counted = count_jobs(load_study(read_yaml(checkout.root / study)))
    assert {rule: jobs.get(rule) for rule in counted} == counted


def test_tables_of_a_paper_are_made_on_request(checkout):
    study, tables = "config/studies/cpgg.yaml", ("cpgg_table1", "cpgg_table2", "cpgg_table3", "cpgg_figure3")
    jobs = checkout.would_run(study, "--", *tables)
    assert jobs["write_published_table"] == 4 and jobs["train_model"] == 8
    # Of 9 arms and controls with two seeds twice and one thrice; the bars and the segmenter have the real arm only.
    assert jobs["train_task"] == 9 * (2 + 2 + 3) + 3 * 2 + 1
    assert "render_report" not in jobs and "write_published_table" not in checkout.would_run(study)


def test_generators_are_judged_side_by_side(checkout):
    jobs = checkout.would_run("config/studies/five_systems.yaml")
    # A real arm, five of synthetic subjects and the two controls that they share, with two seeds; two judges.
    assert jobs["train_task"] == 8 * 2 + 2 and jobs["word_requests"] == 2 * 3  # chunks
    assert "measure_attention" not in jobs  # two of five have it, and it ranks nothing
    generators = (
        "predict_synthetic_diagnosis",
        "predict_from_segmentation",
        "measure_recovery",
        "measure_cost",
    )
    assert {rule: jobs[rule] for rule in generators} == dict.fromkeys(generators, 5)
    assert jobs["predict_test_from_segmentation"] == jobs["rank_generators"] == 1


def test_without_a_classification_nothing_heavy_is_planned(checkout):
    jobs = checkout.would_run("config/studies/tiny.yaml")
    assert jobs["measure_recovery"] == 1
    assert not {
        *("predict_synthetic_diagnosis", "predict_from_segmentation", "predict_test_from_segmentation"),
        *("measure_cost", "rank_generators"),
    } & set(jobs)


def test_figures_of_a_paper_need_what_they_show(checkout):
    study, figures = (
        "config/studies/texdc_comparison.yaml",
        ("texdc_figure4", "texdc_figure5", "texdc_figure6"),
    )
    jobs = checkout.would_run(study, "--", *figures)
    # Attention of the text-driven generator; maps and infarcts of all four.
    assert jobs["write_published_figure"] == 3 and jobs["measure_attention"] == 1
    assert jobs["map_features"] == jobs["gather_synthetic"] == 4
    assert "train_task" not in jobs and "collate_results" not in jobs
    cycle = checkout.would_run(study, "--", "texdc_figure5")
    assert cycle["gather_synthetic"] == 1 and "map_features" not in cycle


def test_tables_of_other_papers_are_made_of_any_study_with_generators(checkout):
    tables = ("texdc_table1", "texdc_table2", "control_table1", "control_table2", "control_table3")
    jobs = checkout.would_run("config/studies/generators.yaml", "--", *tables)
    assert jobs["write_published_table"] == len(tables) and "render_report" not in jobs


def test_every_training_decides_on_its_own_validation_patients(checkout):
    jobs = checkout.would_run("config/studies/tiny.yaml")
    assert jobs["validate_task"] == jobs["train_task"] == jobs["predict_test"]
    none = 'tasks={"segmentation": {"postprocessing": "none"}}'
    assert "validate_task" not in checkout.would_run("config/studies/tiny.yaml", "--config", none)


def test_a_teacher_labels_training_frames_once_whatever_the_generator_seeds(checkout):
    study, seeds = "config/studies/tiny.yaml", 'synthesis={"generator_seeds": [0, 1]}'
    plain = checkout.would_run(study, "--config", seeds)
    models = 'models={"autoencoder": {"teacher": {"task": "teacher"}}}'
    tasks = 'tasks={"teacher": {"inherits": "segmentation", "arms": "real", "training_seeds": [7]}}'
    jobs = checkout.would_run(study, "--config", seeds, models, tasks)
    assert jobs["label_training"] == 1 and "label_training" not in plain
    assert jobs["train_task"] == plain["train_task"] + 1 and jobs["train_model"] == plain["train_model"]


def test_phenotypes_of_every_cohort_are_on_the_menu(checkout):
    study = "config/studies/tiny.yaml"
    jobs = checkout.would_run(study, "--", "measure_phenotypes_all")
    assert jobs["measure_phenotypes"] == 2 and jobs["measure_synthetic_phenotypes"] == 1
    assert not any("phenotypes" in rule for rule in checkout.would_run(study))


def test_generators_are_measured_without_the_trainings_of_the_arms(checkout):
    study = "config/studies/cpgg.yaml"
    jobs = checkout.would_run(study, "--", "measure_generators_all")
    assert (
        jobs["measure_distances"] == jobs["measure_controllability"] == 3 and jobs["compare_generators"] == 1
    )
    assert jobs["train_task"] == 3 and "compare_arms" not in jobs  # a segmenter, a classifier and a forest


def test_phenotypes_are_measured_and_sampled_only_where_a_study_asks(checkout):
    study = "config/studies/tiny.yaml"
    requests = "results/tiny/synthetic/cascade/fold-0/generator-seed-0/requests/0"
    sampler = {"kind": "phenotype_vae", "phenotypes": ["lv_edv_ml", "lv_esv_ml", "lv_length_ed_mm"]}
    models = "models=" + json.dumps({"phenotypes": sampler})
    named = "synthesis=" + json.dumps({"requests": {"sampler": "phenotypes"}})
    jobs = checkout.would_run(study, requests, "--config", models, named)
    assert jobs["train_model"] == jobs["pack_cohort"] == 1 and jobs["measure_phenotypes"] == 2
    # Declared but not named, it is trained and compared with real patients, and requests do not wait for it.
    jobs = checkout.would_run(study, "--config", models)
    assert jobs["measure_phenotype_sampling"] == 1 and jobs["measure_phenotypes"] == 2
    assert "train_model" not in checkout.would_run(study, requests, "--config", models)


def test_sentences_are_written_only_where_a_model_reads_them(checkout):
    study = "config/studies/tiny.yaml"
    text = "models=" + json.dumps({"text": {"kind": "text_encoder"}})
    extractor = "evaluation=" + json.dumps({"extractors": {"words": {"kind": "study_text", "model": "text"}}})
    wording = {"write_impressions", "word_requests", "word_condition_sweep", "measure_phenotypes"}
    # Declared but read by nobody, it is not trained.
    assert not wording & set(checkout.would_run(study, "--config", text))
    jobs = checkout.would_run(study, "--config", text, extractor)
    assert jobs["write_impressions"] == 1 and jobs["measure_phenotypes"] == 2 and "word_requests" not in jobs
    bare = checkout.would_run(study, "--config", text, extractor, "text=" + json.dumps({"wall": False}))
    assert bare["write_impressions"] == 1 and "measure_phenotypes" not in bare


def test_requests_are_worded_for_generators_that_read_text(checkout):
    study = add_painted_study(checkout)
    plugin = checkout.root / "painted_hearts.py"
    code = plugin.read_text()
    assert "roles = ()  #" in code
    plugin.write_text(code.replace("roles = ()  #", 'roles = ("text",)  #'))
    text = {"text": {"kind": "text_encoder"}, "palette": {"needs": {"text": "text"}}}
    target = "results/tiny/synthetic/{}/fold-0/generator-seed-0/cohort"
    wanted = {
        name: checkout.would_run(study, target.format(name), "--config", f"models={json.dumps(text)}")
        for name in ("painted", "cascade")
    }
    plugin.write_text(code)
    assert wanted["painted"]["word_requests"] == 2 and wanted["painted"]["write_impressions"] == 1
    assert "word_requests" not in wanted["cascade"]


def rules_of(checkout, **settings):
    """All rules of the default study, under settings of Snakemake."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            ResourceSettings(**settings), snakefile=checkout.root / "Snakefile", workdir=checkout.root
        )
        return list(workflow._workflow.rules)


def resources_of(checkout, **settings):
    """GPUs and threads of every rule that can use a GPU."""
    rules = [rule for rule in rules_of(checkout, **settings) if "gpu" in rule.resources]
    return {rule.name: {name: rule.resources[name].value for name in ("gpu", "_cores")} for rule in rules}


def test_every_rule_that_is_worth_an_estimate_is_timed_in_a_folder_of_its_name(checkout):
    counted = count_jobs(load_study(read_yaml(checkout.root / "config" / "config.yaml")))
    timed = {rule.name: str(rule.benchmark) for rule in rules_of(checkout) if rule.benchmark}
    assert set(resources_of(checkout)) | set(counted) <= set(timed)
    assert [rule for rule, file in timed.items() if f"/benchmarks/{rule}/" not in file] == []


def test_every_target_has_a_word_of_help(checkout):
    said = checkout.snakemake("--list-target-rules").stdout.splitlines()
    assert any(line.startswith("all (everything") for line in said) and len(said) > 15
    assert [line for line in said if not line.endswith(")")] == []


def test_rules_ask_for_a_gpu_by_themselves_on_a_cluster(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")  # no nvidia-smi
    monkeypatch.delenv("SYNTHAUG_GPUS", raising=False)
    rules = resources_of(checkout, nodes=100)
    assert {"train_model", "label_synthetic", "audit_features", "predict_condition_sweep"} <= set(rules)
    tasks = {"train_task", "validate_task", "predict_test", "label_training", "label_synthetic"}
    for name in (
        "predict_validation",
        "predict_synthetic",
        "predict_synthetic_diagnosis",
        "predict_condition_sweep",
    ):
        tasks |= {name} & set(rules)
    assert rules == {name: {"gpu": 1, "_cores": 4 if name in tasks else 8} for name in rules}
    here = resources_of(checkout, cores=2)
    assert set(here) == set(rules) and all(given == {"gpu": 0, "_cores": 1} for given in here.values())
    monkeypatch.setenv("SYNTHAUG_GPUS", "0")
    assert all(given["gpu"] == 0 for given in resources_of(checkout, nodes=100).values())


def test_memory_and_time_grow_with_each_attempt_of_a_job(checkout):
    rules = {rule.name: rule.resources for rule in rules_of(checkout, nodes=100)}

    def asked(rule, attempt):
        return [rules[rule][name].evaluate(None, attempt=attempt).value for name in ("mem_mb", "runtime")]

    fixed = [
        name for name, given in rules.items() if "mem_mb" in given and not given["mem_mb"].is_evaluable()
    ]
    assert fixed == []
    assert [asked("harmonise", attempt) for attempt in (1, 3)] == [[16000, 4 * 60], [48000, 12 * 60]]
    assert [asked("synthesise_chunk", attempt) for attempt in (1, 3)] == [[16000, 4 * 60], [48000, 12 * 60]]
    # A training resumes: its time is a slice.
    assert [asked("train_model", attempt) for attempt in (1, 2)] == [[32000, 24 * 60], [64000, 24 * 60]]
    profile = yaml.safe_load((checkout.root / "profiles" / "slurm" / "config.yaml").read_text())
    assert profile["retries"] == 3
    assert profile["default-resources"] == {"mem_mb": "8000 * attempt", "runtime": "60 * attempt"}


def test_time_follows_what_a_job_reads_and_not_the_whole_cohort(checkout, tmp_path):
    """100 real and 100,000 synthetic subjects, of which 2,000 are drawn and an arm trains on 200."""
    rules = {rule.name: rule.resources for rule in rules_of(checkout, nodes=100)}
    sizes = {"real": 100, "synthetic": 100_000, "arm": 200}
    for name, count in sizes.items():
        write_text(tmp_path / name / "subjects.tsv", "subject\n" + "s\n" * count)
    real, synthetic, arm = (str(tmp_path / name) for name in sizes)

    def minutes(rule, **given):
        return rules[rule]["runtime"].evaluate(None, input=Namedlist(fromdict=given), attempt=1).value

    both = {"cohorts": [real], "synthetic": synthetic}
    assert minutes("measure_mask_agreement", cohort=synthetic) == 60 + round(4 * 2000 / 60)
    assert minutes("measure_cardiac_function", **both) == 60 + round(4 * 2100 / 60)
    assert minutes("write_training_set", subjects=arm, **both) == 240 + round(4 * 200 / 60)
    # One job that goes through all of them with a network.
    assert minutes("audit_recognition", **both) == 240 + round(5 * 100_100 / 60)
    # Checksums of every file.
    assert minutes("collate_results", files=[real, synthetic]) == 60 + round(0.2 * 100_100 / 60)
    described = [f"{synthetic}/{name}" for name in ("cohort.json", "subjects.tsv")]
    write_text(tmp_path / "synthetic" / "cohort.json", "{}\n" * 5)
    assert minutes("bring_cohort", described=described) == 60 + round(0.2 * 100_000 / 60)


def test_memory_of_the_audit_of_features_follows_its_pairs(checkout, tmp_path):
    """1,000 real subjects in 1 MB of features, and a million synthetic ones of the same size each."""
    rules = {rule.name: rule.resources for rule in rules_of(checkout, nodes=100)}
    write_text(tmp_path / "fold-0.tsv", "subject\n" + "s\n" * 1000)
    for name, size in {"real": 10**6, "few": 10**6, "many": 10**9}.items():
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(size)

    def mib(made, attempt=1):
        given = {"real": tmp_path / "real", "synthetic": tmp_path / made, "split": tmp_path / "fold-0.tsv"}
        files = Namedlist(fromdict={name: str(file) for name, file in given.items()})
        return rules["audit_features"]["mem_mb"].evaluate(None, input=files, attempt=attempt).value

    assert [mib("few"), mib("few", attempt=2)] == [16000, 32000]
    assert mib("many") == 2000 + 1000 + 150_000


def test_the_script_of_one_job_runs_alone(checkout):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "synthaug.jobs.debug_job",
            "results/tiny/raw/phantom-b",
            "--configfile",
            PHANTOM_STUDIES[1],
        ],
        cwd=checkout.root,
        env={**os.environ, "PYTHONPATH": str(checkout.root / "src")},
        capture_output=True,
        text=True,
    )
    raw = checkout.root / "results" / "tiny" / "raw" / "phantom-b"
    assert done.returncode == 0 and len(list(raw.rglob("*_sa.nii.gz"))) == 4, done.stderr


def test_folds_are_compared_on_each_others_patients(checkout):
    study = yaml.safe_load((checkout.root / PHANTOM_STUDIES[1]).read_text())
    study |= {"name": "folds", "split": {**study.get("split", {}), "folds": 2}}
    path = checkout.root / "config" / "studies" / "folds.yaml"
    path.write_text(yaml.safe_dump(study))
    generator = next(iter(study["generators"]))
    rows = checkout.root / "results/folds/rows"
    (rows / "memorisation").mkdir(parents=True)
    for fold in (0, 1):
        patients = [
            f"p{number}\t{number % 2 == fold}\t{0.5 + 0.1 * (number % 2 == fold)}" for number in range(8)
        ]
        table = rows / f"memorisation/{generator}_fold-{fold}_generator-seed-0.patients.tsv"
        table.write_text("\n".join(["subject\ttrains\tsimilarity", *patients, ""]))
    command = ["synthaug.jobs.debug_job", f"results/folds/rows/memberships/{generator}.tsv"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--configfile", "config/studies/folds.yaml"],
        cwd=checkout.root,
        env={**os.environ, "PYTHONPATH": str(checkout.root / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(rows / f"memberships/{generator}.tsv", sep="\t").iloc[0]
    assert (row["metric"], row["n"]) == ("membership_effect", 8) and row["value"] == pytest.approx(0.1)
    assert checkout.would_run("config/studies/folds.yaml")["compare_memberships"] == len(study["generators"])


def test_a_job_alone_needs_its_inputs(checkout, monkeypatch):
    monkeypatch.chdir(checkout.root)
    with pytest.raises(SynthaugError, match="its input results/tiny/raw/phantom-a is missing; make it first"):
        find_job("results/tiny/cohorts/phantom-a", [Path(PHANTOM_STUDIES[1])])


def write_folder(folder: Path) -> None:
    """What the plan looks for in a cohort that is brought in."""
    for name in ("cohort.json", "subjects.tsv"):
        write_text(folder / name, "")


def test_brought_in_cines_without_masks_are_labelled_by_a_segmenter(checkout, tmp_path):
    write_folder(tmp_path / "mine")
    study = yaml.safe_load((checkout.root / PHANTOM_STUDIES[1]).read_text()) | {
        "generators": {"mine": {"kind": "external", "folder": str(tmp_path / "mine"), "labels": "pseudo"}},
        "arms": {"real": {}, "mine": {"generator": "mine", "dose": 0.5, "controls": ["repeated"]}},
    }
    path = checkout.root / "config" / "studies" / "taught.yaml"
    path.write_text(yaml.safe_dump(study))
    jobs = checkout.would_run("config/studies/taught.yaml")
    assert jobs["label_synthetic"] == jobs["bring_cohort"] == 1 and "synthesise_chunk" not in jobs


def test_a_large_cohort_is_segmented_labelled_and_extracted_in_parts(checkout, tmp_path):
    write_folder(tmp_path / "mine")
    study = yaml.safe_load((checkout.root / PHANTOM_STUDIES[1]).read_text())
    study["synthesis"] |= {"subjects": 5000, "chunk_size": 1000}
    study["generators"]["taught"] = study["generators"]["cascade"] | {"labels": "pseudo"}
    study["generators"]["mine"] = {"kind": "external", "folder": str(tmp_path / "mine")}
    path = checkout.root / "config" / "studies" / "large.yaml"
    path.write_text(yaml.safe_dump(study))
    jobs = checkout.would_run("config/studies/large.yaml")
    # 3000 and 2000 of each sampled generator; a folder that is brought in is one job.
    once = {"gather_labelled": 1, "gather_predictions": 2, "gather_features": 2, "gather_synthetic": 2}
    parts = {"label_synthetic": 2, "predict_synthetic": 5, "extract_synthetic_features": 5}
    assert {rule: jobs[rule] for rule in once | parts} == once | parts
    counted = count_jobs(load_study(study))
    assert {rule: counted[rule] for rule in parts} == parts
    segmented = "results/tiny/tasks/segmentation/fold-0/synthetic/{}_generator-seed-0_part-1"
    jobs = checkout.would_run("config/studies/large.yaml", "--", "measure_phenotypes_all")
    assert jobs["measure_synthetic_phenotypes"] == 5 and jobs["gather_phenotypes"] == 2
    for generator, labelled in {"cascade": 0, "taught": 1}.items():
        jobs = checkout.would_run("config/studies/large.yaml", segmented.format(generator))
        # The last two chunks; nobody waits for the others.
        assert (
            jobs["predict_synthetic"] == 1
            and jobs["synthesise_chunk"] == 2
            and "gather_synthetic" not in jobs
        )
        assert jobs.get("label_synthetic", 0) == labelled


def test_the_condition_sweep_can_be_switched_off(checkout):
    off = json.dumps({"sweep": {"levels": 0}})
    jobs = checkout.would_run(PHANTOM_STUDIES[1], "--config", f"synthesis={off}")
    assert "gather_synthetic" in jobs and not [rule for rule in jobs if rule.endswith("_condition_sweep")]


def test_a_generator_from_outside_has_its_jobs(checkout):
    jobs = checkout.would_run(add_painted_study(checkout))
    assert jobs["describe_generator"] == 2 and jobs["train_model"] == 5


def test_a_class_that_is_not_there_stops_before_anything_runs(checkout):
    wrong = 'models={"palette": {"class": "nowhere:Palette"}}'
    done = checkout.run(add_painted_study(checkout), "--dry-run", "--config", wrong, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "config: models.palette.class: no module 'nowhere'" in said
    assert "Traceback" not in said


def test_a_gate_on_copies_audits_before_it_writes_an_arm(checkout):
    def needed(action):
        target = "results/tiny/arms/synthetic-only/fold-0/generator-seed-0"
        copies = json.dumps({"copies": {"action": action}})
        return checkout.would_run(PHANTOM_STUDIES[1], target, "--config", f"synthesis={copies}")

    assert "audit_memorisation" in needed("drop") and "audit_memorisation" in needed("stop")
    assert "audit_memorisation" not in needed("keep")


@pytest.mark.parametrize("study", VALIDITY_STUDIES)
def test_validity_studies_train_no_generator(checkout, study):
    jobs = checkout.would_run(f"config/studies/validity/{study}.yaml")
    # real, the arm and its three controls, each with three seeds
    assert jobs["train_task"] == 15 and jobs["use_real_as_synthetic"] == 1
    assert not {"train_model", "pack_cohort", "gather_synthetic"} & set(jobs)


def test_reconstructions_need_their_autoencoder_and_nothing_is_sampled(checkout):
    decoded = {"decoded": {"kind": "real", "dataset": "phantom-a", "through": "autoencoder"}}
    target = "results/tiny/synthetic/decoded/fold-0/generator-seed-0/cohort"
    jobs = checkout.would_run(
        "config/studies/tiny.yaml", target, "--config", f"generators={json.dumps(decoded)}"
    )
    assert jobs["reconstruct_real_as_synthetic"] == jobs["train_model"] == 1
    assert not {"use_real_as_synthetic", "synthesise_chunk", "check_reconstruction"} & set(jobs)


def test_declaring_an_arm_brings_its_controls(checkout):
    def trainings(**arms):
        changed = json.dumps(arms)
        return checkout.would_run("config/studies/tiny.yaml", "--config", f"arms={changed}")["train_task"]

    tiny = 6  # real, real-plus and its three controls, synthetic-only
    more = {"generator": "cascade", "dose": 2}
    assert trainings(more=more, bare={**more, "controls": []}) == tiny + 4 + 1
    low = {**more, "real": 0.5, "dose": 1, "controls": ["extra-real", "mislabelled"]}
    assert trainings(half={"real": 0.5}, low=low) == tiny + 1 + 3


def test_the_default_study_needs_no_arguments(checkout):
    done = checkout.snakemake("--cores", "1", "--dry-run")
    assert "render_report" in done.stdout + done.stderr


@pytest.mark.parametrize("profile", ["profiles/local", "slurm"])
def test_profiles_are_found_from_the_root(checkout, profile):
    done = checkout.snakemake("--profile", profile, "--dry-run", "all")
    assert "render_report" in done.stdout + done.stderr


@pytest.mark.parametrize("study", ["acdc_mini", "acdc_mini_diagnosis"])
def test_real_studies_make_a_workflow_on_phantom_data_in_their_layout(checkout, tmp_path, study):
    root = tmp_path / "acdc"
    assert main(["phantom", str(root), "--layout", "acdc", "--subjects", "2", "--processes", "1"]) == 0
    datasets = json.dumps({"acdc-mini": {"root": str(root)}})
    jobs = checkout.would_run(f"config/studies/{study}.yaml", "--config", f"datasets={datasets}")
    assert {"harmonise", "train_model", "train_task", "render_report"} <= set(jobs)


@pytest.mark.parametrize(
    ("study", "change", "message"),
    [
        ("tiny", 'harmonisation={"framse": 12}', "unknown key 'framse'; did you mean 'frames'?"),
        ("tiny", 'arms={"bad": {"generator": "nobody", "dose": 1}}', "'nobody' is not declared"),
        (
            "tiny",
            'arms={"bad": {"generator": "cascade", "dose": 1, "controls": ["extra-real"]}}',
            "control extra-real adds real patients that the arm leaves out; set real below 1",
        ),
        (
            "tiny",
            'arms={"bad": {"real": 0.5, "generator": "cascade", "dose": 1}}',
            "no arm of the same real patients only to compare with; add `real-0-5: {real: 0.5}`",
        ),
        (
            "acdc_mini",
            'datasets={"acdc-mini": {"root": "/nowhere/ACDC"}}',
            "/nowhere/ACDC: the dataset's root",
        ),
    ],
)
def test_a_wrong_study_stops_before_anything_runs(checkout, study, change, message):
    done = checkout.run(f"config/studies/{study}.yaml", "--dry-run", "--config", change, check=False)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
