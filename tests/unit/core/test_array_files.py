"""Arrays in files: what is written from a file is what numpy writes from memory."""

from __future__ import annotations

import io

import numpy as np
import pytest

from synthaug.core.array_files import StoredArray, map_npz, write_npz


@pytest.mark.parametrize("rows", [0, 1, 700])
def test_a_stored_array_is_written_as_numpy_writes_it(rows, tmp_path):
    array = np.random.default_rng(0).normal(size=(rows, 500)).astype(np.float32)
    (tmp_path / "rows.f32").write_bytes(array.tobytes())
    names, meta = np.array(["ä-1", "b"]), np.array('{"a": 1}')
    expected, written = io.BytesIO(), io.BytesIO()
    np.savez(expected, meta=meta, names=names, rows=array)
    stored = StoredArray(tmp_path / "rows.f32", np.dtype(np.float32), array.shape)
    write_npz(written, {"meta": meta, "names": names, "rows": stored})
    assert written.getvalue() == expected.getvalue()
    (tmp_path / "all.npz").write_bytes(written.getvalue())
    assert np.array_equal(map_npz(tmp_path / "all.npz")["rows"], array)
