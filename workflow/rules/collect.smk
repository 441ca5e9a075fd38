"""The menu: stages one can ask for by name; each includes what it needs."""


localrules:
    harmonise_all,
    train_all,
    synthesise_all,
    segment_all,
    evaluate_all,


rule harmonise_all:
    input:
        settled("splits/fold-{fold}.tsv", fold=folds),
        one("splits/duplicates.tsv"),


rule train_all:
    input:
        [
            one(
                "models/{model}/fold-{fold}/seed-{seed}/model.safetensors", model=model, fold=fold, seed=seed
            )
            for model, fold, seed in trained_models()
        ],


rule synthesise_all:
    input:
        settled(
            "synthetic/{generator}/fold-{fold}/draw-{draw}/cohort",
            generator=sampling_generators + lending_generators,
            fold=folds,
            draw=draws,
        ),


rule segment_all:
    input:
        arm_runs("segmentation/fold-{fold}/arms/{arm}/draw-{draw}/seed-{seed}/predictions"),


rule evaluate_all:
    input:
        settled("tables/current.json"),
