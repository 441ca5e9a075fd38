"""Inputs and parameters of arms and tasks: who trains, and the segmenter that others use."""

#: Task that labels and measures synthetic cines.
segmenter = segmentation_task(study) or "none"
#: Tasks that look for the requested diagnosis in synthetic cines: a network in the images, a forest in phenotypes
#: which the segmenter measures there.
classifier = diagnosis_task(study) or "none"
forest = forest_task(study) or "none"


#: Phenotypes of the users' own tables.
own_names = sorted({name for names in own_phenotypes(study).values() for name in names})


def task_settings(name, step):
    """What a step of a task depends on: another seed beside a training must not train it again."""
    return study.tasks[name].of_step(step) if name in study.tasks else {}


def task_code(script, name, step):
    """Hash of the code of a step of a task."""
    return code_of(script, *(study.tasks[name].modules_of_step(step) if name in study.tasks else ()))


def reference_subjects(wildcards):
    """Training subjects of the arm of the most real patients and nothing else: a fold is planned from them."""
    return path(reference_run(study, wildcards.task, wildcards.fold).subjects)


def reference_segmenter(wildcards):
    """The segmenter of the fold that saw real patients only, first seeds: it measures and labels synthetic cines."""
    return path(f"{reference_run(study, segmenter, wildcards.fold).folder}/model")


def teaching_segmenter(wildcards):
    """The same of any segmenter: it labels training frames of its fold."""
    return path(f"{reference_run(study, wildcards.task, wildcards.fold).folder}/model")


def reference_classifier(wildcards):
    """The network of the fold that learned diagnoses of real patients only, first seeds."""
    return path(f"{reference_run(study, classifier, wildcards.fold).folder}/model")


def reference_forest(wildcards):
    """The random forest of the fold that learned diagnoses of real patients only, first seeds."""
    return path(f"{reference_run(study, forest, wildcards.fold).folder}/model")


def reference_tested(name):
    """Predictions of the test patients by a task's training on real patients only; nothing where there is no such task."""

    def tested(wildcards):
        if name == "none":
            return []
        return path(f"{reference_run(study, name, wildcards.fold).folder}/predictions")

    return tested


def where_declared(name, file):
    """A file that a task makes; nothing where the study has no such task."""
    return [] if name == "none" else pattern(file)


def task_validation(wildcards):
    """What validation patients decided for a training; nothing of a task that decides nothing."""
    if not study.tasks[wildcards.task].validates:
        return []
    w = wildcards
    return path(f"{ArmRun(w.task, w.arm, w.fold, w.generator_seed, w.training_seed).folder}/validation")


def validation_of(name, fold):
    """The same for the training of a task on real patients only."""
    if name == "none" or not study.tasks[name].validates:
        return []
    return path(f"{reference_run(study, name, fold).folder}/validation")


def reference_validation(wildcards):
    """That of the segmenter that measures and labels synthetic cines."""
    return validation_of(segmenter, wildcards.fold)


def teaching_validation(wildcards):
    """That of a segmenter that labels training frames."""
    return validation_of(wildcards.task, wildcards.fold)


def arm_settings(wildcards):
    """What an arm is trained on, without the arms that it controls: one more of these changes nothing in it."""
    return {name: value for name, value in vars(arms[wildcards.arm]).items() if name != "control_of"}


def arm_synthetic(wildcards):
    """The synthetic cohort that an arm adds, or that a control matches."""
    arm = arms[wildcards.arm]
    if not (arm.adds_synthetic or arm.matches_synthetic):
        return []
    return synthetic_cohort(study, SyntheticRun(arm.generator, wildcards.fold, wildcards.generator_seed))


def arm_copies(wildcards):
    """The audit that says which synthetic subjects are copies, where an arm may not take them."""
    if study.synthesis.copies.action == "keep" or not arm_synthetic(wildcards):
        return []
    run = SyntheticRun(arms[wildcards.arm].generator, wildcards.fold, wildcards.generator_seed)
    return path(f"rows/memorisation/{run.stem}.pairs.tsv")


def task_phenotypes(wildcards):
    """Phenotypes of all real subjects, for a task that reads them."""
    if wildcards.task not in study.tasks or not study.tasks[wildcards.task].reads_phenotypes:
        return []
    return paths("phenotypes/{dataset}.tsv", dataset=split_datasets)


def arm_phenotypes(wildcards):
    """Phenotypes of the synthetic subjects that an arm adds or matches, for a task that reads them."""
    if not task_phenotypes(wildcards) or not arm_synthetic(wildcards):
        return []
    run = SyntheticRun(arms[wildcards.arm].generator, wildcards.fold, wildcards.generator_seed)
    return path(f"phenotypes/{run.stem}.tsv")
