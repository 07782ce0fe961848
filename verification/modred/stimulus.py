"""Operands for a modred design, with the results that the golden model says they have.

All that is known of a design comes from its manifest, so the same operands serve the cocotb
testbench and the batched engine.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...generators.artifacts import Manifest, Stream
from ...generators.modred.modulus import parse_modulus
from ...golden.modred.operations import (
    OPERANDS,
    butterfly,
    factor,
    multiply_accumulate,
    reduce,
)
from ...golden.modred.vectors import classes, mixed, residue_tuples
from ..packing import Words, from_ints, to_ints

__all__ = ["CLASSES", "Design", "Operands"]

Operands = Sequence[tuple[int, ...]]
"""One tuple per beat, in the order of the fields."""

CLASSES = {
    "reduce": ("extremes", "group boundaries", "one bit", "patterns", "largest sums", "low half",
               "random", "next to a multiple", "sparse", "dense", "short", "sharp"),
    "arithmetic": ("extremes", "random", "next to a multiple"),
}  # fmt: skip
"""Names of the classes of operands, of reductions and of all else."""


@dataclass(frozen=True)
class Design:
    """What a testbench must know of a design.

    Attributes
    ----------
    operation
        A key of :data:`gatewright.golden.modred.operations.OPERANDS`.
    modulus
        M as built; a writable design may be given others.
    scale
        Montgomery's 2^-n mod M, or 1.
    gentleman_sande
        Which butterfly.
    latency
        Cycles from the one that takes an operand to the first that shows its result.
    interval
        Cycles from one operand to the next.
    writable
        Whether a stream sets the modulus at run time.
    """

    manifest: Manifest
    operation: str
    modulus: int
    scale: int
    gentleman_sande: bool
    latency: int
    interval: int
    writable: bool

    @classmethod
    def of(cls, manifest: Manifest) -> Design:
        """Read a manifest of the modred generator."""
        config: Mapping[str, Any] = manifest.config
        modulus = parse_modulus(config["modulus"])
        return cls(
            manifest=manifest,
            operation=config["operation"],
            modulus=modulus,
            scale=factor(config["architecture"], modulus),
            gentleman_sande=config["butterfly"] == "gentleman_sande",
            latency=int(manifest.latency["cycles"]),
            interval=int(manifest.throughput["cycles_per_result"]),
            writable=any(stream.name == "modulus" for stream in manifest.streams),
        )

    @property
    def width(self) -> int:
        """Bits of the first operand."""
        return self.manifest.stream("i").fields[0].width

    def operands(self, rng: random.Random, count: int) -> dict[str, list[tuple[int, ...]]]:
        """Operands by class, at most ``count`` of each class, evenly taken."""
        drawn: Mapping[str, Sequence[tuple[int, ...]]]
        if self.operation == "reduce":
            drawn = {
                name: [(x,) for x in xs]
                for name, xs in classes(self.modulus, self.width, rng, count).items()
            }
        else:
            size = len(OPERANDS[self.operation])
            drawn = residue_tuples(self.modulus, size, rng, count)
        return {
            name: [tuples[len(tuples) * at // count] for at in range(count)]
            if len(tuples) > count
            else list(tuples)
            for name, tuples in drawn.items()
        }

    def volume(self, rng: random.Random, count: int) -> Operands:
        """``count`` operands of all classes, mostly random ones."""
        if self.operation == "reduce":
            return [(x,) for x in mixed(self.modulus, self.width, rng, count)]
        drawn = residue_tuples(self.modulus, len(OPERANDS[self.operation]), rng, count)
        everything = [each for tuples in drawn.values() for each in tuples]
        rng.shuffle(everything)
        return everything[:count]

    def results(self, operands: Operands, modulus: int | None = None) -> Operands:
        """What the golden model makes of operands, by the fields of the result.

        Parameters
        ----------
        operands
            The operands.
        modulus
            That of a writable design at the time; the built one by default.
        """
        m = modulus or self.modulus
        columns = [list(column) for column in zip(*operands, strict=True)]
        if not columns:
            return []
        match self.operation:
            case "reduce":
                return [(r,) for r in reduce(columns[0], m, self.scale)]
            case "multiply":
                zeros = [0] * len(operands)
                sums = multiply_accumulate(columns[0], columns[1], zeros, m, self.scale)
                return [(r,) for r in sums]
            case "multiply_accumulate":
                a, b, c = columns
                return [(r,) for r in multiply_accumulate(a, b, c, m, self.scale)]
        a, b, w = columns
        high, low = butterfly(
            a, b, w, m, gentleman_sande=self.gentleman_sande, scale=self.scale
        )
        return list(zip(high, low, strict=True))

    @property
    def _outputs(self) -> tuple[str, ...]:
        return ("high", "low") if self.operation == "butterfly" else ("r",)

    def beats(self, operands: Operands) -> Words:
        """Beats of the operands."""
        return _pack(self.manifest.stream("i"), OPERANDS[self.operation], operands)

    def result_beats(self, results: Operands) -> Words:
        """Beats of the results."""
        return _pack(self.manifest.stream("o"), self._outputs, results)

    def unpacked(self, beats: Words) -> Operands:
        """Results in beats of the result stream."""
        fields = {field.name: field for field in self.manifest.stream("o").fields}
        outputs = [(fields[name].offset, (1 << fields[name].width) - 1) for name in self._outputs]
        return [
            tuple(beat >> offset & mask for offset, mask in outputs) for beat in to_ints(beats)
        ]

    def explain(
        self, operands: Operands, beat: int, modulus: int | None = None
    ) -> dict[str, object]:
        """Tell what one result was computed from."""
        told: dict[str, object] = {"M": hex(modulus or self.modulus)}
        names = OPERANDS[self.operation]
        told |= {name: hex(x) for name, x in zip(names, operands[beat], strict=True)}
        if self.scale != 1:
            told["factor"] = hex(self.scale)
        return told


def _pack(stream: Stream, names: Sequence[str], rows: Operands) -> Words:
    """Beats of a stream whose fields may be of any width."""
    offsets = {field.name: field.offset for field in stream.fields}
    places = [offsets[name] for name in names]
    if places == [0]:  # a million beats are common
        return from_ints((row[0] for row in rows), stream.width)
    beats = (sum(x << at for x, at in zip(row, places, strict=True)) for row in rows)
    return from_ints(beats, stream.width)
