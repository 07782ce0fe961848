"""Edges from text: edge lists, CSV and Matrix Market, plain or compressed by gzip.

A piece of a file is parsed as a whole with array operations: where tokens start and end, the line
and column of each, and the decimal digits of those that are ids. Every line is checked.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .graph import MAX_VERTICES, Chunks, EdgeSource, Ints

__all__ = ["edge_list", "matrix_market", "opened"]

PIECE = 1 << 20
"""Bytes parsed at a time."""

_BYTES_PER_EDGE, _GZIP_RATIO = 8, 4
_MOST_DIGITS = 10  # of 2^31 - 1
_SHOWN = 40
_COMMENTS = np.frombuffer(b"#%", np.uint8)
_BLANKS = np.isin(np.arange(256), np.frombuffer(b" \t\r\f\v", np.uint8))
_SOURCES = ("src", "source", "from", "u", "row", "id_1", "node_1")
_DESTINATIONS = ("dst", "destination", "target", "to", "v", "col", "id_2", "node_2")
_SYMMETRIES = {"general": False, "symmetric": True, "skew-symmetric": True, "hermitian": True}


@dataclass(frozen=True)
class _Layout:
    """Where the ids of a line are: columns, counted from 0, and what stands between them."""

    src: int = 0
    dst: int = 1
    comma: bool = False
    skip: int = 0  # lines before the edges
    names: tuple[str, str] = ("src", "dst")


def opened(path: Path) -> BinaryIO | gzip.GzipFile:
    """Open a file, through gzip if its name says so."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def edge_list(path: Path, *, csv: bool) -> EdgeSource:
    """Return the edges of a text of lines `src dst ...`, or of comma-separated values.

    Lines that begin with # or % are comments; what follows the two ids is ignored. A CSV may begin
    with a line of names, among them src (or source, from) and dst (or destination, target, to).
    """
    layout = _layout(path, csv)
    return EdgeSource(str(path), None, _guess(path), lambda _: _chunks(path, layout))


def matrix_market(path: Path) -> EdgeSource:
    """Return the edges `row -> column` of a sparse square matrix, whose values are ignored.

    The half that a symmetric one leaves out is added.
    """
    first, *rest = _head(path)
    words = first.decode("ascii", "replace").lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        raise InputError(
            f"{path} must begin with '%%MatrixMarket matrix coordinate ...', not "
            f"{_shown(first)}"
        )
    if words[2] != "coordinate":
        raise InputError(f"{path}:1: format must be coordinate, not {words[2]!r}")
    if words[4] not in _SYMMETRIES:
        raise InputError(
            f"{path}:1: symmetry must be one of {', '.join(_SYMMETRIES)}, not {words[4]!r}"
        )
    skip, sizes = next(
        ((number, line) for number, line in enumerate(rest, 2)
         if line.strip() and not line.startswith(b"%")), (0, b""),
    )  # fmt: skip
    fields = sizes.split()
    if len(fields) != 3 or not all(f.isdigit() and len(f) <= _MOST_DIGITS for f in fields):
        raise InputError(f"{path} must tell rows, columns and entries, not {_shown(sizes)}")
    rows, columns, entries = map(int, fields)
    if rows != columns or rows > MAX_VERTICES:
        raise InputError(
            f"{path}:{skip}: matrix must be square, of at most {MAX_VERTICES} rows, not {rows} x "
            f"{columns}"
        )
    layout = _Layout(skip=skip, names=("row", "column"))
    mirrored = _SYMMETRIES[words[4]]
    return EdgeSource(
        str(path), rows, entries * (1 + mirrored),
        lambda _: _entries(path, layout, rows, entries, mirrored),
    )  # fmt: skip


def _entries(path: Path, layout: _Layout, rows: int, entries: int, mirrored: bool) -> Chunks:
    found = 0
    for row, column in _chunks(path, layout):
        for name, ids in (("row", row), ("column", column)):
            if ids.min() < 1 or ids.max() > rows:
                at = int(np.argmax((ids < 1) | (ids > rows)))
                raise InputError(
                    f"{path}: {name} must be from 1 to {rows}, not {ids[at]} at entry {found + at}"
                )
        found += len(row)
        row, column = row - 1, column - 1
        if mirrored:
            other = row != column
            row, column = (
                np.concatenate([row, column[other]]), np.concatenate([column, row[other]])
            )  # fmt: skip
        yield row, column
    if found != entries:
        raise InputError(f"{path} must have the {entries} entries that it tells, not {found}")


def _guess(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} must be a readable file: {error.strerror}") from error
    return size * (_GZIP_RATIO if path.suffix == ".gz" else 1) // _BYTES_PER_EDGE


