"""Matrices of integers out of `.npy` files."""

from __future__ import annotations

import struct
import tokenize
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.tpe.encodings import check_operand

__all__ = ["read_matrix", "read_operand"]

_DAMAGED = (
    ArithmeticError, EOFError, LookupError, MemoryError, SyntaxError, TypeError, ValueError,
    struct.error, tokenize.TokenError,
)  # fmt: skip
"""What the reader of NumPy raises for a damaged or foreign file."""

Integers = NDArray[np.int64]


def read_matrix(path: Path) -> Integers:
    """Return the matrix of integers of a `.npy` file.

    Raises
    ------
    InputError
        If the file cannot be read, or does not hold a matrix of integers of at least 1 x 1.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} must be a readable .npy file: {reason}") from error
    except _DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} must be a .npy file of integers: {reason}") from error
    if array.dtype.kind not in "iu":
        raise InputError(f"{path} must hold integers, not {array.dtype}")
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{path} must be a matrix of at least 1 x 1, not {list(array.shape)}")
    if array.dtype == np.uint64 and int(array.max()) >= 1 << 63:
        raise InputError(f"{path} must hold numbers below 2^63, not {array.max()}")
    return array.astype(np.int64)


def read_operand(path: Path, side: str, width: int, signed: bool) -> Integers:
    """Return an operand; ``side`` is ``a`` or ``b``, the beginning of its fields' names.

    Raises
    ------
    InputError
        If it is no matrix of integers of that format.
    """
    values = read_matrix(path)
    try:
        return check_operand(str(path), values, width, signed)
    except InputError as error:
        kind = "signed" if signed else "unsigned"
        raise InputError(
            f"{error} ({side}_width = {width}, {kind}: see {side}_width and {side}_signed)"
        ) from error
