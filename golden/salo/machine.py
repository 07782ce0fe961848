"""Tiles on the array: which rows meet which keys, in which order, and where the results go.

A tile gives each of its rows a query and a list of keys, in scan order. Rows scan their keys and
merge the result into the sums of their block; the last tile of a block normalises them and writes
one output per query. Riders (global rows) are rows whose blocks begin and end on their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError
from .datapath import Sums, logits, merge, normalise, scan
from .formats import MAX_SHIFT, Format

__all__ = ["Operands", "Result", "Tiles", "run"]

_PAIR_ELEMENTS = 1 << 21
"""Operand pairs that are multiplied at once: a few MB."""

Array = NDArray[Any] | Tensor
"""Integers or booleans."""


@dataclass(frozen=True, eq=False)
class Operands:
    """Queries, keys and values of a head, integers.

    Attributes
    ----------
    q, k, v
        [queries, dk], [keys, dk] and [keys, dv], in `-q_max..q_max` and `-kv_max..kv_max`.
    """

    q: Tensor
    k: Tensor
    v: Tensor


class Tiles(Protocol):
    """A run of tiles, `T` of them, with `R` rows, `K` keys per row and `G` riders."""

    @property
    def queries(self) -> Array:
        """[T, R]; -1 in an idle row, whose block is left alone.

        A row keeps its query from the first tile of a block to the last.
        """

    @property
    def tokens(self) -> Array:
        """[T, R, K]; -1 where masked. Scan order: columns left to right, then gather columns."""

    @property
    def first(self) -> Array:
        """[T] bool: the tile begins a block; sums are cleared before."""

    @property
    def last(self) -> Array:
        """[T] bool: the tile ends a block; outputs are written after."""

    @property
    def rider_queries(self) -> Array:
        """[T, G]; -1 for an idle rider."""

    @property
    def rider_tokens(self) -> Array:
        """[T, G, up to K]; -1 where masked. In scan order."""

    @property
    def rider_first(self) -> Array:
        """[T, G] bool: as `first`, for the rider alone."""

    @property
    def rider_last(self) -> Array:
        """[T, G] bool: as `last`, for the rider alone."""


@dataclass(frozen=True, eq=False)
class Result:
    """What the array has written.

    Attributes
    ----------
    outputs
        [queries, dv] in units of v with `out_fraction_bits` fraction bits; int16, or int32 if
        `output_bits` is more than 16. 0 if not written.
    written
        bool [queries].
    exponent_saturated
        Sticky: the integer part of a logit did not fit `exp_bits`, so outputs may be wrong.
    output_saturated
        Sticky: an output did not fit `output_bits`.
    sums
        (M, L, O) of each query before normalisation.
    """

    outputs: Tensor
    written: Tensor
    exponent_saturated: bool
    output_saturated: bool
    sums: Sums


@dataclass(frozen=True, eq=False)
class _Batch:
    """Tiles whose riders are rows like the others, after the `R` of the array."""

    queries: Tensor
    tokens: Tensor
    first: Tensor
    last: Tensor


def run(
    operands: Operands,
    fmt: Format,
    shift: int,
    tiles: Iterable[Tiles],
    *,
    rider_operands: Operands | None = None,
) -> Result:
    """Run tiles in order and return what is written.

    Parameters
    ----------
    operands
        What array rows read.
    fmt
        Number formats.
    shift
        The program constant f, 0..31: base-2 logit = score / 2^f.
    tiles
        The tiles, in as many pieces as wanted.
    rider_operands
        What riders read, of the same shapes, if not the same as the rows (private projections).

    Raises
    ------
    InputError
        If operands or indices are out of their ranges, shapes do not fit, a row changes its query
        within a block, or a query's output is written twice.
    """
    if isinstance(shift, bool) or not isinstance(shift, int) or not 0 <= shift <= MAX_SHIFT:
        raise InputError(f"shift must be an integer in 0..{MAX_SHIFT}, not {shift!r}")
    private = operands if rider_operands is None else rider_operands
    for name, each in (("operands", operands), ("rider_operands", private)):
        _check_operands(name, each, fmt)
    for letter in "qkv":
        shapes = [list(getattr(each, letter).shape) for each in (private, operands)]
        if shapes[0] != shapes[1]:
            raise InputError(f"rider_operands.{letter} must be {shapes[1]}, not {shapes[0]}")
    return _Machine(operands, private, fmt, shift).run(tiles)


class _Machine:
    def __init__(self, operands: Operands, private: Operands, fmt: Format, shift: int) -> None:
        self.fmt, self.shift = fmt, shift
        self.n_queries, self.n_keys = operands.q.shape[0], operands.k.shape[0]
        dv = operands.v.shape[1]
        # Riders read rows of their own, after those of the others.
        self.q = torch.cat([operands.q, private.q]).long()
        self.k = torch.cat([operands.k, private.k]).long()
        self.v = torch.cat([operands.v, private.v]).long()
        self.finished = Sums.empty(self.n_queries, dv)
        self.outputs, _ = normalise(self.finished, fmt)
        self.written = torch.zeros(self.n_queries, dtype=torch.bool)
        self.state = Sums.empty(0, dv)
        self.owners = torch.zeros(0, dtype=torch.int64)
        self.exponent_saturated = self.output_saturated = False

    def run(self, tiles: Iterable[Tiles]) -> Result:
        for piece in tiles:
            batch = self._batch(piece)
            rows, keys = batch.tokens.shape[1:]
            self._fit(rows)
            count = max(1, _PAIR_ELEMENTS // (rows * keys * self.q.shape[1]))
            for start in range(0, len(batch.queries), count):
                self._run_part(batch, slice(start, start + count))
        return Result(
            self.outputs, self.written, self.exponent_saturated, self.output_saturated,
            self.finished,
        )  # fmt: skip

    def _batch(self, tiles: Tiles) -> _Batch:
        queries = _indices("queries", tiles.queries, 2, self.n_queries)
        tokens = _indices("tokens", tiles.tokens, 3, self.n_keys)
        riders = _indices("rider_queries", tiles.rider_queries, 2, self.n_queries)
        rider_tokens = _indices("rider_tokens", tiles.rider_tokens, 3, self.n_keys)
        count, rows, keys = tokens.shape
        ridden = riders.shape[1]
        _check_shape("queries", queries, [count, rows])
        _check_shape("rider_queries", riders, [count, ridden])
        pad = max(0, keys - rider_tokens.shape[2])
        _check_shape("rider_tokens", rider_tokens, [count, ridden, keys - pad])
        rider_tokens = torch.nn.functional.pad(rider_tokens, (0, pad), value=-1)
        flags = [
            torch.cat(
                [_flags(name, edge, [count])[:, None].expand(count, rows),
                 _flags(f"rider_{name}", rider_edge, [count, ridden])], dim=1)
            for name, edge, rider_edge in (
                ("first", tiles.first, tiles.rider_first), ("last", tiles.last, tiles.rider_last))
        ]  # fmt: skip
        queries = torch.cat([queries, _offset(riders, self.n_queries)], dim=1)
        tokens = torch.cat([tokens, _offset(rider_tokens, self.n_keys)], dim=1)
        if bool(((queries < 0)[:, :, None] & (tokens >= 0)).any()):
            raise InputError("tokens must be -1 in idle rows")
        return _Batch(queries, tokens, flags[0], flags[1])

    def _fit(self, rows: int) -> None:
        if not len(self.owners):
            self.state = Sums.empty(rows, self.v.shape[1])
            self.owners = torch.full((rows,), -1)
        elif rows != len(self.owners):
            raise InputError(
                f"tiles must have {len(self.owners)} rows and riders like those before, not {rows}"
            )

    def _run_part(self, batch: _Batch, part: slice) -> None:
        tokens = batch.tokens[part]
        count, rows, keys = tokens.shape
        tokens = tokens.reshape(count * rows, keys)
        allowed = tokens >= 0
        tokens = tokens.clamp(min=0)
        queries = batch.queries[part]
        scores = (self.k[tokens] * self.q[queries.flatten().clamp(min=0)][:, None, :]).sum(dim=2)
        octaves, mantissas, saturated = logits(scores, self.shift, self.fmt)
        self.exponent_saturated |= bool((saturated & allowed).any())
        sums = scan(octaves, mantissas, allowed, tokens, self.v, self.fmt)
        first, last = batch.first[part], batch.last[part]
        for tile in range(count):
            rows_of = slice(tile * rows, (tile + 1) * rows)
            self._merge(sums[rows_of], queries[tile], first[tile], last[tile])

    def _merge(self, tile: Sums, queries: Tensor, first: Tensor, last: Tensor) -> None:
        """Add a tile's sums to those of its rows' blocks, and write the blocks that end."""
        self.state.clear(first)
        busy = queries >= 0
        owners = torch.where(first, queries, self.owners)
        wrong = busy & (owners != queries)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise InputError(
                "queries must stay the same within a block: row "
                f"{row} must have {int(owners[row])}, not {int(queries[row])}"
            )
        self.owners = owners
        self.state = merge(self.state, tile)
        done = last & busy
        if bool(done.any()):
            self._write(queries[done] % self.n_queries, self.state[done])

    def _write(self, queries: Tensor, sums: Sums) -> None:
        for query in queries.tolist():
            if self.written[query]:
                raise InputError(f"queries must be written once, not query {query} again")
            self.written[query] = True
        self.outputs[queries], saturated = normalise(sums, self.fmt)
        self.output_saturated |= bool(saturated.any())
        self.finished.maximum[queries] = sums.maximum
        self.finished.total[queries] = sums.total
        self.finished.numerators[queries] = sums.numerators


def _offset(indices: Tensor, count: int) -> Tensor:
    return torch.where(indices >= 0, indices + count, indices)


def _indices(name: str, array: Array, dimensions: int, count: int) -> Tensor:
    tensor = torch.as_tensor(array)
    if tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise InputError(f"{name} must hold integers, not {tensor.dtype}")
    if tensor.ndim != dimensions:
        raise InputError(f"{name} must have {dimensions} dimensions, not {tensor.ndim}")
    wrong = (tensor < -1) | (tensor >= count)
    if bool(wrong.any()):
        raise InputError(f"{name} must be -1..{count - 1}, not {int(tensor[wrong][0])}")
    return tensor.long()


def _flags(name: str, array: Array, shape: list[int]) -> Tensor:
    tensor = torch.as_tensor(array)
    if tensor.dtype != torch.bool:
        raise InputError(f"{name} must be boolean, not {tensor.dtype}")
    _check_shape(name, tensor, shape)
    return tensor


def _check_shape(name: str, tensor: Tensor, shape: list[int]) -> None:
    if list(tensor.shape) != shape:
        raise InputError(f"{name} must be {shape}, not {list(tensor.shape)}")


def _check_operands(name: str, operands: Operands, fmt: Format) -> None:
    limits = {"q": fmt.q_max, "k": fmt.kv_max, "v": fmt.kv_max}
    for letter, limit in limits.items():
        tensor: Tensor = getattr(operands, letter)
        if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
            raise InputError(f"{name}.{letter} must hold integers, not {tensor.dtype}")
        if tensor.ndim != 2 or 0 in tensor.shape:
            raise InputError(
                f"{name}.{letter} must be a matrix of at least 1 x 1, not {list(tensor.shape)}"
            )
        wrong = (tensor < -limit) | (tensor > limit)
        if bool(wrong.any()):
            raise InputError(
                f"{name}.{letter} must be -{limit}..{limit}, not {int(tensor[wrong][0])}"
            )
    q, k, v = operands.q, operands.k, operands.v
    if k.shape[1] != q.shape[1]:
        raise InputError(f"{name}.k must be [keys, {q.shape[1]}], not {list(k.shape)}")
    if v.shape[0] != k.shape[0]:
        raise InputError(f"{name}.v must be [{k.shape[0]}, dv], not {list(v.shape)}")
