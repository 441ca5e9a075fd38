"""Training: one rule for every model of every generator and extractor."""


rule train_model:
    input:
        train=training_store,
        validation=pattern("stores/fold-{fold}/validation"),
        needs=model_needs,
        init=initial_weights,
        image_text=image_text_model,
        reconstruction_checked=reconstruction_checked,
    output:
        weights=pattern("models/{model}/fold-{fold}/generator-seed-{generator_seed}/model.safetensors"),
        record=pattern("models/{model}/fold-{fold}/generator-seed-{generator_seed}/training.json"),
        history=pattern("models/{model}/fold-{fold}/generator-seed-{generator_seed}/history.csv"),
    log:
        pattern("logs/train_model/{model}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/train_model/{model}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    # Models stand in chains, such as an autoencoder, images, cines, a branch: where cores are few, these begin first.
    priority: 1
    threads: NETWORK_THREADS
    resources:
        **TRAINS_NETWORK,
        # No parameter: weights do not follow from it.
        checkpoint_seconds=lambda w: round(60 * study.models[w.model].training.checkpoint_minutes),
    params:
        code=model_code,
        model=lambda w: trained_model(w.model),
        # Outside the outputs, which Snakemake deletes when a preempted job starts again.
        checkpoints=lambda w: checkpoints("models", trained_model(w.model), w),
    message:
        "Training {wildcards.model} on fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/train_model.py"


rule check_reconstruction:
    input:
        unpack(reconstructed_files),
        record=rules.train_model.output.record,
        weights=rules.train_model.output.weights,
    output:
        passed=pattern("models/{model}/fold-{fold}/generator-seed-{generator_seed}/reconstruction_check.json"),
        rows=pattern("rows/reconstructions/{model}_fold-{fold}_generator-seed-{generator_seed}.tsv"),
    log:
        pattern("logs/check_reconstruction/{model}_fold-{fold}_generator-seed-{generator_seed}.log"),
    benchmark:
        pattern("benchmarks/check_reconstruction/{model}_fold-{fold}_generator-seed-{generator_seed}.tsv")
    threads: NETWORK_THREADS
    resources:
        **RUNS_NETWORK,
    params:
        code=reconstruction_code,
        reconstruction_check=study.synthesis.reconstruction_check.model_dump(mode="json"),
        gate=study.synthesis.gate.model_dump(mode="json", exclude={"minimum_accepted"}),
        extractor=study.evaluation.extractors[extractors[0]].model_dump(mode="json") if extractors else None,
        evaluation=evaluation_settings,
    message:
        "Looking at what {wildcards.model} reconstructs, fold {wildcards.fold}, generator seed {wildcards.generator_seed}"
    script:
        "../scripts/check_reconstruction.py"
