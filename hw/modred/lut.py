"""The parallel table method: the residues of all groups of bits at once, and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from amaranth.hdl import Module, Value

from .datapath import Datapath
from .lut_plan import Fold, plan_folds
from .reducer import Bound, Pipelining, Reducer, Store, Style, Table
from .residue_table import ResidueTable, ResidueTableParameters
from .streaming import StreamingParameters
from .summation import Summation

__all__ = ["Lut", "LutParameters"]


@dataclass(frozen=True, kw_only=True)
class LutParameters(StreamingParameters):
    """Parameters of :class:`Lut`, and those of :class:`.StreamingParameters`.

    Parameters
    ----------
    group_bits
        k, address bits of the tables of X, at least 1.
    fold_bits
        Address bits of the tables of later folds and of the last step, at least 1.
    store
        ``LOGIC``, or ``BLOCK_RAM`` for the tables of X: they then take a cycle of their own.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    group_bits: int = 4
    fold_bits: int = 4
    store: Store = Store.LOGIC

    architecture: ClassVar[str] = "lut"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("group_bits", "fold_bits"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.store is Store.WRITABLE:
            raise ValueError("store must be LOGIC or BLOCK_RAM, not WRITABLE")

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The sums of residues; none if the last step can take X."""
        return plan_folds(
            self.modulus, self.largest_operand, self.group_bits, self.fold_bits, self.style
        )

    @property
    def last_bound(self) -> int:
        """Largest value that reaches the last step."""
        return self.folds[-1].bound if self.folds else self.largest_operand

    @cached_property
    def last(self) -> tuple[int, ...]:
        """``h 2^(n-1) mod M - M`` for each upper part h of the last sum.

        With the n - 1 bits below, it makes a difference in ``-M … M - 1``, as ``2^(n-1) < M``.
        """
        position = self.modulus_bits - 1
        return tuple(
            (h << position) % self.modulus - self.modulus
            for h in range((self.last_bound >> position) + 1)
        )

    @property
    def subtracts(self) -> bool:
        """Whether the last sum is below 2M, so that no table is needed to take M off."""
        return self.last_bound < 2 * self.modulus

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        m, n = self.modulus, self.modulus_bits
        found = [Bound("operand", self.largest_operand, "input")]
        for index, fold in enumerate(self.folds):
            kept = " + ".join(f"{bound.bit_length()} bits kept" for bound in fold.kept)
            found.append(
                Bound(f"fold_{index}", fold.bound, f"{kept} + {len(fold.groups)} residues")
            )
        if self.subtracts:
            found.append(
                Bound("difference", self.last_bound - m, "sum below 2M, less M", m - 1)
            )
        else:
            low = (1 << (n - 1)) - 1
            found.append(
                Bound("difference", low + max(self.last), "2^(n-1) - 1 + residue - M", m - 1)
            )
        return (*found, Bound("residue", m - 1, "one addition of M where negative", m - 1))

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        tables = [table for fold in self.folds for table in fold.tables]
        if not self.subtracts:
            tables.append(Table(self.modulus, self.modulus_bits - 1, len(self.last)))
        return tuple(tables)

    @cached_property
    def sums(self) -> tuple[Summation, ...]:
        return tuple(Summation(fold.rows) for fold in self.folds)

    @property
    def cuts(self) -> tuple[Pipelining, ...]:
        read = (Pipelining.NONE,) if self.folds and self.store is Store.BLOCK_RAM else ()
        if self.style is Style.CHAIN:
            sums = tuple(cut for total in self.sums for cut in total.cuts(self.style))
        else:
            sums = (Pipelining.STAGES,) * (len(self.sums) + bool(self.sums))
        return (*read, *sums, Pipelining.LEVELS, Pipelining.STAGES)

    def create(self) -> Lut:
        return Lut(self)


class Lut(Reducer):
    """``r = X mod M`` from the residues of groups of k bits of X above n.

    ::

        S = X mod 2^n + Σ_j T_j[group j],    T_j[v] = v 2^(n + j k) mod M

    Further folds look up the few bits of S above n in the same way. The last step looks up what
    stands from bit n - 1 on, less M, so that one addition of M where the difference is negative
    ends it. With compressors the sum stays in two rows until then: the upper parts of both alone
    are added for an address, as no carry leaves the top of rows that are not negative.

    Members: as :class:`.Reducer`.

    Cycles: ``p.latency``, one residue per cycle.

    Notes
    -----
    The "LUT-based" baseline of F. Liu et al., "ALLMod: Exploring Area-Efficiency of LUT-based
    Large Number Modular Reduction via Hybrid Workloads", DAC 2025.
    """

    p: LutParameters

    def body(self) -> Module:
        m = Module()
        p = self.p
        data = Datapath(m, self)
        name = "x"
        for index, (fold, total) in enumerate(zip(p.folds, p.sums, strict=True)):
            self._split(data, name, fold)
            if index == 0 and p.store is Store.BLOCK_RAM:
                self._read(m, data, fold)
            kept = len(fold.kept)
            names = [f"kept_{k}" for k in range(kept)]
            names += [f"group_{k}" for k in range(len(fold.groups))]
            tables = p.store is Store.LOGIC or index > 0

            def row(
                k: int, value: Value, index: int = index, fold: Fold = fold, kept: int = kept,
                tables: bool = tables,
            ) -> Value:
                if k < kept or not tables:
                    return value
                group = fold.groups[k - kept]
                label = f"fold_{index}_table_{k - kept}"
                return self._look_up(m, label, group.entries, group.row.bits, value)

            name = f"fold_{index}"
            data.add(name, total, names, row, ends=Pipelining.STAGES)
        if p.folds:
            data.merge(name, p.last_bound.bit_length())
        self._last(m, data, name)
        data.correct("difference", p.modulus)
        data.finish("residue")
        return m

    def _split(self, data: Datapath, name: str, fold: Fold) -> None:
        """Make ``kept_…`` and the address of each ``group_…`` from a number."""
        if len(fold.kept) == 2:
            parts = [f"{name}_sum", f"{name}_carry"]
            uppers = [data[part][fold.cut :] for part in parts]
            bits = fold.largest.bit_length() - fold.cut
            data["upper"] = (uppers[0] + uppers[1])[:bits]
        else:
            parts = [name]
            data["upper"] = data[name][fold.cut :]
        for index, part in enumerate(parts):
            data[f"kept_{index}"] = data[part][: fold.cut]
        for index, group in enumerate(fold.groups):
            data[f"group_{index}"] = data["upper"][group.position - fold.cut :][: group.bits]
        data.drop([*parts, "upper"])

    def _read(self, m: Module, data: Datapath, fold: Fold) -> None:
        """Let block RAM put the residue of each group in the place of its address."""
        enable = data.pipe.ready
        read: dict[str, Value] = {}
        for index, group in enumerate(fold.groups):
            table = ResidueTable(
                ResidueTableParameters(group.entries, group.row.bits, Store.BLOCK_RAM)
            )
            m.submodules[f"fold_0_table_{index}"] = table
            m.d.comb += [table.address.eq(data[f"group_{index}"]), table.enable.eq(enable)]
            read[f"group_{index}"] = table.data
        data.drop(read)
        data.cut("read", Pipelining.NONE)
        for name, value in read.items():
            data[name] = value

    @staticmethod
    def _look_up(
        m: Module, name: str, entries: Sequence[int], bits: int, address: Value
    ) -> Value:
        """Return the entry of a table in logic; what lies beyond the last is undefined."""
        table = ResidueTable(ResidueTableParameters(tuple(entries), bits))
        m.submodules[name] = table
        m.d.comb += table.address.eq(address)
        return table.data

    def _last(self, m: Module, data: Datapath, name: str) -> None:
        """Make ``difference``: a number congruent to X in ``-M … M - 1``."""
        p = self.p
        n, value = p.modulus_bits, data[name]
        if p.subtracts:
            data["difference"] = (value - p.modulus)[: n + 1]
        else:
            entries = [entry % (1 << (n + 1)) for entry in p.last]
            residue = self._look_up(m, "last_table", entries, n + 1, value[n - 1 :])
            data["difference"] = (value[: n - 1] + residue)[: n + 1]
        data.drop([name])
        data.cut("difference", Pipelining.LEVELS)
