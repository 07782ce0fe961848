"""Parameters of the reducers with one result per cycle."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from .reducer import Pipelining, ReducerParameters, Style

__all__ = ["StreamingParameters", "stands"]


def stands(cut: Pipelining, pipeline: Pipelining) -> bool:
    """Whether ``pipeline`` has a rank at a cut that pipelining from ``cut`` on has."""
    order = (Pipelining.NONE, Pipelining.STAGES, Pipelining.LEVELS)
    return order.index(cut) <= order.index(pipeline)


@dataclass(frozen=True, kw_only=True)
class StreamingParameters(ReducerParameters):
    """Parameters of reducers with one result per cycle.

    Parameters
    ----------
    modulus
        M, odd, at least 3. Even ones go through :mod:`.normalise`.
    width
        W, at least the bits of M.
    largest
        Largest X that comes; ``2^W - 1`` if None. A product of residues is at most ``(M-1)^2``.
    style
        Binary adders, or compressor trees.
    pipeline
        No registers; a rank after each stage; or one after each adder level.
    """

    largest: int | None = None
    style: Style = Style.CHAIN
    pipeline: Pipelining = Pipelining.LEVELS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.modulus % 2 == 0:
            raise ValueError(f"modulus must be odd, not {self.modulus}")
        if self.width < self.modulus_bits:
            raise ValueError(
                f"width must be at least the {self.modulus_bits} bits of the modulus,"
                f" not {self.width}"
            )
        if self.largest is not None and not self.modulus <= self.largest < 1 << self.width:
            raise ValueError(
                f"largest must be from the modulus to 2^width - 1, not {self.largest}"
            )

    @property
    def largest_operand(self) -> int:
        return (1 << self.width) - 1 if self.largest is None else self.largest

    @property
    def interval(self) -> int:
        return 1

    @property
    @abstractmethod
    def cuts(self) -> tuple[Pipelining, ...]:
        """Every place where a rank of registers may stand: the coarsest pipelining that has it."""

    @property
    def latency(self) -> int:
        return sum(stands(each, self.pipeline) for each in self.cuts)
