"""What is read of the folder of an image-text model; by hand."""

from __future__ import annotations

from synthaug.models.clip_files import files_beside_weights


def test_configuration_and_tokenizer_are_read_and_nothing_else(tmp_path):
    for name in ("vocab.txt", "tokenizer.json", "spiece.model", "model.safetensors", "README.md", "cat.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "old.json").mkdir()
    read = [file.name for file in files_beside_weights(tmp_path)]
    assert read == ["spiece.model", "tokenizer.json", "vocab.txt"]
    assert files_beside_weights(tmp_path / "absent") == []
