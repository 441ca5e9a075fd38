"""Files of an image-text model in a local folder, found without reading the model."""

from __future__ import annotations

from pathlib import Path

#: Endings of configuration, tokenizer and preprocessing files as `transformers` and `open_clip` name them.
_ENDINGS = (".json", ".txt", ".model")


def files_beside_weights(folder: str | Path) -> list[Path]:
    """Configuration and tokenizer of a model, which change features as weights do.

    Parameters
    ----------
    folder : path
        Where its weights are.

    Returns
    -------
    list of Path
        In the order of their names; none where there is no such folder.
    """
    if not Path(folder).is_dir():
        return []
    return [path for path in sorted(Path(folder).iterdir()) if path.suffix in _ENDINGS and path.is_file()]
