"""A compiled network: passes over a graph, and the tensors between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...golden.gnn.fixed import Multiplier
from ...hw.gnn.instruction import ElementType
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.records import Phase
from .assembly import Instruction, Slot
from .graph import Ids
from .partition import Partition

__all__ = ["Pass", "Program", "Tensor"]


@dataclass(frozen=True, eq=False)
class Tensor:
    """Rows in memory, one for each vertex by its place in the order, or a single one.

    Attributes
    ----------
    rows, elements
        Its shape.
    type
        Of its elements.
    values
        Integers [rows, elements] if it is a constant; None if the engine or the user fills it.
    """

    rows: int
    elements: int
    type: ElementType
    values: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Pass:
    """A pass: what ``hw/gnn/records.py`` tells, before it has an address.

    Attributes
    ----------
    phases
        Code of each phase that there is, END included.
    slots, slot_names
        The slot table, and what its entries are called in a listing.
    constants
        Constants of RQ.
    tensors
        Names of the tensors that instructions tell by number.
    weights
        u8 [words, columns].
    bias
        int32 [words, columns].
    tables
        u8 [tables, 256], the entry of code 0 first.
    exp_bits
        Fraction bits of EXP2N; 0 if the pass has none.
    interval
        D, destinations of an interval: of its own where the pass has no shards.
    chunk_rows, accumulator_stride, chunk_stride, source_stride, edge_stride, halves
        As in the record.
    partitions
        Shards of either round, or None; both with intervals of ``interval``.
    scalars
        i16 [vertices], by place, that go with the sources of either round, or None.
    """

    phases: Mapping[Phase, tuple[Instruction, ...]]
    slots: tuple[Slot, ...]
    slot_names: tuple[str, ...]
    constants: tuple[Multiplier, ...]
    tensors: tuple[str, ...]
    weights: NDArray[np.uint8]
    bias: NDArray[np.int32]
    tables: NDArray[np.uint8]
    exp_bits: int
    interval: int
    chunk_rows: int
    accumulator_stride: int
    chunk_stride: int
    source_stride: tuple[int, int] = (0, 0)
    edge_stride: tuple[int, int] = (0, 0)
    halves: int = 1
    partitions: tuple[Partition | None, Partition | None] = (None, None)
    scalars: tuple[NDArray[np.int16] | None, NDArray[np.int16] | None] = (None, None)


@dataclass(frozen=True, eq=False)
class Program:
    """A network for one graph and one engine.

    Attributes
    ----------
    parameters
        The engine's.
    vertices
        N.
    order
        The vertex at each place, or None if they kept their places.
    passes
        In the order in which they run.
    tensors
        By name.
    input, output
        Names of the tensors that hold the network's input and output codes, i8.
    input_features, output_features
        Elements of a row that count; others are padding. Columns of the output may be permuted:
        ``output_columns`` are the places of the network's columns.
    """

    parameters: GnnParameters
    vertices: int
    order: Ids | None
    passes: tuple[Pass, ...]
    tensors: Mapping[str, Tensor]
    input: str
    output: str
    input_features: int
    output_columns: tuple[int, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
