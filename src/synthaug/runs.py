"""What a study runs, enumerated once.

The workflow, the completeness check, the cost estimate and the report read these lists.
A run is a named tuple of what tells it from others; its folder is relative to ``results/<study>``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthaug.config.arms import Arm
from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.study import StudySettings
from synthaug.core.artifacts import atomic_file, check_text_file
from synthaug.core.errors import DamagedFileError

#: Chunks after which their size doubles, the first time after twice as many; how often it does.
_CHUNKS_OF_A_SIZE, _DOUBLINGS = 32, 6
#: Least requests of a part of a cohort: about an hour of segmenting whole cines (docs/scaling.md).
_REQUESTS_OF_A_PART = 2048
#: What the name of a part of an output has before its number.
PART = "_part-"


class ModelRun(NamedTuple):
    """One training of a model, on the training patients of a fold."""

    model: str
    fold: int
    generator_seed: int

    @property
    def folder(self) -> str:
        """Folder of the weights and their record."""
        return f"models/{self.model}/fold-{self.fold}/generator-seed-{self.generator_seed}"


class SyntheticRun(NamedTuple):
    """One synthetic cohort, or one condition sweep, of a generator."""

    generator: str
    fold: int
    generator_seed: int

    @property
    def folder(self) -> str:
        """Folder of the requests and of the cohorts made for them."""
        return f"synthetic/{self.generator}/fold-{self.fold}/generator-seed-{self.generator_seed}"

    @property
    def stem(self) -> str:
        """What names the run in a file name."""
        return f"{self.generator}_fold-{self.fold}_generator-seed-{self.generator_seed}"


class FeatureMap(NamedTuple):
    """One map of real and synthetic subjects in the feature space of an extractor."""

    extractor: str
    generator: str
    fold: int
    generator_seed: int


class ArmRun(NamedTuple):
    """One training of a task on the training set of an arm.

    An arm of real patients only has one run per training seed: it does not depend on the generator seed,
    and its `generator_seed` is the first of the study.
    """

    task: str
    arm: str
    fold: int
    generator_seed: int
    training_seed: int

    @property
    def folder(self) -> str:
        """Folder of the trained model and of its predictions."""
        return (
            f"tasks/{self.task}/fold-{self.fold}/arms/{self.arm}/generator-seed-{self.generator_seed}/"
            f"training-seed-{self.training_seed}"
        )

    @property
    def subjects(self) -> str:
        """Folder of the table of training subjects, the same for all tasks and training seeds."""
        return f"arms/{self.arm}/fold-{self.fold}/generator-seed-{self.generator_seed}"

    @property
    def stem(self) -> str:
        """What names the run in a file name."""
        return (
            f"{self.task}_{self.arm}_fold-{self.fold}_generator-seed-{self.generator_seed}_"
            f"training-seed-{self.training_seed}"
        )


def checkpoints_of(kind: str, training: Mapping[str, Any]) -> str:
    """Folder of a training's checkpoints below ``results/<study>/checkpoints``; in it one for each of its settings.

    Parameters
    ----------
    kind : str
        ``models`` or ``tasks``.
    training : mapping
        What tells it from others: fields of a `ModelRun` or `ArmRun`, or wildcards of its rule.
    """
    return f"{kind}/" + "_".join(
        f"{key}-{value}" for key, value in sorted(training.items()) if key != "study"
    )


def folds_of(study: StudySettings) -> list[int]:
    """Folds of the study, from 0."""
    return list(range(study.split.folds))


def chunks_of(study: StudySettings) -> list[range]:
    """Chunks of every sampled cohort: the numbers of the requests of each, from 0.

    The first 64 chunks have `synthesis.chunk_size` requests; from there on every 32 chunks their size doubles, up to 64
    times the first, so that the plan of a million subjects stays small. A chunk
    does not follow from the number of subjects, so that a larger cohort keeps the chunks of the smaller one; only a last chunk
    that was not full is made again.
    """
    synthesis = study.synthesis
    chunks: list[range] = []
    start = 0
    while start < synthesis.subjects:
        doublings = min(max(len(chunks) // _CHUNKS_OF_A_SIZE - 1, 0), _DOUBLINGS)
        stop = min(start + synthesis.chunk_size * 2**doublings, synthesis.subjects)
        chunks.append(range(start, stop))
        start = stop
    return chunks


def parts_of(study: StudySettings) -> list[range]:
    """Parts of every sampled cohort that one job each segments, labels and extracts the features of: the numbers of their chunks.

    A part has as many chunks as are needed for 2,048 requests, the last one what is left. A cohort of one part is not divided. Like
    chunks, parts do not follow from the number of subjects: a larger cohort keeps all but the last part of the smaller one.
    """
    parts: list[range] = []
    start = requests = 0
    chunks = chunks_of(study)
    for number, chunk in enumerate(chunks, start=1):
        requests += len(chunk)
        if requests >= _REQUESTS_OF_A_PART or number == len(chunks):
            parts.append(range(start, number))
            start, requests = number, 0
    return parts


def segmentation_task(study: StudySettings) -> str | None:
    """Name of the task that labels and measures synthetic cines, the first that can; None where there is none."""
    return next((name for name, task in study.tasks.items() if task.segments), None)


def diagnosis_task(study: StudySettings) -> str | None:
    """Name of the task whose network recognises the requested diagnosis in synthetic cines; None where there is none."""
    return next((name for name in _classifying(study) if not study.tasks[name].reads_phenotypes), None)


def forest_task(study: StudySettings) -> str | None:
    """Name of the random forest that recognises it by phenotypes which the segmenter measures; None where there is none.

    The first with the classes of `diagnosis_task`, where the study has one.
    """
    if segmentation_task(study) is None:
        return None
    network = diagnosis_task(study)
    classes = network and _classes_of(study, network)
    forests = [name for name in _classifying(study) if study.tasks[name].reads_phenotypes]
    return next((name for name in forests if network is None or _classes_of(study, name) == classes), None)


def _classifying(study: StudySettings) -> list[str]:
    return [name for name, task in study.tasks.items() if task.kind == "classification"]


def _classes_of(study: StudySettings, task: str) -> Any:
    return getattr(study.tasks[task], "classes", None)


# --- models and generators ------------------------------------------------------------------------


def is_sampled(study: StudySettings, generator: str) -> bool:
    """Whether the study samples the generator; others bring volumes that exist."""
    return study.generators[generator].sampled


def is_real(study: StudySettings, generator: str) -> bool:
    """Whether real subjects are used instead of synthetic ones."""
    return hasattr(study.generators[generator], "dataset")


def is_reconstructed(study: StudySettings, generator: str) -> bool:
    """Whether reconstructions of real subjects are used instead of synthetic ones."""
    return bool(getattr(study.generators[generator], "through", None))


def model_runs(study: StudySettings) -> list[ModelRun]:
    """Every training: models of generators with each generator seed, those of extractors with the first."""
    folds, seeds = folds_of(study), study.synthesis.generator_seeds
    generating = _with_needs(
        study, (need for generator in study.generators.values() for need in generator.needs.values())
    )
    extracting = _with_needs(study, study.evaluation.model_names())
    # Models of phenotypes are compared with one another, whichever of them the requests come from.
    generating += [model for model in phenotype_samplers(study) if model not in generating]
    runs = [ModelRun(model, fold, seed) for model in generating for fold in folds for seed in seeds]
    return runs + [
        ModelRun(model, fold, seeds[0]) for model in extracting for fold in folds if model not in generating
    ]


def phenotype_samplers(study: StudySettings) -> list[str]:
    """Names of the models that phenotypes can be drawn from."""
    return [name for name, model in study.models.items() if getattr(model, "samples_phenotypes", False)]


def reconstruction_checks(study: StudySettings) -> list[ModelRun]:
    """Trainings of the autoencoders that another trained model builds on."""
    runs = model_runs(study)
    needed = {need for run in runs for need in study.models[run.model].needs.values()}
    return [run for run in runs if run.model in needed and study.models[run.model].kind in AUTOENCODER_KINDS]


def _with_needs(study: StudySettings, names: Iterable[str]) -> list[str]:
    """Models and all they build on, each once."""
    found: list[str] = []
    for name in names:
        found += [name, *_with_needs(study, study.models[name].needs.values())]
    return list(dict.fromkeys(found))


# --- synthetic cohorts ----------------------------------------------------------------------------


def synthetic_runs(study: StudySettings) -> list[SyntheticRun]:
    """Every synthetic cohort: each generator in each fold with each generator seed."""
    return [
        SyntheticRun(generator, fold, seed)
        for generator in study.generators
        for fold in folds_of(study)
        for seed in study.synthesis.generator_seeds
    ]


def _of_the_first_seed(study: StudySettings) -> list[SyntheticRun]:
    """Synthetic cohorts of every fold with the first generator seed: what is measured once a fold."""
    first = study.synthesis.generator_seeds[0]
    return [run for run in synthetic_runs(study) if run.generator_seed == first]


def sweep_runs(study: StudySettings) -> list[SyntheticRun]:
    """Every condition sweep: of what is sampled, in each fold, with the first generator seed."""
    if not study.synthesis.sweep.levels or segmentation_task(study) is None:
        return []
    return [run for run in _of_the_first_seed(study) if is_sampled(study, run.generator)]


def contrast_runs(study: StudySettings) -> list[SyntheticRun]:
    """Every cohort of several contrasts: of what is sampled, in each fold, with the first generator seed."""
    if study.evaluation.contrasts is None:
        return []
    return [run for run in _of_the_first_seed(study) if is_sampled(study, run.generator)]


def attention_runs(study: StudySettings) -> list[SyntheticRun]:
    """Every measurement of attention: of each generator that attends to words, in each fold, with the first generator seed."""
    if study.evaluation.attention is None:
        return []
    return [run for run in _of_the_first_seed(study) if _attends_to_words(study, run.generator)]


def _attends_to_words(study: StudySettings, generator: str) -> bool:
    """Whether it samples from the words of a sentence, itself or under a control branch."""
    settings = study.generators[generator]
    if settings.kind not in ("text_driven", "mask_guided"):
        return False
    return bool(study.models[settings.models["diffusion"]].kind == "text_diffusion")


def feature_maps(study: StudySettings) -> list[FeatureMap]:
    """Every pair of an extractor and a synthetic cohort."""
    return [
        FeatureMap(extractor, *run)
        for extractor in study.evaluation.extractors
        for run in synthetic_runs(study)
    ]


def compares_generators(study: StudySettings) -> bool:
    """Whether the study has generators to compare with each other."""
    return len(study.generators) > 1


def generator_comparisons(study: StudySettings) -> list[tuple[str, int, int]]:
    """Extractor, fold and generator seed of every comparison of the generators; none with fewer than two."""
    if not compares_generators(study):
        return []
    return [
        (extractor, fold, seed)
        for extractor in study.evaluation.extractors
        for fold in folds_of(study)
        for seed in study.synthesis.generator_seeds
    ]


def request_comparisons(study: StudySettings) -> list[tuple[int, int]]:
    """Fold and generator seed of every comparison of sampled generators by request; none with fewer than two."""
    if sum(is_sampled(study, generator) for generator in study.generators) < 2:
        return []
    return [(fold, seed) for fold in folds_of(study) for seed in study.synthesis.generator_seeds]


def generator_trainings(study: StudySettings, run: SyntheticRun) -> list[ModelRun]:
    """Trainings that a synthetic cohort rests on: models of its generator and all they build on."""
    models = _with_needs(study, study.generators[run.generator].needs.values())
    return [ModelRun(model, run.fold, run.generator_seed) for model in models]


def made_cohort(study: StudySettings, run: SyntheticRun) -> str:
    """Folder of a synthetic cohort with its original masks."""
    if study.generators[run.generator].kind == "external":  # one for all folds and seeds
        return f"results/{study.name}/synthetic/{run.generator}/brought"
    return f"results/{study.name}/{run.folder}/cohort"


def synthetic_cohort(study: StudySettings, run: SyntheticRun) -> str:
    """Folder of the synthetic cohort that is measured and trained on: with pseudo labels if configured."""
    if getattr(study.generators[run.generator], "labels", "own") == "own":
        return made_cohort(study, run)
    return f"results/{study.name}/{run.folder}/labelled"


# --- arms -----------------------------------------------------------------------------------------


def generator_seeds_of(study: StudySettings, arm: Arm) -> tuple[int, ...]:
    """Generator seeds an arm is run with; real patients alone do not depend on them."""
    seeds = study.synthesis.generator_seeds
    return seeds if arm.generator else seeds[:1]


def arms_of_task(study: StudySettings, task: str) -> dict[str, Arm]:
    """Arms and controls that a task is trained on, by name."""
    arms = study.every_arm()
    if study.tasks[task].arms == "all":
        return arms
    return {name: arm for name, arm in arms.items() if arm.generator is None}


def arm_runs(study: StudySettings) -> list[ArmRun]:
    """Every training of every task: each of its arms and controls in each fold with each of its seeds."""
    return [
        ArmRun(task, name, fold, generator_seed, training_seed)
        for task, settings in study.tasks.items()
        for name, arm in arms_of_task(study, task).items()
        for fold in folds_of(study)
        for generator_seed in generator_seeds_of(study, arm)
        for training_seed in settings.training_seeds
    ]


def reference_run(study: StudySettings, task: str, fold: int) -> ArmRun:
    """The run that saw the most real patients of the fold and nothing else, first seeds."""
    real = [arm for arm in study.every_arm().values() if arm.generator is None]
    most = max(real, key=lambda arm: arm.real).name
    first = study.synthesis.generator_seeds[0]
    return ArmRun(task, most, fold, first, study.tasks[task].training_seeds[0])


# --- results --------------------------------------------------------------------------------------


def score_files(study: StudySettings) -> list[str]:
    """Row files with the scores of the arms, relative to ``results/<study>``."""
    return [f"rows/scores/{run.stem}.tsv" for run in arm_runs(study)]


#: Of generators; it reads the comparisons of the arms, too.
_RANKING = "rows/generator-ranking.tsv"


def measure_files(study: StudySettings) -> list[str]:
    """Row files about generators and autoencoders, relative to ``results/<study>``, in the order of the table."""
    extractors = study.evaluation.extractors
    trained = [name for name, extractor in extractors.items() if extractor.kind == "study"]
    files = [
        f"rows/metric-sensitivity/{name}_fold-{fold}.tsv" for name in extractors for fold in folds_of(study)
    ]
    for generator in study.generators:
        runs = [run for run in synthetic_runs(study) if run.generator == generator]
        for measure, used in (
            ("distances", extractors),
            ("mixing", extractors),
            ("memorisation-features", trained),
        ):
            files += [f"rows/{measure}/{name}_{run.stem}.tsv" for name in used for run in runs]
        if study.evaluation.recognition:
            files += [f"rows/memorisation-recognition/{run.stem}.tsv" for run in runs]
        measures = ["controllability", "mask-agreement"] if segmentation_task(study) else []
        measures += ["cardiac-function", "memorisation"]
        measures += ["recovery"] if segmentation_task(study) or diagnosis_task(study) else []
        measures += ["acceptance"] if is_sampled(study, generator) else []
        measures += ["cost"] if is_sampled(study, generator) and compares_generators(study) else []
        files += [f"rows/{measure}/{run.stem}.tsv" for measure in measures for run in runs]
        # Some folds train with a patient and others without; in one fold nobody could be compared.
        if is_sampled(study, generator) and study.split.folds > 1:
            files.append(f"rows/memberships/{generator}.tsv")
    files += [
        f"rows/generator-comparison/{extractor}_fold-{fold}_generator-seed-{seed}.tsv"
        for extractor, fold, seed in generator_comparisons(study)
    ]
    files += [
        f"rows/request-pairs/fold-{fold}_generator-seed-{seed}.tsv"
        for fold, seed in request_comparisons(study)
    ]
    files += [
        f"rows/phenotype-sampling/{run.model}_fold-{run.fold}_generator-seed-{run.generator_seed}.tsv"
        for run in model_runs(study)
        if run.model in phenotype_samplers(study)
    ]
    files += [
        f"rows/reconstructions/{run.model}_fold-{run.fold}_generator-seed-{run.generator_seed}.tsv"
        for run in reconstruction_checks(study)
    ]
    files += [f"rows/contrast-consistency/{run.stem}.tsv" for run in contrast_runs(study)]
    files += [
        f"rows/contrast-distances/{extractor}_{run.stem}.tsv"
        for extractor in study.evaluation.extractors
        for run in contrast_runs(study)
    ]
    files += [f"rows/attention/{run.stem}.tsv" for run in attention_runs(study)]
    files += [f"rows/condition-sweep/{run.stem}.tsv" for run in sweep_runs(study)]
    return files + ([_RANKING] if compares_generators(study) else [])


def generator_measures(study: StudySettings) -> list[str]:
    """Row files about generators and autoencoders that need no training of an arm, but of the networks that measure."""
    return [file for file in measure_files(study) if file != _RANKING]


#: Row files that generators are ranked by, by their folder.
_RANKED = (
    *("distances", "controllability", "mask-agreement", "cardiac-function", "memorisation", "acceptance"),
    *("recovery", "cost", "request-pairs"),
)


def ranked_files(study: StudySettings) -> list[str]:
    """Row files that the ranking of the generators reads, besides the comparisons of the arms."""
    return [file for file in measure_files(study) if file.split("/")[1] in _RANKED]


# --- the list of runs -----------------------------------------------------------------------------


class ListedRun(NamedTuple):
    """A row of ``runs.tsv``: what was run, and the files that belong to it.

    Attributes
    ----------
    kind : str
        ``"dataset"``, ``"split"``, ``"synthetic"``, ``"sweep"``, ``"map"``, ``"model"`` or ``"arm"``.
    name : str or None
        Dataset, generator, model or arm.
    task, extractor : str or None
        Downstream task of an arm's training; extractor of a map.
    fold, generator_seed, training_seed : int or None
        What tells runs of one name apart; None where a kind of run has none.
    cohort : Path or None
        Folder of a real or synthetic cohort.
    split : Path or None
        Roles of the subjects in a fold, TSV.
    measured : Path or None
        Volumes measured on synthetic images by the reference segmenter, TSV.
    pairs : Path or None
        Each synthetic subject with the training subject most like it, TSV.
    ranges : Path or None
        Least and greatest of the training patients by quantity, JSON.
    points : Path or None
        Subjects in the plane, TSV.
    record, history : Path or None
        Record of a training, JSON; its losses, CSV.
    predictions : Path or None
        Folder of the predicted labels of the test patients, of the task that segments.
    phenotypes : Path or None
        Phenotypes of the subjects of a dataset, TSV, where a model draws phenotypes.
    attention : Path or None
        Examples of a generator's attention to words, NPZ, where it is measured.
    """

    kind: str
    name: str | None = None
    task: str | None = None
    extractor: str | None = None
    fold: int | None = None
    generator_seed: int | None = None
    training_seed: int | None = None
    cohort: Path | None = None
    split: Path | None = None
    measured: Path | None = None
    pairs: Path | None = None
    ranges: Path | None = None
    points: Path | None = None
    record: Path | None = None
    history: Path | None = None
    predictions: Path | None = None
    phenotypes: Path | None = None
    attention: Path | None = None

    @property
    def files(self) -> list[Path]:
        """Files and folders that the workflow makes for the run; of a task's training, its folders."""
        if self.kind == "arm" and self.record:
            return [self.record.parent, *([self.predictions] if self.predictions else [])]
        return [part for part in self if isinstance(part, Path)]


