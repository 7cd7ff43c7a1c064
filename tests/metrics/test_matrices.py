import json

import numpy as np
import pytest

from nmt.errors import DataError
from nmt.metrics.matrices import AlignmentMatrix, read_matrices, write_matrices, write_npz

MATRIX = AlignmentMatrix(("das", "Haus"), ("the", "house", "."), np.array([[0.9, 0.1], [1 / 3, 2 / 3], [0.5, 0.5]]))
EMPTY = AlignmentMatrix((), (), np.zeros((0, 0)))


def test_a_line_is_a_json_object_with_rounded_weights(tmp_path):
    write_matrices(tmp_path / "a.jsonl", [MATRIX])
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {
        "source": ["das", "Haus"],
        "target": ["the", "house", "."],
        "weights": [[0.9, 0.1], [0.333333, 0.666667], [0.5, 0.5]],
    }


def test_float32_weights_are_written_short(tmp_path):
    write_matrices(tmp_path / "a.jsonl", [AlignmentMatrix(("a",), ("b",), np.array([[0.1]], np.float32))])
    assert '"weights": [[0.1]]' in (tmp_path / "a.jsonl").read_text()


def test_matrices_written_are_matrices_read(tmp_path):
    japanese = AlignmentMatrix(("猫\u2028", '"'), ("cat",), np.array([[0.25, 0.75]]))
    write_matrices(tmp_path / "a.jsonl", [MATRIX, EMPTY, japanese])
    first, second, third = read_matrices(tmp_path / "a.jsonl")
    np.testing.assert_allclose(first.weights_TS, MATRIX.weights_TS, atol=0.5e-6)
    assert (second.source, second.target, second.weights_TS.shape) == ((), (), (0, 0))
    assert (third.source, third.target, third.weights_TS.tolist()) == (*japanese[:2], [[0.25, 0.75]])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ('{"source": ["a"], "target": ["b"]}', "no key 'weights'"),
        ('{"source": ["a"], "target": ["b"], "weights": [[1, 0]]}', "weights are 1 × 2, tokens are 1 × 1"),
        ('{"source": ["a"], "target": ["b"], "weights": [[NaN]]}', "a weight is not a number"),
        ('{"source": "a", "target": ["b"], "weights": [[1]]}', "tokens are not a list of strings"),
    ],
)
def test_a_line_that_is_no_matrix_is_an_error_with_file_and_line(tmp_path, line, reason):
    (tmp_path / "a.jsonl").write_text(f'{{"source": [], "target": [], "weights": []}}\n{line}\n')
    with pytest.raises(DataError, match=rf"a\.jsonl:2: not an alignment matrix \({reason}"):
        list(read_matrices(tmp_path / "a.jsonl"))


def test_numpy_opens_the_npz_file_without_pickle(tmp_path):
    write_npz(tmp_path / "a.npz", [MATRIX, EMPTY])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["source_0"].tolist() == ["das", "Haus"]
        assert arrays["target_0"].tolist() == ["the", "house", "."]
        np.testing.assert_array_equal(arrays["weights_0"], MATRIX.weights_TS.astype(np.float32))
        assert arrays["weights_1"].shape == (0, 0)


def test_equal_matrices_make_equal_files(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, [MATRIX])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
