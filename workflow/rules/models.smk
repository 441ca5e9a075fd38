"""Training: one rule for every model of every generator and extractor."""


rule train_model:
    input:
        train=result("stores/fold-{fold}/train"),
        validation=result("stores/fold-{fold}/validation"),
        needs=model_needs,
        ceilings=model_ceilings,
        code=model_code,
    output:
        weights=result("models/{model}/fold-{fold}/seed-{seed}/model.safetensors"),
        record=result("models/{model}/fold-{fold}/seed-{seed}/training.json"),
        history=result("models/{model}/fold-{fold}/seed-{seed}/history.csv"),
    log:
        result("logs/train_model/{model}_fold-{fold}_seed-{seed}.log"),
    benchmark:
        result("benchmarks/train_model/{model}_fold-{fold}_seed-{seed}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=32000,
        runtime="24h",
    params:
        model=lambda w: study.models[w.model].model_dump(mode="json"),
        # Outside the outputs, which Snakemake deletes when a preempted job starts again.
        checkpoints=lambda w: checkpoints("models", study.models[w.model].model_dump(mode="json"), w),
    message:
        "Training {wildcards.model} on fold {wildcards.fold}, seed {wildcards.seed}"
    script:
        "../scripts/train_model.py"


rule check_reconstruction:
    input:
        unpack(ceiling_extractor),
        record=rules.train_model.output.record,
        weights=rules.train_model.output.weights,
        code=ceiling_code,
    output:
        passed=result("models/{model}/fold-{fold}/seed-{seed}/ceiling.json"),
        rows=result("rows/reconstructions/{model}_fold-{fold}_seed-{seed}.tsv"),
    log:
        result("logs/check_reconstruction/{model}_fold-{fold}_seed-{seed}.log"),
    benchmark:
        result("benchmarks/check_reconstruction/{model}_fold-{fold}_seed-{seed}.tsv")
    conda:
        "../../envs/synthaug.yaml"
    threads: 8
    resources:
        gpu=gpus(),
        mem_mb=16000,
        runtime="4h",
    params:
        ceiling=study.synthesis.ceiling.model_dump(mode="json"),
        extractor=study.evaluation.extractors[extractors[0]].model_dump(mode="json") if extractors else None,
        evaluation=study.evaluation.model_dump(mode="json", exclude={"extractors"}),
    message:
        "Looking at what {wildcards.model} reconstructs, fold {wildcards.fold}, seed {wildcards.seed}"
    script:
        "../scripts/check_reconstruction.py"
