"""Training: one rule for every model of every generator and extractor."""


rule train_model:
    input:
        train=result("stores/fold-{fold}/train"),
        validation=result("stores/fold-{fold}/validation"),
        needs=model_needs,
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
