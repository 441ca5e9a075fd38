"""The study, and how its parts become paths, inputs and resources."""

import shutil
from pathlib import Path

from snakemake.exceptions import WorkflowError

from synthaug.core.artifacts import sha256_json
from synthaug.config.arms import resolve_arms
from synthaug.config.generators import SAMPLING_KINDS
from synthaug.config.models import CODER_KINDS
from synthaug.config.study import load_study
from synthaug.config.design_warnings import design_warnings
from synthaug.data.readers import raw_files
from synthaug.core.errors import SynthaugError
from synthaug.generators import reference_of as generator_class
from synthaug.core.imports import PACKAGE, imported_files
from synthaug.models import reference_of as model_class
from synthaug.plugin_checks import check_plugins
from synthaug.report.render import template_files
from synthaug.report.section import section_modules

try:
    study = load_study(config)
    check_plugins(study)
    raw = {
        name: [str(file) for file in raw_files(dataset.layout, dataset.root)]
        for name, dataset in study.datasets.items()
        if dataset.root
    }
except SynthaugError as error:
    raise WorkflowError(str(error)) from None

arms = resolve_arms(study.arms)
folds = list(range(study.split.folds))
draws = list(study.synthesis.seeds)
# Datasets whose patients train, validate and test; others are only lent to a generator.
split_datasets = [name for name, dataset in study.datasets.items() if dataset.split]
sampling_generators = [
    name for name, generator in study.generators.items() if generator.kind in SAMPLING_KINDS
]
# Real subjects in the place of synthetic ones: as they are, or decoded by a model.
lending_generators, decoding_generators = (
    [
        name
        for name, generator in study.generators.items()
        if generator.kind == "dataset" and bool(generator.through) is decoded
    ]
    for decoded in (False, True)
)
extractors = list(study.evaluation.extractors)
chunks = list(range(-(-study.synthesis.subjects // study.synthesis.chunk_size)))


wildcard_constraints:
    study=study.name,
    dataset="|".join(study.datasets),
    model="|".join(study.models) or "none",
    generator="|".join(study.generators) or "none",
    extractor="|".join(study.evaluation.extractors) or "none",
    arm="|".join(sorted(arms, key=len, reverse=True)),
    fold=r"\d+",
    draw=r"\d+",
    seed=r"\d+",
    chunk=r"\d+",


def code(script, *modules):
    """The package files a rule's script imports: editing one reruns the rule."""
    return imported_files([workflow.source_path(f"../scripts/{script}.py")], modules)


def result(path):
    """A path below this study's results; wildcards stay open."""
    return f"results/{{study}}/{path}"


def settled(path, **values):
    """A path below this study's results with all wildcards filled in."""
    return expand(result(path), study=study.name, **values)


def one(path, **values):
    """A single path below this study's results."""
    (file,) = settled(path, **values)
    return file


# --- datasets -----------------------------------------------------------------------------------


def raw_dataset(wildcards):
    """What a dataset is read from: the written phantom, or every file under the user's root."""
    return raw.get(wildcards.dataset) or rules.write_phantom.output.root


def raw_root(wildcards):
    dataset = study.datasets[wildcards.dataset]
    return dataset.root or one("raw/{dataset}", dataset=wildcards.dataset)


def patients_apart(wildcards):
    """The search for one patient under two ids: nothing trains before it passed, nothing reruns because it ran."""
    return ancient(one("splits/duplicates.tsv"))


# --- models and generators ----------------------------------------------------------------------


def model_needs(wildcards):
    """Weights of the models that this one builds on."""
    return [
        result("models/{need}/fold-{fold}/seed-{seed}/model.safetensors").format(
            **{**wildcards, "need": need}
        )
        for need in study.models[wildcards.model].needs.values()
    ]


def model_ceilings(wildcards):
    """The check of each autoencoder below: nothing trains on latents before it passed, nothing reruns because it ran."""
    return [
        ancient(
            result("models/{need}/fold-{fold}/seed-{seed}/ceiling.json").format(**{**wildcards, "need": need})
        )
        for need in study.models[wildcards.model].needs.values()
        if study.models[need].kind in CODER_KINDS
    ]


def ceiling_extractor(wildcards):
    """What the distances of reconstructions are measured with: the first extractor, and its features of real cines."""
    if not extractors:
        return {}
    return {
        "extractor": extractor_weights(extractors[0], wildcards.fold),
        "real": one(
            "features/{extractor}/fold-{fold}/real.npz", extractor=extractors[0], fold=wildcards.fold
        ),
        "cohorts": settled("cohorts/{dataset}", dataset=split_datasets),
        "split": one("splits/fold-{fold}.tsv", fold=wildcards.fold),
    }


def ceiling_code(wildcards):
    extracting = [] if not extractors else extractor_modules(extractors[0])
    return code("check_reconstruction", *model_modules(wildcards.model), *extracting)


def model_modules(name):
    """Modules that the registry imports by name for a model and the models it needs."""
    settings = study.models[name]
    modules = [module_of(model_class(settings))]
    for need in settings.needs.values():
        modules += model_modules(need)
    return modules


def generator_modules(name):
    """Modules that the registries import by name for a generator and its models."""
    settings = study.generators[name]
    modules = [module_of(generator_class(settings))]
    for need in settings.needs.values():
        modules += model_modules(need)
    return modules


def module_of(reference):
    """The module of ``module:Class``."""
    return reference.partition(":")[0]


def model_code(wildcards):
    return code("train_model", *model_modules(wildcards.model))


def generator_models(wildcards):
    return [
        result("models/{need}/fold-{fold}/seed-{draw}/model.safetensors").format(
            **{**wildcards, "need": need}
        )
        for need in study.generators[wildcards.generator].needs.values()
    ]


def generator_code(wildcards):
    return code("synthesise_chunk", *generator_modules(wildcards.generator))


def description_code(wildcards):
    """A description names the files of a class from outside the package by their hashes."""
    settings = study.generators[wildcards.generator]
    return code(
        "describe_generator", *([module_of(settings.class_name)] if settings.kind == "plugin" else [])
    )


def plugin_modules():
    """Modules of all classes that the study brings along."""
    entries = [*study.models.values(), *study.generators.values()]
    return sorted({module_of(entry.class_name) for entry in entries if entry.kind == "plugin"})


def extractor_model(wildcards):
    """Weights of a rule's extractor."""
    return extractor_weights(wildcards.extractor, wildcards.fold)


def extractor_weights(name, fold):
    """Weights of an extractor: trained by the study, or supplied, so that they count when they arrive."""
    extractor = study.evaluation.extractors[name]
    if extractor.kind != "study":
        return extractor.weights if extractor.weights and Path(extractor.weights).is_file() else []
    return one("models/{m}/fold-{f}/seed-{s}/model.safetensors", m=extractor.model, f=fold, s=draws[0])


def extractor_code(wildcards, script="extract_features"):
    return code(script, *extractor_modules(wildcards.extractor))


def extractor_modules(name):
    """Modules that the registry imports by name for an extractor."""
    extractor = study.evaluation.extractors[name]
    return model_modules(extractor.model) if extractor.kind == "study" else []


#: Features of damaged real cines, which generators are held against, in the order of `synthaug.measures.metric_sensitivity.corruptions.CONTROLS`.
damaged_controls = [
    result(f"features/{{extractor}}/fold-{{fold}}/{name}.npz") for name in ("frames-shuffled", "blurred")
]


def with_needs(names):
    """Models and all they build on."""
    found = []
    for name in names:
        found += [name, *with_needs(study.models[name].needs.values())]
    return list(dict.fromkeys(found))


def trained_models():
    """(model, fold, seed) of every training: generators for each of their seeds, extractors once."""
    generating = with_needs(
        need for generator in study.generators.values() for need in generator.needs.values()
    )
    extracting = with_needs(e.model for e in study.evaluation.extractors.values() if e.kind == "study")
    runs = [(model, fold, draw) for model in generating for fold in folds for draw in draws]
    runs += [(model, fold, draws[0]) for model in extracting for fold in folds if model not in generating]
    return runs


def checked_autoencoders():
    """Autoencoders whose reconstructions are looked at: those that a trained model builds on."""
    needed = {need for model, _, _ in trained_models() for need in study.models[model].needs.values()}
    return {name for name in needed if study.models[name].kind in CODER_KINDS}


def checkpoints(kind, settings, wildcards):
    """Where unfinished training is kept: beside the outputs, which a restart deletes."""
    identity = "_".join(f"{key}-{value}" for key, value in sorted(wildcards.items()) if key != "study")
    return f"results/{wildcards.study}/checkpoints/{kind}/{identity}/{sha256_json(settings)[:12]}"


# --- arms ---------------------------------------------------------------------------------------


def arm_draws(arm):
    """Generator seeds an arm is run with: real patients alone do not depend on them."""
    return draws if arms[arm].generator else draws[:1]


def arm_runs(path):
    """A path for every run of every arm."""
    return [
        file
        for arm in arms
        for file in settled(path, arm=arm, fold=folds, draw=arm_draws(arm), seed=study.segmentation.seeds)
    ]


def segmenter_settings():
    """What the training of a segmenter depends on besides its plan and its cases."""
    return study.segmentation.model_dump(mode="json", include=study.segmentation.training_fields())


def reference_arm():
    """The arm of the most real patients and nothing else: all plans are made from it."""
    return max((arm for arm in arms.values() if arm.generator is None), key=lambda arm: arm.real).name


def arm_synthetic(wildcards):
    """The synthetic cohort that an arm adds; of the controls only the mislabelled one has synthetic cases."""
    arm = arms[wildcards.arm]
    return synthetic_cohort(arm.generator, wildcards) if arm.adds_synthetic else []


def real_segmenter(wildcards):
    """The segmenter of the fold that saw real patients only, first seed: it judges and teaches."""
    return one(
        "segmentation/fold-{fold}/arms/{arm}/draw-{draw}/seed-{seed}/model",
        fold=wildcards.fold,
        arm=reference_arm(),
        draw=draws[0],
        seed=study.segmentation.seeds[0],
    )


def synthetic_cohort(generator, wildcards):
    """The cohort of a generator that all else takes: as it was made, or labelled by the teacher."""
    if getattr(study.generators[generator], "labels", "own") == "own":
        return made_cohort(generator, wildcards)
    return result("synthetic/{generator}/fold-{fold}/draw-{draw}/labelled").format(
        **{**wildcards, "generator": generator}
    )


def made_cohort(generator, wildcards):
    """The cohort of a generator as it was made, or brought."""
    settings = study.generators[generator]
    if settings.kind == "external":
        return settings.folder
    made_by = rules.lend_cohort if settings.kind == "dataset" else rules.gather_synthetic
    return made_by.output.cohort.format(**{**wildcards, "generator": generator})


def arm_copies(wildcards):
    """The audit that says which synthetic subjects are copies, where an arm may not take them."""
    if study.synthesis.copies.action == "keep" or not arm_synthetic(wildcards):
        return []
    return result("rows/memorisation/{generator}_fold-{fold}_draw-{draw}.pairs.tsv").format(
        **{**wildcards, "generator": arms[wildcards.arm].generator}
    )


def controlled_cases(wildcards):
    """The dataset of the arm that a control matches in size or in real exposure."""
    arm = arms[wildcards.arm]
    if arm.control not in ("repeated", "classical", "exposure"):
        return []
    return result("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/dataset").format(
        **{**wildcards, "arm": arm.control_of}
    )


# --- results ----------------------------------------------------------------------------------


def generator_rows():
    """Row files about generators: distances and what they notice, controllability, masks, acceptance."""
    files = settled("rows/responses/{extractor}_fold-{fold}.tsv", extractor=extractors, fold=folds)
    for generator in study.generators:
        for kind in ("distances", "mixing"):
            files += settled(
                f"rows/{kind}/{{extractor}}_{{generator}}_fold-{{fold}}_draw-{{draw}}.tsv",
                extractor=extractors,
                generator=generator,
                fold=folds,
                draw=draws,
            )
        files += settled(
            "rows/memorisation-features/{extractor}_{generator}_fold-{fold}_draw-{draw}.tsv",
            extractor=[name for name in extractors if study.evaluation.extractors[name].kind == "study"],
            generator=generator,
            fold=folds,
            draw=draws,
        )
        for kind in ("controllability", "mask-agreement", "function", "memorisation"):
            files += settled(
                f"rows/{kind}/{{generator}}_fold-{{fold}}_draw-{{draw}}.tsv",
                generator=generator,
                fold=folds,
                draw=draws,
            )
        if generator in sampling_generators:
            files += settled(
                "rows/acceptance/{generator}_fold-{fold}_draw-{draw}.tsv",
                generator=generator,
                fold=folds,
                draw=draws,
            )
    files += [
        one("rows/reconstructions/{model}_fold-{fold}_seed-{seed}.tsv", model=model, fold=fold, seed=seed)
        for model, fold, seed in trained_models()
        if model in checked_autoencoders()
    ]
    return files + of_grids("rows/controllability-grid/{generator}_fold-{fold}_draw-{draw}.tsv")


def grid_runs():
    """(generator, fold, draw) of every grid past the training range: of what is sampled, its first seed."""
    if not study.synthesis.grid.levels:
        return []
    return [(generator, fold, draws[0]) for generator in sampling_generators for fold in folds]


def of_grids(path):
    """A path for every grid."""
    return [one(path, generator=generator, fold=fold, draw=draw) for generator, fold, draw in grid_runs()]


def synthetic_runs(wildcards):
    """Every synthetic cohort of the study."""
    return [
        synthetic_cohort(generator, {"study": study.name, "fold": fold, "draw": draw})
        for generator in study.generators
        for fold in folds
        for draw in draws
    ]


def feature_maps():
    """(extractor, generator, fold, draw) of every map of feature space."""
    return [
        (extractor, generator, fold, draw)
        for extractor in extractors
        for generator in study.generators
        for fold in folds
        for draw in draws
    ]


# --- resources ----------------------------------------------------------------------------------


def gpus():
    """One GPU a job where this machine has one; on a cluster the profile asks for it."""
    return 1 if shutil.which("nvidia-smi") else 0
