"""Every integer model of a reducer, over its options."""

from __future__ import annotations

from collections.abc import Iterator

from gatewright.golden.modred.horner import HornerCarrySaveModel, HornerModel
from gatewright.golden.modred.lut import LutModel
from gatewright.golden.modred.model import Model
from gatewright.golden.modred.quotients import BarrettModel, MontgomeryModel
from gatewright.golden.modred.restoring import HybridModel, RestoringModel

SIZES = {
    32: 0x93D1E9E3,
    64: 0x9FF63C0179E58219,
    128: 0xE7D9849F3C94F8E0D974B822F0A612E1,
    256: 0xF50B79840A35E888CEA8684B60033CD65DB233956EA88F4B4F72FD3F7D254DB9,
}
"""The moduli of the design brief's measurements."""


def one_of_each(modulus: int, width: int) -> Iterator[Model]:
    """Yield a model of every architecture that is legal, with its usual options."""
    yield LutModel(modulus=modulus, width=width)
    yield HornerModel(modulus=modulus, width=width)
    yield HornerCarrySaveModel(modulus=modulus, width=width)
    yield RestoringModel(modulus=modulus, width=width)
    yield BarrettModel(modulus=modulus, width=width)
    if width >= modulus.bit_length():
        split = (width - modulus.bit_length()) // 3
        yield HybridModel(modulus=modulus, width=width, split=split)
    if modulus & 1 and width <= 2 * modulus.bit_length():
        yield MontgomeryModel(modulus=modulus, width=width)


def variants(modulus: int, width: int) -> Iterator[Model]:
    """Yield models with unusual options."""
    for group_bits, fold_bits, last_bits in ((1, 2, 3), (2, 3, 3), (5, 1, 3), (9, 4, 4)):
        yield LutModel(modulus=modulus, width=width, group_bits=group_bits, fold_bits=fold_bits,
                       last_bits=last_bits)  # fmt: skip
    for digit_bits, parts in ((1, 1), (4, 2), (8, 1), (6, 4), (2, 5)):
        yield HornerModel(modulus=modulus, width=width, digit_bits=digit_bits, parts=parts)
    for digit_bits in (1, 2, 5):
        yield HornerCarrySaveModel(modulus=modulus, width=width, digit_bits=digit_bits)
    for digit_width in (2, 4, 6):
        yield BarrettModel(modulus=modulus, width=width, digit_width=digit_width)
    spare = width - modulus.bit_length()
    for split in sorted({0, spare // 2, spare}) if spare >= 0 else ():
        for fuse in ("early", "mid", "late"):
            for group_bits in (1, 4):
                yield HybridModel(modulus=modulus, width=width, split=split, fuse=fuse,
                                  group_bits=group_bits)  # fmt: skip
