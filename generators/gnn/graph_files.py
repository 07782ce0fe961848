"""Graphs from files of all kinds; brief section 11."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..checks import check_range
from .graph import (
    MAX_VERTICES,
    Chunks,
    EdgeSource,
    Graph,
    Ids,
    Progress,
    check_vertices,
    silent,
)  # fmt: skip

__all__ = ["SUFFIXES", "Reading", "gather", "open_edges", "read_graph"]

STEP = 1 << 20


@dataclass(frozen=True)
class Reading:
    """How the edges of a file are meant.

    Parameters
    ----------
    vertices
        N, if the file does not tell it: else it is the largest id and one.
    one_based
        The first vertex is 1. Matrix Market says so itself.
    reverse
        Edges go from the second id to the first.
    undirected
        Each edge that is no loop is there in both directions.
    """

    vertices: int | None = None
    one_based: bool = False
    reverse: bool = False
    undirected: bool = False


def open_edges(path: Path, reading: Reading | None = None) -> EdgeSource:
    """Return the edges of a file, checked as they are read.

    Raises
    ------
    InputError
        If the file is of no known kind, cannot be read, or holds no graph; chunks raise it where
        an id is out of range.
    """
    reading = reading or Reading()
    suffix = _suffix(path)
    if suffix not in SUFFIXES:
        raise InputError(
            f"graph must be a file ({', '.join(SUFFIXES)}; text also .gz), not {str(path)!r}"
        )
    if reading.vertices is not None:
        check_range("vertices", reading.vertices, 0, MAX_VERTICES)
    return _checked(SUFFIXES[suffix](path), reading)


def read_graph(
    path: Path, reading: Reading | None = None, progress: Progress = silent
) -> Graph:
    """Return the graph of a file, in memory."""
    return gather(open_edges(path, reading), progress)


def gather(source: EdgeSource, progress: Progress = silent) -> Graph:
    """Return the graph of all edges of a source."""
    sources: list[Ids] = []
    destinations: list[Ids] = []
    done, largest = 0, -1
    for src, dst in source.chunks(STEP):
        sources.append(src.astype(np.int32))
        destinations.append(dst.astype(np.int32))
        done += len(src)
        progress("read", done, max(done, source.edges))
        if source.vertices is None and len(src):
            largest = max(largest, int(src.max()), int(dst.max()))
    vertices = largest + 1 if source.vertices is None else source.vertices
    return Graph(vertices, _joined(sources), _joined(destinations))


def _joined(parts: list[Ids]) -> Ids:
    """Join arrays, letting go of each as soon as it is copied."""
    whole = np.empty(sum(map(len, parts)), np.int32)
    at = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        whole[at : at + len(part)] = part
        at += len(part)
    return whole


def _npz(path: Path) -> EdgeSource:
    from .npz_edges import npz_edges

    return npz_edges(path)


def _torch(path: Path) -> EdgeSource:
    from .torch_edges import torch_edges

    return torch_edges(path)


def _text(path: Path) -> EdgeSource:
    from .text_edges import edge_list

    return edge_list(path, csv=".csv" in path.suffixes)


def _matrix(path: Path) -> EdgeSource:
    from .text_edges import matrix_market

    return matrix_market(path)


SUFFIXES: dict[str, Callable[[Path], EdgeSource]] = {
    ".npz": _npz, ".pt": _torch, ".pth": _torch, ".mtx": _matrix, ".csv": _text, ".tsv": _text,
    ".txt": _text, ".edges": _text, ".edgelist": _text, ".el": _text,
}  # fmt: skip


def _suffix(path: Path) -> str:
    inner = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if path.suffix == ".gz" and inner in (".npz", ".pt", ".pth"):
        return path.suffix
    return inner.lower()


def _checked(source: EdgeSource, reading: Reading) -> EdgeSource:
    base = int(reading.one_based)
    if reading.one_based and source.name.lower().endswith((".mtx", ".mtx.gz")):
        raise InputError("one-based must be left out for Matrix Market, which always is")
    vertices = source.vertices if reading.vertices is None else reading.vertices
    if source.vertices is not None and vertices is not None and vertices < source.vertices:
        raise InputError(
            f"vertices must be at least the {source.vertices} of {source.name}, not {vertices}"
        )
    most = MAX_VERTICES if vertices is None else vertices

    def chunks(count: int) -> Chunks:
        done = 0
        for src, dst in source.chunks(count):
            ends = src, dst
            for field, ids in zip(("src", "dst"), ends, strict=True):
                check_vertices(f"{source.name}: {field}", ids, most, base=base, first=done)
            done += len(src)
            first, second = ((dst, src) if reading.reverse else ends)
            first, second = first.astype(np.int64) - base, second.astype(np.int64) - base
            if reading.undirected:
                other = first != second
                first, second = (
                    np.concatenate([first, second[other]]), np.concatenate([second, first[other]])
                )  # fmt: skip
            yield first, second

    edges = source.edges * (2 if reading.undirected else 1)
    return EdgeSource(source.name, vertices, edges, chunks)