def _pieces(path: Path) -> Iterator[bytes]:
    """Give a file in pieces of whole lines."""
    left = b""
    try:
        with opened(path) as file:
            while piece := file.read(PIECE):
                piece = left + piece
                end = piece.rfind(b"\n") + 1
                if not end and len(piece) > PIECE:
                    raise InputError(f"{path} must be text of lines, not {_shown(piece)} ...")
                left = piece[end:]
                if end:
                    yield piece[:end]
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} must be a readable file: {reason}") from error
    if left:
        yield left + b"\n"


def _head(path: Path) -> list[bytes]:
    return next(_pieces(path), b"\n").removeprefix(b"\xef\xbb\xbf").splitlines()


def _layout(path: Path, csv: bool) -> _Layout:
    """Find the columns, from the first line that is no comment."""
    numbered = enumerate(_head(path), 1)
    found = ((at, line) for at, line in numbered if line.strip() and line.strip()[:1] not in b"#%")
    number, line = next(found, (0, b""))
    comma = b"," in line
    words = (word.strip(b" \t\r\"'") for word in line.split(b","))
    names = [word.decode("utf-8", "replace").lower() for word in words]
    if not csv or not line or any(name[:1].isdigit() for name in names):
        return _Layout(comma=comma)
    columns = []
    for field, known in (("src", _SOURCES), ("dst", _DESTINATIONS)):
        places = [place for place, name in enumerate(names) if name in known]
        if len(places) != 1:
            raise InputError(
                f"{path}:{number}: names must have one of {', '.join(known)} for {field}, not "
                f"{', '.join(names)[:_SHOWN]}"
            )
        columns += places
    return _Layout(columns[0], columns[1], True, number)


def _chunks(path: Path, layout: _Layout) -> Chunks:
    line = 0
    for piece in _pieces(path):
        if line == 0:
            piece = piece.removeprefix(b"\xef\xbb\xbf")
        src, dst = _parse(piece, path, layout, line)
        line += piece.count(b"\n")
        if len(src):
            yield src, dst


def _parse(piece: bytes, path: Path, layout: _Layout, before: int) -> tuple[Ints, Ints]:
    """Return the ids of a piece that follows `before` lines."""
    text = np.frombuffer(piece, np.uint8)
    newline = text == 10
    separator = _BLANKS[text] | newline
    comma = text == 44
    if layout.comma:
        separator |= comma
    starts = np.flatnonzero(~separator & np.concatenate([[True], separator[:-1]]))
    ends = np.flatnonzero(~separator[:-1] & separator[1:]) + 1
    line_end = np.flatnonzero(newline)
    line = np.searchsorted(line_end, starts)
    heads = np.flatnonzero(np.diff(line, prepend=-1))
    wanted = ~np.isin(text[starts[heads]], _COMMENTS) & (line[heads] + before >= layout.skip)
    if layout.comma:
        # By the commas before it in its line, so that an empty field is no field less.
        commas = np.flatnonzero(comma)
        line_start = np.concatenate([[0], line_end[:-1] + 1])
        column = np.searchsorted(commas, starts) - np.searchsorted(commas, line_start)[line]
    else:
        column = np.arange(len(starts)) - np.repeat(heads, np.diff(heads, append=len(starts)))
    lines = line[heads][wanted]
    ids = []
    for name, place in zip(layout.names, (layout.src, layout.dst), strict=True):
        chosen = column == place
        chosen &= np.repeat(wanted, np.diff(heads, append=len(starts)))
        token = np.flatnonzero(chosen)
        if not np.array_equal(line[token], lines):
            counts = np.bincount(line[token], minlength=len(line_end))
            _refuse_line(path, piece, before, int(lines[np.argmax(counts[lines] != 1)]))
        ids.append(_numbers(text, starts[token], ends[token], path, name, before + line[token]))
    return ids[0], ids[1]


def _refuse_line(path: Path, piece: bytes, before: int, line: int) -> None:
    text = piece.splitlines()[line]
    raise InputError(
        f"{path}:{before + line + 1}: line must hold a source and a destination, not {_shown(text)}"
    )


def _numbers(
    text: NDArray[np.uint8], starts: Ints, ends: Ints, path: Path, name: str, line: Ints
) -> Ints:
    length = ends - starts
    bad = length > _MOST_DIGITS
    value = np.zeros(len(starts), np.int64)
    for place in range(min(_MOST_DIGITS, int(length.max(initial=0)))):
        inside = place < length
        digit = text[np.where(inside, starts + place, starts)] - np.uint8(48)
        bad |= inside & (digit > 9)
        value = np.where(inside, value * 10 + digit, value)
    bad |= value > MAX_VERTICES
    if bad.any():
        at = int(np.argmax(bad))
        token = text[starts[at] : ends[at]].tobytes()
        raise InputError(
            f"{path}:{line[at] + 1}: {name} must be a whole number from 0 to {MAX_VERTICES}, not "
            f"{_shown(token)}"
        )
    return value


def _shown(text: bytes | Any) -> str:
    return repr(text[:_SHOWN].decode("utf-8", "replace"))
