"""Every named modulus is what it says: prime or not, of its length, with its 2-adicity."""

from __future__ import annotations

import math
import random

import pytest

from gatewright.generators.modred.catalogue import CATALOGUE, Entry, look_up, pi_floor

TWO_ADICITY = {
    "ml-kem": 8, "falcon": 12, "ml-dsa": 13, "f4": 16, "babybear": 27, "koalabear": 24,
    "goldilocks": 32, "he:27": 21, "he:32": 20, "he:36": 13, "he:36b": 14, "he:37": 17,
    "he:43": 15, "he:44": 14, "he:60": 18, "bn254:r": 28, "bls12-381:r": 32, "bls12-377": 46,
    "bls12-377:r": 47, "pallas": 32, "pallas:r": 32,
}  # fmt: skip

PUBLISHED = {
    "bn254": 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47,
    "bn254:r": 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001,
    "bls12-381": int(
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf"
        "6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab", 16,
    ),
    "bls12-377": int(
        "1ae3a4617c510eac63b05c06ca1493b1a22d9f300f5138f1"
        "ef3622fba094800170b5d44300000008508c00000000001", 16,
    ),
    "bls12-381:r": 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001,
    "secp256k1:n": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    "babybear": 2013265921,
    "koalabear": 2130706433,
    "mersenne31": 2147483647,
    "goldilocks": 0xFFFFFFFF00000001,
    "he:60": 0xFFFFFFFFFFC0001,
}  # fmt: skip


def title(entry: Entry) -> str:
    return f"{entry.name}:{entry.field}"


def is_prime(n: int, rounds: int) -> bool:
    """Miller-Rabin with the first bases: a composite of a standard would not pass by chance."""
    d, s = n - 1, 0
    while not d & 1:
        d, s = d >> 1, s + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)[:rounds]:
        if n == base:
            return True
        x = pow(base, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


@pytest.mark.one_in(5)
@pytest.mark.parametrize("entry", CATALOGUE, ids=title)
def test_prime_or_hard_to_factor(entry: Entry) -> None:
    # A full power modulo 8192 bits takes a second; one round finds any honest mistake.
    assert is_prime(entry.value, 12 if entry.bits < 1500 else 1) == entry.prime
    if not entry.prime:
        assert math.gcd(entry.value, math.factorial(20_000)) == 1


def test_primality_test_finds_composites() -> None:
    assert not is_prime(561, 1) and not is_prime((2**61 - 1) * (2**89 - 1), 1)


@pytest.mark.parametrize(("name", "power"), TWO_ADICITY.items())
def test_two_adicity(name: str, power: int) -> None:
    entry = look_up(name)
    assert entry.two_adicity == power
    assert (entry.value - 1) % 2**power == 0 and (entry.value - 1) % 2 ** (power + 1)


@pytest.mark.parametrize(("name", "value"), PUBLISHED.items())
def test_published_values(name: str, value: int) -> None:
    assert look_up(name).value == value


@pytest.mark.parametrize(
    ("name", "bits"),
    [("he:27", 27), ("he:32", 32), ("he:36", 36), ("he:36b", 36), ("he:37", 37), ("he:43", 43),
     ("he:44", 44), ("he:60", 60), ("bls12-381", 381), ("bls12-377", 377), ("p-521", 521),
     ("vdf", 1024), ("rsa:1024", 1024), ("rsa:1536", 1536), ("rsa:2048", 2048)]
    + [(f"rfc3526:{bits}", bits) for bits in (1536, 2048, 3072, 4096, 6144, 8192)]
    + [(f"rfc2409:{bits}", bits) for bits in (768, 1024)],
)  # fmt: skip
def test_bit_lengths(name: str, bits: int) -> None:
    assert look_up(name).bits == bits


@pytest.mark.parametrize(("name", "power", "bits"), [("he:32", 20, 32), ("he:60", 18, 60)])
def test_largest_of_their_kind(name: str, power: int, bits: int) -> None:
    """No prime between it and 2^bits is 1 modulo 2^power."""
    above = range(look_up(name).value + (1 << power), 1 << bits, 1 << power)
    assert not any(is_prime(candidate, 12) for candidate in above)


@pytest.mark.parametrize(
    ("name", "symbol", "cofactor"),
    [("bn254", "r", 1), ("pallas", "r", 1), ("curve25519", "l", 8), ("ed448", "l", 4),
     ("secp256k1", "n", 1), ("p-256", "n", 1), ("p-384", "n", 1), ("p-521", "n", 1)],
)  # fmt: skip
def test_orders_lie_in_the_interval_of_hasse(name: str, symbol: str, cofactor: int) -> None:
    p, order = look_up(f"{name}:p").value, look_up(f"{name}:{symbol}").value
    assert abs(p + 1 - cofactor * order) <= 2 * math.isqrt(p) + 1


@pytest.mark.parametrize("name", ["bn254", "bls12-381", "bls12-377"])
def test_orders_of_pairing_curves_have_embedding_degree_12(name: str) -> None:
    p, r = look_up(f"{name}:p").value, look_up(f"{name}:r").value
    assert next(degree for degree in range(1, 20) if pow(p, degree, r) == 1) == 12


@pytest.mark.parametrize("bits", [768, 1024, 1536, 2048])
def test_groups_are_safe_primes(bits: int) -> None:
    entry = look_up(f"{'rfc2409' if bits < 1500 else 'rfc3526'}:{bits}")
    assert is_prime(entry.value >> 1, 1)


@pytest.mark.parametrize(("bits", "total"), [(1024, 1369), (1536, 2153), (2048, 2738)])
def test_checksums_of_the_challenge(bits: int, total: int) -> None:
    """RSA Laboratories published the sum of the decimal digits of each number."""
    assert sum(map(int, str(look_up(f"rsa:{bits}").value))) == total


def test_pi() -> None:
    digits = "314159265358979323846264338327950288419716939937510582097494459230781640628620899862"
    assert str(pi_floor(400) * 10**83 >> 400) == digits
    rng = random.Random(0)
    long = pi_floor(9000)
    for bits in [rng.randrange(9000) for _ in range(20)]:
        assert pi_floor(bits) == long >> 9000 - bits


def test_entries_are_told_apart_and_sourced() -> None:
    assert len({title(entry) for entry in CATALOGUE}) == len(CATALOGUE)
    assert len({entry.value for entry in CATALOGUE}) == len(CATALOGUE)
    assert all(entry.source and entry.note and entry.name == entry.name.lower()
               for entry in CATALOGUE)  # fmt: skip
    assert all(look_up(entry.title) is entry for entry in CATALOGUE)
