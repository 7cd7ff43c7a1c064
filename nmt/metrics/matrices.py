"""Alignment matrices in files: JSON Lines for people and programs, npz for NumPy (docs/formats.md)."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmt.data.corpus import read_lines
from nmt.errors import DataError
from nmt.storage.files import written_whole
from nmt.storage.json_source import parse_json

DIGITS = 6
"""Weights are written with so many digits after the point."""


class AlignmentMatrix(NamedTuple):
    """The tokens of both sides and the weights between them, a row a target token."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights_TS: NDArray[np.floating]


def write_matrices(path: Path, matrices: Iterable[AlignmentMatrix]) -> None:
    """A JSON object a line: source and target tokens, and T lists of S weights."""
    with written_whole(path) as file:
        for matrix in matrices:
            file.write((json.dumps(as_json(matrix), ensure_ascii=False) + "\n").encode())


def as_json(matrix: AlignmentMatrix) -> dict[str, Any]:
    """The object that stands for a matrix in JSON, its weights rounded to DIGITS."""
    return {
        "source": list(matrix.source),
        "target": list(matrix.target),
        "weights": rounded(matrix.weights_TS),
    }


def rounded(weights_TS: NDArray[np.floating]) -> list[list[float]]:
    """T lists of S weights of at most DIGITS digits after the point."""
    listed: list[list[float]] = np.round(weights_TS.astype(np.float64), DIGITS).tolist()
    return listed


def read_matrices(path: Path) -> Iterator[AlignmentMatrix]:
    """The matrices of a JSON Lines file, one by one.

    Raises: DataError with file and line for a line that is not JSON, lacks a key, or whose weights are not
    numbers, a row for each target token and a column for each source token.
    """
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield _matrix(parse_json(line))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            hint = 'A line is {"source": […], "target": […], "weights": [[…], …]}; docs/formats.md has the rest.'
            raise DataError(f"{path}:{number}: not an alignment matrix ({_reason(error)})", hint) from error


def _reason(error: Exception) -> str:
    return f"no key {error}" if isinstance(error, KeyError) else str(error)


def _matrix(value: dict[str, Any]) -> AlignmentMatrix:
    source, target = _tokens(value["source"]), _tokens(value["target"])
    weights_TS = np.array(value["weights"], dtype=np.float64)
    if not target and weights_TS.size == 0:
        weights_TS = weights_TS.reshape(0, len(source))
    if weights_TS.shape != (len(target), len(source)):
        given = " × ".join(map(str, weights_TS.shape))
        raise ValueError(f"weights are {given}, tokens are {len(target)} × {len(source)}")
    if not np.isfinite(weights_TS).all():
        raise ValueError("a weight is not a number")
    return AlignmentMatrix(source, target, weights_TS)


def _tokens(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
        raise ValueError("tokens are not a list of strings")
    return tuple(value)


def write_npz(path: Path, matrices: Iterable[AlignmentMatrix], *, replace: bool = True) -> None:
    """A compressed npz file; matrix n (from 0) is the arrays `source_n`, `target_n` and `weights_n`.

    Weights are float32; nothing in it is pickled, so `numpy.load` opens it as it is. Raises: DataError as
    `written_whole`.
    """
    with written_whole(path, replace=replace) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, matrix in enumerate(matrices):
            _add(archive, f"source_{number}", np.array(matrix.source, dtype=np.str_))
            _add(archive, f"target_{number}", np.array(matrix.target, dtype=np.str_))
            _add(archive, f"weights_{number}", matrix.weights_TS.astype(np.float32))


def _add(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """One array; with a fixed date, so that equal matrices make equal files."""
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = archive.compression
    with archive.open(entry, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
