"""Tiles for the flint array, with the results that the golden model says they have.

All that is known of a design comes from its manifest, so the same tiles serve the cocotb testbench
and the batched engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...generators.artifacts import Manifest
from ...golden.flint.pipeline import MAX_SHIFT, accumulate, requantize
from ...golden.flint.types import NumberType, decode_table
from ..packing import Words, pack, pack_array

__all__ = ["Design", "Format", "Outcome", "Tile", "corner_tiles", "random_tile"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Format:
    """A number type at one width and signedness."""

    kind: NumberType
    bits: int
    signed: bool

    def __str__(self) -> str:
        return f"{self.kind}{self.bits}{'s' if self.signed else 'u'}"

    @cached_property
    def values(self) -> Integers:
        """Value of every code."""
        return np.array(decode_table(self.kind, self.bits, self.signed), dtype=np.int64)

    @cached_property
    def extremes(self) -> tuple[int, int]:
        """Codes of the least and of the largest value."""
        return int(self.values.argmin()), int(self.values.argmax())


@dataclass(frozen=True)
class Tile:
    """A tile: its descriptor and its operands.

    Attributes
    ----------
    activation, weight
        Types.
    activations, weights
        Codes ``[rows, depth]`` and ``[depth, cols]``.
    bias
        ``[cols]``; zeros where the design has none.
    result
        Type of the result codes; None for raw accumulators.
    relu
        Whether negative results become 0.
    multiplier, shift
        ``[cols]``, unused for raw accumulators.
    legal
        Whether the array knows the operand types; if not, its operands count as 0.
    """

    activation: Format
    weight: Format
    activations: Integers
    weights: Integers
    bias: Integers
    result: Format | None
    relu: bool
    multiplier: Integers
    shift: Integers
    legal: bool = True

    @property
    def depth(self) -> int:
        """Number of products in each sum."""
        return int(self.activations.shape[1])


@dataclass(frozen=True)
class Outcome:
    """What a tile gives, ``[rows, cols]``: accumulators modulo ``2^W``, and what leaves."""

    accumulators: Integers
    results: Integers


@dataclass(frozen=True)
class Design:
    """What a testbench must know of an array.

    Attributes
    ----------
    activations, weights, results
        The formats to choose from; ``results`` is empty for raw accumulators.
    accumulator_bits, bias_bits, multiplier_bits
        Widths; 0 where there is none.
    overhead
        Cycles of a tile beside its depth.
    first_row
        Cycles from the first beat of a tile to its first row of results, beside its depth.
    """

    manifest: Manifest
    rows: int
    cols: int
    activations: tuple[Format, ...]
    weights: tuple[Format, ...]
    results: tuple[Format, ...]
    max_depth: int
    accumulator_bits: int
    bias_bits: int
    multiplier_bits: int
    overhead: int
    first_row: int

    @classmethod
    def of(cls, manifest: Manifest) -> Design:
        """Read a manifest of the flint generator."""
        config = manifest.config
        types, bits = config["types"], config["bits"]
        results: tuple[Format, ...] = ()
        if config["output"] == "codes":
            result_bits = config["output_bits"] or bits
            results = _formats(config["output_types"] or types, result_bits, config["output_sign"])
        weight_bits = config["weight_bits"] or bits
        return cls(
            manifest=manifest,
            rows=config["rows"],
            cols=config["cols"],
            activations=_formats(types, bits, config["activation_sign"]),
            weights=_formats(config["weight_types"] or types, weight_bits, "signed"),
            results=results,
            max_depth=config["max_k"],
            accumulator_bits=int(manifest.latency["accumulator_bits"]),
            bias_bits=config["bias_bits"],
            multiplier_bits=config["multiplier_width"] if results else 0,
            overhead=int(manifest.throughput["overhead_cycles"]),
            first_row=int(manifest.latency["first_row_overhead_cycles"]),
        )

    @property
    def largest_depth(self) -> int:
        """Largest depth that the descriptor can name: more than is allowed, where bits allow."""
        return (1 << self.max_depth.bit_length()) - 1

    @property
    def bias_range(self) -> tuple[int, int]:
        """Least and largest bias."""
        half = 1 << self.bias_bits >> 1
        return -half, max(half - 1, 0)

    def outcome(self, tile: Tile) -> Outcome:
        """What the golden model makes of a tile."""
        activation, weight = tile.activation, tile.weight
        bias = torch.from_numpy(tile.bias)
        if tile.legal:
            sums = accumulate(
                torch.from_numpy(tile.activations), torch.from_numpy(tile.weights),
                activation.kind, activation.bits, activation.signed, weight.kind, weight.bits, bias,
            )  # fmt: skip
        else:
            sums = bias.expand(self.rows, self.cols)
        spare = 64 - self.accumulator_bits
        wrapped = sums << spare >> spare
        if tile.result is None:
            return Outcome(wrapped.numpy(), wrapped.numpy())
        codes = requantize(
            wrapped, torch.from_numpy(tile.multiplier), torch.from_numpy(tile.shift), tile.relu,
            tile.result.kind, tile.result.bits, tile.result.signed,
        )  # fmt: skip
        return Outcome(wrapped.numpy(), codes.long().numpy())

    def beats(self, tiles: Sequence[Tile]) -> dict[str, Words]:
        """Beats of every input stream for tiles that follow each other."""
        descriptors: dict[str, list[int]] = {}
        for tile in tiles:
            for name, value in self._descriptor(tile).items():
                descriptors.setdefault(name, []).append(value)
        activations = np.concatenate([tile.activations.T for tile in tiles])
        weights = np.concatenate([tile.weights for tile in tiles])
        beats = {
            "tile": self._pack("tile", {key: np.array(v) for key, v in descriptors.items()}),
            "activation": self._pack("activation", activations),
            "weight": self._pack("weight", weights),
        }
        if self.bias_bits:
            beats["bias"] = self._pack("bias", np.stack([tile.bias for tile in tiles]))
        if self.results:
            scales = {
                f"{col}.{name}": np.array([getattr(tile, name)[col] for tile in tiles])
                for col in range(self.cols)
                for name in ("multiplier", "shift")
            }
            beats["scale"] = self._pack("scale", scales)
        return beats

    def result_beats(self, outcomes: Sequence[Outcome]) -> Words:
        """Beats of the result stream."""
        return self._pack("result", np.concatenate([each.results for each in outcomes]))

    def explain(
        self, tiles: Sequence[Tile], outcomes: Sequence[Outcome], beat: int, element: str
    ) -> dict[str, object]:
        """Tell what one element of one result beat was computed from."""
        index, row = divmod(beat, self.rows)
        tile, outcome, col = tiles[index], outcomes[index], int(element)
        told: dict[str, object] = {
            "tile": index, "row": row, "column": col, "K": tile.depth,
            "types": f"{tile.activation} x {tile.weight}",
        }
        if not tile.legal:
            told["types"] = f"{told['types']} (not built in, counts as 0)"
        told["activations"] = _shown(tile.activation.values[tile.activations[row]])
        told["weights"] = _shown(tile.weight.values[tile.weights[:, col]])
        if self.bias_bits:
            told["bias"] = int(tile.bias[col])
        if tile.result is not None:
            told |= {
                "accumulator": int(outcome.accumulators[row, col]),
                "multiplier": int(tile.multiplier[col]), "shift": int(tile.shift[col]),
                "relu": int(tile.relu), "result": str(tile.result),
            }
        return told

    def _descriptor(self, tile: Tile) -> dict[str, int]:
        described = {
            "depth": tile.depth,
            "activation.kind": tile.activation.kind.select,
            "activation.signed": int(tile.activation.signed),
            "weight.kind": tile.weight.kind.select,
        }
        if tile.result is not None:
            described |= {
                "result.kind": tile.result.kind.select,
                "result.signed": int(tile.result.signed),
                "relu": int(tile.relu),
            }
        return described

    def _pack(self, name: str, values: Mapping[str, Any] | Integers) -> Words:
        stream = self.manifest.stream(name)
        if isinstance(values, Mapping):
            return pack(stream.fields, stream.width, values)
        return pack_array(stream.fields, stream.width, values)


def random_tile(design: Design, rng: np.random.Generator, depth: int) -> Tile:
    """Return a tile of random types and codes, with a random bias and random scales.

    Operands are uniform over the codes, or sparse, or only the extreme codes; scales put the
    results anywhere from all zero to all saturated.
    """
    activation, weight = _choice(rng, design.activations), _choice(rng, design.weights)
    low, high = design.bias_range
    if rng.random() < 0.3:
        bias = rng.choice([low, high, 0, -1 if low else 0], design.cols)
    else:
        bias = rng.integers(low, high, design.cols, endpoint=True)
    multiplier, shift = _scales(design, rng, activation, weight, depth)
    return Tile(
        activation=activation,
        weight=weight,
        activations=_codes(rng, activation, (design.rows, depth)),
        weights=_codes(rng, weight, (depth, design.cols)),
        bias=bias.astype(np.int64),
        result=_choice(rng, design.results) if design.results else None,
        relu=bool(design.results) and bool(rng.integers(2)),
        multiplier=multiplier,
        shift=shift,
    )


def corner_tiles(design: Design, rng: np.random.Generator, *, deepest: int) -> list[Tile]:
    """Return tiles at the corners: every pair of types, extreme operands, biases and scales.

    Parameters
    ----------
    design
        The design.
    rng
        Chooses what is not at a corner.
    deepest
        The most beats of a tile: the accumulator meets its exact bound if ``max_k`` is not above.
    """
    depths = sorted({min(depth, design.max_depth) for depth in (0, 1, 2, 3, 7)})
    tiles = []
    for activation in design.activations:
        for weight in design.weights:
            tile = random_tile(design, rng, int(rng.choice(depths[1:])))
            tiles.append(
                replace(
                    tile, activation=activation, weight=weight,
                    activations=_codes(rng, activation, tile.activations.shape),
                    weights=_codes(rng, weight, tile.weights.shape),
                )
            )
    tiles += [random_tile(design, rng, depth) for depth in depths]
    depth = min(design.max_depth, deepest)
    least, most = design.bias_range
    pairs = [(a, w) for a in design.activations for w in design.weights]
    corners = [
        (int(a.values[a_code] * w.values[w_code]), a, a_code, w, w_code)
        for a, w in pairs
        for a_code in a.extremes
        for w_code in w.extremes
    ]
    for worst, bias in ((min(corners, key=_product), least), (max(corners, key=_product), most)):
        tiles.append(_constant_tile(design, rng, worst, depth, bias))
    alternating = _constant_tile(design, rng, max(corners, key=_product), depth, 0)
    codes = np.array(alternating.activation.extremes)
    pattern = np.add.outer(np.arange(design.rows), np.arange(depth)) % 2
    tiles.append(replace(alternating, activations=codes[pattern]))
    if design.results:
        tiles += _scale_corners(design, rng, depths[-1])
    return tiles


_Corner = tuple[int, Format, int, Format, int]


def _product(corner: _Corner) -> int:
    return corner[0]


def _constant_tile(
    design: Design, rng: np.random.Generator, corner: _Corner, depth: int, bias: int
) -> Tile:
    """Return a tile of one product, ``depth`` times, on top of one bias."""
    _, activation, a_code, weight, w_code = corner
    return replace(
        random_tile(design, rng, 0),
        activation=activation,
        weight=weight,
        activations=np.full((design.rows, depth), a_code, dtype=np.int64),
        weights=np.full((depth, design.cols), w_code, dtype=np.int64),
        bias=np.full(design.cols, bias, dtype=np.int64),
    )


def _scale_corners(design: Design, rng: np.random.Generator, depth: int) -> list[Tile]:
    """Return tiles with the least and largest multipliers and shifts, with and without ReLU."""
    largest = (1 << design.multiplier_bits) - 1
    tiles = []
    for result in design.results:
        for relu in (False, True):
            for multiplier, shift in ((largest, 1), (1, 1), (0, 1), (largest, MAX_SHIFT)):
                tile = replace(random_tile(design, rng, depth), result=result, relu=relu)
                factor = np.full(design.cols, multiplier, dtype=np.int64)
                places = np.full(design.cols, shift, dtype=np.int64)
                tiles.append(replace(tile, multiplier=factor, shift=places))
    return tiles


def _formats(types: Sequence[str], bits: int, sign: str) -> tuple[Format, ...]:
    signs = {"signed": (True,), "unsigned": (False,), "both": (False, True)}[sign]
    return tuple(Format(NumberType(kind), bits, signed) for kind in types for signed in signs)


def _choice(rng: np.random.Generator, formats: Sequence[Format]) -> Format:
    return formats[int(rng.integers(len(formats)))]


def _codes(rng: np.random.Generator, number_format: Format, shape: tuple[int, ...]) -> Integers:
    style = rng.random()
    if style < 0.2:
        return rng.choice(np.array([*number_format.extremes, 0]), shape).astype(np.int64)
    codes = rng.integers(0, 1 << number_format.bits, shape)
    if style < 0.4:
        codes = codes * (rng.random(shape) < 0.3)
    return codes.astype(np.int64)


def _scales(
    design: Design, rng: np.random.Generator, activation: Format, weight: Format, depth: int
) -> tuple[Integers, Integers]:
    """Return scales that bring a typical sum somewhere near the range of a result type."""
    if not design.results:
        return np.zeros(design.cols, dtype=np.int64), np.ones(design.cols, dtype=np.int64)
    multiplier = rng.integers(0, 1 << design.multiplier_bits, design.cols)
    spread = float(np.std(activation.values) * np.std(weight.values)) * max(depth, 1) ** 0.5
    typical = (spread + abs(design.bias_range[0]) / 4) * 2 ** (design.multiplier_bits - 1)
    middle = int(np.log2(max(typical, 1.0)))
    shift = np.clip(middle + rng.integers(-10, 5, design.cols), 1, MAX_SHIFT)
    return multiplier.astype(np.int64), shift.astype(np.int64)


def _shown(values: Integers, most: int = 12) -> str:
    """Return the first few numbers, and how many more there are."""
    head = " ".join(map(str, values[:most].tolist()))
    rest = len(values) - most
    return f"[{head} ... {rest} more]" if rest > 0 else f"[{head}]"
