"""Moduli as people write them: numbers, expressions, names; and everything that is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.modred.catalogue import CATALOGUE
from gatewright.generators.modred.modulus import MAX_BITS, parse_modulus


def brief(value: object) -> str:
    """An id for a case; Python prints no integer of more than 4300 digits."""
    return (hex(value) if type(value) is int else repr(value))[:24]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (7, 7),
        ("7", 7),
        (" 0xFf ", 255),
        ("2^255-19", 2**255 - 19),
        ("2**64 - 2**32 + 1", 2**64 - 2**32 + 1),
        ("15*2^27+1", 2013265921),
        ("(2^8-1)*(2+3)", 1275),
        ("2^3^2", 512),
        ("-2^2+8", 4),
        ("--5", 5),
        ("0^0+1", 2),
        ("(0-1)^3+9", 8),
        ("2^16383", 2**16383),
        ("2^16384-1", 2**16384 - 1),
        ("9" * 4932, 10**4932 - 1),
        ("goldilocks", 2**64 - 2**32 + 1),
        ("Curve25519", 2**255 - 19),
        ("kyber", 3329),
        ("bls12-381:r", 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001),
    ],
    ids=brief,
)
def test_values(text: int | str, value: int) -> None:
    assert parse_modulus(text) == value


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: f"{entry.name}:{entry.field}")
def test_names(entry: object) -> None:
    assert parse_modulus(entry.title) == entry.value
    assert parse_modulus(f"{entry.name.upper()}:{entry.field}") == entry.value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (1, "modulus must be at least 2, not 1: every residue modulo 1 is 0"),
        (0, "modulus must be at least 2, not 0: nothing can be divided by 0"),
        ("-5", "modulus must be at least 2, not -5: residues are counted from 0 up to"),
        (-(1 << 20000), "modulus must be at least 2, not a negative number of 20001 bits"),
        (True, "modulus must be an integer, an expression or a name, not True"),
        (3.0, "modulus must be an integer, an expression or a name, not 3.0"),
        (float("nan"), "modulus must be an integer, an expression or a name, not nan"),
        (None, "modulus must be an integer, an expression or a name, not None"),
        (b"7", "modulus must be an integer, an expression or a name, not b'7'"),
        ("", "modulus must be an integer, an expression or a name, not empty"),
        (" \n", "modulus must be an integer, an expression or a name, not empty"),
        ("0xzz", "unexpected '0xzz'"),
        ("0x", "unexpected '0x'"),
        ("3.5", "unexpected '.5'"),
        ("1e9", "unexpected '1e9'"),
        ("1_000", "unexpected '1_000'"),
        ("2 3", "unexpected '3'"),
        ("2+", "it ends too soon"),
        ("(2", "it ends too soon"),
        ("2)", "unexpected ')'"),
        ("7/2", "unexpected '/2'"),
        ("٣", "unexpected"),
        ("2^-1", "modulus must have no negative exponent, not -1"),
        ("2^16384", "modulus must be of at most 16384 bits, not of 16385 bits"),
        (1 << MAX_BITS, "modulus must be of at most 16384 bits, not of 16385 bits"),
        ("2^99999999999999999999", "at most 16384 bits, not of over 10^9 bits"),
        ("10^10^10^10", "at most 16384 bits, not of over 10^9 bits"),
        ("3^(2^20)", "at most 16384 bits, not of 1048576 bits"),
        ("2^16384*2^16384", "at most 16384 bits, not of 32769 bits"),
        ("9" * 20000, "at most 16384 bits"),
        ("0x" + "f" * 20000, "at most 16384 bits"),
        ("(" * 500 + "7" + ")" * 500, "modulus must be nested at most 64 deep"),
        ("2^" * 500 + "1", "modulus must be nested at most 64 deep"),
        ("goldilock", "; did you mean 'goldilocks'?"),
        ("nan", "modulus must be a number or one of ml-kem"),
        ("bls12-381:q", "modulus must be bls12-381:p or bls12-381:r, not 'bls12-381:q'"),
        ("he", "modulus must be he:27 or he:32"),
    ],
    ids=brief,
)
def test_refused(text: object, line: str) -> None:
    began = time.process_time()
    with pytest.raises(InputError) as refusal:
        parse_modulus(text)
    assert line in str(refusal.value)
    assert str(refusal.value).startswith("modulus must")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400
    assert time.process_time() - began < 1, "it must not compute what it refuses"


_LEAVES = st.integers(0, 999).map(str) | st.integers(0, 999).map(hex)


def _join(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", " + ", " - "]), inner)
    powers = st.tuples(inner, st.sampled_from(["^", "**"]), st.integers(0, 5).map(str))
    return (
        pairs.map("".join)
        | powers.map(lambda parts: f"({parts[0]}){parts[1]}{parts[2]}")
        | inner.map(lambda text: f"({text})")
        | inner.map(lambda text: f"-{text}")
    )


@given(st.recursive(_LEAVES, _join, max_leaves=12))
def test_expressions_as_python_computes_them(text: str) -> None:
    """Precedence, association and signs are Python's; values below 2 or too long are refused."""
    value = eval(text.replace("^", "**"))
    if 2 <= value < 1 << MAX_BITS:
        assert parse_modulus(text) == value
    else:
        with pytest.raises(InputError):
            parse_modulus(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        assert parse_modulus(text) >= 2
    except InputError as refusal:
        assert "\n" not in str(refusal)
