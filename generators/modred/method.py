"""A method of reduction with its options, and the hardware parameters that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...hw.modred.barrett_mcm import BarrettParameters
from ...hw.modred.horner import HornerParameters
from ...hw.modred.horner_cs import HornerCarrySaveParameters
from ...hw.modred.hybrid import Fuse, HybridParameters
from ...hw.modred.lut import LutParameters
from ...hw.modred.montgomery_mcm import MontgomeryParameters
from ...hw.modred.normalise import normalised
from ...hw.modred.reducer import Pipelining, ReducerParameters, Store, Style
from ...hw.modred.restoring import RestoringParameters
from .digits import cheapest_naf

if TYPE_CHECKING:
    from .config import ModredConfig

__all__ = ["Method"]


@dataclass(frozen=True)
class Method:
    """An architecture, its mode and the options that are not left to their defaults.

    ``technology`` is ``fpga`` or ``asic``: how rows are added where there is a choice.
    """

    architecture: str
    mode: str
    technology: str
    options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, config: ModredConfig) -> Method:
        """The method that a config names."""
        from .config import OPTIONS

        mode = config.resolved_mode
        values = [(name, getattr(config, name)) for name in OPTIONS[config.architecture][mode]]
        return cls(
            str(config.architecture), mode, config.technology,
            tuple((name, value) for name, value in values if value is not None),
        )

    @property
    def title(self) -> str:
        """``horner digit_bits=3``."""
        shown = [f"{name}={value}" for name, value in self.options]
        default = {"lut": "streaming", "barrett_mcm": "streaming", "montgomery_mcm": "streaming"}
        if self.mode != default.get(self.architecture, "multi_cycle"):
            shown.insert(0, self.mode)
        return " ".join([self.architecture, *shown])

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a config that name this method."""
        return {
            "architecture": self.architecture, "mode": self.mode, "technology": self.technology,
            **dict(self.options),
        }

    def parameters(
        self, modulus: int, width: int, tag_bits: int = 0, largest: int | None = None
    ) -> ReducerParameters:
        """Return the parameters of a reducer for any modulus and width, even ones included.

        ``largest`` is the largest operand, if not all ones: what sums rows makes use of it.
        """
        make = _MAKERS[self.architecture, self.mode]

        def core(odd: int, bits: int, tag_bits: int) -> ReducerParameters:
            common = {"modulus": odd, "width": bits, "tag_bits": tag_bits}
            if largest is not None and make in (_lut, _barrett, _montgomery):
                common["largest"] = largest >> width - bits
            return make(common, dict(self.options), self.technology)

        found: ReducerParameters = normalised(modulus, width, tag_bits, core)
        return found


_Common = Mapping[str, int]
_Options = Mapping[str, Any]


def _style(technology: str) -> Style:
    return Style.CHAIN if technology == "fpga" else Style.COMPRESSOR


def _pipelining(options: _Options, technology: str) -> Pipelining:
    # Between registers Yosys makes carry-save adders of LUTs out of sums on carry chains.
    return Pipelining(options.get("pipeline", "levels" if technology == "fpga" else "stages"))


def _store(options: _Options) -> Store:
    return Store(options.get("store", "logic"))


def _lut(common: _Common, options: _Options, technology: str) -> ReducerParameters:
    return LutParameters(
        **common,
        group_bits=options.get("group_bits", 4),
        fold_bits=options.get("fold_bits", 4 if technology == "fpga" else 3),
        style=_style(technology),
        pipeline=_pipelining(options, technology),
        store=_store(options),
    )


def _hybrid(common: _Common, options: _Options, technology: str) -> ReducerParameters:
    return HybridParameters(
        **common,
        group_bits=options.get("group_bits", 2),
        split=options.get("split"),
        tree=options.get("tree", 1),
        restore_bits=options.get("restore_bits", 1),
        fuse=Fuse(options.get("fuse", "mid")),
        store=_store(options),
    )


def _serial_lut(common: _Common, options: _Options, technology: str) -> ReducerParameters:
    """The table method over several cycles is the hybrid that subtracts nothing on the side."""
    return _hybrid(common, {"group_bits": 4, **options, "split": 0}, technology)


def _horner(unrolled: bool) -> _Maker:
    def make(common: _Common, options: _Options, technology: str) -> ReducerParameters:
        return HornerParameters(
            **common,
            digit_bits=options.get("digit_bits", 3),
            table_count=options.get("tables", 1),
            unrolled=unrolled,
            store=_store(options),
        )

    return make


def _horner_cs(unrolled: bool) -> _Maker:
    def make(common: _Common, options: _Options, technology: str) -> ReducerParameters:
        return HornerCarrySaveParameters(
            **common,
            digit_bits=options.get("digit_bits", 3),
            unrolled=unrolled,
            store=_store(options),
            chunk_bits=options.get("chunk_bits", 32),
        )

    return make


def _restoring(unrolled: bool) -> _Maker:
    def make(common: _Common, options: _Options, technology: str) -> ReducerParameters:
        return RestoringParameters(
            **common, bits_per_cycle=options.get("restore_bits", 1), unrolled=unrolled
        )

    return make


def _barrett(common: _Common, options: _Options, technology: str) -> ReducerParameters:
    width = options.get("naf")
    modulus = common["modulus"]
    # Of the quotient's estimate all but the last bits, for the choice of the form alone.
    reciprocal = (1 << common["width"] + 2) // modulus
    return BarrettParameters(
        **common,
        reciprocal_naf=width or cheapest_naf(reciprocal),
        modulus_naf=width or cheapest_naf(modulus),
        style=_style(technology),
        pipeline=_pipelining(options, technology),
    )


def _montgomery(common: _Common, options: _Options, technology: str) -> ReducerParameters:
    width = options.get("naf")
    modulus = common["modulus"]
    inverse = -pow(modulus, -1, 1 << modulus.bit_length()) % (1 << modulus.bit_length())
    return MontgomeryParameters(
        **common,
        inverse_naf=width or cheapest_naf(inverse),
        modulus_naf=width or cheapest_naf(modulus),
        style=_style(technology),
        pipeline=_pipelining(options, technology),
    )


_Maker = Callable[[_Common, _Options, str], ReducerParameters]
_MAKERS: dict[tuple[str, str], _Maker] = {
    ("lut", "streaming"): _lut,
    ("lut", "multi_cycle"): _serial_lut,
    ("hybrid", "multi_cycle"): _hybrid,
    ("horner", "multi_cycle"): _horner(False),
    ("horner", "streaming"): _horner(True),
    ("horner_cs", "multi_cycle"): _horner_cs(False),
    ("horner_cs", "streaming"): _horner_cs(True),
    ("restoring", "multi_cycle"): _restoring(False),
    ("restoring", "streaming"): _restoring(True),
    ("barrett_mcm", "streaming"): _barrett,
    ("montgomery_mcm", "streaming"): _montgomery,
}
