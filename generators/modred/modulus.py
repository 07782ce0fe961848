"""A modulus as people write it: a number, an expression, or a name of the catalogue."""

from __future__ import annotations

import re

from ...errors import InputError
from ..config_fields import shown
from .catalogue import look_up

__all__ = ["MAX_BITS", "parse_modulus"]

MAX_BITS = 16384
"""The longest modulus."""

_STEP_BITS = 2 * MAX_BITS
"""The longest intermediate result of an expression: ``2^16384 - 1`` must pass 2^16384."""

_DEPTH = 64
"""The deepest nesting of an expression."""

_TOKEN = re.compile(r"\s*(0[xX][0-9a-fA-F]+(?!\w)|[0-9]+(?!\w)|\*\*|[-+*^()])")
_DIGITS = 4000
"""Decimal digits that ``int`` takes at once: Python refuses more than 4300."""


def parse_modulus(text: int | str) -> int:
    """Return the modulus that ``text`` names.

    Parameters
    ----------
    text
        An integer; a decimal or ``0x`` hexadecimal number; an expression of numbers, ``+ - *``,
        ``**`` or ``^`` for powers, and parentheses (``2^255-19``); or a name of the catalogue
        (``goldilocks``, ``bls12-381:r``).

    Raises
    ------
    InputError
        If it is none of these, below 2, or longer than 16384 bits.
    """
    if isinstance(text, bool) or not isinstance(text, int | str):
        raise InputError(f"modulus must be an integer, an expression or a name, not {shown(text)}")
    if isinstance(text, int):
        value = text
    elif not text.strip():
        raise InputError("modulus must be an integer, an expression or a name, not empty")
    elif text.strip()[0].isalpha():
        value = look_up(text).value
    else:
        value = _Expression(text).value()
    if value < 2:
        why = {1: "every residue modulo 1 is 0", 0: "nothing can be divided by 0"}
        raise InputError(
            f"modulus must be at least 2, not {_brief(value)}: "
            + why.get(value, "residues are counted from 0 up to the modulus")
        )
    if value.bit_length() > MAX_BITS:
        raise InputError(
            f"modulus must be of at most {MAX_BITS} bits, not of {value.bit_length()} bits"
        )
    return value


class _Expression:
    """A recursive-descent parser that computes as it reads.

    ::

        sum    = product {("+" | "-") product}
        product = signed {"*" signed}
        signed = {"+" | "-"} power
        power  = atom [("^" | "**") signed]
        atom   = number | "(" sum ")"

    Powers bind from the right and above a sign: ``-2^2`` is -4, ``2^3^2`` is 512.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._token = ""
        self._advance()

    def value(self) -> int:
        result = self._sum()
        if self._token:
            raise self._unexpected(self._token)
        return result

    def _advance(self) -> str:
        """Step over the current token and return it."""
        passed = self._token
        found = _TOKEN.match(self._text, self._at)
        if found:
            self._token, self._at = found[1], found.end()
            return passed
        rest = self._text[self._at :].strip()
        if rest:
            raise self._unexpected(rest)
        self._token = ""
        return passed

    def _unexpected(self, what: str) -> InputError:
        where = f"unexpected {shown(what)}" if what else "it ends too soon"
        return InputError(
            "modulus must be decimal, 0x hexadecimal or an expression of + - * ^ ( ), "
            f"not {shown(self._text)}: {where}"
        )

    def _sum(self) -> int:
        self._depth += 1
        if self._depth > _DEPTH:
            raise InputError(f"modulus must be nested at most {_DEPTH} deep, not deeper")
        total = self._product()
        while self._token in ("+", "-"):
            sign = -1 if self._advance() == "-" else 1
            total = _short(total + sign * self._product())
        self._depth -= 1
        return total

    def _product(self) -> int:
        result = self._signed()
        while self._token == "*":
            self._advance()
            factor = self._signed()
            _limit(result.bit_length() + factor.bit_length() - 1)
            result *= factor
        return result

    def _signed(self) -> int:
        sign = 1
        while self._token in ("+", "-"):
            sign *= -1 if self._advance() == "-" else 1
        return sign * self._power()

    def _power(self) -> int:
        base = self._atom()
        if self._token not in ("^", "**"):
            return base
        self._advance()
        self._depth += 1
        if self._depth > _DEPTH:
            raise InputError(f"modulus must be nested at most {_DEPTH} deep, not deeper")
        exponent = self._signed()
        self._depth -= 1
        if exponent < 0:
            raise InputError(f"modulus must have no negative exponent, not {_brief(exponent)}")
        if base in (0, 1):
            return base if exponent else 1
        if base == -1:
            return -1 if exponent & 1 else 1
        # |base|^e has more than (bits - 1) e bits; what passes takes no longer than a multiply.
        _limit((base.bit_length() - 1) * exponent)
        return _short(base**exponent)

    def _atom(self) -> int:
        if self._token == "(":
            self._advance()
            inner = self._sum()
            if self._token != ")":
                raise self._unexpected(self._token)
            self._advance()
            return inner
        if not self._token[:1].isdigit():
            raise self._unexpected(self._token)
        return _short(_number(self._advance()))


def _number(token: str) -> int:
    """Value of a literal."""
    if token[:2].lower() == "0x":
        _limit(4 * (len(token) - 3))
        return int(token, 16)
    _limit(3 * (len(token) - 1))
    value = 0
    for start in range(0, len(token), _DIGITS):
        chunk = token[start : start + _DIGITS]
        value = value * 10 ** len(chunk) + int(chunk)
    return value


def _limit(bits: int) -> None:
    if bits > _STEP_BITS:
        size = f"{bits}" if bits < 10**9 else "over 10^9"
        raise InputError(f"modulus must be of at most {MAX_BITS} bits, not of {size} bits")


def _short(value: int) -> int:
    _limit(value.bit_length())
    return value


def _brief(value: int) -> str:
    """A number for an error line."""
    if value.bit_length() <= 160:
        return str(value)
    return f"a {'negative ' if value < 0 else ''}number of {value.bit_length()} bits"
