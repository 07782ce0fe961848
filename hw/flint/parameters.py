"""Parameters of the array: what every block derives its widths and cycles from."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Value, signed, unsigned
from amaranth.lib import data
from amaranth.utils import bits_for

from .datapath import Datapath, product_range
from .pe import PEParameters
from .requantizer import SHIFT_WIDTH, RequantizerParameters
from .types import OperandFormats, TypeKind

__all__ = ["ArrayParameters", "accumulator_bits"]


def accumulator_bits(
    activation: OperandFormats, weight: OperandFormats, depth: int, bias_bits: int
) -> int:
    """Return the smallest accumulator width in which no sum of ``depth`` products overflows.

    The smallest ``W`` with ``-2^(W-1) <= depth * p_min + b_min`` and
    ``depth * p_max + b_max < 2^(W-1)``, over products ``p`` and biases ``b`` of ``bias_bits``
    bits (0: no bias). A sum that wraps on the way does no harm: arithmetic is modulo ``2^W`` and
    only the last value is read.
    """
    low, high = product_range(activation, weight)
    bias_low, bias_high = (-(1 << bias_bits - 1), (1 << bias_bits - 1) - 1) if bias_bits else (0, 0)
    least, most = depth * low + bias_low, depth * high + bias_high
    return max(most.bit_length(), (~least).bit_length() if least < 0 else 0) + 1


@dataclass(frozen=True)
class ArrayParameters:
    """An output-stationary array.

    Attributes
    ----------
    datapath : Datapath
        Operand formats, and how the elements multiply.
    rows, cols : int
        Elements; a tile is ``rows`` x ``cols`` results.
    share : int
        Elements of ``share`` x ``share`` clusters use one set of operand registers.
    max_depth : int
        Largest number of products in a sum (the ``K`` of a tile).
    accumulator_bits : int
        ``W``.
    bias_bits : int
        Width of the signed biases; 0 leaves out the bias stream.
    result_formats : OperandFormats or None
        Formats that results are rounded to; None gives the accumulators.
    multiplier_bits, requantizer_stages : int
        Of the output stage, where there are result formats.
    result_depth : int
        Rows of results that wait at the output.
    """

    datapath: Datapath
    rows: int
    cols: int
    share: int
    max_depth: int
    accumulator_bits: int
    bias_bits: int
    result_formats: OperandFormats | None
    multiplier_bits: int
    requantizer_stages: int
    result_depth: int

    @property
    def pe(self) -> PEParameters:
        return PEParameters(self.datapath, self.accumulator_bits)

    @property
    def row_groups(self) -> int:
        """Clusters in a column."""
        return -(-self.rows // self.share)

    @property
    def col_groups(self) -> int:
        """Clusters in a row."""
        return -(-self.cols // self.share)

    def group_size(self, group: int) -> int:
        """Columns of a column group."""
        return min(self.share, self.cols - group * self.share)

    def columns(self, values: Value, group: int) -> Value:
        """Return the part of one value for each column that belongs to a column group."""
        width = len(values) // self.cols
        first = group * self.share
        return values[first * width : (first + self.group_size(group)) * width]

    @property
    def offset_bits(self) -> int:
        """Width of the count of offsets: accumulator bits above the product."""
        return max(0, self.accumulator_bits - self.datapath.product_bits)

    @property
    def depth_shape(self) -> int:
        return bits_for(self.max_depth)

    @property
    def requantizer(self) -> RequantizerParameters:
        assert self.result_formats is not None
        return RequantizerParameters(
            self.result_formats, self.accumulator_bits, self.multiplier_bits,
            self.requantizer_stages,
        )

    @property
    def tile_layout(self) -> data.StructLayout:
        """Payload of the tile stream."""
        operand = {"kind": TypeKind, "signed": unsigned(1)}
        members: dict[str, object] = {
            "depth": unsigned(self.depth_shape),
            "activation": data.StructLayout(operand),
            "weight": data.StructLayout({"kind": TypeKind}),
        }
        if self.result_formats is not None:
            members["result"] = data.StructLayout(operand)
            members["relu"] = unsigned(1)
        return data.StructLayout(members)

    @property
    def bias_layout(self) -> data.ArrayLayout:
        return data.ArrayLayout(signed(self.bias_bits), self.cols)

    @property
    def scale_layout(self) -> data.ArrayLayout:
        """Payload of the scale stream."""
        scale = {"multiplier": unsigned(self.multiplier_bits), "shift": unsigned(SHIFT_WIDTH)}
        return data.ArrayLayout(data.StructLayout(scale), self.cols)

    @property
    def scale_bits(self) -> int:
        """Width of a multiplier and a shift."""
        return self.multiplier_bits + SHIFT_WIDTH

    @property
    def result_bits(self) -> int:
        """Width of one result."""
        return self.accumulator_bits if self.result_formats is None else self.result_formats.bits

    @property
    def result_shape(self) -> object:
        """Shape of one result."""
        if self.result_formats is None:
            return signed(self.accumulator_bits)
        return unsigned(self.result_formats.bits)

    @property
    def result_layout(self) -> data.ArrayLayout:
        return data.ArrayLayout(self.result_shape, self.cols)

    @property
    def result_latency(self) -> int:
        """Cycles from a drain decision to the beat at the output of the last column group."""
        stages = self.requantizer_stages if self.result_formats is not None else 0
        return self.col_groups + 1 + stages + 1

    @property
    def command_layout(self) -> data.StructLayout:
        """What travels beside the drain step along the columns, one cycle per column group."""
        members: dict[str, object] = {"emit": 1, "load": 1, "last": 1}
        if self.offset_bits:
            members["offsets"] = unsigned(self.offset_bits)
        if self.result_formats is not None:
            members["result"] = data.StructLayout({"kind": TypeKind, "signed": unsigned(1)})
            members["relu"] = unsigned(1)
        return data.StructLayout(members)
