"""Raw data to harmonised cohorts, splits and training stores."""


rule write_phantom:
    input:
        code=code("write_phantom"),
    output:
        root=directory(result("raw/{dataset}")),
    log:
        result("logs/write_phantom/{dataset}.log"),
    benchmark:
        result("benchmarks/write_phantom/{dataset}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    params:
        layout=lambda w: study.datasets[w.dataset].layout,
        settings=lambda w: study.datasets[w.dataset].phantom.model_dump(mode="json"),
    message:
        "Simulating the phantom dataset {wildcards.dataset}"
    script:
        "../scripts/write_phantom.py"


rule harmonise:
    input:
        raw=raw_dataset,
        code=reader_code,
    output:
        cohort=directory(result("cohorts/{dataset}")),
    log:
        result("logs/harmonise/{dataset}.log"),
    benchmark:
        result("benchmarks/harmonise/{dataset}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        mem_mb=16000,
        runtime="4h",
    params:
        root=raw_root,
        dataset=lambda w: study.datasets[w.dataset].model_dump(mode="json"),
        grid=study.harmonisation.model_dump(mode="json"),
    message:
        "Harmonising {wildcards.dataset}"
    script:
        "../scripts/harmonise.py"


rule split_subjects:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        code=code("split_subjects"),
    output:
        folds=expand(result("splits/fold-{fold}.tsv"), fold=folds, allow_missing=True),
    log:
        result("logs/split_subjects.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        split=study.split.model_dump(mode="json", include=study.split.role_fields()),
    message:
        "Splitting patients into folds"
    script:
        "../scripts/split_subjects.py"


rule find_duplicates:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=study.datasets),
        splits=settled("splits/fold-{fold}.tsv", fold=folds),
        code=code("find_duplicates"),
    output:
        pairs=result("splits/duplicates.tsv"),
    log:
        result("logs/find_duplicates.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        duplicates=study.split.duplicates.model_dump(mode="json"),
    message:
        "Looking for one patient under two ids"
    script:
        "../scripts/find_duplicates.py"


rule pack_cohort:
    input:
        cohorts=settled("cohorts/{dataset}", dataset=split_datasets),
        split=result("splits/fold-{fold}.tsv"),
        duplicates=patients_apart,
        code=code("pack_cohort"),
    output:
        train=directory(result("stores/fold-{fold}/train")),
        validation=directory(result("stores/fold-{fold}/validation")),
    log:
        result("logs/pack_cohort/fold-{fold}.log"),
    conda:
        "../../envs/synthaug.yaml"
    params:
        n_slices=study.harmonisation.matrix[0],
    message:
        "Packing the training cines of fold {wildcards.fold}"
    script:
        "../scripts/pack_cohort.py"