_NUMBERS = ("fold", "generator_seed", "training_seed")
_TEXTS = ("kind", "name", "task", "extractor")


def list_runs(study: StudySettings) -> Iterator[ListedRun]:
    """Everything that the tables and the report of a study are made from, with its files."""
    root = Path("results", study.name)
    for name in study.datasets:
        measured = phenotype_samplers(study) and study.datasets[name].split
        phenotypes = root / f"phenotypes/{name}.tsv" if measured else None
        yield ListedRun("dataset", name, cohort=root / "cohorts" / name, phenotypes=phenotypes)
    for fold in folds_of(study):
        yield ListedRun("split", fold=fold, split=root / f"splits/fold-{fold}.tsv")
    attentive = attention_runs(study)
    for run in synthetic_runs(study):
        yield ListedRun(
            "synthetic",
            run.generator,
            fold=run.fold,
            generator_seed=run.generator_seed,
            cohort=Path(synthetic_cohort(study, run)),
            measured=root / f"rows/controllability/{run.stem}.measured.tsv"
            if segmentation_task(study)
            else None,
            pairs=root / f"rows/memorisation/{run.stem}.pairs.tsv",
            attention=root / f"rows/attention/{run.stem}.examples.npz" if run in attentive else None,
        )
    for run in sweep_runs(study):
        yield ListedRun(
            "sweep",
            run.generator,
            fold=run.fold,
            generator_seed=run.generator_seed,
            cohort=root / run.folder / "condition-sweep",
            measured=root / f"rows/condition-sweep/{run.stem}.measured.tsv",
            ranges=root / run.folder / "condition-sweep.ranges.json",
        )
    for shown in feature_maps(study):
        folder = root / f"features/{shown.extractor}/fold-{shown.fold}"
        yield ListedRun(
            "map",
            shown.generator,
            extractor=shown.extractor,
            fold=shown.fold,
            generator_seed=shown.generator_seed,
            points=folder / f"{shown.generator}_generator-seed-{shown.generator_seed}.map.tsv",
        )
    for model in model_runs(study):
        yield ListedRun(
            "model",
            model.model,
            fold=model.fold,
            generator_seed=model.generator_seed,
            record=root / model.folder / "training.json",
            history=root / model.folder / "history.csv",
        )
    segmenting = segmentation_task(study)
    for arm in arm_runs(study):
        yield ListedRun(
            "arm",
            arm.arm,
            task=arm.task,
            fold=arm.fold,
            generator_seed=arm.generator_seed,
            training_seed=arm.training_seed,
            record=root / arm.folder / "model" / "training.json",
            history=root / arm.folder / "model" / "history.csv",
            predictions=root / arm.folder / "predictions" if arm.task == segmenting else None,
        )


def write_runs(path: str | Path, runs: Iterable[Sequence[Any]]) -> None:
    """Write runs as a TSV; what a run lacks is empty."""
    with (
        atomic_file(path, checksum=True) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(ListedRun._fields)
        writer.writerows(runs)


def read_runs(path: str | Path, kind: str | None = None) -> list[ListedRun]:
    """Runs of a TSV written by `write_runs`, or those of one kind.

    Raises
    ------
    DamagedFileError
        It is empty, cut short, not what was written, or no such list.
    """
    check_text_file(path)
    with Path(path).open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != ListedRun._fields:
        raise DamagedFileError(path, "its columns are not those of a list of runs")
    return [
        ListedRun(**{key: _read(key, text) for key, text in row.items()})
        for row in rows
        if kind in (None, row["kind"])
    ]


def _read(key: str, text: str) -> Any:
    if not text:
        return None
    return int(text) if key in _NUMBERS else text if key in _TEXTS else Path(text)
