"""Inputs and parameters of the arms: what an arm trains on, and the segmenters that others use."""


def segmenter_settings():
    """What the training of a segmenter depends on besides its plan and its cases."""
    return study.segmentation.model_dump(mode="json", include=study.segmentation.training_fields())


def arm_dataset(arm, wildcards):
    """Training set of an arm in a fold, with a generator seed."""
    return path(
        "segmentation/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}/dataset",
        arm=arm,
        fold=wildcards.fold,
        generator_seed=wildcards.generator_seed,
    )


def reference_dataset(wildcards):
    """Training set of the most real patients and nothing else: the plan of a fold is made from it."""
    run = reference_run(study, "segmentation", wildcards.fold)
    return path(
        "segmentation/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}/dataset",
        arm=run.arm,
        fold=run.fold,
        generator_seed=run.generator_seed,
    )


def reference_segmenter(wildcards):
    """The segmenter of the fold that saw real patients only, first seeds: it measures and labels synthetic cines."""
    return path(f"{reference_run(study, 'segmentation', wildcards.fold).folder}/model")


def arm_synthetic(wildcards):
    """The synthetic cohort that an arm adds; of the controls only the mislabelled one has synthetic cases."""
    arm = arms[wildcards.arm]
    if not arm.adds_synthetic:
        return []
    return synthetic_cohort(study, SyntheticRun(arm.generator, wildcards.fold, wildcards.generator_seed))


def arm_copies(wildcards):
    """The audit that says which synthetic subjects are copies, where an arm may not take them."""
    if study.synthesis.copies.action == "keep" or not arm_synthetic(wildcards):
        return []
    run = SyntheticRun(arms[wildcards.arm].generator, wildcards.fold, wildcards.generator_seed)
    return path(f"rows/memorisation/{run.stem}.pairs.tsv")


def controlled_cases(wildcards):
    """The dataset of the arm that a control matches in size or in real exposure."""
    arm = arms[wildcards.arm]
    if arm.control not in ("repeated", "classical", "exposure"):
        return []
    return arm_dataset(arm.control_of, wildcards)
