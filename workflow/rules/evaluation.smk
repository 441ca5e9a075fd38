"""Rows: what was measured, one fact a row, before anything is said about it."""


rule score_predictions:
    input:
        predictions=rules.predict_test.output.predictions,
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        code=code("score_predictions"),
    output:
        rows=result("rows/scores/{arm}_fold-{fold}_draw-{draw}_seed-{seed}.tsv"),
    log:
        result("logs/score_predictions/{arm}_fold-{fold}_draw-{draw}_seed-{seed}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        arm=lambda w: vars(arms[w.arm]),
    message:
        "Scoring arm {wildcards.arm}, fold {wildcards.fold}, seed {wildcards.seed}"
    script:
        "../scripts/score_predictions.py"


rule extract_real_features:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        model=extractor_model,
        code=extractor_code,
    output:
        features=result("features/{extractor}/fold-{fold}/real.npz"),
    log:
        result("logs/extract_real_features/{extractor}_fold-{fold}.log"),
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        extractor=lambda w: study.evaluation.extractors[w.extractor].model_dump(mode="json"),
    message:
        "Extracting {wildcards.extractor} features of the real cines, fold {wildcards.fold}"
    script:
        "../scripts/extract_features.py"


rule extract_synthetic_features:
    input:
        cohorts=lambda w: [synthetic_cohort(w.generator, w)],
        model=extractor_model,
        code=extractor_code,
    output:
        features=result("features/{extractor}/fold-{fold}/{generator}_draw-{draw}.npz"),
    log:
        result("logs/extract_synthetic_features/{extractor}_{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        extractor=lambda w: study.evaluation.extractors[w.extractor].model_dump(mode="json"),
    message:
        "Extracting {wildcards.extractor} features of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/extract_features.py"


rule measure_distances:
    input:
        real=rules.extract_real_features.output.features,
        synthetic=rules.extract_synthetic_features.output.features,
        controls=damaged_controls,
        split=result("splits/fold-{fold}.tsv"),
        code=code("measure_distances"),
    output:
        rows=result("rows/distances/{extractor}_{generator}_fold-{fold}_draw-{draw}.tsv"),
    log:
        result("logs/measure_distances/{extractor}_{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Measuring distances of {wildcards.generator} with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/measure_distances.py"


rule map_features:
    input:
        real=rules.extract_real_features.output.features,
        synthetic=rules.extract_synthetic_features.output.features,
        split=result("splits/fold-{fold}.tsv"),
        code=code("map_features"),
    output:
        points=result("features/{extractor}/fold-{fold}/{generator}_draw-{draw}.map.tsv"),
        rows=result("rows/mixing/{extractor}_{generator}_fold-{fold}_draw-{draw}.tsv"),
    log:
        result("logs/map_features/{extractor}_{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Mapping {wildcards.generator} among real subjects with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/map_features.py"


rule probe_distances:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        model=extractor_model,
        code=lambda w: extractor_code(w, "probe_distances"),
    output:
        rows=result("rows/responses/{extractor}_fold-{fold}.tsv"),
        controls=damaged_controls,
    log:
        result("logs/probe_distances/{extractor}_fold-{fold}.log"),
    benchmark:
        result("benchmarks/probe_distances/{extractor}_fold-{fold}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        extractor=lambda w: study.evaluation.extractors[w.extractor].model_dump(mode="json"),
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Damaging real cines to see what the distances of {wildcards.extractor} notice, fold {wildcards.fold}"
    script:
        "../scripts/probe_distances.py"


rule predict_synthetic:
    input:
        model=real_segmenter,
        cohort=lambda w: synthetic_cohort(w.generator, w),
        code=code("predict_synthetic"),
    output:
        predictions=directory(result("segmentation/fold-{fold}/synthetic/{generator}_draw-{draw}")),
    log:
        result("logs/predict_synthetic/{generator}_fold-{fold}_draw-{draw}.log"),
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
        "Segmenting {wildcards.generator}'s cines with a segmenter trained on real patients only"
    script:
        "../scripts/predict_synthetic.py"


rule measure_controllability:
    input:
        predictions=rules.predict_synthetic.output.predictions,
        cohort=lambda w: synthetic_cohort(w.generator, w),
        code=code("measure_controllability"),
    output:
        rows=result("rows/controllability/{generator}_fold-{fold}_draw-{draw}.tsv"),
        measured=result("rows/controllability/{generator}_fold-{fold}_draw-{draw}.measured.tsv"),
    log:
        result("logs/measure_controllability/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Comparing what {wildcards.generator} was asked for with what it made"
    script:
        "../scripts/measure_controllability.py"


rule predict_validation:
    input:
        model=real_segmenter,
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        code=code("predict_validation"),
    output:
        predictions=directory(result("segmentation/fold-{fold}/validation")),
    log:
        result("logs/predict_validation/fold-{fold}.log"),
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
        "Segmenting the validation patients of fold {wildcards.fold}: what masks can be judged by"
    script:
        "../scripts/predict_validation.py"


rule measure_mask_agreement:
    input:
        predictions=rules.predict_synthetic.output.predictions,
        cohort=lambda w: synthetic_cohort(w.generator, w),
        validation=rules.predict_validation.output.predictions,
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        code=code("measure_mask_agreement"),
    output:
        rows=result("rows/mask-agreement/{generator}_fold-{fold}_draw-{draw}.tsv"),
    log:
        result("logs/measure_mask_agreement/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Comparing the masks of {wildcards.generator} with its images, fold {wildcards.fold}"
    script:
        "../scripts/measure_mask_agreement.py"


rule measure_function:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=study.datasets),
        split=result("splits/fold-{fold}.tsv"),
        synthetic=lambda w: synthetic_cohort(w.generator, w),
        code=code("measure_function"),
    output:
        rows=result("rows/function/{generator}_fold-{fold}_draw-{draw}.tsv"),
    log:
        result("logs/measure_function/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Comparing the function of {wildcards.generator}'s hearts with real ones, fold {wildcards.fold}"
    script:
        "../scripts/measure_function.py"


rule audit_memorisation:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        synthetic=lambda w: synthetic_cohort(w.generator, w),
        code=code("audit_memorisation"),
    output:
        rows=result("rows/memorisation/{generator}_fold-{fold}_draw-{draw}.tsv"),
        pairs=result("rows/memorisation/{generator}_fold-{fold}_draw-{draw}.pairs.tsv"),
    log:
        result("logs/audit_memorisation/{generator}_fold-{fold}_draw-{draw}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        seed=study.evaluation.seed,
        copies=study.synthesis.copies.model_dump(mode="json", include={"action"}),
    message:
        "Looking for copies of training patients among {wildcards.generator}'s, fold {wildcards.fold}"
    script:
        "../scripts/audit_memorisation.py"


rule audit_features:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=study.datasets),
        split=result("splits/fold-{fold}.tsv"),
        real=rules.extract_real_features.output.features,
        synthetic=rules.extract_synthetic_features.output.features,
        model=extractor_model,
        code=lambda w: extractor_code(w, "audit_features"),
    output:
        rows=result("rows/memorisation-features/{extractor}_{generator}_fold-{fold}_draw-{draw}.tsv"),
    log:
        result("logs/audit_features/{extractor}_{generator}_fold-{fold}_draw-{draw}.log"),
    benchmark:
        result("benchmarks/audit_features/{extractor}_{generator}_fold-{fold}_draw-{draw}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        seed=study.evaluation.seed,
    message:
        "Looking for copies among {wildcards.generator}'s with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/audit_features.py"


rule compare_arms:
    input:
        scores=arm_runs("rows/scores/{arm}_fold-{fold}_draw-{draw}_seed-{seed}.tsv"),
        code=code("compare_arms"),
    output:
        rows=result("rows/comparisons.tsv"),
    log:
        result("logs/compare_arms.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        arms=[vars(arm) for arm in arms.values()],
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Comparing the arms"
    script:
        "../scripts/compare_arms.py"


rule collate_results:
    input:
        scores=rules.compare_arms.input.scores,
        comparisons=one("rows/comparisons.tsv"),
        generators=generator_rows(),
        # What the rows rest on, for the manifests that stand beside them.
        cohorts=settled("cohorts/{dataset}", dataset=study.datasets),
        splits=settled("splits/fold-{fold}.tsv", fold=folds),
        synthetic=synthetic_runs,
        grids=of_grids("synthetic/{generator}/fold-{fold}/draw-{draw}/grid"),
        models=[
            one("models/{model}/fold-{fold}/seed-{seed}/training.json", model=model, fold=fold, seed=seed)
            for model, fold, seed in trained_models()
        ],
        segmenters=arm_runs("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/seed-{seed}/model"),
        code=code("collate_results", *plugin_modules()),
    output:
        current=result("tables/current.json"),
    log:
        result("logs/collate_results.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        study=study.model_dump(mode="json", exclude={"report"}),
        arms=[vars(arm) for arm in arms.values()],
        folds=folds,
        draws=draws,
        seeds=study.segmentation.seeds,
        runs=[(generator, fold, draw) for generator in study.generators for fold in folds for draw in draws],
        grid_runs=grid_runs(),
        models=trained_models(),
        plugins=plugin_modules(),
        segmenters=[
            (arm, fold, draw, seed)
            for arm in arms
            for fold in folds
            for draw in arm_draws(arm)
            for seed in study.segmentation.seeds
        ],
    message:
        "Collating all results into a versioned table"
    script:
        "../scripts/collate_results.py"
