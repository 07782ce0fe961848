"""Edges from .npz: arrays src and dst, edge_index, or a sparse matrix as SciPy saves it.

Arrays are read piece by piece from the archive, never whole.
"""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .graph import MAX_VERTICES, Chunks, EdgeSource, check_integers

__all__ = ["npz_edges"]

_LAYOUTS = (("src", "dst"), ("row", "col"), ("edge_index",), ("indptr", "indices"))
_COUNTS = ("n", "num_nodes", "vertices")
_MOST_COUNTS = 64  # bytes of an array that only tells a size, a shape or a format
_DAMAGED = (
    EOFError, KeyError, NotImplementedError, RuntimeError, SyntaxError, ValueError, struct.error,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def npz_edges(path: Path) -> EdgeSource:
    """Return the edges of an archive; a sparse matrix has its edges from rows to columns.

    Raises
    ------
    InputError
        If it holds none of the layouts, or arrays of a wrong type or length.
    """
    with _archive(path) as archive:
        arrays = {name.removesuffix(".npy"): _Array(path, archive, name)
                  for name in archive.namelist() if name.endswith(".npy")}  # fmt: skip
        layout = next((names for names in _LAYOUTS if all(n in arrays for n in names)), None)
        if layout is None:
            allowed = ", ".join(" and ".join(names) for names in _LAYOUTS)
            found = ", ".join(sorted(arrays)) or "no array"
            raise InputError(f"{path} must hold one of {allowed}, not {found}")
        for name in layout:
            check_integers(f"{path}: {name}", np.empty(0, arrays[name].dtype))
        vertices = _vertices(path, archive, arrays)
        if layout == ("edge_index",):
            return _pairs(path, arrays["edge_index"], vertices)
        first, second = (arrays[name] for name in layout)
        for array in (first, second):
            if len(array.shape) != 1:
                raise InputError(
                    f"{path}: {array.name} must have one dimension, not shape {list(array.shape)}"
                )
        if layout == ("indptr", "indices"):
            return _compressed(path, archive, first, second, vertices, arrays)
    if first.shape != second.shape:
        raise InputError(
            f"{path}: {second.name} must have the {first.shape[0]} entries of {first.name}, not "
            f"{second.shape[0]}"
        )
    size = first.shape[0]
    return EdgeSource(
        str(path), vertices, size,
        lambda count: _together(path, (first, 0), (second, 0), size, count),
    )  # fmt: skip


class _Array:
    """The header of an array in an archive."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, member: str) -> None:
        self.member, self.name = member, member.removesuffix(".npy")
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0}.get(version)  # fmt: skip
            if read is None:
                raise InputError(f"{path}: {self.name} must be of .npy version 1 or 2, not "
                                 f"{version[0]}")  # fmt: skip
            self.shape, self.fortran, self.dtype = read(file)
            self.offset = file.tell()

    def pieces(self, archive: zipfile.ZipFile, start: int, count: int, step: int) -> Iterator[Any]:
        """Give `count` elements from `start` on, in pieces of `step`."""
        width = self.dtype.itemsize
        with archive.open(self.member) as file:
            file.seek(self.offset + start * width)
            for at in range(0, count, step):
                size = min(step, count - at) * width
                data = file.read(size)
                if len(data) != size:
                    raise EOFError(f"{self.name} ends early")
                yield np.frombuffer(data, self.dtype)

    def small(self, archive: zipfile.ZipFile) -> NDArray[Any]:
        """Return an array that is known to be small, as one dimension."""
        count = int(np.prod(self.shape))
        if self.dtype.hasobject or count * self.dtype.itemsize > _MOST_COUNTS:
            raise InputError(f"{self.name} must be a few numbers, not {count} of {self.dtype}")
        whole: NDArray[Any] = next(self.pieces(archive, 0, count, max(1, count)), np.empty(0))
        return whole


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} must be a readable file: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise InputError(
            f"{path} must be an archive of arrays, and cannot be read as one "
            f"({type(error).__name__})"
        ) from error


def _vertices(
    path: Path, archive: zipfile.ZipFile, arrays: dict[str, _Array]
) -> int | None:
    name = next((name for name in _COUNTS if name in arrays), None)
    if name is None and "shape" not in arrays:
        return None
    if name is None:
        shape = arrays["shape"].small(archive)
        check_integers(f"{path}: shape", shape)
        if shape.size != 2 or shape[0] != shape[1]:
            raise InputError(f"{path}: shape must be that of a square matrix, not {shape.tolist()}")
        name = "shape"
    value = arrays[name].small(archive)
    check_integers(f"{path}: {name}", value)
    if not value.size or not 0 <= value[0] <= MAX_VERTICES:
        raise InputError(
            f"{path}: {name} must be from 0 to {MAX_VERTICES}, not {value.tolist()}"
        )
    return int(value[0])


def _together(
    path: Path, first: tuple[_Array, int], second: tuple[_Array, int], size: int, count: int
) -> Chunks:
    with _archive(path) as archive:
        yield from zip(
            first[0].pieces(archive, first[1], size, count),
            second[0].pieces(archive, second[1], size, count),
            strict=True,
        )


def _pairs(path: Path, array: _Array, vertices: int | None) -> EdgeSource:
    if len(array.shape) != 2 or array.shape[0] != 2:
        raise InputError(
            f"{path}: edge_index must be of shape [2, edges], not {list(array.shape)}"
        )
    size = array.shape[1]
    if not array.fortran:
        return EdgeSource(
            str(path), vertices, size,
            lambda count: _together(path, (array, 0), (array, size), size, count),
        )  # fmt: skip
    return EdgeSource(str(path), vertices, size, lambda count: _mixed(path, array, size, count))


def _mixed(path: Path, array: _Array, size: int, count: int) -> Chunks:
    with _archive(path) as archive:
        for piece in array.pieces(archive, 0, 2 * size, 2 * count):
            yield piece[0::2], piece[1::2]


def _compressed(
    path: Path, archive: zipfile.ZipFile, indptr: _Array, indices: _Array, vertices: int | None,
    arrays: dict[str, _Array],
) -> EdgeSource:  # fmt: skip
    """Rows (csr) or columns (csc) one after the other."""
    kind = "csr"
    if "format" in arrays:
        text = arrays["format"].small(archive)
        kind = str(text[0].decode() if text.dtype.kind == "S" else text[0])
    if kind not in ("csr", "csc"):
        raise InputError(f"{path}: format must be csr, csc or coo, not {kind!r}")
    size = indices.shape[0]
    # As int64, 8 bytes for each vertex, is all of this file that stays in memory.
    pieces = indptr.pieces(archive, 0, indptr.shape[0], 1 << 16)
    starts = np.concatenate([np.zeros(0, np.int64), *(piece.astype(np.int64) for piece in pieces)])
    rows = len(starts) - 1 if vertices is None else vertices
    if len(starts) != rows + 1:
        raise InputError(f"{path}: indptr must have {rows + 1} entries, not {len(starts)}")
    falling = np.flatnonzero(np.diff(starts) < 0)
    if starts[0] != 0 or starts[-1] != size or len(falling):
        at = 0 if starts[0] else int(falling[0]) + 1 if len(falling) else rows
        raise InputError(
            f"{path}: indptr must ascend from 0 to the {size} indices, not be {starts[at]} at "
            f"index {at}"
        )

    def chunks(count: int) -> Chunks:
        at = 0
        with _archive(path) as again:
            for piece in indices.pieces(again, 0, size, count):
                here = np.arange(at, at + len(piece))
                row = np.searchsorted(starts, here, "right") - 1
                at += len(piece)
                yield (row, piece) if kind == "csr" else (piece, row)

    return EdgeSource(str(path), rows, size, chunks)
