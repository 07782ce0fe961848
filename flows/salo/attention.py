"""Attention of real operands on the bit-exact model of the machine, compared with PyTorch.

Queries, keys and values are quantized under the power-of-two contract, the tiles run in
:mod:`gatewright.golden.salo.machine`, and the outputs, in real units again, are compared with
`scaled_dot_product_attention` of the real operands in float64 under the same mask. The Verilog can
run beside the model, head by head.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ...errors import InputError
from ...generators.salo.pattern import Pattern, Progress
from ...generators.salo.tiles import TileBatch, Tiles
from ...golden.salo.attention import attention, base2_scale
from ...golden.salo.formats import MAX_SHIFT, Format
from ...golden.salo.machine import Operands, Result, run
from ...golden.salo.quantiser import QuantizedAttention, quantize

__all__ = ["Beside", "ModelRun", "RealOperands", "quantize_operands", "run_model"]

Beside = Callable[[Operands, Operands | None, Result], None]

SCORES_AT_ONCE = 1 << 22
ELEMENTS_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class RealOperands:
    """Queries, keys and values, real [heads, queries, dk], [heads, keys, dk], [heads, keys, dv]."""

    q: Tensor
    k: Tensor
    v: Tensor


@dataclass(frozen=True, eq=False)
class _Side:
    """Operands of some queries: of all, or of the global ones if those have their own."""

    queries: NDArray[np.int64]
    real: RealOperands
    quantized: QuantizedAttention


@dataclass(frozen=True, eq=False)
class ModelRun:
    """What came out, and how far off it is.

    Errors are relative in the L2 norm, over all heads.

    Attributes
    ----------
    outputs
        float64 [heads, queries, dv].
    shift
        The program constant f.
    error
        Outputs against PyTorch's attention of the real operands.
    quantiser_error
        Exact attention of the quantized operands against the same: what rounding them costs.
    datapath_error
        Outputs against exact attention of the quantized operands: what the machine costs.
    largest_error
        The largest difference of the latter, in units of an integer of v.
    exponent_saturated, output_saturated
        Sticky flags of the machine.
    """

    outputs: Tensor
    shift: int
    error: float
    quantiser_error: float
    datapath_error: float
    largest_error: float
    exponent_saturated: bool
    output_saturated: bool


def quantize_operands(
    rows: RealOperands, riders: RealOperands | None, numbers: Format, *,
    scale: float | None = None, shifts: tuple[int, int] = (0, MAX_SHIFT),
) -> tuple[QuantizedAttention, QuantizedAttention | None]:
    """Quantize the operands of rows, and those of riders if they have their own, to one f.

    Parameters
    ----------
    rows, riders
        What to quantize.
    numbers
        Formats.
    scale
        Factor of the logits, `1 / sqrt(dk)` if None.
    shifts
        Least and largest f of the machine; the largest that all operands allow is taken.

    Raises
    ------
    InputError
        If the operands do not fit each other, the formats or f.
    """
    limits = shifts

    def quantized(side: RealOperands) -> QuantizedAttention:
        return quantize(side.q, side.k, side.v, numbers, scale=scale, shift_range=limits)

    own = quantized(rows)
    if riders is None:
        return own, None
    for name in "qkv":
        shapes = [list(getattr(each, name).shape) for each in (riders, rows)]
        if shapes[0] != shapes[1]:
            raise InputError(f"global {name} must be {shapes[1]} like {name}, not {shapes[0]}")
    other = quantized(riders)
    if own.shifts != other.shifts:
        limits = (min(own.shifts + other.shifts),) * 2
        own, other = quantized(rows), quantized(riders)
    return own, other


def run_model(
    pattern: Pattern, tiles: Tiles, rows: RealOperands, numbers: Format, *,
    riders: RealOperands | None = None, scale: float | None = None,
    shifts: tuple[int, int] = (0, MAX_SHIFT), beside: Beside | None = None,
    progress: Progress | None = None,
) -> ModelRun:
    """Run the tiles of a pattern for every head, and compare.

    Parameters
    ----------
    pattern
        What may be attended to.
    tiles
        Its schedule.
    rows
        Operands.
    numbers
        Formats of numbers.
    riders
        Operands of global queries, if they have their own (private feeds).
    scale, shifts
        As for :func:`quantize_operands`.
    beside
        Given the integers of each head, those of riders and what the model made of them, such as to
        run the Verilog on them too.
    progress
        Told what is done.

    Raises
    ------
    InputError
        If operands do not fit the pattern, each other or the formats.
    """
    _check(pattern, tiles, rows, riders)
    quantized, private = quantize_operands(rows, riders, numbers, scale=scale, shifts=shifts)
    sides = [_Side(np.arange(pattern.queries), rows, quantized)]
    if riders is not None and private is not None:
        sides.append(_Side(np.array(pattern.global_queries, np.int64), riders, private))
    heads = len(rows.q)
    outputs = torch.zeros((heads, pattern.queries, rows.v.shape[2]), dtype=torch.float64)
    exact, wanted, units = outputs.clone(), outputs.clone(), outputs[:, :, :1].clone()
    exponent_saturated = output_saturated = False
    f = quantized.shifts[0]
    for head in range(heads):
        integers = [Operands(s.quantized.q[head], s.quantized.k[head], s.quantized.v[head])
                    for s in sides]  # fmt: skip
        result = run(
            integers[0], numbers, f, _pieces(tiles, head, heads, progress),
            rider_operands=integers[1] if len(integers) > 1 else None,
        )  # fmt: skip
        if beside is not None:
            beside(integers[0], integers[1] if len(integers) > 1 else None, result)
        exponent_saturated |= result.exponent_saturated
        output_saturated |= result.output_saturated
        given = result.outputs.double() * math.ldexp(1.0, -numbers.out_fraction_bits)
        for side, own in zip(sides, integers, strict=True):
            mask = _rows(pattern, side.queries)
            true = attention(own.q[side.queries], own.k, own.v, mask, base2_scale(f))
            # Global queries of their own operands come last, and replace what rows have of them.
            unit = side.quantized.scale_v[head]
            outputs[head, side.queries] = given[side.queries] * unit
            exact[head, side.queries] = true * unit
            units[head, side.queries] = unit
    for side in sides:
        wanted[:, side.queries] = _scaled_dot_product(pattern, side, progress)
    largest = float(((outputs - exact) / units).abs().max())
    for flag, what in ((exponent_saturated, "logits"), (output_saturated, "outputs")):
        if flag:
            warnings.warn(f"some {what} saturated: outputs may be wrong", stacklevel=2)
    return ModelRun(
        outputs, f, _relative(outputs, wanted), _relative(exact, wanted),
        _relative(outputs, exact), largest, exponent_saturated, output_saturated,
    )  # fmt: skip


def _check(
    pattern: Pattern, tiles: Tiles, rows: RealOperands, riders: RealOperands | None
) -> None:
    for name, count in (("q", pattern.queries), ("k", pattern.keys), ("v", pattern.keys)):
        given = getattr(rows, name).shape[1]
        if given != count:
            side = "queries" if name == "q" else "keys"
            raise InputError(f"{name} must have {count} {side} as the pattern has, not {given}")
    if riders is not None and tiles.shape.global_row_kv != "private":
        raise InputError(
            "global_row_kv must be private for operands of global queries, not "
            f"{tiles.shape.global_row_kv}"
        )


def _pieces(
    tiles: Tiles, head: int, heads: int, progress: Progress | None
) -> Iterator[TileBatch]:
    shape = tiles.shape
    size = max(1, ELEMENTS_AT_ONCE // (shape.rows * (shape.cols + shape.gather)))
    for start in range(0, len(tiles), size):
        yield tiles.batch(start, start + size)
        if progress is not None:
            done = min(len(tiles), start + size) / len(tiles)
            progress("model of the machine", (head + done) / heads)


def _allowed(pattern: Pattern, queries: NDArray[np.int64]) -> Tensor:
    place, key = pattern.pairs(queries)
    mask = torch.zeros((len(queries), pattern.keys), dtype=torch.bool)
    mask[place, key] = True
    return mask


def _rows(pattern: Pattern, queries: NDArray[np.int64]) -> Callable[[int, int], Tensor]:
    return lambda start, stop: _allowed(pattern, queries[start:stop])


def _scaled_dot_product(pattern: Pattern, side: _Side, progress: Progress | None) -> Tensor:
    """PyTorch's attention of the queries of a side, float64, some of them at a time."""
    q, k, v = (tensor.double() for tensor in (side.real.q, side.real.k, side.real.v))
    size = max(1, SCORES_AT_ONCE // (len(q) * pattern.keys))
    parts = [q[:, :0, :1].expand(-1, -1, v.shape[2])]
    for start in range(0, len(side.queries), size):
        queries = side.queries[start : start + size]
        allowed = _allowed(pattern, queries)
        part = scaled_dot_product_attention(
            q[:, queries], k, v, attn_mask=allowed, scale=side.quantized.scale
        )
        # The mean of no values is 0 here, whatever a version of PyTorch makes of it.
        parts.append(part.masked_fill(~allowed.any(dim=1)[:, None], 0.0))
        if progress is not None:
            progress("PyTorch", (start + len(queries)) / len(side.queries))
    return torch.cat(parts, dim=1)


def _relative(given: Tensor, wanted: Tensor) -> float:
    power, error = float(wanted.square().sum()), float((given - wanted).square().sum())
    if not power:
        return math.inf if error else 0.0
    return math.sqrt(error / power)
