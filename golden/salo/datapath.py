"""Bit-exact arithmetic of a row: score, logit, scan over a tile's keys, merge, normalisation.

Every number is an integer; `>>` rounds toward minus infinity; G is `guard_bits`, FB is
`fraction_bits`. The rules, in the order in which a tile uses them:

1. Rounding shift: `rs(x, 0) = x`, `rs(x, s) = (x + 2^(s-1)) >> s`: to nearest, ties toward plus
   infinity, for positive and negative x alike.
2. Score: `acc = sum over dk of q * k`, exact.
3. Logit: `t = acc << (FB - f)` if `f <= FB`, else `rs(acc, f - FB)`, with the program constant f in
   0..31. `n = t >> FB` and `fr = t mod 2^FB`, in 0..2^FB - 1. Beyond `exp_bits`, `n` becomes the
   nearest number that fits and the sticky flag rises; `fr` stays as it is. A masked pair never
   raises the flag.
4. Exponential: `e` of `fr`, see `exponential`.
5. Scan, from an empty prefix (m = -infinity, l = 0, num = 0), over local columns left to right,
   then gather columns::

       m' = max(m, n)    delta = m' - m    de = m' - n
       l' = rs(l, delta) + rs(e << G, de)
       num'[c] = rs(num[c], delta) + rs((e * v[c]) << G, de)

   The two terms are rounded one by one, and then added. A masked pair leaves (m, l, num) as they
   are. On an empty prefix `delta` does not matter, since l = num = 0; the model has delta large,
   hardware may have 0. `m' = n`, `de = 0` then.
6. Shift cap: for `|x| < 2^(w-1)`, `rs(x, s) = 0` for every `s >= w`, because `x + 2^(s-1)` lies in
   0..2^s - 1. Both `l` and `num` are below `2^(numerator_bits - 1)`, so delta and de may stop at
   `numerator_bits` (of the tile, or of the block) or any larger number, with the same result. A cap
   at `sum_bits` for `l` would be wrong: `rs(2^18 - 1, 18) = 1`, and `rs(2^18 - 1, 19) = 0`.
7. Merge of a tile's (m, l, num) into the block's (M, L, O), a tile at a time, in tile order; the
   block is empty before its first tile::

       M' = max(M, m)    delta = M' - M    de = M' - m
       L' = rs(L, delta) + rs(l, de)       O'[c] = rs(O[c], delta) + rs(num[c], de)

   A tile without keys for the row changes nothing; the first tile with keys is taken as it is.
8. Normalisation, once per block. L = 0 (no key): outputs 0. Else, with `b` the bit length of L
   (`2^(b-1) <= L < 2^b`) and `F = reciprocal_fraction_bits` (15 in hw8)::

       quotient = floor(2^(b+F+1) / L)     2^(F+1) < quotient <= 2^(F+2)
       r = (quotient + 1) >> 1             F fraction bits, 2^F + 1 .. 2^(F+1)
       out[c] = saturate(rs(O[c] * r, b + F - out_fraction_bits), output_bits)

   so r is `2^(b+F) / L` to nearest, a number in (1, 2]. The quotient is 2^(F+2) for `L = 2^(b-1)`
   alone; a serial divider of F + 2 steps (17 in hw8) returns all ones there, 2^(F+2) - 1, and r is
   2^(F+1) just the same. `|r L / 2^(b+F) - 1| <= L / 2^(b+F+1) < 2^-(F+1)`. So for a single key,
   where `O = v L` exactly, `O r` is off from `v * 2^out_fraction_bits` by less than
   `2^(kv_bits - 1 + out_fraction_bits - F - 1) <= 1/2` units: the output is v exactly. Saturation
   acts only where rounding has added up to a whole unit of v, and raises a sticky flag.

Source: the project's brief, section 4.3; where it leaves a choice open (`fr` at saturation, the
shift caps, the reciprocal) the choice is the one above.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .exponential import exponential
from .formats import Format

__all__ = ["EMPTY", "Sums", "logits", "merge", "normalise", "round_shift", "scan"]

EMPTY = -(1 << 40)
"""Maximum of no keys: below every octave by more than any shift that matters."""
_SHIFT_CAP = 62
"""Beyond every width; rule 6 says that a lower cap gives the same."""
_SPLIT = 16
_FIRST_STEP = 8


@dataclass(frozen=True, eq=False)
class Sums:
    """Running softmax sums of some rows: (m, l, num) of a tile or (M, L, O) of a block.

    Attributes
    ----------
    maximum
        int64 [rows], the largest octave; `EMPTY` for a row without keys.
    total
        int64 [rows], sum of mantissas at that octave, `sum_fraction_bits` fraction bits.
    numerators
        int64 [rows, dv], sum of mantissas times values, the same fraction bits.
    """

    maximum: Tensor
    total: Tensor
    numerators: Tensor

    @classmethod
    def empty(cls, rows: int, dv: int) -> Sums:
        """Return the sums of rows without keys."""
        return cls(
            torch.full((rows,), EMPTY), torch.zeros(rows, dtype=torch.int64),
            torch.zeros((rows, dv), dtype=torch.int64),
        )  # fmt: skip

    def __getitem__(self, rows: Tensor | slice) -> Sums:
        return Sums(self.maximum[rows], self.total[rows], self.numerators[rows])

    def clear(self, rows: Tensor) -> None:
        """Forget the keys of some rows."""
        self.maximum[rows] = EMPTY
        self.total[rows] = 0
        self.numerators[rows] = 0


def round_shift(x: Tensor, s: Tensor | int) -> Tensor:
    """Return `rs(x, s)` (rule 1), elementwise; `s` in 0..62 and `|x| < 2^62`."""
    shift = torch.as_tensor(s)
    return (x + ((torch.ones_like(shift) << shift) >> 1)) >> shift


def logits(scores: Tensor, shift: int, fmt: Format) -> tuple[Tensor, Tensor, Tensor]:
    """Return octave `n`, mantissa `e` and whether `n` saturated (rules 3 and 4).

    Parameters
    ----------
    scores
        int64 of any shape.
    shift
        The program constant f: a score of `2^f` is one octave.
    """
    down = shift - fmt.fraction_bits
    t = scores << -down if down <= 0 else round_shift(scores, down)
    octaves = t >> fmt.fraction_bits
    fractions = t & (1 << fmt.fraction_bits) - 1
    n = octaves.clamp(*fmt.octave_range)
    return n, exponential(fractions, fmt), n != octaves


def scan(
    octaves: Tensor, mantissas: Tensor, allowed: Tensor, tokens: Tensor, values: Tensor, fmt: Format
) -> Sums:
    """Return (m, l, num) of each row after all its keys (rule 5).

    Parameters
    ----------
    octaves, mantissas
        int64 [rows, keys] in scan order.
    allowed
        bool [rows, keys]; false masks the pair.
    tokens
        int64 [rows, keys], the row of `values` of each pair; any legal one where masked.
    values
        int64 [tokens, dv].
    """
    n = octaves.masked_fill(~allowed, EMPTY)
    # A mantissa of 0 adds nothing, whatever its shift.
    e = mantissas.masked_fill(~allowed, 0) << fmt.guard_bits
    after = n.cummax(dim=1).values
    before = torch.cat([torch.full_like(after[:, :1], EMPTY), after[:, :-1]], dim=1)
    delta = (after - before).clamp(max=_SHIFT_CAP)
    de = (after - n).clamp(max=_SHIFT_CAP)
    sums = Sums.empty(n.shape[0], values.shape[1])
    total, numerators = sums.total, sums.numerators
    for column in range(n.shape[1]):
        down, drop, weight = delta[:, column], de[:, column], e[:, column]
        total = round_shift(total, down) + round_shift(weight, drop)
        product = values[tokens[:, column]] * weight[:, None]
        numerators = _add_aligned(numerators, down[:, None], product, drop[:, None])
    return Sums(after[:, -1], total, numerators)


def merge(block: Sums, tile: Sums) -> Sums:
    """Return the block's sums with a tile's added, row by row (rule 7)."""
    maximum = torch.maximum(block.maximum, tile.maximum)
    delta = (maximum - block.maximum).clamp(max=_SHIFT_CAP)
    de = (maximum - tile.maximum).clamp(max=_SHIFT_CAP)
    total = round_shift(block.total, delta) + round_shift(tile.total, de)
    numerators = _add_aligned(
        block.numerators.clone(), delta[:, None], tile.numerators.clone(), de[:, None]
    )
    return Sums(maximum, total, numerators)


def normalise(sums: Sums, fmt: Format) -> tuple[Tensor, Tensor]:
    """Return the outputs and whether each saturated, [rows, dv] (rule 8).

    Outputs are int16, or int32 if `output_bits` is more than 16.
    """
    keyless = sums.total == 0
    total = sums.total.masked_fill(keyless, 1)
    # The exponent of a float64 is the bit length: totals are below 2^53.
    length = torch.frexp(total.double()).exponent.long()
    # In two steps, since the dividend may be beyond 64 bits.
    dividend = torch.ones_like(total) << length + _FIRST_STEP
    rest_bits = fmt.reciprocal_fraction_bits + 1 - _FIRST_STEP
    quotient = (dividend // total << rest_bits) + (dividend % total << rest_bits) // total
    reciprocal = (quotient + 1 >> 1)[:, None]
    shift = (length + (fmt.reciprocal_fraction_bits - fmt.out_fraction_bits))[:, None]
    # So may the product; its lower 16 bits matter only through what they carry, since the shift is
    # 17 or more for every total of a key.
    upper, lower = sums.numerators >> _SPLIT, sums.numerators & (1 << _SPLIT) - 1
    carried = upper * reciprocal + (lower * reciprocal >> _SPLIT)
    exact = round_shift(carried, (shift - _SPLIT).clamp(min=1))
    limit = 1 << fmt.output_bits - 1
    exact = exact.masked_fill(keyless[:, None], 0)
    outputs = exact.clamp(-limit, limit - 1)
    return outputs.to(torch.int16 if fmt.output_bits == 16 else torch.int32), outputs != exact


def _add_aligned(x: Tensor, x_shift: Tensor, y: Tensor, y_shift: Tensor) -> Tensor:
    """`rs(x, x_shift) + rs(y, y_shift)`, overwriting both: this is where the time goes."""
    one = torch.ones_like(x_shift)
    x.add_((one << x_shift) >> 1).bitwise_right_shift_(x_shift)
    y.add_((one << y_shift) >> 1).bitwise_right_shift_(y_shift)
    return x.add_(y)
