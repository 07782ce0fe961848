"""Tables as logic: how many different Boolean functions their output bits are."""

from __future__ import annotations

from collections.abc import Sequence

from ...hw.modred.reducer import Table

__all__ = ["functions", "of_tables", "random_functions"]

_COUNTED = 1 << 20
"""Bits of a table that is looked at; in larger ones the entries count as random."""


def functions(entries: Sequence[int], inputs: int) -> float:
    """Return how many functions a table of ``2^inputs`` entries needs logic for.

    Equal output bits need it once; constant ones, and those that are a bit of the address, not.
    Residues of neighbouring values are related, so that they share more than random entries would:
    of 384 columns of four inputs a third.
    """
    bits = max(entries).bit_length()
    if bits * len(entries) > _COUNTED:
        return random_functions(bits, inputs)
    columns = set(zip(*(format(entry, f"0{bits}b") for entry in entries), strict=True))
    free = {tuple(str(v >> at & 1) for v in range(len(entries))) for at in range(inputs)}
    free |= {("0",) * len(entries), ("1",) * len(entries)}
    return len(columns - free)


def random_functions(bits: float, inputs: int) -> float:
    """Return the expected count for ``bits`` random columns whose entry 0 is 0."""
    if inputs > 5:
        return bits
    kinds = float(1 << (1 << inputs) - 1)
    logic = kinds - 1 - inputs
    found: float = logic * (1 - (1 - 1 / kinds) ** bits)
    return found


def of_tables(tables: Sequence[Table]) -> dict[int, float]:
    """Return the functions of tables by their number of inputs; a sample stands for many."""
    found: dict[int, float] = {}
    step = max(1, len(tables) // 32)
    sample = tables[::step]
    for table in sample:
        inputs = (table.entries - 1).bit_length()
        bits = table.modulus.bit_length()
        if bits * table.entries > _COUNTED:
            count = random_functions(bits, inputs)
        else:
            mask = (2 << bits) - 1  # entries may be negative
            count = functions([table[v] & mask for v in range(table.entries)], inputs)
        found[inputs] = found.get(inputs, 0) + count * len(tables) / len(sample)
    return found
