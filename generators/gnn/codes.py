"""The network's codes in an image: rows by place, columns as the program has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .image import Image
from .program import Program

__all__ = ["put_input", "rows_to_vertices", "take_output"]

Integers = NDArray[np.int64]


def put_input(program: Program, image: Image, codes: Integers) -> None:
    """Write input codes, int64 [vertices, input_features] by vertex, into an image.

    Raises
    ------
    InputError
        If the shape differs or a code is not in -128..127.
    """
    shape = (program.vertices, program.input_features)
    if codes.shape != shape:
        raise InputError(f"input must be of shape {list(shape)}, not {list(codes.shape)}")
    wrong = (codes < -128) | (codes > 127)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(f"input must be in -128..127, not {codes[index]} at {list(index)}")
    rows = np.zeros((program.vertices, image.tensors[program.input].elements), np.int64)
    rows[:, : program.input_features] = codes if program.order is None else codes[program.order]
    image.write(program.input, rows)


def take_output(program: Program, image: Image) -> Integers:
    """Return the output codes of an image, int64 [vertices, outputs] by vertex."""
    return rows_to_vertices(image.read(program.output), program.output_columns, program.order)


def rows_to_vertices(
    rows: Integers, columns: Sequence[int], order: NDArray[Any] | None
) -> Integers:
    """Return chosen columns of rows by place as rows by vertex."""
    chosen = rows[:, list(columns)]
    if order is None:
        return chosen
    result = np.empty_like(chosen)
    result[order] = chosen
    return result
