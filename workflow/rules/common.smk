"""The study, and how its parts become paths, inputs and resources."""

import functools
import os
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from synthaug.config.design_warnings import design_warnings
from synthaug.config.evaluation import is_trained
from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.paths import paths_of, without_home
from synthaug.config.phenotype_columns import needed_phenotypes, own_phenotypes
from synthaug.config.plugin_checks import check_plugins
from synthaug.config.plugins import plugin_modules
from synthaug.config.study import load_study
from synthaug.config.text import reads_text
from synthaug.core.artifacts import sha256_file, sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.core.folder_state import folder_state
from synthaug.core.code_hash import code_hash
from synthaug.jobs.gpus import gpus_of_a_job
from synthaug.core.imports import PACKAGE, imported_files
from synthaug.data.readers import raw_files
from synthaug.core.registry import module_of
from synthaug.models.clip_files import files_beside_weights
from synthaug.preflight.lost_records import check_records
from synthaug.preflight.paths import check_braces, check_records_folder
from synthaug.preflight.settings_files import check_settings_files
from synthaug.preflight.snakemake_version import check_snakemake_version
from synthaug.published.figures import EVERY, FIGURES, SHOWS_INFARCTS
from synthaug.published.write import PUBLISHED
from synthaug.report.files import flag_modules, section_modules, template_files
from synthaug.runs import (
    PART,
    ArmRun,
    ModelRun,
    SyntheticRun,
    arm_runs,
    arms_of_task,
    checkpoints_of,
    chunks_of,
    diagnosis_task,
    folds_of,
    forest_task,
    generator_measures,
    generator_trainings,
    is_real,
    is_reconstructed,
    is_sampled,
    list_runs,
    made_cohort,
    measure_files,
    model_runs,
    parts_of,
    phenotype_samplers,
    ranked_files,
    reconstruction_checks,
    reference_run,
    score_files,
    segmentation_task,
    synthetic_cohort,
    synthetic_runs,
)
from synthaug.upkeep.resized_chunks import check_chunk_size


def declared_study(study):
    """The resolved study that results follow from; the report's wording is no part of it."""
    return without_home(study.model_dump(mode="json", exclude={"report"}))


# The folder that Snakemake was called in: `--directory` leads away from it.
called_in = Path(workflow.workdir_init)

try:
    check_snakemake_version()
    if workflow.is_main_process:
        check_records_folder(".snakemake", workflow.main_snakefile)
        check_settings_files(
            [called_in / file for file in workflow.configfiles],
            sys.argv[1:],
            os.environ,
            [called_in, workflow.basedir],
        )
    study = load_study(config)
    check_plugins(study)
    raw = {
        name: [str(file) for file in raw_files(dataset, dataset.root)]
        for name, dataset in study.datasets.items()
        if dataset.root
    }
    if workflow.is_main_process:
        check_braces(
            {key: [file] for key, file in paths_of(study)}
            | {f"datasets.{name}.root": files for name, files in raw.items()}
            | {"the folder of this checkout": [PACKAGE, workflow.basedir]}
        )
        check_records(f"results/{study.name}", declared_study(study), ".snakemake/metadata")
        check_chunk_size(f"results/{study.name}", study)
except SynthaugError as error:
    raise WorkflowError("\n".join(f"synthaug: {line}" for line in str(error).splitlines())) from None

arms = study.every_arm()
folds = folds_of(study)
chunks = chunks_of(study)
parts = parts_of(study)
first_generator_seed = study.synthesis.generator_seeds[0]
# Datasets whose patients train, validate and test; others only stand in for synthetic subjects.
split_datasets = [name for name, dataset in study.datasets.items() if dataset.split]
# Phenotypes that a trained model is conditioned on or samples; only then are tables of them needed.
packed = {
    "columns": needed_phenotypes(study, {run.model for run in model_runs(study)}),
    "own": own_phenotypes(study),
}
# Those of them that requests have as well: where requests are training subjects as they are.
requested = packed if study.synthesis.requests.source == "training" else {"columns": [], "own": {}}
# Sentences are written only where a trained model reads them.
writes_sentences = reads_text({run.model for run in model_runs(study)}, study.models)
extractors = list(study.evaluation.extractors)
evaluation_settings = study.evaluation.model_dump(
    mode="json", exclude={"extractors", "contrasts", "attention"}
)
#: For rules that use nothing else of it: other keys do not rerun them.
evaluation_seed = study.evaluation.model_dump(mode="json", include={"seed"})
# Jobs in an image run the package of this checkout, too, whose code is a parameter of every rule.
os.environ.setdefault("APPTAINERENV_PYTHONPATH", str(PACKAGE.parent))


