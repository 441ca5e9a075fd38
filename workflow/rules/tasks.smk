"""Downstream tasks: from arms to training subjects, training sets, trained tasks, predictions and scores."""

ARM_OF_TASK = "tasks/{task}/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}"
RUN_OF_TASK = "{task}_{arm}_fold-{fold}_generator-seed-{generator_seed}_training-seed-{training_seed}"
#: What a task predicts of a synthetic cohort.
OF_SYNTHETIC = "tasks/{task}/fold-{fold}/synthetic/{generator}_generator-seed-{generator_seed}"
segmented_synthetic = pattern(OF_SYNTHETIC.replace("{task}", segmenter))


# Of a large cohort the jobs of the rules to the right do parts.
ruleorder: gather_predictions > predict_synthetic
ruleorder: gather_predictions > predict_synthetic_diagnosis
ruleorder: gather_labelled > label_synthetic


rule choose_training_subjects:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        synthetic=arm_synthetic,
        pairs=arm_copies,
        duplicates=duplicates_checked,
    output:
        subjects=directory(pattern("arms/{arm}/fold-{fold}/generator-seed-{generator_seed}")),
    log:
        pattern("logs/choose_training_subjects/{arm}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        code=code("choose_training_subjects"),
        arm=arm_settings,
        copies=lambda w: study.synthesis.copies.model_dump(mode="json") if arm_copies(w) else None,
        split_seed=study.split.seed,
    message:
        "Choosing the training subjects of arm {wildcards.arm}, fold {wildcards.fold}"
    script:
        "../scripts/choose_training_subjects.py"


rule plan_task:
    input:
        subjects=reference_subjects,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        phenotypes=task_phenotypes,
    output:
        plan=directory(pattern("tasks/{task}/fold-{fold}/plan")),
    log:
        pattern("logs/plan_task/{task}_fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/plan_task/{task}_fold-{fold}.tsv")
    threads: TASK_THREADS
    resources:
        mem_mb=by_attempt(16000),
        runtime=by_attempt(120),
    params:
        code=lambda w: task_code("plan_task", w.task, "plan"),
        task=lambda w: task_settings(w.task, "plan"),
    message:
        "Planning {wildcards.task} from the real training patients of fold {wildcards.fold}"
    script:
        "../scripts/plan_task.py"


rule write_training_set:
    input:
        subjects=rules.choose_training_subjects.output.subjects,
        plan=rules.plan_task.output.plan,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        phenotypes=task_phenotypes,
        synthetic=arm_synthetic,
        synthetic_phenotypes=arm_phenotypes,
    output:
        training_set=directory(pattern(f"{ARM_OF_TASK}/training-set")),
    log:
        pattern("logs/write_training_set/{task}_{arm}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/write_training_set/{task}_{arm}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    threads: TASK_THREADS
    resources:
        # What the arm trains on: of a large synthetic cohort its dose alone.
        **grows_with("subjects", seconds=4, least_mib=16000, least_minutes=240),
    params:
        code=lambda w: task_code("write_training_set", w.task, "training_set"),
        task=lambda w: task_settings(w.task, "training_set"),
        own=lambda w: own_names if arm_phenotypes(w) else [],
    message:
        "Writing the training set of arm {wildcards.arm} for {wildcards.task}, fold {wildcards.fold}"
    script:
        "../scripts/write_training_set.py"


rule train_task:
    input:
        training_set=rules.write_training_set.output.training_set,
    output:
        model=directory(pattern(f"{ARM_OF_TASK}/training-seed-{{training_seed}}/model")),
    log:
        pattern(f"logs/train_task/{RUN_OF_TASK}.log"),
    benchmark:
        pattern(f"benchmarks/train_task/{RUN_OF_TASK}.tsv")
    threads: TASK_THREADS
    resources:
        **TRAINS_NETWORK,
        # No parameter: weights do not follow from it.
        checkpoint_seconds=lambda w: round(60 * study.tasks[w.task].checkpoint_minutes),
    params:
        code=lambda w: task_code("train_task", w.task, "training"),
        task=lambda w: task_settings(w.task, "training"),
        checkpoints=lambda w: checkpoints("tasks", task_settings(w.task, "training"), w),
    message:
        "Training {wildcards.task} on arm {wildcards.arm}, fold {wildcards.fold}, training seed {wildcards.training_seed}"
    script:
        "../scripts/train_task.py"


rule validate_task:
    input:
        model=rules.train_task.output.model,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        validation=directory(pattern(f"{ARM_OF_TASK}/training-seed-{{training_seed}}/validation")),
    log:
        pattern(f"logs/validate_task/{RUN_OF_TASK}.log"),
    benchmark:
        pattern(f"benchmarks/validate_task/{RUN_OF_TASK}.tsv")
    threads: TASK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=lambda w: task_code("validate_task", w.task, "validation"),
        task=lambda w: task_settings(w.task, "validation"),
    message:
        "Deciding on validation patients: {wildcards.task}, arm {wildcards.arm}, fold {wildcards.fold}, training seed {wildcards.training_seed}"
    script:
        "../scripts/validate_task.py"


rule predict_test:
    input:
        model=rules.train_task.output.model,
        validation=task_validation,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        phenotypes=task_phenotypes,
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        predictions=directory(pattern(f"{ARM_OF_TASK}/training-seed-{{training_seed}}/predictions")),
    log:
        pattern(f"logs/predict_test/{RUN_OF_TASK}.log"),
    benchmark:
        pattern(f"benchmarks/predict_test/{RUN_OF_TASK}.tsv")
    threads: TASK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=lambda w: task_code("predict_cohort", w.task, "prediction"),
        subjects="tested",
        frames="ed_es",
        task=lambda w: task_settings(w.task, "prediction"),
    message:
        "Predicting for the test patients: {wildcards.task}, arm {wildcards.arm}, fold {wildcards.fold}, training seed {wildcards.training_seed}"
    script:
        "../scripts/predict_cohort.py"


rule score_predictions:
    input:
        predictions=rules.predict_test.output.predictions,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        phenotypes=task_phenotypes,
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        rows=pattern(f"rows/scores/{RUN_OF_TASK}.tsv"),
    log:
        pattern(f"logs/score_predictions/{RUN_OF_TASK}.log"),
    params:
        code=lambda w: task_code("score_predictions", w.task, "scoring"),
        arm=arm_settings,
        task=lambda w: task_settings(w.task, "scoring"),
    message:
        "Scoring {wildcards.task} on arm {wildcards.arm}, fold {wildcards.fold}, training seed {wildcards.training_seed}"
    script:
        "../scripts/score_predictions.py"


# What masks of synthetic cines can be compared with.
use rule predict_test as predict_validation with:
    input:
        model=reference_segmenter,
        validation=reference_validation,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        predictions=directory(pattern(f"tasks/{segmenter}/fold-{{fold}}/validation")),
    log:
        pattern("logs/predict_validation/fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/predict_validation/fold-{fold}.tsv")
    params:
        code=lambda w: task_code("predict_cohort", segmenter, "prediction"),
        subjects="validation",
        frames="ed_es",
        task=task_settings(segmenter, "prediction"),
    message:
        "Segmenting the validation patients of fold {wildcards.fold} with a segmenter trained on real patients only"


use rule predict_test as predict_synthetic with:
    input:
        model=reference_segmenter,
        validation=reference_validation,
        cohorts=cohorts_of,
    output:
        predictions=directory(f"{segmented_synthetic}{{part}}"),
    log:
        pattern("logs/predict_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.log"),
    benchmark:
        pattern(
            "benchmarks/predict_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.tsv"
        )
    resources:
        **READS_COHORT,
    params:
        code=lambda w: task_code("predict_cohort", segmenter, "prediction"),
        subjects="all",
        frames="all",
        task=task_settings(segmenter, "prediction"),
    message:
        "Segmenting {wildcards.generator}'s cines with a segmenter trained on real patients only"


# What was requested, as a network sees it that learned diagnoses of real patients only.
use rule predict_test as predict_synthetic_diagnosis with:
    input:
        model=reference_classifier,
        cohorts=cohorts_of,
    output:
        predictions=directory(pattern(f"{OF_SYNTHETIC}{{part}}".replace("{task}", classifier))),
    log:
        pattern(
            "logs/predict_synthetic_diagnosis/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/predict_synthetic_diagnosis/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.tsv"
        )
    resources:
        **READS_COHORT,
    params:
        code=lambda w: task_code("predict_cohort", classifier, "prediction"),
        subjects="all",
        frames="ed_es",
        task=task_settings(classifier, "prediction"),
    message:
        "Recognising diagnoses in {wildcards.generator}'s cines with a network trained on real patients only"


rule gather_predictions:
    input:
        parts=in_parts(pattern(f"{OF_SYNTHETIC}{{part}}")),
    output:
        predictions=directory(pattern(OF_SYNTHETIC)),
    log:
        pattern("logs/gather_predictions/{task}_{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    wildcard_constraints:
        generator=divided,
    resources:
        **GATHERS_PARTS,
    params:
        code=code("gather_predictions"),
    message:
        "Gathering what {wildcards.task} predicted for {wildcards.generator}'s cines, fold {wildcards.fold}"
    script:
        "../scripts/gather_predictions.py"


# The same by phenotypes: a random forest has no image, it reads what the segmenter measures in one.
rule predict_from_segmentation:
    input:
        model=reference_forest,
        segmentations=segmented_synthetic,
        cohorts=cohorts_of,
    output:
        predictions=directory(
            pattern(
                f"tasks/{forest}/fold-{{fold}}/segmented/{{generator}}_generator-seed-{{generator_seed}}"
            )
        ),
    log:
        pattern("logs/predict_from_segmentation/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    resources:
        **grows_with("cohorts", seconds=2),
    params:
        code=code("predict_from_segmentation"),
        own=own_names,
    message:
        "Recognising diagnoses by phenotypes measured in {wildcards.generator}'s cines, fold {wildcards.fold}"
    script:
        "../scripts/predict_from_segmentation.py"


use rule predict_from_segmentation as predict_test_from_segmentation with:
    input:
        model=reference_forest,
        segmentations=reference_tested(segmenter),
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        predictions=directory(pattern(f"tasks/{forest}/fold-{{fold}}/segmented-test")),
    log:
        pattern("logs/predict_test_from_segmentation/fold-{fold}.log"),
    message:
        "Recognising diagnoses by phenotypes measured in the test patients' cines, fold {wildcards.fold}"


rule label_training:
    input:
        model=teaching_segmenter,
        validation=teaching_validation,
        store=pattern("stores/fold-{fold}/train"),
    output:
        store=directory(pattern("stores/fold-{fold}/taught/{task}/{confidence}")),
    log:
        pattern("logs/label_training/{task}_{confidence}_fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/label_training/{task}_{confidence}_fold-{fold}.tsv")
    wildcard_constraints:
        confidence=r"[\d.e-]+",
    threads: TASK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=lambda w: task_code("label_training", w.task, "prediction"),
        task=lambda w: task_settings(w.task, "prediction"),
    message:
        "Labelling the training frames of fold {wildcards.fold} that nobody labelled, by {wildcards.task}"
    script:
        "../scripts/label_training.py"


rule label_synthetic:
    input:
        model=reference_segmenter,
        validation=reference_validation,
        cohorts=made_cohorts_of,
    output:
        cohort=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/labelled{part}")
        ),
    log:
        pattern("logs/label_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.log"),
    benchmark:
        pattern(
            "benchmarks/label_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.tsv"
        )
    threads: TASK_THREADS
    resources:
        **READS_COHORT,
    params:
        code=lambda w: task_code("label_synthetic", segmenter, "labelling"),
        task=task_settings(segmenter, "labelling"),
    message:
        "Labelling {wildcards.generator}'s cines with a segmenter trained on real patients of fold {wildcards.fold}"
    script:
        "../scripts/label_synthetic.py"


rule gather_labelled:
    input:
        parts=in_parts(rules.label_synthetic.output.cohort),
        cohort=made_cohort_of,
    output:
        cohort=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/labelled")
        ),
    log:
        pattern("logs/gather_labelled/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    wildcard_constraints:
        generator=divided,
    resources:
        **GATHERS_PARTS,
    params:
        code=code("gather_labelled"),
    message:
        "Gathering the labelled cines of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/gather_labelled.py"
