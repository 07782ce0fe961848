"""Moduli with names: the primes and moduli of standards and of widely used libraries.

Every value is checked by the tests: bit length, primality (or that an RSA modulus has none of the
small factors), 2-adicity where number-theoretic transforms need it, and for curves the relation
between the field and the order. Published RSA and VDF moduli end at 2048 bits; larger moduli of
Diffie-Hellman size are the groups of RFC 3526.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import InputError
from ..registry import nearest

__all__ = ["CATALOGUE", "Entry", "look_up", "pi_floor"]


@dataclass(frozen=True)
class Entry:
    """One named modulus.

    Attributes
    ----------
    name, field
        ``name:field`` names it; ``name`` alone does too where it is the default field.
    value
        The modulus.
    source
        Where it is published.
    note
        What it is used for, or what is special about it.
    default
        Whether ``name`` alone means this field.
    prime
        False for RSA moduli, whose factors are secret.
    """

    name: str
    field: str
    value: int
    source: str
    note: str
    default: bool = False
    prime: bool = True

    @property
    def bits(self) -> int:
        return self.value.bit_length()

    @property
    def two_adicity(self) -> int:
        """The largest s for which 2^s divides M - 1: transforms of up to 2^s points exist."""
        return ((self.value - 1) & (1 - self.value)).bit_length() - 1

    @property
    def title(self) -> str:
        """The shortest text that names it."""
        return self.name if self.default else f"{self.name}:{self.field}"


def pi_floor(bits: int) -> int:
    """Return ``floor(2^bits * pi)``, by Machin's formula in integers.

    ``pi = 16 atan(1/5) - 4 atan(1/239)``. Each of the fewer than ``bits`` terms is cut by less
    than one unit, so 64 guard bits hold all the error, and the floor is exact unless the 40 bits
    below the last one are all equal, which would raise ``ArithmeticError``.
    """
    guard = 64
    unit = 1 << bits + guard

    def arctangent(inverse: int) -> int:
        """``unit * atan(1/inverse)``."""
        power = total = unit // inverse
        square, divisor, sign = inverse * inverse, 1, 1
        while power:
            power //= square
            divisor, sign = divisor + 2, -sign
            total += sign * (power // divisor)
        return total

    scaled = 16 * arctangent(5) - 4 * arctangent(239)
    slack = 1 << guard - 40
    if (scaled - slack) >> guard != (scaled + slack) >> guard:
        raise ArithmeticError(f"pi to {bits} bits needs more guard bits")
    return scaled >> guard


_PI_BITS = 8062
_PI = pi_floor(_PI_BITS)


def _modp(bits: int, offset: int) -> int:
    """``2^b - 2^(b-64) - 1 + 2^64 (floor(2^(b-130) pi) + t)``, as RFC 2409 and 3526 define it."""
    middle = (_PI >> _PI_BITS - (bits - 130)) + offset
    return (1 << bits) - (1 << bits - 64) - 1 + (middle << 64)


def _bls12(x: int) -> tuple[int, int]:
    """Base field and order of the Barreto-Lynn-Scott curve of embedding degree 12 for ``x``."""
    order = x**4 - x**2 + 1
    return (x - 1) ** 2 * order // 3 + x, order


def _bn(x: int) -> tuple[int, int]:
    """Base field and order of the Barreto-Naehrig curve for ``x``."""
    p = 36 * x**4 + 36 * x**3 + 24 * x**2 + 6 * x + 1
    return p, p - 6 * x**2


def _small() -> Iterator[Entry]:
    def one(name: str, value: int, source: str, note: str) -> Entry:
        return Entry(name, "p", value, source, note, default=True)

    yield one("ml-kem", 3329, "FIPS 203", "Kyber; 256-point transform of pairs")
    yield one("falcon", 12289, "Falcon specification v1.2", "transforms of 512 and 1024 points")
    yield one("ml-dsa", 2**23 - 2**13 + 1, "FIPS 204", "Dilithium")
    yield one("f4", 2**16 + 1, "Fermat", "the largest known Fermat prime; IDEA, BFV plaintexts")
    yield one("babybear", 15 * 2**27 + 1, "RISC Zero, Plonky3", "zero-knowledge virtual machines")
    yield one("koalabear", 2**31 - 2**24 + 1, "Plonky3", "x^3 is a permutation, for hashes")
    yield one("mersenne31", 2**31 - 1, "Circle STARKs, ePrint 2024/278", "folds without a multiply")
    yield one("goldilocks", 2**64 - 2**32 + 1, "Plonky2", "2^96 = -1: folds in three terms")


def _homomorphic() -> Iterator[Entry]:
    seal = "Microsoft SEAL, default 128-bit parameters"
    for field, value, source, note in (
        ("27", 0x7E00001, seal, "degree 1024"),
        ("32", 2**32 - 2**20 + 1, "largest 32-bit prime = 1 mod 2^20", "one machine word"),
        ("36", 0xFFFFEE001, seal, "degree 4096, first"),
        ("36b", 0xFFFFC4001, seal, "degree 4096, second"),
        ("37", 0x1FFFFE0001, seal, "degree 4096, third"),
        ("43", 0x7FFFFFD8001, seal, "degree 8192, first"),
        ("44", 0xFFFFFFFC001, seal, "degree 8192, third"),
        ("60", 2**60 - 2**18 + 1, "largest 60-bit prime = 1 mod 2^18", "residue number systems"),
    ):
        yield Entry("he", field, value, source, f"homomorphic encryption: {note}")


def _curves() -> Iterator[Entry]:
    def pair(
        name: str, p: int, order: int, symbol: str, source: str, note: str
    ) -> Iterator[Entry]:
        yield Entry(name, "p", p, source, f"{note}: field of the coordinates", default=True)
        yield Entry(name, symbol, order, source, f"{note}: order of the group")

    bn254 = _bn(4965661367192848881)
    yield from pair("bn254", *bn254, "r", "EIP-196", "pairings, Ethereum precompiles")
    bls12_381 = _bls12(-0xD201000000010000)
    yield from pair("bls12-381", *bls12_381, "r", "RFC 9380, section 8.8", "pairings, BLS")
    bls12_377 = _bls12(0x8508C00000000001)
    yield from pair("bls12-377", *bls12_377, "r", "Zexe, ePrint 2018/962", "recursive proofs")
    yield from pair(
        "pallas", 2**254 + 45560315531419706090280762371685220353,
        2**254 + 45560315531506369815346746415080538113, "r",
        "The Pasta curves, Electric Coin Company 2020", "recursive proofs, Halo 2",
    )  # fmt: skip
    yield from pair(
        "curve25519", 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, "l",
        "RFC 7748, RFC 8032", "X25519 and Ed25519",
    )  # fmt: skip
    yield from pair(
        "ed448", 2**448 - 2**224 - 1,
        2**446 - 13818066809895115352007386748515426880336692474882178609894547503885, "l",
        "RFC 7748, RFC 8032", "X448 and Ed448",
    )  # fmt: skip
    yield from pair(
        "secp256k1", 2**256 - 2**32 - 977,
        2**256 - 0x14551231950B75FC4402DA1732FC9BEBF, "n", "SEC 2, section 2.4.1", "Bitcoin",
    )  # fmt: skip
    fips = "FIPS 186-4, appendix D; SP 800-186"
    yield from pair(
        "p-256", 2**256 - 2**224 + 2**192 + 2**96 - 1,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551, "n", fips, "ECDSA",
    )  # fmt: skip
    yield from pair(
        "p-384", 2**384 - 2**128 - 2**96 + 2**32 - 1,
        2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D, "n", fips, "ECDSA",
    )  # fmt: skip
    yield from pair(
        "p-521", 2**521 - 1,
        2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7, "n",
        fips, "ECDSA",
    )  # fmt: skip


def _groups() -> Iterator[Entry]:
    for bits, offset in ((768, 149686), (1024, 129093)):
        yield Entry("rfc2409", str(bits), _modp(bits, offset), "RFC 2409, section 6",
                    "Diffie-Hellman, safe prime")  # fmt: skip
    for bits, offset in (
        (1536, 741804), (2048, 124476), (3072, 1690314), (4096, 240904), (6144, 929484),
        (8192, 4743158),
    ):  # fmt: skip
        yield Entry("rfc3526", str(bits), _modp(bits, offset), "RFC 3526",
                    "Diffie-Hellman, safe prime")  # fmt: skip


_VDF = """
    b0ad4555c1ee34c8cb0577d7105a475171760330d577a0777ddcb955b302ad0803487d78ca267e8e9f5e3f46e35e10ca
    641a27e622b2d04bb09f3f5e3ad274b1744f34aeaf90fd45129a02a298dbc430f404f9988c862d10b58c91faba2aa292
    2f079229b0c8f88d86bfe6def7d026294ed9dee2504b5d30466f7b0488e2666b