def any_of(names):
    """A wildcard's constraint: one of these names, longest first."""
    return "|".join(sorted(names, key=len, reverse=True)) or "none"


wildcard_constraints:
    study=study.name,
    dataset=any_of(study.datasets),
    model=any_of(study.models),
    generator=any_of(study.generators),
    extractor=any_of(extractors),
    arm=any_of(arms),
    task=any_of(study.tasks),
    fold=r"\d+",
    generator_seed=r"\d+",
    training_seed=r"\d+",
    chunk=r"\d+",
    # Empty where one job does a whole cohort.
    part=rf"(?:{PART}\d+)?",


# --- paths --------------------------------------------------------------------------------------


def pattern(path):
    """A path below this study's results; wildcards stay open."""
    return f"results/{{study}}/{path}"


def paths(path, **values):
    """Paths below this study's results, one for each combination of the values."""
    return expand(pattern(path), study=study.name, **values)


def path(path, **values):
    """A path below this study's results."""
    (file,) = paths(path, **values)
    return file


# --- resources ----------------------------------------------------------------------------------

# A job on a node of a cluster reads the rules again, as the process that submitted it did.
on_cluster = workflow.remote_exec or workflow.resource_settings.nodes is not None

# Values of the rules, not of a profile: options of the command line replace a profile's whole list.
try:
    GPUS = gpus_of_a_job(on_cluster, here=bool(shutil.which("nvidia-smi")))
except SynthaugError as error:
    raise WorkflowError(f"synthaug: {error}") from None

# On one machine independent jobs side by side finish sooner than one after the other with all cores, and two threads
# that wait for each other crawl where a core is shared.
NETWORK_THREADS = 8 if on_cluster else 1
TASK_THREADS = 4 if on_cluster else 1


def by_attempt(amount):
    """Memory or time that grows with each attempt: a job that ended for lack of it is tried again with more."""
    return lambda wildcards, attempt: amount * attempt


# A training that is not done within its time is saved and resumed by the next attempt; other jobs get more time.
TRAINS_NETWORK = {"gpu": GPUS, "mem_mb": by_attempt(32000), "runtime": "24h"}
RUNS_NETWORK = {
    "gpu": GPUS,
    "mem_mb": by_attempt(16000),
    "runtime": lambda wildcards, attempt: f"{4 * attempt}h",
}


def checkpoints(kind, settings, wildcards):
    """Where unfinished training is kept: beside the outputs, which a restart deletes."""
    training = checkpoints_of(kind, dict(wildcards.items()))
    return f"results/{wildcards.study}/checkpoints/{training}/{sha256_json(settings)[:12]}"


def features_memory(wildcards, input, attempt):
    """MiB for distances: real features and the drawn synthetic ones as they are on disk, and one kind twice in double precision."""
    real = megabytes(input.real)
    # Files are mapped: of a large cohort what is drawn is read, and a subject is as large as a real one.
    drawn = 1.5 * real * study.evaluation.max_synthetic_subjects / max(1, count_lines(input.split))
    synthetic = sum(min(megabytes(file), drawn) for file in as_list(input.synthetic))
    controls = sum(map(megabytes, as_list(input.get("controls", []))))
    return attempt * max(8000, round(2000 + 6 * (real + synthetic + controls)))


def features_runtime(wildcards, input, attempt):
    """Minutes for distances: the real features set the size of all sets that are compared."""
    return attempt * (60 + round(4 * megabytes(input.real)))


