"""Matrix products as the tiles of an array: beats for its streams, results back, and cycles.

A quantised linear layer multiplies activation codes ``[N, K]`` by weight codes ``[K, M]``. The
array computes ``rows x cols`` results at a time, so the product is cut into
``ceil(N / rows) * ceil(M / cols)`` tiles of the full depth ``K``: rows of the array are samples,
columns are output channels. Tiles go in row by row of tiles. What lies beyond the matrices is
code 0, which is the number 0 in every type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...golden.flint.types import NumberType
from .config import FlintConfig, Type

__all__ = ["Product", "Rounding", "Tiling", "gather", "tile_beats"]

Integers = NDArray[np.int64]
Codes = NDArray[np.uint8]
_SHIFTS = range(1, 64)


@dataclass(frozen=True)
class Tiling:
    """How a product of ``samples x depth`` by ``depth x channels`` lies on an array.

    Attributes
    ----------
    samples, depth, channels
        N, K and M.
    rows, cols
        Size of the array.
    overhead
        Cycles of a tile beyond its depth: ``rows + row_groups - 1``, the drain of its results.
    """

    samples: int
    depth: int
    channels: int
    rows: int
    cols: int
    overhead: int

    @classmethod
    def of(cls, config: FlintConfig, samples: int, depth: int, channels: int) -> Tiling:
        """Return the tiling of a product on the array of ``config``."""
        for name, value in (("samples", samples), ("depth", depth), ("channels", channels)):
            if value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if depth > config.max_k:
            raise InputError(f"depth must be at most max_k = {config.max_k}, not {depth}")
        overhead = config.rows + config.parameters.row_groups - 1
        return cls(samples, depth, channels, config.rows, config.cols, overhead)

    @property
    def row_tiles(self) -> int:
        return -(-self.samples // self.rows)

    @property
    def col_tiles(self) -> int:
        return -(-self.channels // self.cols)

    @property
    def tiles(self) -> int:
        return self.row_tiles * self.col_tiles

    @property
    def cycles_per_tile(self) -> int:
        """Cycles from the first beat of a tile to that of the next: ``K + overhead``."""
        return self.depth + self.overhead

    @property
    def cycles(self) -> int:
        """Cycles of all tiles in steady state, without the latency of the last results."""
        return self.tiles * self.cycles_per_tile

    @property
    def macs(self) -> int:
        """Products that the layer asks for: ``N * K * M``, no padding."""
        return self.samples * self.depth * self.channels

    def utilisation(self, cycles: int) -> float:
        """Return ``macs / (cycles * rows * cols)``: the share of multiplications that count."""
        return self.macs / (cycles * self.rows * self.cols)

    def place(self, sample: int, channel: int) -> tuple[int, int, int]:
        """Return the tile, the row and the column in which a result is computed."""
        row_tile, row = divmod(sample, self.rows)
        col_tile, col = divmod(channel, self.cols)
        return row_tile * self.col_tiles + col_tile, row, col


@dataclass(frozen=True, eq=False)
class Rounding:
    """How results become codes: type of the result, ReLU, and ``multiplier * 2^-shift`` [M]."""

    kind: NumberType
    signed: bool
    relu: bool
    multiplier: Integers
    shift: Integers


@dataclass(frozen=True, eq=False)
class Product:
    """A product of codes.

    Attributes
    ----------
    activation, weight
        Codes [N, K] and [K, M].
    activation_kind, activation_signed, weight_kind
        Their number types; weights are signed.
    bias
        Integers [M] in units of the product; None for zeros.
    rounding
        For an array that puts out codes; None for one that puts out accumulators.
    """

    activation: Codes
    weight: Codes
    activation_kind: NumberType
    activation_signed: bool
    weight_kind: NumberType
    bias: Integers | None = None
    rounding: Rounding | None = None


def tile_beats(
    product: Product, config: FlintConfig
) -> tuple[Tiling, dict[str, Mapping[str, Integers] | Integers]]:
    """Return the tiling of a product and what to send to each stream of the array.

    Returns
    -------
    Tiling
        With ``tiles`` tiles, each of ``rows`` beats of results.
    dict
        By stream: an array ``[beats, fields]``, or (``tile``, ``scale``) an array of beats by
        field name.

    Raises
    ------
    InputError
        If a shape does not fit, a code or bias is too wide, or the array was built without a type
        or a stream that the product needs.
    """
    activation, weight = np.asarray(product.activation), np.asarray(product.weight)
    if activation.ndim != 2 or weight.ndim != 2 or activation.shape[1] != weight.shape[0]:
        raise InputError(
            f"codes must be [N, K] and [K, M], not {list(activation.shape)} "
            f"and {list(weight.shape)}"
        )
    _check_types(product, config)
    _check_range("activation codes", activation, 0, (1 << config.activation.bits) - 1)
    _check_range("weight codes", weight, 0, (1 << config.weight.bits) - 1)
    tiling = Tiling.of(config, activation.shape[0], *weight.shape)
    beats: dict[str, Mapping[str, Integers] | Integers] = {
        "tile": {
            name: np.full(tiling.tiles, value, dtype=np.int64)
            for name, value in _tile_fields(product, tiling.depth).items()
        },
        "activation": _activation_beats(activation, tiling),
        "weight": _weight_beats(weight, tiling),
    }
    bias = product.bias if product.bias is not None else np.zeros(tiling.channels, np.int64)
    _check_channels("bias", bias, tiling)
    if config.bias_bits:
        limit = 1 << config.bias_bits - 1
        _check_range("bias", bias, -limit, limit - 1)
        beats["bias"] = _per_tile(bias, tiling)
    elif np.any(bias):
        raise InputError("bias must be 0 for an array that has no bias stream")
    if product.rounding is not None:
        beats["scale"] = _scale_beats(product.rounding, tiling, config)
    return tiling, beats


def gather(results: NDArray[np.int64], tiling: Tiling) -> Integers:
    """Return the matrix ``[N, M]`` that result beats ``[tiles * rows, cols]`` make up."""
    shape = (tiling.tiles * tiling.rows, tiling.cols)
    if results.shape != shape:
        raise InputError(f"results must be of shape {list(shape)}, not {list(results.shape)}")
    blocks = results.reshape(tiling.row_tiles, tiling.col_tiles, tiling.rows, tiling.cols)
    whole = blocks.transpose(0, 2, 1, 3).reshape(tiling.row_tiles * tiling.rows, -1)
    return np.ascontiguousarray(whole[: tiling.samples, : tiling.channels])


def _tile_fields(product: Product, depth: int) -> dict[str, int]:
    fields = {
        "depth": depth,
        "activation.kind": product.activation_kind.select,
        "activation.signed": int(product.activation_signed),
        "weight.kind": product.weight_kind.select,
    }
    if product.rounding is not None:
        fields |= {
            "result.kind": product.rounding.kind.select,
            "result.signed": int(product.rounding.signed),
            "relu": int(product.rounding.relu),
        }
    return fields


def _activation_beats(codes: NDArray[np.uint8], tiling: Tiling) -> Integers:
    """Beat k of a tile is column k of its rows; every row of tiles is sent once per column."""
    padded = _padded(codes, tiling.row_tiles * tiling.rows, tiling.depth)
    columns = padded.reshape(tiling.row_tiles, tiling.rows, tiling.depth).transpose(0, 2, 1)
    return np.repeat(columns, tiling.col_tiles, axis=0).reshape(-1, tiling.rows)


def _weight_beats(codes: NDArray[np.uint8], tiling: Tiling) -> Integers:
    """Beat k of a tile is row k of its columns; all tiles of columns are sent per row of tiles."""
    padded = _padded(codes, tiling.depth, tiling.col_tiles * tiling.cols)
    rows = padded.reshape(tiling.depth, tiling.col_tiles, tiling.cols).transpose(1, 0, 2)
    return np.tile(rows.reshape(-1, tiling.cols), (tiling.row_tiles, 1))


def _per_tile(values: NDArray[np.int64], tiling: Tiling) -> Integers:
    """A beat of ``cols`` channels for each tile: ``[tiles, cols]``."""
    padded = np.zeros(tiling.col_tiles * tiling.cols, dtype=np.int64)
    padded[: tiling.channels] = values
    return np.tile(padded.reshape(tiling.col_tiles, tiling.cols), (tiling.row_tiles, 1))


def _scale_beats(rounding: Rounding, tiling: Tiling, config: FlintConfig) -> dict[str, Integers]:
    limits = {
        "multiplier": (0, (1 << config.multiplier_width) - 1),
        "shift": (_SHIFTS.start, _SHIFTS.stop - 1),
    }
    beats: dict[str, Integers] = {}
    for name, (low, high) in limits.items():
        values = getattr(rounding, name)
        _check_channels(name, values, tiling)
        _check_range(name, values, low, high)
        rows = _per_tile(values, tiling)
        if name == "shift":
            rows = np.maximum(rows, low)  # of channels beyond the matrix
        beats |= {f"{column}.{name}": rows[:, column] for column in range(tiling.cols)}
    return beats


def _padded(codes: NDArray[np.uint8], rows: int, cols: int) -> Integers:
    padded = np.zeros((rows, cols), dtype=np.int64)
    padded[: codes.shape[0], : codes.shape[1]] = codes
    return padded


def _check_types(product: Product, config: FlintConfig) -> None:
    operands = [
        ("activation", product.activation_kind, product.activation_signed, config.types,
         config.activation_sign),
        ("weight", product.weight_kind, True, config.weight_types or config.types, "signed"),
    ]  # fmt: skip
    if (product.rounding is None) != (config.output == "accumulator"):
        has, needs = ("none", "one") if product.rounding is None else ("one", "none")
        raise InputError(f"rounding must be {needs} for output {config.output!r}, not {has}")
    if product.rounding is not None:
        operands.append(
            ("result", product.rounding.kind, product.rounding.signed,
             config.output_types or config.types, config.output_sign)
        )  # fmt: skip
    for name, kind, signed, built, sign in operands:
        if Type(kind.value) not in built:
            raise InputError(f"{name} type must be out of {', '.join(built)}, not {kind.value!r}")
        asked = "signed" if signed else "unsigned"
        if sign not in ("both", asked):
            raise InputError(f"{name} codes must be {sign} on this array, not {asked}")


def _check_channels(name: str, values: NDArray[np.int64], tiling: Tiling) -> None:
    if values.shape != (tiling.channels,) or values.dtype.kind not in "iu":
        raise InputError(
            f"{name} must be {tiling.channels} integers, not {values.dtype} of shape "
            f"{list(values.shape)}"
        )


def _check_range(name: str, values: NDArray[np.integer], low: int, high: int) -> None:
    wrong = np.argwhere((values < low) | (values > high))
    if len(wrong):
        index = tuple(int(i) for i in wrong[0])
        raise InputError(f"{name} must be {low}..{high}, not {values[index]} at {list(index)}")
