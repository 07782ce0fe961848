"""Features, labels and masks of vertices from .npy and .npz."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["VertexData", "normalized_rows", "read_vertex_data"]

Reals = NDArray[np.float64]

_DENSE = ("x", "features")
_SPARSE = ("feat_indptr", "feat_indices", "feat_data", "feat_dim")
_LABELS = ("y", "labels")
_TRAIN, _TEST = ("train", "train_mask"), ("test", "test_mask")


@dataclass(frozen=True, eq=False)
class VertexData:
    """What is known of the vertices; None where the file does not tell.

    Attributes
    ----------
    features
        float64 [N, F].
    labels
        int64 [N].
    train, test
        bool [N].
    """

    features: Reals | None = None
    labels: NDArray[np.int64] | None = None
    train: NDArray[np.bool_] | None = None
    test: NDArray[np.bool_] | None = None


def read_vertex_data(path: Path, vertices: int) -> VertexData:
    """Return what a file tells of its vertices.

    Parameters
    ----------
    path
        ``.npy``: features [N, F]. ``.npz``: ``x`` or ``features``, or rows of a sparse matrix
        (``feat_indptr``, ``feat_indices``, ``feat_data``, ``feat_dim``); ``y`` or ``labels``;
        masks ``train`` and ``test`` (also ``train_mask``, ``test_mask``).

    Raises
    ------
    InputError
        If the file is of another kind or damaged, or an array is of another length, not finite or
        no numbers.
    """
    try:
        opened = np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"features must be a readable .npy or .npz file: {error}") from error
    if isinstance(opened, np.ndarray):
        return VertexData(_features("features", opened, vertices))
    with opened as arrays:
        try:
            return _archive(arrays, vertices)
        except (ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"features must be readable: {path}: {error}") from error


def _archive(arrays: Any, vertices: int) -> VertexData:
    def first(names: tuple[str, ...]) -> tuple[str, NDArray[Any]] | None:
        return next(((name, arrays[name]) for name in names if name in arrays.files), None)

    features = None
    dense = first(_DENSE)
    if dense is not None:
        features = _features(*dense, vertices)
    elif all(name in arrays.files for name in _SPARSE):
        features = _features("feat_data", _from_rows(*(arrays[name] for name in _SPARSE)), vertices)
    columns: list[NDArray[Any] | None] = []
    for names, kinds in ((_LABELS, "iu"), (_TRAIN, "b"), (_TEST, "b")):
        found = first(names)
        if found is None:
            columns.append(None)
            continue
        name, array = found
        if array.shape != (vertices,) or array.dtype.kind not in kinds:
            wanted = "integers" if kinds == "iu" else "booleans"
            raise InputError(
                f"{name} must be {wanted} of shape [{vertices}], not {array.dtype} "
                f"{list(array.shape)}"
            )
        columns.append(array)
    labels, train, test = columns
    return VertexData(features, None if labels is None else labels.astype(np.int64), train, test)


def _from_rows(
    indptr: NDArray[Any], indices: NDArray[Any], values: NDArray[Any], width: NDArray[Any]
) -> NDArray[Any]:
    columns = int(width)
    if len(indices) != len(values) or int(indptr[-1]) != len(values):
        raise InputError(
            f"feat_indices must have the {len(values)} entries of feat_data, not {len(indices)}"
        )
    if len(indices) and not 0 <= indices.min() <= indices.max() < columns:
        raise InputError(f"feat_indices must be in 0..{columns - 1}, not {indices.max()}")
    x = np.zeros((len(indptr) - 1, columns))
    x[np.repeat(np.arange(len(x)), np.diff(indptr)), indices] = values
    return x


def _features(name: str, array: NDArray[Any], vertices: int) -> Reals:
    if array.dtype.kind not in "fiub" or array.ndim != 2 or len(array) != vertices:
        raise InputError(
            f"{name} must be numbers of shape [{vertices}, any], not {array.dtype} "
            f"{list(array.shape)}"
        )
    real = array.astype(np.float64)
    wrong = ~np.isfinite(real)
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        raise InputError(f"{name} must be finite, not {real[row, column]} at [{row}, {column}]")
    return real


def normalized_rows(x: Reals) -> Reals:
    """Return each row over its sum; rows whose sum is below 1 keep their size."""
    scaled: Reals = x / np.maximum(x.sum(axis=1, keepdims=True), 1)
    return scaled
