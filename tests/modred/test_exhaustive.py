"""Every modulus below 2^8, every operand below 2^(2n): each architecture against NumPy's ``%``.

All operands go through the gates of a reducer at once. An even modulus 2^t M' is the reducer of
the odd M' with t bits that pass by; so every run tries the usual options on all odd moduli and some
even ones. The emitted Verilog, and the unusual options, are tried on few: a bank of reducers shares
one simulator build. `make soak` tries everything on all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.hw.modred.reducer import ReducerParameters

from .banks import BankParameters, ReducerBank, build_unit, check_bank, every_operand
from .designs import ARCHITECTURES, VARIANTS, config
from .lanes import check_every_operand

EVERY = tuple(range(2, 256))
ODD = EVERY[1::2]
EVEN = (2, 4, 6, 12, 14, 62, 96, 128, 130, 254)
NOTABLE = (2, 12, 31, 129, 251)
"""Least, even, just below and above powers of two, prime."""
SHARES = 6
TOGETHER = 4
"""Reducers that go through Yosys in one: less than for each alone, and they fit into caches."""


def reducers(settings: str, moduli: tuple[int, ...]) -> list[ReducerParameters]:
    """One reducer per modulus; Montgomery's method is for odd ones."""
    odd_only = settings.startswith("montgomery")
    return [config(m, settings).reducer for m in moduli if m & 1 or not odd_only]


def check(folder: Path, parameters: list[ReducerParameters]) -> None:
    assert all(each.width == 2 * each.modulus.bit_length() for each in parameters)
    p = BankParameters(tuple(parameters))
    model = BatchedModel(build_unit(folder, ReducerBank(p)))
    check_bank(model, p, every_operand(parameters))


@pytest.mark.one_in(3 * SHARES)
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_modulus(architecture: str, share: int) -> None:
    parameters = reducers(architecture, (ODD + EVEN)[share::SHARES])
    assert {each.modulus for each in parameters} >= set(ODD[share::SHARES])
    for at in range(0, len(parameters), TOGETHER):
        check_every_operand(parameters[at : at + TOGETHER])


@pytest.mark.one_in(12)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_emitted_reducers(tmp_path: Path, architecture: str) -> None:
    every = (architecture, *(each for each in VARIANTS if each.split()[0] == architecture))
    check(tmp_path, [each for settings in every for each in reducers(settings, NOTABLE)])


@pytest.mark.soak
@pytest.mark.parametrize("settings", [*ARCHITECTURES, *VARIANTS])
def test_options_on_every_modulus(tmp_path: Path, settings: str) -> None:
    check(tmp_path, reducers(settings, EVERY))
