"""Rows: what was measured, one fact a row, before anything is said about it."""

features_of_synthetic = pattern(
    "features/{extractor}/fold-{fold}/{generator}_generator-seed-{generator_seed}.npz"
)


rule extract_real_features:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        model=extractor_model,
        model_files=extractor_folder,
    output:
        features=pattern("features/{extractor}/fold-{fold}/real.npz"),
    log:
        pattern("logs/extract_real_features/{extractor}_fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/extract_real_features/{extractor}_fold-{fold}.tsv")
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=extractor_code,
        extractor=extractor_settings,
    message:
        "Extracting {wildcards.extractor} features of the real cines, fold {wildcards.fold}"
    script:
        "../scripts/extract_features.py"


use rule extract_real_features as extract_synthetic_features with:
    input:
        cohorts=cohorts_of,
        model=extractor_model,
        model_files=extractor_folder,
    output:
        features=pattern(
            "features/{extractor}/fold-{fold}/{generator}_generator-seed-{generator_seed}{part}.npz"
        ),
    log:
        pattern(
            "logs/extract_synthetic_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/extract_synthetic_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}{part}.tsv"
        )
    resources:
        **READS_COHORT,
    message:
        "Extracting {wildcards.extractor} features of {wildcards.generator}, fold {wildcards.fold}"


# Of a large cohort the jobs of the rule to the right do parts.
ruleorder: gather_features > extract_synthetic_features


rule gather_features:
    input:
        parts=in_parts(rules.extract_synthetic_features.output.features),
    output:
        features=features_of_synthetic,
    log:
        pattern(
            "logs/gather_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.log"
        ),
    wildcard_constraints:
        generator=divided,
    resources:
        **GATHERS_PARTS,
    params:
        code=code("gather_features"),
    message:
        "Gathering {wildcards.extractor} features of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/gather_features.py"


