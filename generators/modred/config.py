"""Config of the modred generator: a modulus, what is computed modulo it, and by which method."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ...hw.modred.multiply import product_bits
from ...hw.modred.reducer import ReducerParameters
from ..config import Config
from .modulus import MAX_BITS, parse_modulus

__all__ = ["OPTIONS", "Architecture", "ModredConfig", "Operation"]

_EXACT_IN_JSON = 1 << 53
"""Readers of JSON that compute in floating point get integers below this right."""


class Architecture(StrEnum):
    """How the residue is found."""

    AUTO = "auto"
    LUT = "lut"
    HYBRID = "hybrid"
    HORNER = "horner"
    HORNER_CS = "horner_cs"
    BARRETT_MCM = "barrett_mcm"
    MONTGOMERY_MCM = "montgomery_mcm"
    RESTORING = "restoring"


class Operation(StrEnum):
    """What is computed modulo M."""

    REDUCE = "reduce"
    MULTIPLY = "multiply"
    MULTIPLY_ACCUMULATE = "multiply_accumulate"
    BUTTERFLY = "butterfly"


OPTIONS: dict[Architecture, dict[str, tuple[str, ...]]] = {
    Architecture.LUT: {
        "streaming": ("group_bits", "fold_bits", "pipeline", "store"),
        "multi_cycle": ("group_bits", "tree", "store"),
    },
    Architecture.HYBRID: {
        "multi_cycle": ("group_bits", "split", "tree", "restore_bits", "fuse", "store"),
    },
    Architecture.HORNER: {
        "multi_cycle": ("digit_bits", "tables", "store"),
        "streaming": ("digit_bits", "tables", "store"),
    },
    Architecture.HORNER_CS: {
        "multi_cycle": ("digit_bits", "chunk_bits", "store"),
        "streaming": ("digit_bits", "chunk_bits", "store"),
    },
    Architecture.BARRETT_MCM: {"streaming": ("naf", "pipeline")},
    Architecture.MONTGOMERY_MCM: {"streaming": ("naf", "pipeline")},
    Architecture.RESTORING: {"multi_cycle": ("restore_bits",), "streaming": ("restore_bits",)},
}  # fmt: skip
"""The modes that each architecture has, the first of them its default, and the options of each."""


STORES: dict[Architecture, dict[str, tuple[str, ...]]] = {
    Architecture.LUT: {
        "streaming": ("logic", "block_ram"), "multi_cycle": ("logic", "block_ram"),
    },
    Architecture.HYBRID: {"multi_cycle": ("logic", "block_ram")},
    Architecture.HORNER: {
        "multi_cycle": ("logic", "block_ram", "writable"), "streaming": ("logic",),
    },
    Architecture.HORNER_CS: {"multi_cycle": ("logic", "block_ram"), "streaming": ("logic",)},
}  # fmt: skip
"""Where the tables of each architecture and mode can lie."""


class ModredConfig(Config):
    """A reducer modulo a constant, or arithmetic modulo it."""

    modulus: int | str = Field(
        "goldilocks",
        description="M: an integer, an expression such as 2^255-19, or a name of "
        "`gatewright modred moduli`",
    )
    width: int | None = Field(
        None, ge=1, le=4 * MAX_BITS,
        description="bits of the operand to reduce; by default twice those of the modulus",
    )
    operation: Operation = Field(
        Operation.REDUCE, description="x mod M, a b mod M, a b + c mod M, or a butterfly of a "
        "number-theoretic transform",
    )
    butterfly: Literal["cooley_tukey", "gentleman_sande"] | None = Field(
        None, description="cooley_tukey: a + w b and a - w b; gentleman_sande: a + b and "
        "(a - b) w; by default the first",
    )
    multiplier_bits: int | None = Field(
        None, ge=1, le=64, description="bits of b that a cycle multiplies; by default what keeps "
        "the reducer busy",
    )
    dsp: bool = Field(
        False, description="leave a multiplier of one product per cycle to DSP blocks"
    )
    architecture: Architecture = Field(
        Architecture.AUTO, description="method; auto takes the least area times time per result "
        "by the cost model",
    )
    mode: Literal["auto", "streaming", "multi_cycle"] = Field(
        "auto", description="a result per cycle, or some cycles per result; auto is what the "
        "architecture is meant for",
    )
    technology: Literal["fpga", "asic"] = Field(
        "fpga", description="sums on carry chains, or by compressor trees"
    )
    group_bits: int | None = Field(
        None, ge=1, le=9, description="lut, hybrid: bits that address a table; by default 4 and 2"
    )
    fold_bits: int | None = Field(
        None, ge=1, le=6, description="lut: bits that address a table of a fold; by default 4, "
        "for asic 3",
    )
    digit_bits: int | None = Field(
        None, ge=1, le=9, description="horner, horner_cs: bits per step; by default 3"
    )
    tables: int | None = Field(
        None, ge=1, le=8, description="horner: tables that share the bits of a step; by default 1"
    )
    chunk_bits: int | None = Field(
        None, ge=4, le=4096, description="horner_cs: bits added per cycle at the end; by default 32"
    )
    split: int | None = Field(
        None, ge=0, description="hybrid: bits above those of the modulus that are subtracted and "
        "not looked up; by default balanced, 0 for a serial table",
    )
    tree: int | None = Field(
        None, ge=1, le=8, description="hybrid, serial lut: groups looked up per cycle; by default 1"
    )
    restore_bits: int | None = Field(
        None, ge=1, le=8, description="hybrid, restoring: subtractions per cycle; by default 1"
    )
    fuse: Literal["early", "mid", "late"] | None = Field(
        None, description="hybrid: when both parts are added; by default mid"
    )
    naf: int | None = Field(
        None, ge=2, le=8, description="barrett_mcm, montgomery_mcm: width of the non-adjacent "
        "forms of the constants; by default the cheapest for each",
    )
    pipeline: Literal["none", "stages", "levels"] | None = Field(
        None, description="lut, barrett_mcm, montgomery_mcm: where registers stand; by default "
        "levels, for asic stages",
    )
    store: Literal["logic", "block_ram", "writable"] | None = Field(
        None, description="tables in logic, in block RAM, or in RAM that is filled from a modulus "
        "at run time; by default logic",
    )
    max_table_bits: int = Field(
        1 << 23, ge=0, le=1 << 34, description="most bits of all tables together"
    )

    @field_validator("modulus", mode="before")
    @classmethod
    def _canonical(cls, value: Any) -> int | str:
        modulus = parse_modulus(value)
        return modulus if modulus < _EXACT_IN_JSON else hex(modulus)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_operation()
        from .design import check_reducer, parameters

        if self.architecture is Architecture.AUTO:
            self._check_auto()
            if self.dsp:  # whether a cycle makes a product is known when the method is
                parameters(self)
            return self
        self._check_options()
        self._check_store()
        check_reducer(self)
        parameters(self)
        return self

    def _check_operation(self) -> None:
        if self.operation is not Operation.REDUCE and self.width is not None:
            raise ValueError(
                f"width must be left out for {self.operation} (its operands are residues), "
                f"not {self.width}"
            )
        if self.operation is Operation.REDUCE and self.multiplier_bits is not None:
            raise ValueError(
                f"multiplier_bits must be left out for reduce, not {self.multiplier_bits}"
            )
        if self.operation is Operation.REDUCE and self.dsp:
            raise ValueError("dsp must be false for reduce (it has no multiplier), not true")
        if self.operation is not Operation.BUTTERFLY and self.butterfly is not None:
            raise ValueError(
                f"butterfly must be left out for {self.operation}, not {self.butterfly!r}"
            )

    def _check_auto(self) -> None:
        for name in sorted({name for modes in OPTIONS.values() for options in modes.values()
                            for name in options}):  # fmt: skip
            value = getattr(self, name)
            if value is not None and name not in ("pipeline", "store"):
                having = ", ".join(
                    each for each, modes in OPTIONS.items()
                    if any(name in options for options in modes.values())
                )
                raise ValueError(
                    f"{name} must be left out unless architecture is one of {having}, not {value}"
                )

    def _check_options(self) -> None:
        architecture, modes = self.architecture, OPTIONS[self.architecture]
        if self.mode != "auto" and self.mode not in modes:
            raise ValueError(
                f"mode must be auto or {' or '.join(modes)} for {architecture}, not {self.mode!r}"
            )
        mode = self.resolved_mode
        for name in type(self).model_fields:
            owners = [each for each, of in OPTIONS.items() if any(name in o for o in of.values())]
            value = getattr(self, name)
            if not owners or value is None or name in modes[mode]:
                continue
            elsewhere = [other for other, options in modes.items() if name in options]
            if elsewhere:
                raise ValueError(
                    f"{name} must be left out for {architecture} unless mode is "
                    f"{' or '.join(elsewhere)}, not {value}"
                )
            raise ValueError(
                f"{name} must be left out for {architecture} (it is for {', '.join(owners)}), "
                f"not {value}"
            )

    def _check_store(self) -> None:
        if self.store is None:
            return
        stores = STORES[self.architecture][self.resolved_mode]
        if self.store not in stores:
            raise ValueError(
                f"store must be {' or '.join(stores)} for {self.architecture} in mode "
                f"{self.resolved_mode}, not {self.store!r}"
            )
        if self.store == "writable" and self.operation is not Operation.REDUCE:
            raise ValueError(
                f"store must be logic or block_ram for {self.operation}, not 'writable': products "
                "on their way would meet a new modulus"
            )
        if self.store == "writable" and self.value % 2 == 0:
            raise ValueError(
                "store must be logic or block_ram for an even modulus, not 'writable'"
            )

    @property
    def value(self) -> int:
        """M as an integer."""
        return self.modulus if isinstance(self.modulus, int) else int(self.modulus, 16)

    @property
    def operand_bits(self) -> int:
        """W: bits of what is reduced, by default twice those of the modulus; else of a product."""
        if self.operation is Operation.REDUCE:
            return self.width or 2 * self.value.bit_length()
        bits: int = product_bits(
            self.value, accumulate=self.operation is Operation.MULTIPLY_ACCUMULATE
        )
        return max(1, bits)

    @property
    def resolved_mode(self) -> str:
        """The mode; for ``auto`` the one that the architecture is meant for."""
        return next(iter(OPTIONS[self.architecture])) if self.mode == "auto" else self.mode

    @property
    def reducer(self) -> ReducerParameters:
        """Parameters of the reducer, for ``auto`` those of the method that the model prefers."""
        from .design import reducer

        return reducer(self)