def grows_with(*inputs, drawn=(), seconds, mib=0.1, least_mib=8000, least_minutes=60):
    """Memory and time of a rule by the number of subjects in its cohorts, each input a folder or several.

    Of each cohort of the inputs `drawn`, the rule measures at most `evaluation.max_synthetic_subjects`.
    """

    def subjects(input, names):
        return [subjects_in(folder) for name in names for folder in as_list(input.get(name) or [])]

    def count(input):
        most = study.evaluation.max_synthetic_subjects
        return sum(subjects(input, inputs)) + sum(min(found, most) for found in subjects(input, drawn))

    return {
        "mem_mb": lambda wildcards, input, attempt: attempt
        * max(least_mib, round(2000 + mib * count(input))),
        "runtime": lambda wildcards, input, attempt: attempt
        * (least_minutes + round(seconds * count(input) / 60)),
    }


def network_reads(*inputs):
    """A network that goes through cohorts or a part of one: 5 s a subject, beside the time of any such job."""
    return {"gpu": GPUS} | grows_with(*inputs, seconds=5, least_mib=16000, least_minutes=240)


def hashes(*inputs):
    """Time and memory to read every file of cohorts for its checksum, 0.2 s a subject with a cine of 20 MB."""
    return grows_with(*inputs, seconds=0.2, mib=0.01)


