"""An engine as its users see it: what it multiplies at a time, in which order, and when.

All of it are plain numbers, which the manifest of a design holds, so that who drives a design need
not know how it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from ...errors import InputError
from ...golden.tpe.arrays import ArrayDescription, Dataflow, DigitSerial, Laconic
from ..artifacts import Manifest

__all__ = ["Array", "Engine"]


class Array(StrEnum):
    """How operands and sums move."""

    SYSTOLIC_OS = "systolic_os"
    SYSTOLIC_WS = "systolic_ws"
    CUBE = "cube"
    TREE = "tree"
    MATRIX_2D = "matrix_2d"
    DIGIT_SERIAL = "digit_serial"
    LACONIC = "laconic"

    @property
    def dataflow(self) -> Dataflow:
        """Its name in the cycle model."""
        return _DATAFLOWS[self]

    @property
    def holds_weights(self) -> bool:
        """Whether a tile of B stays while all rows of A go by."""
        return self.dataflow.holds_weights

    @property
    def keeps_sums(self) -> bool:
        """Whether sums stay while all of K goes by."""
        return not self.dataflow.streams


_DATAFLOWS = {
    Array.SYSTOLIC_OS: Dataflow.OUTPUT_STATIONARY, Array.SYSTOLIC_WS: Dataflow.WEIGHT_STATIONARY,
    Array.CUBE: Dataflow.CUBE, Array.TREE: Dataflow.TREE, Array.MATRIX_2D: Dataflow.MATRIX,
    Array.DIGIT_SERIAL: Dataflow.DIGIT_SERIAL, Array.LACONIC: Dataflow.LACONIC,
}  # fmt: skip

_IN_LATENCY = ("result_latency", "clearance", "release", "accumulator_bits")
"""Figures that the manifest has under ``latency``; it has the others under ``throughput``."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What a driver must know of an engine.

    Attributes
    ----------
    array
        Name of the :class:`Array`.
    rows, cols
        Rows and columns of results at a time; rows are 1 where they follow each other.
    depth
        K of a transfer of ``cube``, of the weights of ``systolic_ws`` and ``tree``; most K of a
        tile of ``digit_serial``; 0 for the others, which know no limit.
    lanes
        K of a transfer, where sums stay.
    group, minimum
        See :class:`~gatewright.golden.tpe.arrays.DigitSerial`; 0 where there are no digits.
    accumulate
        Whether steps of ``cube`` and ``tree`` can be added up.
    source
        What comes in for A: ``operands``, their ``digits``, or a ``stream`` of those not 0.
    encoding
        How A (for ``laconic`` also B) is written.
    a_width, a_signed, b_width, b_signed
        Formats of the operands.
    accumulator_bits, result_bits
        Bits of the sums and of the results.
    saturate
        Whether results that do not fit are brought to the nearest that does; else they wrap.
    c_input
        Whether there is a stream of C.
    result_latency
        Cycles from a step (the last one of a tile, where sums stay) to its results.
    clearance
        Cycles that a tile is held after the last results of the tile before.
    release
        Cycles from a tile's start until the weights after its own may come in.
    """

    array: str
    rows: int
    cols: int
    depth: int
    lanes: int
    group: int
    minimum: int
    accumulate: bool
    source: str
    encoding: str
    a_width: int
    a_signed: bool
    b_width: int
    b_signed: bool
    accumulator_bits: int
    result_bits: int
    saturate: bool
    c_input: bool
    result_latency: int
    clearance: int
    release: int

    @classmethod
    def of(cls, manifest: Manifest) -> Engine:
        """Read a manifest of the tpe generator.

        Raises
        ------
        InputError
            If it is that of another generator.
        """
        told: Mapping[str, Any] = manifest.throughput | manifest.latency
        missing = [field.name for field in fields(cls) if field.name not in told]
        if missing:
            raise InputError(
                f"manifest must be that of a tpe design, not of {manifest.generator} (it does not "
                f"tell {missing[0]})"
            )
        return cls(**{field.name: told[field.name] for field in fields(cls)})

    @property
    def latency_figures(self) -> dict[str, Any]:
        """What the manifest says under ``latency``."""
        return {name: getattr(self, name) for name in _IN_LATENCY}

    @property
    def shape_figures(self) -> dict[str, Any]:
        """What the manifest says under ``throughput``."""
        return {name: value for name, value in asdict(self).items() if name not in _IN_LATENCY}

    @property
    def kind(self) -> Array:
        """The array."""
        return Array(self.array)

    @property
    def most_depth(self) -> int | None:
        """Largest K of a tile; None if there is no limit."""
        if self.kind in (Array.CUBE, Array.TREE) and self.accumulate:
            return None
        return self.depth or None

    @property
    def cut_depth(self) -> int | None:
        """K at which a product is best cut; None if all of K goes through at once.

        ``tree`` can add up steps, but needs new weights for each.
        """
        return (self.depth or None) if self.kind is Array.TREE else self.most_depth

    @property
    def digit_work(self) -> DigitSerial:
        """How the rows of ``digit_serial`` go through their digits."""
        return DigitSerial(
            encoding=self.encoding, width=self.a_width, signed=self.a_signed, lanes=self.lanes,
            group=self.group, minimum=self.minimum, horner=True,
        )  # fmt: skip

    @property
    def model(self) -> ArrayDescription:
        """The engine as the cycle model takes it."""
        kind = self.kind
        shape: dict[str, Any] = {"cols": self.cols, "result_latency": self.result_latency}
        if not kind.holds_weights:
            shape["rows"] = self.rows
        if not kind.keeps_sums:
            shape["depth"] = self.depth
        if kind.holds_weights:
            shape["release"] = self.release
        if kind is Array.MATRIX_2D:
            shape["depth"] = self.lanes
        if kind is Array.DIGIT_SERIAL:
            shape |= {"tile_k": self.depth, "work": self.digit_work, "buffered": True}
        if kind is Array.LACONIC:
            shape["work"] = Laconic(
                encoding=self.encoding, a_width=self.a_width, a_signed=self.a_signed,
                b_width=self.b_width, b_signed=self.b_signed, lanes=self.lanes,
            )  # fmt: skip
        return ArrayDescription(dataflow=kind.dataflow, clearance=self.clearance, **shape)
