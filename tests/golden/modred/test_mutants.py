"""The assertions and operands find each mistake that the design brief warns of.

Every mutant is a model with one rule broken. A bound that is one too tight must stop it, or a
result must differ from ``%``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gatewright.golden.modred import lut as lut_module
from gatewright.golden.modred.horner import HornerModel
from gatewright.golden.modred.lut import LutModel
from gatewright.golden.modred.model import Model, Table, correct
from gatewright.golden.modred.quotients import BarrettModel, MontgomeryModel
from gatewright.golden.modred.restoring import HybridModel
from gatewright.golden.modred.vectors import classes, largest_sums, sharp

from .models import SIZES

GOLDILOCKS = 2**64 - 2**32 + 1
HE60 = 2**60 - 2**18 + 1


def caught(model: Model, xs: list[int] | None = None) -> str:
    """What finds the mistake: the assertion's line, ``wrong`` for a wrong residue, or nothing."""
    if xs is None:
        drawn = classes(model.modulus, model.width, random.Random(0), 100)
        xs = [x for each in drawn.values() for x in each]
    for x in xs:
        try:
            if model.reduce(x) != x * model.factor % model.modulus:
                return "wrong"
        except AssertionError as stop:
            return str(stop)
    return ""


@dataclass(frozen=True, kw_only=True)
class SmallGrowth(HornerModel):
    """e is one less than the invariant asks for."""

    @property
    def growth(self) -> int:
        return HornerModel(
            modulus=self.modulus, width=self.width, digit_bits=self.digit_bits, parts=self.parts
        ).growth - 1  # fmt: skip


@pytest.mark.parametrize("modulus", [3329, GOLDILOCKS + 6, *SIZES.values()])
@pytest.mark.parametrize("parts", [1, 2])
def test_horner_with_less_growth(modulus: int, parts: int) -> None:
    width = 2 * modulus.bit_length()
    model = SmallGrowth(modulus=modulus, width=width, parts=parts, digit_bits=4)
    assert caught(model).startswith("state must be")


@dataclass(frozen=True, kw_only=True)
class EarlyFuse(HybridModel):
    """The fuse comes one shift too low."""

    @property
    def fuse_shift(self) -> int:
        return HybridModel(
            modulus=self.modulus, width=self.width, split=self.split, group_bits=self.group_bits
        ).fuse_shift - 1  # fmt: skip


@pytest.mark.parametrize("modulus", SIZES.values(), ids=SIZES)
def test_hybrid_with_a_lower_fuse(modulus: int) -> None:
    """The worst case is rare: the low part's remainder must be largest with the sum's."""
    n = modulus.bit_length()
    model = EarlyFuse(modulus=modulus, width=2 * n, split=n // 3)
    above, left = n + model.split, (modulus << model.fuse_shift) - 1
    ones = (1 << above) - 1
    low = ones - (ones - left) % (left + 1)
    xs = [x >> above << above | low for x in largest_sums(modulus, 2 * n, [2], [above])]
    assert caught(model, xs).startswith("sum at the fuse must be")


@dataclass(frozen=True, kw_only=True)
class NoCompensation(BarrettModel):
    """Truncated negative rows are not made up for."""

    @property
    def lost_upwards(self) -> int:
        return 0


@pytest.mark.parametrize("modulus", [GOLDILOCKS, HE60], ids=["goldilocks", "he60"])
@pytest.mark.parametrize("digit_width", [2, 3, 4])
def test_barrett_without_compensation(modulus: int, digit_width: int) -> None:
    width = 2 * modulus.bit_length()
    model = NoCompensation(modulus=modulus, width=width, digit_width=digit_width)
    xs = sharp(modulus, width, random.Random(0), 1000)
    assert caught(model, xs).startswith("floor(X / M) - q must be")


def test_sharp_operands_find_more_than_random_multiples() -> None:
    """The reason for them: next to random multiples the same mistake hardly shows."""
    rng = random.Random(0)
    for modulus in (HE60, SIZES[128]):
        width = 2 * modulus.bit_length()
        model = NoCompensation(modulus=modulus, width=width, digit_width=3)
        most = (1 << width) // modulus
        plain = [rng.randrange(1, most) * modulus - 1 for _ in range(600)]

        def hits(xs: list[int], model: Model = model) -> int:
            return sum(bool(caught(model, [x])) for x in xs)

        assert hits(sharp(modulus, width, rng, 600)) > hits(plain)


@dataclass(frozen=True, kw_only=True)
class OneGuardColumn(BarrettModel):
    @property
    def guard(self) -> int:
        return 1


@dataclass(frozen=True, kw_only=True)
class UncheckedGuardColumn(OneGuardColumn):
    """The certificate is ignored too: the operands alone must do."""

    def stages(self, x: int) -> int:
        rest = x - self.quotient(x) * self.modulus & (2 << self.bits) - 1
        return rest - self.modulus if rest >= self.modulus else rest


@pytest.mark.parametrize("modulus", [3329, *SIZES.values()])
def test_barrett_with_one_guard_column(modulus: int) -> None:
    width = 2 * modulus.bit_length()
    model = OneGuardColumn(modulus=modulus, width=width)
    assert caught(model).startswith("error of the quotient must be below 1")
    assert caught(UncheckedGuardColumn(modulus=modulus, width=width))


@dataclass(frozen=True, kw_only=True)
class OneCorrection(MontgomeryModel):
    """One subtraction where X < 2^(2n) asks for two."""

    @property
    def corrections(self) -> int:
        return 1


def test_montgomery_with_one_correction() -> None:
    modulus = (1 << 31) + 11
    assert caught(OneCorrection(modulus=modulus, width=64)).startswith("residue must be")


@pytest.mark.parametrize("modulus", [3329, *SIZES.values()])
def test_a_correction_table_one_entry_short(
    modulus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(value: int, bound: int, m: int) -> int:
        return correct(value, bound, m, entries=bound >> m.bit_length() - 1)

    monkeypatch.setattr(lut_module, "correct", short)
    width = 2 * modulus.bit_length()
    model = LutModel(modulus=modulus, width=width, last_bits=99)
    xs = largest_sums(modulus, width, [4], [modulus.bit_length()])
    assert caught(model, xs).startswith("table index must be")


def _flip(table: Table, v: int, bit: int) -> int:
    entry = table._weight * v % table.modulus
    return entry ^ (bit if v == 1 else 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda m, w: LutModel(modulus=m, width=w),
        lambda m, w: HornerModel(modulus=m, width=w),
        lambda m, w: HybridModel(modulus=m, width=w, split=4),
    ],
    ids=["lut", "horner", "hybrid"],
)
def test_a_wrong_bit_in_a_table(
    make: Callable[[int, int], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Table, "__getitem__", lambda self, v: _flip(self, v, 1))
    assert caught(make(SIZES[32], 64))