rule measure_distances:
    input:
        real=rules.extract_real_features.output.features,
        synthetic=features_of_synthetic,
        controls=corrupted_features,
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        rows=pattern("rows/distances/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern(
            "logs/measure_distances/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.log"
        ),
    benchmark:
        pattern(
            "benchmarks/measure_distances/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    resources:
        mem_mb=features_memory,
        runtime=features_runtime,
    params:
        code=code("measure_distances"),
        evaluation=evaluation_settings,
    message:
        "Measuring distances of {wildcards.generator} with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/measure_distances.py"


rule compare_generators:
    input:
        real=rules.extract_real_features.output.features,
        synthetic=features_of_generators,
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        rows=pattern("rows/generator-comparison/{extractor}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/compare_generators/{extractor}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/compare_generators/{extractor}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    resources:
        mem_mb=features_memory,
        runtime=features_runtime,
    params:
        code=code("compare_generators"),
        generators=list(study.generators),
        evaluation=evaluation_settings,
    message:
        "Comparing the generators' distances with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/compare_generators.py"


rule map_features:
    input:
        real=rules.extract_real_features.output.features,
        synthetic=features_of_synthetic,
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        points=pattern("features/{extractor}/fold-{fold}/{generator}_generator-seed-{generator_seed}.map.tsv"),
        rows=pattern("rows/mixing/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/map_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/map_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    resources:
        mem_mb=features_memory,
        runtime=features_runtime,
    params:
        code=code("map_features"),
        evaluation=evaluation_settings,
    message:
        "Mapping {wildcards.generator} among real subjects with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/map_features.py"


rule measure_metric_sensitivity:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        model=extractor_model,
        model_files=extractor_folder,
    output:
        rows=pattern("rows/metric-sensitivity/{extractor}_fold-{fold}.tsv"),
        controls=corrupted_features,
    log:
        pattern("logs/measure_metric_sensitivity/{extractor}_fold-{fold}.log"),
    benchmark:
        pattern("benchmarks/measure_metric_sensitivity/{extractor}_fold-{fold}.tsv")
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=lambda w: extractor_code(w, "measure_metric_sensitivity"),
        extractor=extractor_settings,
        evaluation=evaluation_settings,
    message:
        "Measuring the response of {wildcards.extractor}'s distances to corrupted real cines, fold {wildcards.fold}"
    script:
        "../scripts/measure_metric_sensitivity.py"


rule measure_controllability:
    input:
        predictions=segmented_synthetic,
        cohort=cohort_of,
    output:
        rows=pattern("rows/controllability/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
        measured=pattern(
            "rows/controllability/{generator}_fold-{fold}_generator-seed-{generator_seed}.measured.tsv"
        ),
    log:
        pattern("logs/measure_controllability/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/measure_controllability/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    resources:
        **grows_with("cohort", seconds=4),
    params:
        code=code("measure_controllability"),
        evaluation=evaluation_settings,
    message:
        "Comparing requested with measured values of {wildcards.generator}"
    script:
        "../scripts/measure_controllability.py"


rule measure_recovery:
    input:
        cohort=cohort_of,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        network=where_declared(
            classifier,
            f"tasks/{classifier}/fold-{{fold}}/synthetic/{{generator}}_generator-seed-{{generator_seed}}",
        ),
        network_tested=reference_tested(classifier),
        forest=where_declared(
            forest, f"tasks/{forest}/fold-{{fold}}/segmented/{{generator}}_generator-seed-{{generator_seed}}"
        ),
        forest_tested=where_declared(forest, f"tasks/{forest}/fold-{{fold}}/segmented-test"),
        measured=where_declared(
            segmenter,
            "rows/controllability/{generator}_fold-{fold}_generator-seed-{generator_seed}.measured.tsv",
        ),
        segmented=reference_tested(segmenter),
    output:
        rows=pattern("rows/recovery/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/measure_recovery/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/measure_recovery/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    resources:
        **grows_with("cohort", seconds=0.1),
    params:
        code=code("measure_recovery"),
        evaluation=study.evaluation.model_dump(mode="json", include={"seed", "confidence", "replicates"}),
    message:
        "Comparing requested with recognised diagnoses of {wildcards.generator}, fold {wildcards.fold}"
    script:
        "../scripts/measure_recovery.py"


rule measure_cost:
    input:
        records=lambda w: [
            path(f"{run.folder}/training.json") for run in generator_trainings(study, synthetic_run(w))
        ],
        chunks=expand(rules.synthesise_chunk.output.chunk, chunk=range(len(chunks)), allow_missing=True),
        times=expand(rules.synthesise_chunk.benchmark, chunk=range(len(chunks)), allow_missing=True),
    output:
        rows=pattern("rows/cost/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/measure_cost/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    params:
        code=code("measure_cost"),
        evaluation=study.evaluation.model_dump(mode="json", include={"seed", "confidence", "replicates"}),
    message:
        "Reading what {wildcards.generator} took, fold {wildcards.fold}"
    script:
        "../scripts/measure_cost.py"


rule compare_requests:
    input:
        cohorts=lambda w: [synthetic_cohort(study, run) for run in runs_with_requests(w)],
        measured=lambda w: of_runs_with_requests(
            "controllability", ".measured.tsv", w, where=segmenter != "none"
        ),
        agreement=lambda w: of_runs_with_requests(
            "mask-agreement", ".subjects.tsv", w, where=segmenter != "none"
        ),
        copies=lambda w: of_runs_with_requests("memorisation", ".pairs.tsv", w),
    output:
        rows=pattern("rows/request-pairs/fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/compare_requests/fold-{fold}_generator-seed-{generator_seed}.log"),
    resources:
        **grows_with("cohorts", seconds=0.1),
    params:
        code=code("compare_requests"),
        generators=lambda w: [run.generator for run in runs_with_requests(w)],
        evaluation=evaluation_settings,
    message:
        "Comparing the generators request by request, fold {wildcards.fold}"
    script:
        "../scripts/compare_requests.py"


rule rank_generators:
    input:
        measures=[path(file) for file in ranked_files(study)],
        comparisons=path("rows/comparisons.tsv"),
    output:
        rows=pattern("rows/generator-ranking.tsv"),
    log:
        pattern("logs/rank_generators.log"),
    params:
        code=code("rank_generators"),
        generators=list(study.generators),
        arms=[vars(arm) for arm in arms.values()],
        tasks={name: task.primary_metric for name, task in study.tasks.items() if task.arms == "all"},
        evaluation=study.evaluation.model_dump(mode="json", include={"seed", "confidence", "replicates"}),
    message:
        "Ranking the generators"
    script:
        "../scripts/rank_generators.py"


rule measure_phenotype_sampling:
    input:
        weights=rules.train_model.output.weights,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        phenotypes=paths("phenotypes/{dataset}.tsv", dataset=split_datasets if packed["columns"] else []),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        rows=pattern("rows/phenotype-sampling/{model}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/measure_phenotype_sampling/{model}_fold-{fold}_generator-seed-{generator_seed}.log"),
    wildcard_constraints:
        model=any_of(phenotype_samplers(study)),
    params:
        code=lambda w: code_of("measure_phenotype_sampling", *model_modules(w.model)),
        phenotypes=packed,
        evaluation=evaluation_settings,
    message:
        "Comparing hearts drawn from {wildcards.model} with real patients, fold {wildcards.fold}"
    script:
        "../scripts/measure_phenotype_sampling.py"


rule measure_mask_agreement:
    input:
        predictions=segmented_synthetic,
        cohort=cohort_of,
        validation=rules.predict_validation.output.predictions,
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
    output:
        rows=pattern("rows/mask-agreement/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
        subjects=pattern(
            "rows/mask-agreement/{generator}_fold-{fold}_generator-seed-{generator_seed}.subjects.tsv"
        ),
    log:
        pattern("logs/measure_mask_agreement/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/measure_mask_agreement/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    resources:
        **grows_with(drawn=["cohort"], seconds=4),
    params:
        code=code("measure_mask_agreement"),
        evaluation=evaluation_settings,
    message:
        "Comparing the masks of {wildcards.generator} with its images, fold {wildcards.fold}"
    script:
        "../scripts/measure_mask_agreement.py"


rule measure_cardiac_function:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=study.datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        synthetic=cohort_of,
    output:
        rows=pattern("rows/cardiac-function/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/measure_cardiac_function/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/measure_cardiac_function/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    resources:
        **grows_with("cohorts", drawn=["synthetic"], seconds=4),
    params:
        code=code("measure_cardiac_function"),
        evaluation=evaluation_settings,
    message:
        "Comparing the function of {wildcards.generator}'s hearts with real ones, fold {wildcards.fold}"
    script:
        "../scripts/measure_cardiac_function.py"


# Copies are looked for as far as the training cines of generators were moved.
augmentations = [
    model.augmentation.model_dump(mode="json")
    for model in study.models.values()
    if hasattr(model, "augmentation") and model.kind not in ("patient_recogniser", "text_encoder")
]


rule audit_memorisation:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        synthetic=cohort_of,
    output:
        rows=pattern("rows/memorisation/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
        pairs=pattern("rows/memorisation/{generator}_fold-{fold}_generator-seed-{generator_seed}.pairs.tsv"),
        patients=pattern(
            "rows/memorisation/{generator}_fold-{fold}_generator-seed-{generator_seed}.patients.tsv"
        ),
    log:
        pattern("logs/audit_memorisation/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/audit_memorisation/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    resources:
        **grows_with("cohorts", "synthetic", seconds=0) | {"runtime": audit_runtime},
    params:
        code=code("audit_memorisation"),
        evaluation=evaluation_seed,
        copies=study.synthesis.copies.model_dump(mode="json", include={"action"}),
        augmentation=augmentations,
    message:
        "Looking for copies of training patients among {wildcards.generator}'s, fold {wildcards.fold}"
    script:
        "../scripts/audit_memorisation.py"


rule compare_memberships:
    input:
        patients=lambda w: [
            path(f"rows/memorisation/{run.stem}.patients.tsv")
            for run in synthetic_runs(study)
            if run.generator == w.generator
        ],
    output:
        rows=pattern("rows/memberships/{generator}.tsv"),
    log:
        pattern("logs/compare_memberships/{generator}.log"),
    params:
        code=code("compare_memberships"),
        evaluation=study.evaluation.model_dump(mode="json", include={"seed", "confidence"}),
    message:
        "Comparing {wildcards.generator} trained with each patient and without"
    script:
        "../scripts/compare_memberships.py"


rule audit_recognition:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=split_datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        synthetic=cohort_of,
        model=recogniser_model,
    output:
        rows=pattern(
            "rows/memorisation-recognition/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        ),
    log:
        pattern("logs/audit_recognition/{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/audit_recognition/{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    threads: NETWORK_THREADS
    resources:
        **network_reads("cohorts", "synthetic"),
    params:
        code=code("audit_recognition"),
        evaluation=evaluation_seed,
        augmentation=augmentations,
    message:
        "Looking for copies among {wildcards.generator}'s with a patient recogniser, fold {wildcards.fold}"
    script:
        "../scripts/audit_recognition.py"


rule audit_features:
    input:
        cohorts=paths("cohorts/{dataset}", dataset=study.datasets),
        split=pattern("splits/fold-{fold}.tsv"),
        real=rules.extract_real_features.output.features,
        synthetic=features_of_synthetic,
        model=extractor_model,
    output:
        rows=pattern(
            "rows/memorisation-features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        ),
    log:
        pattern("logs/audit_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern(
            "benchmarks/audit_features/{extractor}_{generator}_fold-{fold}_generator-seed-{generator_seed}.tsv"
        )
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK | {"mem_mb": audit_features_memory},
    params:
        code=lambda w: extractor_code(w, "audit_features"),
        evaluation=evaluation_seed,
        augmentation=augmentations,
    message:
        "Looking for copies among {wildcards.generator}'s with {wildcards.extractor}, fold {wildcards.fold}"
    script:
        "../scripts/audit_features.py"