"""

_RSA_1024 = """
    13506641086599522334960321627880596993888147560566702752448514385152651060485953383394028715
    05719094417982072821644715513736804197039641917430464965892742562393410208643832021103729587
    25762358509643110564073501508187510676594629205563685529475213500852879416377328533906109750
    544334999811150056977236890927563
"""

_RSA_1536 = """
    18476997032117414743068356202001644030185493386634101714717857749106516967111612498593376843
    05435744585616061544571794052229717732524660960646946071249623720442022269756756687378427562
    38950876467844093328515749657884341508847552829818672645133986336493190808467199043187438128
    33635027954702826532978029349161558118810498449083195450098483937752272570525785919449938700
    73695755688436933812779613089230392569695253261620823676490316036551371447913932347169566988
    069
"""

_RSA_2048 = """
    25195908475657893494027183240048398571429282126204032027777137836043662020707595556264018525
    88078440691829064124951508218929855914917618450280848912007284499268739280728777673597141834
    72702618963750149718246911650776133798590957000973304597488084284017974291006424586918171951
    18746121515172654632282216869987549182422433637259085141865462043576798423387184774447920739
    93423658482382428119816381501067481045166037730605620161967625613384414360383390441495263443
    21901146575444541784240209246165157233507787077498171257724679629263863563732899121548314381
    67899885040445364023527381951378636564391212010397122822120720357
