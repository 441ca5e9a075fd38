"""nnU-Net, from arms to predictions: one plan for all arms of a fold, made from real training data."""


rule write_arm_dataset:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        synthetic=arm_synthetic,
        pairs=arm_copies,
        controlled=controlled_cases,
        duplicates=patients_apart,
        code=code("write_arm_dataset"),
    output:
        dataset=directory(result("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/dataset")),
    log:
        result("logs/write_arm_dataset/{arm}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
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
        dataset=lambda w: one(
            "segmentation/fold-{fold}/arms/{arm}/draw-{draw}/dataset",
            fold=w.fold,
            arm=reference_arm(),
            draw=draws[0],
        ),
        code=code("plan_segmenter"),
    output:
        plan=directory(result("segmentation/fold-{fold}/plan")),
    log:
        result("logs/plan_segmenter/fold-{fold}.log"),
    conda:
        "../../envs/synthaug.yaml"
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
        preprocessed=directory(result("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/preprocessed")),
    log:
        result("logs/preprocess_arm/{arm}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
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
        model=directory(result("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/seed-{seed}/model")),
    log:
        result("logs/train_segmenter/{arm}_fold-{fold}_draw-{draw}_seed-{seed}.log"),
    benchmark:
        result("benchmarks/train_segmenter/{arm}_fold-{fold}_draw-{draw}_seed-{seed}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 4
    resources:
        gpu=gpus(),
        mem_mb=32000,
        runtime="24h",
    params:
        settings=segmenter_settings(),
        # What a training depends on only: another seed beside it must not train this one again.
        checkpoints=lambda w: checkpoints("segmenters", segmenter_settings(), w),
    message:
        "Training the segmenter of arm {wildcards.arm}, fold {wildcards.fold}, seed {wildcards.seed}"
    script:
        "../scripts/train_segmenter.py"


rule predict_test:
    input:
        model=rules.train_segmenter.output.model,
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        code=code("predict_test"),
    output:
        predictions=directory(
            result("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/seed-{seed}/predictions")
        ),
    log:
        result("logs/predict_test/{arm}_fold-{fold}_draw-{draw}_seed-{seed}.log"),
    conda:
        "../../envs/synthaug.yaml"
    threads: 4
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        mirroring=study.segmentation.mirroring,
    message:
        "Segmenting the test patients with arm {wildcards.arm}, fold {wildcards.fold}, seed {wildcards.seed}"
    script:
        "../scripts/predict_test.py"


rule label_synthetic:
    input:
        model=real_segmenter,
        cohort=lambda w: made_cohort(w.generator, w),
        code=code("label_synthetic"),
    output:
        cohort=directory(result("synthetic/{generator}/fold-{fold}/draw-{draw}/labelled")),
    log:
        result("logs/label_synthetic/{generator}_fold-{fold}_draw-{draw}.log"),
    benchmark:
        result("benchmarks/label_synthetic/{generator}_fold-{fold}_draw-{draw}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 4
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        mirroring=study.segmentation.mirroring,
    message:
        "Labelling {wildcards.generator}'s cines with a segmenter trained on real patients of fold {wildcards.fold}"
    script:
        "../scripts/label_synthetic.py"
