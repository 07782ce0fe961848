"""All reducers: the right residue for every operand of small moduli, and in the cycles they say."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from gatewright.hw.modred.barrett_mcm import BarrettParameters
from gatewright.hw.modred.horner import HornerParameters
from gatewright.hw.modred.horner_cs import HornerCarrySaveParameters
from gatewright.hw.modred.hybrid import Fuse, HybridParameters
from gatewright.hw.modred.lut import LutParameters
from gatewright.hw.modred.montgomery_mcm import MontgomeryParameters
from gatewright.hw.modred.normalise import NormalisedParameters, TruncationParameters
from gatewright.hw.modred.reducer import Pipelining, ReducerParameters, Store, Style
from gatewright.hw.modred.restoring import RestoringParameters
from gatewright.tests.hw.modred.arithmetic import transfer
from gatewright.tests.hw.refusal import refusal

NONE, STAGES, LEVELS = Pipelining
CHAIN, COMPRESSOR = Style

Made = tuple[type[ReducerParameters], dict[str, Any]]
REDUCERS: dict[str, Made] = {
    "lut": (LutParameters, {"group_bits": 2, "fold_bits": 2, "pipeline": LEVELS}),
    "lut wide groups": (LutParameters, {"group_bits": 5, "pipeline": STAGES}),
    "lut compressor": (LutParameters, {"style": COMPRESSOR, "pipeline": NONE}),
    "lut block ram": (LutParameters, {"store": Store.BLOCK_RAM, "pipeline": LEVELS}),
    "barrett": (BarrettParameters, {"pipeline": LEVELS}),
    "barrett w=2": (BarrettParameters, {"reciprocal_naf": 2, "modulus_naf": 3, "pipeline": NONE}),
    "barrett compressor": (BarrettParameters, {"style": COMPRESSOR, "pipeline": STAGES}),
    "montgomery": (MontgomeryParameters, {"pipeline": LEVELS}),
    "montgomery w=2": (MontgomeryParameters, {"inverse_naf": 2, "modulus_naf": 2}),
    "montgomery compressor": (MontgomeryParameters, {"style": COMPRESSOR, "pipeline": NONE}),
    "horner": (HornerParameters, {}),
    "horner, two tables": (HornerParameters, {"digit_bits": 4, "table_count": 2}),
    "horner block ram": (HornerParameters, {"digit_bits": 2, "store": Store.BLOCK_RAM}),
    "horner unrolled": (HornerParameters, {"digit_bits": 2, "unrolled": True}),
    "horner_cs": (HornerCarrySaveParameters, {}),
    "horner_cs, 1 bit": (HornerCarrySaveParameters, {"digit_bits": 1}),
    "horner_cs unrolled": (HornerCarrySaveParameters, {"digit_bits": 2, "unrolled": True}),
    "restoring": (RestoringParameters, {}),
    "restoring, 3 bits": (RestoringParameters, {"bits_per_cycle": 3}),
    "restoring unrolled": (RestoringParameters, {"bits_per_cycle": 2, "unrolled": True}),
    "serial table": (HybridParameters, {"group_bits": 3, "split": 0}),
    "hybrid": (HybridParameters, {}),
    "hybrid early": (HybridParameters, {"fuse": Fuse.EARLY, "restore_bits": 2}),
    "hybrid late": (HybridParameters, {"fuse": Fuse.LATE, "tree": 2, "group_bits": 1}),
    "hybrid block ram": (HybridParameters, {"group_bits": 4, "store": Store.BLOCK_RAM}),
}


def reducer(name: str, modulus: int, width: int, tag_bits: int = 0) -> ReducerParameters:
    cls, options = REDUCERS[name]
    return cls(modulus=modulus, width=width, tag_bits=tag_bits, **options)


def check(p: ReducerParameters, operands: list[int], *, stalls: float = 0.0) -> None:
    """Send operands, each with a tag of its own; without stalls, check the cycles too."""
    assert all(bound.holds for bound in p.bounds), p.bounds
    tags = [(5 * index + 3) % (1 << p.tag_bits) for index in range(len(operands))]
    sent = [(x, tag)[: 1 + bool(p.tag_bits)] for x, tag in zip(operands, tags, strict=True)]
    latencies, intervals = transfer(
        p.create(), sent, lambda x, *tag: (x * p.factor % p.modulus, *tag), stalls=stalls
    )
    if not stalls:
        assert latencies == {p.latency}, "the same cycles for every operand"
        assert intervals <= {p.interval}


@pytest.mark.one_in(24)
@pytest.mark.parametrize("name", REDUCERS)
@pytest.mark.parametrize("modulus", [3, 5, 7, 9, 13, 15])
def test_every_operand(name: str, modulus: int) -> None:
    width = 2 * modulus.bit_length()
    check(reducer(name, modulus, width), list(range(1 << width)))


@pytest.mark.one_in(20)
@pytest.mark.parametrize("name", REDUCERS)
@pytest.mark.parametrize(
    ("modulus", "extra"),
    [(17, -4), (31, 3), (0x8001, 0), (0xFFFF, -15), (0xF00D, 17), (2**31 - 1, 0), (3329, -10)],
)
def test_widths_extremes_and_tags(name: str, modulus: int, extra: int) -> None:
    n = modulus.bit_length()
    width = 2 * n + extra if not name.startswith("montgomery") else 2 * n + min(extra, 0)
    rng = random.Random(f"{name} {modulus}")
    top = (1 << width) - 1
    operands = [0, 1, top, top - top % modulus, min(modulus, top), modulus - 1, 1 << width - 1]
    operands += [min(top, abs(rng.randrange(top // modulus + 1) * modulus + d)) for d in (-1, 0, 1)]
    operands += [rng.randrange(top + 1) for _ in range(8)]
    p = reducer(name, modulus, width, tag_bits=3)
    check(p, operands)
    check(p, operands, stalls=0.4)


@pytest.mark.parametrize("modulus", [6, 12, 40, 96, 2 * 3329])
def test_even_moduli(modulus: int) -> None:
    zeros = (modulus & -modulus).bit_length() - 1
    width = 2 * modulus.bit_length()
    rng = random.Random(modulus)
    operands = [0, modulus, (1 << width) - 1, *(rng.randrange(1 << width) for _ in range(60))]
    for name in ("barrett", "horner"):
        for tag_bits in (0, 3):
            inner = reducer(name, modulus >> zeros, width - zeros, tag_bits + zeros)
            check(
                NormalisedParameters(
                    modulus=modulus, width=width, tag_bits=tag_bits, inner=inner
                ),
                operands,
            )


@pytest.mark.parametrize(("modulus", "width"), [(2, 4), (8, 6), (64, 6), (100, 6), (5, 2)])
def test_wires(modulus: int, width: int) -> None:
    check(TruncationParameters(modulus=modulus, width=width, tag_bits=2), list(range(1 << width)))


def test_impossible_wires_and_inner_reducers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^modulus must be a power of two or above every operand"):
        TruncationParameters(modulus=60, width=6)
    inner = reducer("horner", 5, 8, tag_bits=1)
    with pytest.raises(ValueError, match=r"^inner tag_bits must be 2, not 1$"):
        NormalisedParameters(modulus=20, width=10, inner=inner)
    with pytest.raises(ValueError, match=r"^modulus must be the inner one, 5, times 2 or a higher"):
        NormalisedParameters(modulus=30, width=9, inner=inner)
    montgomery = reducer("montgomery", 5, 6, tag_bits=1)
    with pytest.raises(ValueError, match=r"^inner factor must be 1, not 2$"):
        NormalisedParameters(modulus=10, width=7, inner=montgomery)


@pytest.mark.parametrize("name", REDUCERS)
def test_even_modulus_is_refused(name: str) -> None:
    assert refusal(reducer, name=name, modulus=12, width=8) == "modulus must be odd, not 12"


@pytest.mark.parametrize("name", ["horner", "horner_cs", "restoring", "hybrid"])
def test_operands_narrower_than_the_modulus_are_refused(name: str) -> None:
    told = refusal(reducer, name=name, modulus=101, width=6)
    assert told == "width must be at least 7 for this modulus, not 6"


def test_parameters_are_the_identity() -> None:
    p = reducer("horner", 13, 8)
    assert replace(p, digit_bits=2) != p == reducer("horner", 13, 8)
