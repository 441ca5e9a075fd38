"""nnU-Net, from arms to predictions: one plan for all arms of a fold, made from real training data."""


rule write_arm_dataset:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        synthetic=arm_synthetic,
        pairs=arm_copies,
        controlled=controlled_cases,
        duplicates=duplicates_checked,
        code=code("write_arm_dataset"),
    output:
        dataset=directory(
            pattern("segmentation/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}/dataset")
        ),
    log:
        pattern("logs/write_arm_dataset/{arm}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        arm=lambda w: vars(arms[w.arm]),
        frames=study.segmentation.frames,
        copies=lambda w: study.synthesis.copies.model_dump(mode="json") if arm_copies(w) else None,
        split_seed=study.split.seed,
    message:
        "Writing the training set of arm {wildcards.arm}, fold {wildcards.fold}"
    script:
        "../scripts/write_arm_dataset.py"


rule plan_segmenter:
    input:
        dataset=reference_dataset,
        code=code("plan_segmenter"),
    output:
        plan=directory(pattern("segmentation/fold-{fold}/plan")),
    log:
        pattern("logs/plan_segmenter/fold-{fold}.log"),
    threads: 4
    resources:
        mem_mb=16000,
        runtime="2h",
    params:
        settings=study.segmentation.model_dump(mode="json", include=study.segmentation.plan_fields()),
    message:
        "Planning nnU-Net from the real training data of fold {wildcards.fold}"
    script:
        "../scripts/plan_segmenter.py"


rule preprocess_arm:
    input:
        dataset=rules.write_arm_dataset.output.dataset,
        plan=rules.plan_segmenter.output.plan,
        code=code("preprocess_arm"),
    output:
        preprocessed=directory(
            pattern("segmentation/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}/preprocessed")
        ),
    log:
        pattern("logs/preprocess_arm/{arm}_fold-{fold}_generator-seed-{generator_seed}.log"),
    threads: 4
    resources:
        mem_mb=16000,
        runtime="4h",
    params:
        configuration=study.segmentation.configuration,
    message:
        "Preprocessing arm {wildcards.arm}, fold {wildcards.fold}"
    script:
        "../scripts/preprocess_arm.py"


rule train_segmenter:
    input:
        preprocessed=rules.preprocess_arm.output.preprocessed,
        code=code("train_segmenter"),
    output:
        model=directory(
            pattern(
                "segmentation/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}/training-seed-{training_seed}/model"
            )
        ),
    log:
        pattern(
            "logs/train_segmenter/{arm}_fold-{fold}_generator-seed-{generator_seed}_training-seed-{training_seed}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/train_segmenter/{arm}_fold-{fold}_generator-seed-{generator_seed}_training-seed-{training_seed}.tsv"
        )
    threads: 4
    resources:
        **TRAINS_NETWORK,
    params:
        settings=segmenter_settings(),
        # What a training depends on only: another seed beside it must not train this one again.
        checkpoints=lambda w: checkpoints("segmenters", segmenter_settings(), w),
    message:
        "Training the segmenter of arm {wildcards.arm}, fold {wildcards.fold}, training seed {wildcards.training_seed}"
    script:
        "../scripts/train_segmenter.py"


rule predict_test:
    input:
        model=rules.train_segmenter.output.model,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        code=code("predict_cohort"),
    output:
        predictions=directory(
            pattern(
                "segmentation/fold-{fold}/arms/{arm}/generator-seed-{generator_seed}/training-seed-{training_seed}/predictions"
            )
        ),
    log:
        pattern(
            "logs/predict_test/{arm}_fold-{fold}_generator-seed-{generator_seed}_training-seed-{training_seed}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/predict_test/{arm}_fold-{fold}_generator-seed-{generator_seed}_training-seed-{training_seed}.tsv"
        )
    threads: 4
    resources:
        **RUNS_NETWORK,
    params:
        role="test",
        frames="ed_es",
        mirroring=study.segmentation.mirroring,
    message:
        "Segmenting the test patients with arm {wildcards.arm}, fold {wildcards.fold}, training seed {wildcards.training_seed}"
    script:
        "../scripts/predict_cohort.py"


# What masks of synthetic cines can be compared with.
use rule predict_test as predict_validation with:
    input:
        model=reference_segmenter,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        code=code("predict_cohort"),
    output:
        predictions=directory(pattern("segmentation/fold-{fold}/validation")),
    log:
        pattern("logs/predict_validation/fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/predict_validation/fold-{fold}.tsv")
    params:
        role="validation",
        frames="ed_es",
        mirroring=study.segmentation.mirroring,
    message:
        "Segmenting the validation patients of fold {wildcards.fold} with a segmenter trained on real patients only"


use rule predict_test as predict_synthetic with:
    input:
        model=reference_segmenter,
        cohorts=cohorts_of,
        code=code("predict_cohort"),
    output:
        predictions=directory(
            pattern("segmentation/fold-{fold}/synthetic/{generator}_generator-seed-{generator_seed}")
        ),
    log:
        pattern("logs/predict_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/predict_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    params:
        role=None,
        frames="all",
        mirroring=study.segmentation.mirroring,
    message:
        "Segmenting {wildcards.generator}'s cines with a segmenter trained on real patients only"


rule label_synthetic:
    input:
        model=reference_segmenter,
        cohort=made_cohort_of,
        code=code("label_synthetic"),
    output:
        cohort=directory(
            pattern("synthetic/{generator}/fold-{fold}/generator-seed-{generator_seed}/labelled")
        ),
    log:
        pattern("logs/label_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/label_synthetic/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    threads: 4
    resources:
        **RUNS_NETWORK,
    params:
        mirroring=study.segmentation.mirroring,
    message:
        "Labelling {wildcards.generator}'s cines with a segmenter trained on real patients of fold {wildcards.fold}"
    script:
        "../scripts/label_synthetic.py"
