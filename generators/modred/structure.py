"""What a reducer consists of, counted from its parameters: adders, tables, registers, paths.

Up to 400 bits the counts are those of the hardware's own plans; above, where plans take seconds,
sums are counted in closed form from the digits or groups alone. Nothing is elaborated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, log2
from typing import Any

from ...hw.modred.barrett_mcm import BarrettParameters
from ...hw.modred.horner import HornerParameters
from ...hw.modred.horner_cs import HornerCarrySaveParameters
from ...hw.modred.hybrid import HybridParameters
from ...hw.modred.lut import LutParameters
from ...hw.modred.montgomery_mcm import MontgomeryParameters
from ...hw.modred.multiples import Multiples
from ...hw.modred.normalise import NormalisedParameters
from ...hw.modred.reducer import Pipelining, ReducerParameters, Store, Style, Table
from ...hw.modred.restoring import RestoringParameters
from ...hw.modred.summation import Summation
from .digits import naf_rows
from .tables import functions, of_tables

__all__ = ["Structure", "structure", "table_bits"]

_PLANNED_BITS = 400
"""Moduli up to this length are counted from the hardware's plans."""


@dataclass(frozen=True)
class Structure:
    """Counts of one reducer.

    Attributes
    ----------
    kind
        Key of the model's coefficients.
    adder_bits
        Bits of all carry-propagate adders.
    full_adders
        Of compressor trees.
    functions
        Boolean functions in tables, by their number of inputs; equal ones of a table count once.
    bits, rest
        Bits of the modulus, and of the operand beyond them: registers are loaded, selected, held.
    registers
        Flip-flops.
    block_rams
        Memories of 512 words of 36 bits.
    chain
        Bits of the longest carry chain between two registers.
    depth
        Levels of logic before it: table address bits above four, adders in series, selections.
    """

    kind: str
    adder_bits: float = 0
    full_adders: float = 0
    functions: Mapping[int, float] = field(default_factory=dict)
    bits: int = 0
    rest: int = 0
    registers: float = 0
    block_rams: float = 0
    chain: float = 0
    depth: float = 0
    table_bits: int = 0
    latency: int = 0
    interval: int = 1

    def luts(self, size: int = 4) -> float:
        """Tables of ``size`` inputs for all functions."""
        return sum(
            count * float(1 << max(0, inputs - size))
            for inputs, count in self.functions.items()
        )


def table_bits(p: ReducerParameters) -> int:
    """Bits of all tables of a reducer, copies included."""
    if isinstance(p, NormalisedParameters):
        return table_bits(p.inner)
    n: int = p.residue_bits
    if isinstance(p, LutParameters) and n > _PLANNED_BITS:
        groups: int = ceil((p.width - p.modulus_bits) / p.group_bits)
        return groups * n * (1 << int(p.group_bits))
    copies: int = p.steps if getattr(p, "unrolled", False) else 1
    entries: int = sum(table.entries for table in p.tables)
    return copies * n * entries


def structure(p: ReducerParameters) -> Structure:
    """Count what a reducer consists of."""
    if isinstance(p, NormalisedParameters):
        found = structure(p.inner)
        return replace(found, latency=p.latency, interval=p.interval)
    count = _COUNTERS.get(type(p))
    if count is None:  # wires
        return Structure("wires")
    n = p.modulus_bits
    return replace(count(p), bits=n, rest=p.width - n, table_bits=table_bits(p))


def _add(total: dict[int, float], more: Mapping[int, float]) -> dict[int, float]:
    for inputs, count in more.items():
        total[inputs] = total.get(inputs, 0) + count
    return total


def _longest(total: Summation) -> int:
    """Bits of the longest adder of a tree."""
    nodes = total.tree.nodes
    return max(
        (node.top - max(nodes[each].shift for each in node.operands)
         for node in nodes if node.operands and not node.joins),
        default=0,
    )  # fmt: skip


