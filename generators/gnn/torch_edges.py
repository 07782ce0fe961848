"""Edges from .pt: an edge_index of PyTorch Geometric, a dict with one, or a sparse matrix."""

from __future__ import annotations

import pickle
import struct
import warnings
from pathlib import Path
from typing import Any

from ...errors import InputError
from .graph import MAX_VERTICES, Chunks, EdgeSource, check_integers

__all__ = ["torch_edges"]

_DAMAGED = (
    pickle.UnpicklingError, ArithmeticError, AssertionError, AttributeError, EOFError, ImportError,
    LookupError, MemoryError, RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What torch raises for a damaged or foreign file."""


def torch_edges(path: Path) -> EdgeSource:
    """Return the edges of a file that torch saved; no code of it is run.

    It holds an integer tensor [2, edges], a dict of one as `edge_index` and, if there are isolated
    vertices at the end, their number as `num_nodes` or the features `x`; or a sparse matrix, whose
    edges go from rows to columns.
    """
    import torch

    try:
        # A sparse matrix whose parts contradict each other is refused before it is worked with.
        checking: Any = torch.sparse.check_sparse_tensor_invariants
        with warnings.catch_warnings(action="ignore"), checking(True):
            value = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} must be a readable file: {reason}") from error
    except _DAMAGED as error:
        raise InputError(
            f"{path} must hold an edge_index or a dict with one (no other classes), and cannot be "
            f"read as that ({type(error).__name__})"
        ) from error
    vertices = None
    if isinstance(value, dict):
        vertices = _vertices(path, value)
        value = value.get("edge_index")
    if not isinstance(value, torch.Tensor) or value.is_meta:
        raise InputError(f"{path}: edge_index must be a tensor, not {type(value).__name__}")
    if value.layout != torch.strided:
        if value.ndim != 2 or value.shape[0] != value.shape[1]:
            raise InputError(
                f"{path}: sparse matrix must be square, not of shape {list(value.shape)}"
            )
        vertices = value.shape[0]
        value = _coordinates(path, value)
    if value.ndim != 2 or value.shape[0] != 2:
        raise InputError(
            f"{path}: edge_index must be of shape [2, edges], not {list(value.shape)}"
        )
    if value.dtype == torch.bool or value.is_floating_point() or value.is_complex():
        raise InputError(f"{path}: edge_index must hold integers, not {value.dtype}")
    pairs = value.numpy()
    check_integers(f"{path}: edge_index", pairs)

    def chunks(count: int) -> Chunks:
        for at in range(0, pairs.shape[1], count):
            yield pairs[0, at : at + count], pairs[1, at : at + count]

    return EdgeSource(str(path), vertices, pairs.shape[1], chunks)


def _vertices(path: Path, value: dict[Any, Any]) -> int | None:
    count = value.get("num_nodes")
    if count is None:
        features = value.get("x")
        return None if features is None else len(features)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_VERTICES:
        raise InputError(f"{path}: num_nodes must be from 0 to {MAX_VERTICES}, not {count!r}")
    return count


def _coordinates(path: Path, matrix: Any) -> Any:
    import torch

    if matrix.layout == torch.sparse_coo:
        return matrix._indices()  # as saved: the public method wants equal entries added up
    if matrix.layout in (torch.sparse_csr, torch.sparse_csc):
        return matrix.to_sparse_coo()._indices()
    raise InputError(f"{path}: sparse matrix must be coo, csr or csc, not {matrix.layout}")