READS_COHORT = network_reads("cohorts")
# Gathering links or copies what is there: at most 0.1 s a subject, whose files take 4 ms each where the disk is a server's.
GATHERS_PARTS = {
    "mem_mb": by_attempt(8000 + study.synthesis.subjects // 20),
    "runtime": by_attempt(60 + study.synthesis.subjects // 600),
}


def duplicates_runtime(wildcards, input, attempt):
    """Minutes to hash every subject and to compare each with each."""
    count = sum(subjects_in(folder) for folder in input.cohorts)
    return attempt * (60 + round(count / 60 + 4e-8 * count**2))


def audit_features_memory(wildcards, input, attempt):
    """MiB for the similarity of each synthetic subject to each real one, several times, and for their vectors."""
    real, made = count_lines(input.split), megabytes(input.synthetic)
    pairs = real**2 * made / megabytes(input.real)  # a synthetic subject is as large as a real one
    return attempt * max(16000, round(2000 + made + 1.5e-4 * pairs))


def audit_runtime(wildcards, input, attempt):
    """Minutes to compare each synthetic subject with each real one in every position, 1 ms a pair, twice over."""
    real = sum(subjects_in(folder) for folder in input.cohorts)
    return attempt * (60 + round(subjects_in(input.synthetic) * (1 + 4e-3 * real) / 60))


def subjects_in(cohort):
    """Subjects of a cohort or an arm, given by its folder or table; Snakemake waits for a missing input, not for a file in it."""
    os.stat(cohort)
    table = Path(cohort) if Path(cohort).name == "subjects.tsv" else Path(cohort, "subjects.tsv")
    return count_lines(table) if table.is_file() else 0


def count_lines(file):
    """Lines of a table below its header."""
    with open(file, "rb") as stream:
        return max(0, sum(1 for _ in stream) - 1)


def megabytes(file):
    return Path(file).stat().st_size / 1e6


def as_list(files):
    return [files] if isinstance(files, str) else list(files)


# --- code ---------------------------------------------------------------------------------------


# A parameter of every rule, so that Snakemake, which overlooks imported modules and sees the time of a script only,
# reruns a job whose code was edited. It is a hash of syntax: comments, docstrings, the folder of the checkout and the
# times of its files rerun nothing.


def code(script, *modules):
    """The code that a rule's script runs, for rules that run the same whatever their wildcards are."""
    return lambda wildcards: code_of(script, *modules)


@functools.cache
def code_of(script, *modules):
    """Hash of a script's code, of what it imports and of what the registries import by name for it."""
    file = workflow.source_path(f"../scripts/{script}.py")
    return code_hash(map(Path, [file, *imported_files([file], modules)]))


def model_modules(name):
    """Modules that the registry imports by name for a model and the models it needs."""
    settings = study.models[name]
    modules = [module_of(settings)]
    for need in settings.needs.values():
        modules += model_modules(need)
    return modules


def trained_model(name):
    """What the weights of a model follow from: all its settings but how often it is saved on the way."""
    return study.models[name].model_dump(mode="json", exclude={"training": {"checkpoint_minutes"}})


def generator_modules(name):
    """Modules that the registries import by name for a generator and its models."""
    settings = study.generators[name]
    modules = [module_of(settings)]
    for need in settings.needs.values():
        modules += model_modules(need)
    return modules


def extractor_modules(name):
    """Modules that the registry imports by name for an extractor."""
    extractor = study.evaluation.extractors[name]
    needed = model_modules(extractor.model) if is_trained(extractor) else []
    return [module_of(extractor), *needed]


# --- datasets -----------------------------------------------------------------------------------


def raw_dataset(wildcards):
    """What a dataset is read from: the written phantom, or every file under the user's root."""
    return raw.get(wildcards.dataset) or path("raw/{dataset}", dataset=wildcards.dataset)


def reader_code(wildcards):
    return code_of("harmonise", module_of(study.datasets[wildcards.dataset]))


def raw_root(wildcards):
    dataset = study.datasets[wildcards.dataset]
    return dataset.root or path("raw/{dataset}", dataset=wildcards.dataset)


def phenotype_settings(wildcards):
    """The user's own table of phenotypes of a dataset; None without one."""
    own = study.datasets[wildcards.dataset].phenotypes
    return own and own.model_dump(mode="json")


def phenotype_table(wildcards):
    own = study.datasets[wildcards.dataset].phenotypes
    return own.table if own else []


def report_settings():
    """The user's own reports of the datasets that are split."""
    found = {name: study.datasets[name].reports for name in split_datasets}
    return {name: own.model_dump(mode="json") for name, own in found.items() if own}


def packed_sentences(wildcards):
    """Sentences of the fold's subjects, where a model reads them."""
    return path("impressions/fold-{fold}.tsv", fold=wildcards.fold) if writes_sentences else []


def duplicates_checked(wildcards):
    """The search for one patient under two ids: nothing trains before it passed, nothing reruns because it ran."""
    return ancient(path("splits/duplicates.tsv"))


# --- models and generators ----------------------------------------------------------------------


def models_needed(settings, wildcards, file="model.safetensors"):
    """A file of each model that a model or generator builds on, of its fold and generator seed."""
    seed = wildcards.generator_seed
    return [path(f"{ModelRun(need, wildcards.fold, seed).folder}/{file}") for need in settings.needs.values()]


def model_needs(wildcards):
    return models_needed(study.models[wildcards.model], wildcards)


def training_store(wildcards):
    """The fold's training cines: with the labels of a teacher, where the model has one."""
    teacher = getattr(study.models[wildcards.model], "teacher", None)
    if teacher is None:
        return path("stores/fold-{fold}/train", fold=wildcards.fold)
    return path(f"stores/fold-{wildcards.fold}/taught/{teacher.task}/{teacher.confidence}")


def initial_weights(wildcards):
    """The file that a training starts from, if any."""
    init = study.models[wildcards.model].init
    return init.weights if init else []


def image_text_model(wildcards):
    """The folder of a CLIP model that a text encoder reads."""
    settings = study.models[wildcards.model]
    return image_text_files(settings.weights) if settings.kind == "clip_text" else []


def image_text_files(weights):
    """What is read of the folder of an image-text model: weights, configuration, tokenizer; no file that is not there yet."""
    files = [Path(weights), *files_beside_weights(Path(weights).parent)]
    return [str(file) for file in files if file.is_file()]


def generator_models(wildcards):
    return models_needed(study.generators[wildcards.generator], wildcards)


def reconstruction_checked(wildcards):
    """The check of each autoencoder below: nothing trains on latents before it passed, nothing reruns because it ran."""
    settings = study.models[wildcards.model]
    coders = [need for need in settings.needs.values() if study.models[need].kind in AUTOENCODER_KINDS]
    fold, seed = wildcards.fold, wildcards.generator_seed
    return [
        ancient(path(f"{ModelRun(need, fold, seed).folder}/reconstruction_check.json")) for need in coders
    ]


def reconstructed_files(wildcards):
    """The training cines of a fold and, where there is an extractor, the first one and its features of real cines."""
    fold = wildcards.fold
    files = {
        "cohorts": paths("cohorts/{dataset}", dataset=split_datasets),
        "split": path("splits/fold-{fold}.tsv", fold=fold),
    }
    if not extractors:
        return files
    first = extractors[0]
    return {
        **files,
        "extractor": extractor_weights(first, fold),
        "extractor_files": extractor_files(first),
        "real": path("features/{extractor}/fold-{fold}/real.npz", extractor=first, fold=fold),
    }


def reconstruction_code(wildcards):
    extracting = extractor_modules(extractors[0]) if extractors else []
    return code_of("check_reconstruction", *model_modules(wildcards.model), *extracting)


def model_code(wildcards):
    return code_of("train_model", *model_modules(wildcards.model))


def requested_files(wildcards):
    """The user's own requests: a table, or a cohort's table and masks."""
    requests = study.synthesis.requests
    if requests.table:
        return [requests.table]
    if not requests.cohort:
        return []
    folder = Path(requests.cohort)
    names = ["labels", *(["cine", "guide"] if requests.images else [])]
    images = sorted(str(file) for name in names for file in folder.glob(f"sub-*/{name}.nii.gz"))
    return [str(folder / "cohort.json"), str(folder / "subjects.tsv"), *images]


def requests_sampler(wildcards):
    """Weights of the model that draws the phenotypes of the requests, where the study names one."""
    sampler, seed = study.synthesis.requests.sampler, wildcards.generator_seed
    return path(f"{ModelRun(sampler, wildcards.fold, seed).folder}/model.safetensors") if sampler else []


def requests_code(wildcards):
    """A class of the registry counts only where requests come from it."""
    sampler = study.synthesis.requests.sampler
    return code_of("plan_requests", *(model_modules(sampler) if sampler else []))


def generator_reads_text(generator):
    """Whether a model of the generator is a text encoder or builds on one."""
    return reads_text(study.generators[generator].needs.values(), study.models)


def requests_as_read(name):
    """A folder of requests as the generator reads them: in words where it reads text."""

    def folder(wildcards):
        worded = "worded-" if generator_reads_text(wildcards.generator) else ""
        return path(f"{synthetic_run(wildcards).folder}/{worded}{name}", chunk=wildcards.get("chunk", ""))

    return folder


def all_requests(wildcards):
    """The requests of all chunks, as the generator reads them."""
    folder = requests_as_read("requests")(wildcards)
    return [f"{folder}/{chunk}" for chunk in range(len(chunks))]


def generator_code(wildcards):
    return code_of("synthesise_chunk", *generator_modules(wildcards.generator))


def attention_code(wildcards):
    return code_of("measure_attention", *generator_modules(wildcards.generator))


def description_code(wildcards):
    """A description names the files of a class from outside the package by their hashes."""
    settings = study.generators[wildcards.generator]
    modules = [module_of(settings)] if settings.kind == "plugin" else []
    return code_of("describe_generator", *modules)


def real_dataset(wildcards):
    """The cohort whose subjects stand in the place of synthetic ones."""
    return path("cohorts/{dataset}", dataset=study.generators[wildcards.generator].dataset)


def brought_folder(wildcards):
    """The folder of a cohort of synthetic cines from elsewhere."""
    return study.generators[wildcards.generator].folder


def made_cohort_of(wildcards):
    """The synthetic cohort with the masks it was made or brought with."""
    return made_cohort(study, synthetic_run(wildcards))


def made_cohorts_of(wildcards):
    """The same, for a script that takes several cohorts: of a part the chunks that it consists of."""
    if not wildcards.get("part"):
        return [made_cohort_of(wildcards)]
    numbers = parts[int(wildcards.part.removeprefix(PART))]
    return [path(f"{synthetic_run(wildcards).folder}/chunks/{number}") for number in numbers]


def cohort_of(wildcards):
    """The synthetic cohort that is measured and trained on: with pseudo labels if configured."""
    return synthetic_cohort(study, synthetic_run(wildcards))


def cohorts_of(wildcards):
    """The same, for a script that takes several cohorts: of a part its chunks, or what was labelled of them."""
    whole = cohort_of(wildcards)
    if whole == made_cohort_of(wildcards):
        return made_cohorts_of(wildcards)
    return [whole + wildcards.get("part", "")]


def in_parts(output):
    """An output with the wildcard `part`, of each part of a cohort."""
    return expand(output, part=[f"{PART}{number}" for number in range(len(parts))], allow_missing=True)


#: Generators of cohorts so large that one job does a part of one, and another gathers the parts.
divided = any_of(name for name in study.generators if len(parts) > 1 and is_sampled(study, name))


def synthetic_run(wildcards):
    return SyntheticRun(wildcards.generator, wildcards.fold, wildcards.generator_seed)


# --- features and rows --------------------------------------------------------------------------


def extractor_model(wildcards):
    """Weights of a rule's extractor."""
    return extractor_weights(wildcards.extractor, wildcards.fold)


def extractor_weights(name, fold):
    """Weights of an extractor: trained by the study, or supplied, so that they count when they arrive."""
    extractor = study.evaluation.extractors[name]
    if not is_trained(extractor):
        return extractor.weights if extractor.weights and Path(extractor.weights).is_file() else []
    return path(f"{ModelRun(extractor.model, fold, first_generator_seed).folder}/model.safetensors")


def extractor_folder(wildcards):
    """Files of a rule's extractor, where its weights are read with their folder."""
    return extractor_files(wildcards.extractor)


def extractor_files(name):
    """The folder of an extractor that describes images and text; of another, nothing beside its weights."""
    extractor = study.evaluation.extractors[name]
    return image_text_files(extractor.weights) if extractor.kind == "image_text" and extractor.weights else []


def recogniser_model(wildcards):
    """Weights of the patient recogniser of a fold."""
    run = ModelRun(study.evaluation.recognition, wildcards.fold, first_generator_seed)
    return path(f"{run.folder}/model.safetensors")


def extractor_settings(wildcards):
    return study.evaluation.extractors[wildcards.extractor].model_dump(mode="json")


def extractor_code(wildcards, script="extract_features"):
    return code_of(script, *extractor_modules(wildcards.extractor))


#: Features of corrupted real cines that generators are compared with, in the order of `synthaug.measures.metric_sensitivity.corruptions.CONTROLS`.
corrupted_features = [
    pattern(f"features/{{extractor}}/fold-{{fold}}/{name}.npz") for name in ("frames-shuffled", "blurred")
]


def features_of_generators(wildcards):
    """Features of every generator's cohort, of one extractor, fold and generator seed, in the order of the study."""
    return paths(
        "features/{extractor}/fold-{fold}/{generator}_generator-seed-{generator_seed}.npz",
        extractor=wildcards.extractor,
        fold=wildcards.fold,
        generator=list(study.generators),
        generator_seed=wildcards.generator_seed,
    )


def runs_with_requests(wildcards):
    """Sampled cohorts of one fold and generator seed: their requests with one number are the same."""
    fold, seed = int(wildcards.fold), int(wildcards.generator_seed)
    return [
        run
        for run in synthetic_runs(study)
        if is_sampled(study, run.generator) and (run.fold, run.generator_seed) == (fold, seed)
    ]


def of_runs_with_requests(measure, ending, wildcards, where=True):
    """A file of a measure of each of these cohorts; none where the study does not measure it."""
    return [path(f"rows/{measure}/{run.stem}{ending}") for run in runs_with_requests(wildcards) if where]


def files_of_runs(*kinds):
    """All files and folders of the study's runs of some kinds."""
    return [str(file) for run in list_runs(study) if run.kind in kinds for file in run.files]


def shown_in_figure(figure):
    """What a figure shows: generator, kind of file, file; of the first fold and seed of each generator that has one.

    Without `evaluation.attention` there is no attention, without an extractor there is no map.
    """
    extractor = next(iter(study.evaluation.extractors), None)
    found = []
    for run in synthetic_runs(study):
        if (run.fold, run.generator_seed) != (folds[0], study.synthesis.generator_seeds[0]):
            continue
        where = {"cohort": synthetic_cohort(study, run), "requested": made_cohort(study, run)}
        if study.evaluation.attention:
            where["attention"] = path(f"rows/attention/{run.stem}.examples.npz")
        if extractor:
            name = f"{run.generator}_generator-seed-{run.generator_seed}.map.tsv"
            where["points"] = path(f"features/{extractor}/fold-{run.fold}/{name}")
            where["mixing"] = path(f"rows/mixing/{extractor}_{run.stem}.tsv")
        kinds = (EVERY, study.generators[run.generator].kind)
        wanted = [kind for kind, whose in FIGURES[figure].items() if whose in kinds and kind in where]
        found += [(run.generator, kind, where[kind]) for kind in wanted]
    return found


def simulated_in_figure(figure):
    """Simulated datasets that tell a figure where an infarct lies."""
    return simulated_datasets if figure in SHOWS_INFARCTS else []