def _streaming(
    p: Any, kind: str, sums: Iterable[Summation], *, multiples: float, tail: float, live: float,
    functions: Mapping[int, float], depth: float,
) -> Structure:
    """Count a reducer that sums rows, in either style.

    ``multiples`` are bits of adders for odd multiples, ``tail`` those of the adders at the end,
    ``live`` the bits that wait beside each sum.
    """
    sums = list(sums)
    last = p.modulus_bits + 1
    if p.style is Style.COMPRESSOR:
        heap = sum(
            max(0, min(row.bits, total.bits - row.shift)) for total in sums for row in total.rows
        )
        outputs = sum(total.bits for total in sums)
        stages = {Pipelining.NONE: 0, Pipelining.STAGES: 1, Pipelining.LEVELS: 3}[p.pipeline]
        registers = stages * (outputs + live) + (last if stages else 0)
        paths = [(total.bits, _stages(len(total.rows))) for total in sums]
        chain, levels = _path([*paths, (last, 0)], p.pipeline)
        if p.pipeline is Pipelining.LEVELS:
            levels = 0  # ranks part counters from adders
        elif multiples:
            chain += last  # an adder makes multiples before the counters
        return Structure(
            f"{kind}_{p.style.value}",
            adder_bits=outputs + multiples + tail,
            full_adders=max(0, heap - 2 * outputs),
            functions=functions,
            registers=registers,
            chain=chain,
            depth=depth + levels,
            latency=p.latency,
        )
    bits = sum(total.tree.adder_bits for total in sums)
    every = p.pipeline is Pipelining.LEVELS
    paths = [(_longest(total), 0 if every else total.tree.levels) for total in sums]
    chain, levels = _path([*paths, (last, 0)], p.pipeline)
    return Structure(
        f"{kind}_{p.style.value}" + ("" if every else "_merged"),
        adder_bits=bits + multiples + tail,
        functions=functions,
        registers=bits + multiples + tail + live if every else live + last,
        chain=chain,
        depth=depth + levels,
        latency=p.latency,
    )


def _path(parts: Iterable[tuple[int, int]], pipeline: Pipelining) -> tuple[int, int]:
    """Carry bits and levels of the longest path: through all sums where no rank is."""
    chains, levels = zip(*parts, strict=True)
    add = sum if pipeline is Pipelining.NONE else max
    return add(chains), add(levels)


def _block_rams(bits: int, words: int) -> int:
    return ceil(bits / 36) * ceil(words / 512)


def _stages(rows: int) -> int:
    """Dadda stages that take ``rows`` to two."""
    stages, height = 0, 2
    while height < rows:
        height, stages = height * 3 // 2, stages + 1
    return stages


