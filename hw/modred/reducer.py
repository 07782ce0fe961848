"""What all reducers share: their ports, their parameters, and the bounds that prove them right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["Bound", "Pipelining", "Reducer", "ReducerParameters", "Store", "Style", "Table"]


class Style(Enum):
    """How rows are added: binary adders on carry chains (FPGA), or counters and one adder."""

    CHAIN = "chain"
    COMPRESSOR = "compressor"


class Pipelining(Enum):
    """Where a streaming reducer has registers: nowhere, between stages, after each adder level."""

    NONE = "none"
    STAGES = "stages"
    LEVELS = "levels"


class Store(Enum):
    """Where residues lie: gates, block RAM as ROM, or RAM that is filled from a modulus."""

    LOGIC = "logic"
    BLOCK_RAM = "block_ram"
    WRITABLE = "writable"


@dataclass(frozen=True)
class Bound:
    """The largest value that a stage can have, computed from its tables: one line of the proof.

    ``value`` is inclusive; ``limit``, if any, is what the next stage needs it to be at most.
    """

    name: str
    value: int
    reason: str
    limit: int | None = None

    @property
    def bits(self) -> int:
        return self.value.bit_length()

    @property
    def holds(self) -> bool:
        return self.limit is None or self.value <= self.limit


@dataclass(frozen=True)
class Table:
    """Residues ``T[v] = v * 2^shift mod modulus`` for ``0 <= v < entries``."""

    modulus: int
    shift: int
    entries: int

    def __getitem__(self, v: int) -> int:
        return (v << self.shift) % self.modulus

    def __len__(self) -> int:
        return self.entries

    @property
    def largest(self) -> int:
        """Largest entry."""
        weight = pow(2, self.shift, self.modulus)
        return max(v * weight % self.modulus for v in range(self.entries))


@dataclass(frozen=True, kw_only=True)
class ReducerParameters(ABC):
    """Parameters of every reducer.

    Parameters
    ----------
    modulus
        M, at least 2.
    width
        W: the reducer takes every X from 0 to 2^W - 1.
    tag_bits
        Bits that travel with each operand unchanged.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    modulus: int
    width: int
    tag_bits: int = 0

    architecture: ClassVar[str]

    def __post_init__(self) -> None:
        if self.modulus < 2:
            raise ValueError(f"modulus must be at least 2, not {self.modulus}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        if self.tag_bits < 0:
            raise ValueError(f"tag_bits must be at least 0, not {self.tag_bits}")

    @property
    def residue_bits(self) -> int:
        """Bits of a residue, 0 to M - 1."""
        return (self.modulus - 1).bit_length()

    @property
    def modulus_bits(self) -> int:
        """n, with 2^(n-1) <= M < 2^n."""
        return self.modulus.bit_length()

    @property
    def factor(self) -> int:
        """The result is ``X * factor mod M``: 1 for all but Montgomery's 2^-n."""
        return 1

    @property
    @abstractmethod
    def bounds(self) -> tuple[Bound, ...]:
        """Largest value of each stage, in order; all of them hold."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of residues in the hardware."""
        return ()

    @property
    @abstractmethod
    def latency(self) -> int:
        """Cycles from the one that takes an operand to the first that shows its residue."""

    @property
    @abstractmethod
    def interval(self) -> int:
        """Cycles from one operand to the next, where nothing stalls."""

    @abstractmethod
    def create(self) -> Reducer:
        """Return the hardware."""


class Reducer(Unit):
    """Base of all reducers: ``r = x * factor mod M``.

    Members
    -------
    i : In(stream)
        ``x``, W bits, and ``tag`` if there is one.
    o : Out(stream)
        ``r``, 0 to M - 1, and the ``tag`` of its operand. Order is kept.

    Cycles: latency and interval of the parameters. They depend on no data.
    """

    p: ReducerParameters

    def __init__(self, p: ReducerParameters, **more: In | Out) -> None:
        tag = {"tag": p.tag_bits} if p.tag_bits else {}
        super().__init__(
            p,
            {
                "i": In(stream.Signature(data.StructLayout({"x": p.width, **tag}))),
                "o": Out(stream.Signature(data.StructLayout({"r": p.residue_bits, **tag}))),
                **more,
            },
        )