"""


def _rsa() -> Iterator[Entry]:
    vdf = int("".join(_VDF.split()), 16)
    yield Entry("vdf", "1024", vdf, "VDF Alliance FPGA contest, 2019", "repeated squaring",
                default=True, prime=False)  # fmt: skip
    for bits, digits in ((1024, _RSA_1024), (1536, _RSA_1536), (2048, _RSA_2048)):
        yield Entry("rsa", str(bits), int("".join(digits.split())), "RSA Factoring Challenge",
                    "RSA; verifiable delay functions", prime=False)  # fmt: skip


CATALOGUE: tuple[Entry, ...] = (*_small(), *_homomorphic(), *_curves(), *_groups(), *_rsa())
"""Every named modulus, smallest use first."""

_BY_NAME: dict[str, dict[str, Entry]] = {}
for _entry in CATALOGUE:
    _BY_NAME.setdefault(_entry.name, {})[_entry.field] = _entry

_ALIASES = {
    "kyber": "ml-kem", "dilithium": "ml-dsa", "ed25519": "curve25519", "curve448": "ed448",
    "bn128": "bn254", "secp256r1": "p-256", "secp384r1": "p-384", "secp521r1": "p-521",
}  # fmt: skip


def look_up(text: str) -> Entry:
    """Return the entry that ``name`` or ``name:field`` names; capitals do not matter.

    Raises
    ------
    InputError
        If there is no such name or field, or the name has several fields and no default.
    """
    name, colon, field = text.strip().lower().partition(":")
    fields = _BY_NAME.get(_ALIASES.get(name, name))
    if fields is None:
        hint = nearest(name, [*_BY_NAME, *_ALIASES])
        raise InputError(f"modulus must be a number or one of {', '.join(_BY_NAME)}, not {text!r}"
                         + hint)  # fmt: skip
    if not colon:
        for entry in fields.values():
            if entry.default:
                return entry
    if field not in fields:
        allowed = " or ".join(f"{name}:{each}" for each in fields)
        raise InputError(f"modulus must be {allowed}, not {text!r}")
    return fields[field]