def _lut(p: LutParameters) -> Structure:
    n, above = p.modulus_bits, p.width - p.modulus_bits
    if n > _PLANNED_BITS:
        groups = ceil(above / p.group_bits)
        step = max(1, groups // 4)
        sample = [
            Table(p.modulus, n + at * p.group_bits, 1 << p.group_bits)
            for at in range(0, groups, step)
        ]
        kinds = of_tables(sample)[p.group_bits] / len(sample)
        shared = {p.group_bits: groups * kinds}
        sums = [_Sum(groups + 1, groups * (n + 1)), _Sum(2, n + 4)]
        found = _closed(p, "lut", sums, shared)
        if p.store is Store.LOGIC:
            return found
        rams = groups * _block_rams(n, 1 << p.group_bits)
        return replace(found, functions={}, block_rams=rams)
    counts: dict[int, float] = {}
    if p.store is Store.LOGIC:
        for fold in p.folds:
            for group in fold.groups:
                _add(counts, {group.bits: functions(group.entries, group.bits)})
    top = (len(p.last) - 1).bit_length()
    if not p.subtracts:
        mask = (1 << n + 1) - 1
        _add(counts, {top: functions([each & mask for each in p.last], top)})
    rams = 0
    if p.store is Store.BLOCK_RAM and p.folds:
        rams = sum(_block_rams(each.row.bits, 1 << each.bits) for each in p.folds[0].groups)
    found = _streaming(
        p, "lut", p.sums, multiples=0, tail=2 * n + 1, live=0, functions=counts,
        depth=max(0, p.group_bits - 4),
    )
    return replace(found, block_rams=rams)


def _barrett(p: BarrettParameters) -> Structure:
    n = p.modulus_bits
    if n > _PLANNED_BITS:
        reciprocal = (1 << p.width + 2) // p.modulus
        rows = [naf_rows(reciprocal, p.reciprocal_naf), naf_rows(p.modulus, p.modulus_naf)]
        return _closed(p, "barrett", _products(rows, n), {})
    at = p.estimate
    upper = at.multiples.bits(
        at.operand, {v: (v * at.operand).bit_length() for v in at.multiples.wanted}
    )
    lower = _modulus_multiples(p.digits, at.quotient, p.difference.bits)
    multiples = sum(bits for value, bits in (*upper.items(), *lower.items()) if value > 1)
    return _streaming(
        p, "barrett", (p.quotient, p.difference), multiples=multiples, tail=n + 1,
        live=(n + 1) * 2, functions={}, depth=0,
    )


def _modulus_multiples(
    digits: Iterable[tuple[int, int]], largest: int, width: int
) -> dict[int, int]:
    wanted: dict[int, int] = {}
    for digit, position in digits:
        wanted[abs(digit)] = max(wanted.get(abs(digit), 0), width - position)
    found: dict[int, int] = Multiples(frozenset(wanted)).bits(largest, wanted)
    return found


def _montgomery(p: MontgomeryParameters) -> Structure:
    n = p.modulus_bits
    if n > _PLANNED_BITS:
        inverse = pow(p.modulus, -1, 1 << n)
        rows = [naf_rows(inverse, p.inverse_naf), naf_rows(p.modulus, p.modulus_naf)]
        return _closed(p, "montgomery", _products(rows, n), {})
    lower = _modulus_multiples(p.inverse, (1 << n) - 1, n)
    upper = _modulus_multiples(p.product.kept, (1 << n) - 1, 2 * n)
    multiples = sum(bits for value, bits in (*upper.items(), *lower.items()) if value > 1)
    first = n if p.subtracts_first else 0
    return _streaming(
        p, "montgomery", (p.quotient, p.difference), multiples=multiples, tail=n + 1 + first,
        live=n * 2, functions={}, depth=0,
    )


def _products(rows: Iterable[tuple[int, int]], n: int) -> list[_Sum]:
    """Return the two half products of constants of so many digits and multiples."""
    return [_Sum(digits, digits * (n + 4) / 2, multiples) for digits, multiples in rows]


@dataclass(frozen=True)
class _Sum:
    """A sum of a long reducer: its rows, their bits, the multiples that they are made of."""

    rows: int
    bits: float
    multiples: int = 0

    @property
    def first_levels(self) -> int:
        """Levels of the multiples: 3, 5 and 7 take one addition, all others two."""
        return min(self.multiples, 1) + (self.multiples > 3)

    @property
    def levels(self) -> int:
        """Levels of binary adders."""
        return self.first_levels + ceil(log2(max(2, self.rows)))


def _closed(p: Any, kind: str, sums: Iterable[_Sum], counts: Mapping[int, float]) -> Structure:
    """Count a long streaming reducer from the bits of its rows."""
    sums = list(sums)
    n = p.modulus_bits
    multiples = n * sum(each.multiples for each in sums)
    bits = sum(each.bits for each in sums)
    outputs, tail = (n + 4) * len(sums), n + 1
    depth = max(0, max(counts, default=0) - 4)
    if p.style is Style.COMPRESSOR:
        # Tables end in one addition more, of the last residue; products begin with the multiples.
        stages_ranks = len(sums) + 1 + bool(counts)
        all_ranks = 1 + sum(each.first_levels + (1 if counts else 2) for each in sums)
        ranks = {Pipelining.NONE: 0, Pipelining.STAGES: stages_ranks}.get(
            p.pipeline, all_ranks + 2 * bool(counts)
        )
        stages = {Pipelining.NONE: 0, Pipelining.STAGES: 1, Pipelining.LEVELS: 3}[p.pipeline]
        waits = multiples and p.pipeline is not Pipelining.LEVELS
        return Structure(
            f"{kind}_{p.style.value}",
            adder_bits=outputs + multiples + tail,
            full_adders=max(0, bits - 2 * outputs),
            functions=counts,
            registers=stages * (outputs + (0 if counts else 2 * n)) + n * (stages > 0),
            chain=(n + 4 if stages else (n + 4) * len(sums) + n) + (n if waits else 0),
            depth=depth + {
                Pipelining.NONE: sum(_stages(each.rows) for each in sums),
                Pipelining.STAGES: max(_stages(each.rows) for each in sums),
            }.get(p.pipeline, 0),
            latency=ranks,
        )
    levels = p.pipeline is Pipelining.LEVELS
    total = sum(each.levels for each in sums)
    bits += multiples + tail
    return Structure(
        f"{kind}_{p.style.value}" + ("" if levels else "_merged"),
        adder_bits=bits,
        functions=counts,
        registers=bits if levels else (0 if counts else 2 * n) + n,
        chain=n + 6 if p.pipeline is not Pipelining.NONE else (n + 6) * (len(sums) + 1),
        depth=depth + {
            Pipelining.LEVELS: 0, Pipelining.STAGES: max(each.levels for each in sums),
        }.get(p.pipeline, total),
        latency={Pipelining.NONE: 0, Pipelining.STAGES: len(sums) + 1}.get(p.pipeline, total + 1),
    )


def _serial(
    p: Any, kind: str, adder: float, tables: Mapping[int, float], *, chain: float, depth: float
) -> Structure:
    """Count a reducer that has one step in hardware, or a rank for each."""
    rams = sum(_block_rams(p.residue_bits + 1, table.entries) for table in p.tables)
    copies = p.steps if getattr(p, "unrolled", False) else 1
    n, above = p.modulus_bits, p.width - p.modulus_bits
    store = getattr(p, "store", Store.LOGIC)
    if copies > 1 or getattr(p, "unrolled", False):
        registers = copies * (n + 2 + above / 2)
    else:
        registers = 2 * n + above + p.latency
    return Structure(
        f"{kind}_unrolled" if getattr(p, "unrolled", False) else kind,
        adder_bits=adder * copies,
        functions={
            inputs: count * copies for inputs, count in tables.items()
        } if store is Store.LOGIC else {},
        registers=registers,
        block_rams=0 if store is Store.LOGIC else rams,
        latency=p.latency,
        interval=p.interval,
        chain=chain,
        depth=depth,
    )


def _horner(p: HornerParameters) -> Structure:
    top = (p.tables[-1].entries - 1).bit_length() if p.tables else 0
    return _serial(
        p, "horner", p.adder_bits * max(1, len(p.tables)), of_tables(p.tables),
        chain=p.adder_bits,
        depth=max(0, top - 4) + len(p.tables),
    )


def _horner_cs(p: HornerCarrySaveParameters) -> Structure:
    top = (p.digit_table.entries - 1).bit_length()
    chunk = min(p.chunk_bits, p.modulus_bits)
    found = _serial(
        p, "horner_cs", chunk + p.digit_bits, of_tables(p.tables),
        chain=max(chunk, p.digit_bits + 2), depth=max(0, top - 4),
    )
    return replace(found, full_adders=p.modulus_bits * (p.steps if p.unrolled else 1))


def _restoring(p: RestoringParameters) -> Structure:
    n = p.modulus_bits
    return _serial(
        p, "restoring", n * p.bits_per_cycle, {}, chain=n, depth=2 * p.bits_per_cycle,
    )


def _hybrid(p: HybridParameters) -> Structure:
    n = p.modulus_bits
    if n > _PLANNED_BITS:
        # The largest of 2^k residues is about M (1 - 2^-k); all else follows from their sum.
        p = replace(p)
        vars(p)["largest_sum"] = (p.groups * p.modulus >> p.group_bits) * ((1 << p.group_bits) - 1)
    # A table of one place of the tree has all its groups one after the other, 128 entries a part.
    words = p.groups * (1 if p.group_bits == 1 else 1 << p.group_bits)
    parts = ceil(words / p.tree / 128) - 1
    counts = {4: n * (words / 16 + p.tree * parts * 2 / 3)} if p.store is Store.LOGIC else {}
    found = _serial(
        p, "hybrid", n * (p.tree + p.restore_bits), counts, chain=n + p.correction_shift,
        depth=max(2 * p.restore_bits, p.tree),
    )
    if p.store is Store.LOGIC:
        return found
    return replace(found, block_rams=p.tree * _block_rams(n, ceil(words / p.tree)))


_COUNTERS: dict[type[ReducerParameters], Callable[[Any], Structure]] = {
    LutParameters: _lut,
    BarrettParameters: _barrett,
    MontgomeryParameters: _montgomery,
    HornerParameters: _horner,
    HornerCarrySaveParameters: _horner_cs,
    RestoringParameters: _restoring,
    HybridParameters: _hybrid,
}
