"""What the salo generator claims of its feeder: each lane of a tile gets the token that its word or
its list says, in the one turn that is the lane's.

:mod:`.certificate` shows that those tokens meet each pair of a pattern once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from amaranth.hdl import Array, Cat, Mux, Signal, Value, signed

from ...hw.salo.engine_parameters import SaloEngineParameters
from ...hw.salo.token_selector import SOURCE, TokenSelector, TokenSelectorParameters
from ..formal import Always, Claim, Property
from .config import SaloConfig
from .design import parameters

__all__ = ["feeder_properties", "follows_lists", "follows_words", "selector"]

_SIZES = {"rows": 2, "cols": 2, "dk_max": 4, "dv_max": 4, "max_tokens": 16}
_TILES = {
    name: SaloConfig.model_validate(_SIZES | options)
    for name, options in (
        ("one-segment", {"gather": 1, "global_rows": 0}),
        ("two-segments", {"segments": 2, "gather": 0, "global_rows": 0}),
        ("riders", {"gather": 1, "global_rows": 1, "global_row_kv": "private"}),
    )
}
_ENTRY_BITS = 2
"""Bits of a list's entries that are followed: they are all copied in the same way."""


def feeder_properties() -> Iterator[Property]:
    """Yield the properties of the selectors of keys of small tiles."""
    for name, config in _TILES.items():
        p = selector(parameters(config))
        yield Property(
            f"feeder.{name}.words",
            "in its turn each lane gets token base + step * position, if that is in the range of "
            "its part and one of the sequence, and no other",
            Always(partial(follows_words, p), bound=1, inductive=True),
        )  # fmt: skip
        yield Property(
            f"feeder.{name}.lists",
            "in its turn each lane of a listed part gets the entry that was last written before "
            "the tile began", Always(partial(follows_lists, p)),
        )  # fmt: skip


def selector(p: SaloEngineParameters) -> TokenSelectorParameters:
    """Return the parameters of the selector of keys, as :class:`~.hw.salo.feeder.Feeder` has it."""
    a = p.array
    local = (*[a.segment_cols] * a.segments, *[a.rows] * a.gather)
    entries = (*local, *[0] * (p.key_sources - len(local)))
    reads = -(-len(p.key_slots) // p.loads)
    apart = len(local) if a.private else None
    return TokenSelectorParameters(p.key_slots, entries, p.max_tokens, reads, apart)


def _select(claim: Claim, p: TokenSelectorParameters) -> tuple[Any, Value, Value]:
    """Return a selector with any sources, the limit, and the turn of the cycle before."""
    m = claim.m
    unit: Any = TokenSelector(p)
    m.submodules.selector = unit
    limit, turn = claim.free(17, "limit"), claim.free(range(p.turns + 1), "turn")
    m.d.comb += [
        unit.limit.eq(limit), unit.turn.eq(turn), unit.swap.eq(claim.free(1, "swap")),
        unit.entry_write.eq(claim.free(1, "entry_write")),
        unit.entry_place.eq(claim.free(range(sum(p.entries)), "entry_place")),
    ]
    claim.assume((limit <= p.tokens) & (turn <= p.turns))
    claim.assume(unit.entry_place < sum(p.entries))
    before = Signal(range(p.turns + 1), name="turn_before", reset_less=True)
    m.d.sync += before.eq(turn)
    return unit, limit, before


def follows_words(p: TokenSelectorParameters, claim: Claim) -> None:
    """Claim the tokens of parts without lists."""
    m = claim.m
    unit, limit, before = _select(claim, p)
    m.d.comb += unit.entry.eq(claim.free(32, "entry"))
    sources = []
    for number in range(len(p.entries)):
        source = claim.free(SOURCE, f"source_{number}")
        claim.assume(~source.listed)
        m.d.comb += unit.sources[number].eq(source)
        sources.append(source)
    for n, slot in enumerate(p.slots):
        turn, read = divmod(n, p.reads)
        source = sources[slot.source]
        token = Signal(signed(28), name=f"due_{n}")
        there, was = (Signal(name=f"{k}_{n}", reset_less=True) for k in ("there", "was"))
        number = Signal(16, name=f"number_{n}", reset_less=True)
        m.d.comb += token.eq(source.base + source.step * slot.position)
        inside = source.given & (slot.position >= source.low) & (slot.position < source.high)
        m.d.sync += [
            there.eq(inside & (token >= 0) & (token < limit)), number.eq(token[:16]), was.eq(1),
        ]  # fmt: skip
        found = unit.tokens[read]
        apart = p.tokens if p.apart is not None and slot.source >= p.apart else 0
        mine = before == turn
        claim.hold(~mine | (found[16] == there))
        claim.hold(~mine | ~there | (found[:16] == number))
        claim.hold(~mine | ~there | (unit.address[read] == number + apart))


def follows_lists(p: TokenSelectorParameters, claim: Claim) -> None:
    """Claim the tokens of parts with lists, by following one entry that is chosen at will."""
    m = claim.m
    unit, _, before = _select(claim, p)
    entry = claim.free(_ENTRY_BITS + 1, "entry")
    m.d.comb += unit.entry.eq(Cat(entry[:-1], (~entry[-1] << 31 - _ENTRY_BITS)[:32]))
    for number in range(len(p.entries)):
        # All of a part that has a list is listed; the others have nothing.
        source = unit.sources[number]
        m.d.comb += [
            source.listed.eq(p.entries[number] > 0), source.given.eq(1), source.high.eq(255),
        ]
    watched = claim.constant(range(sum(p.entries)), "watched")
    following, current = Signal(_ENTRY_BITS + 1), Signal(_ENTRY_BITS + 1)
    written, known, late = Signal(), Signal(), Signal(_ENTRY_BITS + 2)
    now = unit.entry_write & (unit.entry_place == watched)
    with m.If(now):
        m.d.sync += [following.eq(entry), written.eq(1)]
    with m.If(unit.swap):
        m.d.sync += [
            current.eq(Mux(now, entry, following)), known.eq(now | written), written.eq(0),
        ]
    m.d.sync += late.eq(Cat(current, known))
    places = Array(
        [(p.place(slot.source) + slot.entry) if p.entries[slot.source] else sum(p.entries)
         for slot in p.slots]
    )  # fmt: skip
    for read in range(p.reads):
        mine = Signal(name=f"mine_{read}")
        number = Signal(range(len(p.slots) + 2 * p.reads), name=f"slot_{read}")
        m.d.comb += [
            number.eq(before * p.reads + read),
            mine.eq((number < len(p.slots)) & (places[number] == watched) & late[-1]),
        ]
        found = unit.tokens[read]
        claim.hold(~mine | (found[16] == late[_ENTRY_BITS]))
        claim.hold(~mine | (found[:16] == late[:_ENTRY_BITS]))
