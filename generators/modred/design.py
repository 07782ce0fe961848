"""From a config to hardware: which reducer, what stands around it, and what is told of both."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from ...hw.modred.butterfly import ButterflyParameters, Decimation
from ...hw.modred.multiply import ModularMultiplierParameters
from ...hw.modred.reducer import Bound, Pipelining, ReducerParameters
from ..registry import Details
from .config import Architecture, ModredConfig, Operation
from .method import Method
from .plan import Constraints, candidates, explore
from .structure import table_bits

if TYPE_CHECKING:
    from ...hw.unit import Unit

__all__ = [
    "TopParameters", "certificate", "check_reducer", "details", "parameters", "reducer", "top",
]  # fmt: skip


class TopParameters(Protocol):
    """What the parameters of all top units tell: those of reducers, and of what uses one."""

    @property
    def factor(self) -> int: ...
    @property
    def bounds(self) -> tuple[Bound, ...]: ...
    @property
    def latency(self) -> int: ...
    @property
    def interval(self) -> int: ...
    def create(self) -> Unit: ...


def reducer(config: ModredConfig) -> ReducerParameters:
    """Return the parameters of the reducer that a config asks for.

    ``auto`` takes the method with the least area times time per result among those that fit the
    largest device of the technology.
    """
    modulus, width = config.value, config.operand_bits
    tag_bits = (modulus - 1).bit_length() if config.operation is Operation.BUTTERFLY else 0
    largest = None
    if config.operation is not Operation.REDUCE:
        accumulates = config.operation is Operation.MULTIPLY_ACCUMULATE
        largest = (modulus - 1) * (modulus - 1 + accumulates)
    if config.architecture is not Architecture.AUTO:
        method = Method.of(config)
    else:
        method = _preferred(
            modulus, width, config.technology, config.mode, config.pipeline, config.store,
            config.max_table_bits,
        )
    return method.parameters(modulus, width, tag_bits, largest)


@lru_cache(maxsize=64)
def _preferred(
    modulus: int, width: int, technology: str, mode: str, pipeline: str | None, store: str | None,
    max_table_bits: int,
) -> Method:
    def wanted(method: Method) -> bool:
        options = dict(method.options)
        # Without a register in it a reducer is for those who ask.
        ranks = ("levels", "stages") if pipeline is None else (pipeline,)
        return (
            mode in ("auto", method.mode)
            and options.get("pipeline", ranks[0]) in ranks
            and options.get("store", "logic") == (store or "logic")
        )

    methods = [method for method in candidates(technology, store=store) if wanted(method)]
    target = "ecp5" if technology == "fpga" else "asic"
    return explore(
        modulus, width, target, Constraints(max_table_bits=max_table_bits), methods
    ).best.method


def check_reducer(config: ModredConfig) -> None:
    """Refuse what no hardware can be built for.

    Raises
    ------
    ValueError
        With a sentence that names the field, what is allowed and the value.
    """
    modulus, width = config.value, config.operand_bits
    n = modulus.bit_length()
    if config.architecture is Architecture.MONTGOMERY_MCM:
        if modulus % 2 == 0:
            raise ValueError(
                f"modulus must be odd for montgomery_mcm, not {_brief(modulus)}: 2^-n mod M does "
                "not exist"
            )
        if width < n:
            raise ValueError(
                f"width must be at least {n} for montgomery_mcm, the bits of the modulus, not "
                f"{width}"
            )
        if width > 2 * n:
            raise ValueError(
                f"width must be at most {2 * n} for montgomery_mcm, twice the bits of the "
                f"modulus, not {width}"
            )
    digit_bits = config.digit_bits or 3
    if config.tables is not None and config.tables > digit_bits:
        raise ValueError(
            f"tables must be from 1 to {digit_bits} (digit_bits), not {config.tables}"
        )
    if config.split is not None and config.split > max(0, width - n):
        raise ValueError(
            f"split must be from 0 to {max(0, width - n)}, the bits of the operand above those of "
            f"the modulus, not {config.split}"
        )
    parameters = Method.of(config).parameters(modulus, width)
    bits = table_bits(parameters)
    if bits > config.max_table_bits:
        raise ValueError(
            f"max_table_bits must be at least {bits} for the tables of "
            f"{Method.of(config).title}, not {config.max_table_bits}; " + _what_fits(config)
        )


def _what_fits(config: ModredConfig) -> str:
    """Name the options nearest to the asked ones whose tables are small enough."""
    method = Method.of(config)
    name = "digit_bits" if config.architecture.startswith("horner") else "group_bits"
    others = [
        Method(method.architecture, method.mode, method.technology,
               tuple({**dict(method.options), name: bits}.items()))
        for bits in range(9, 0, -1)
    ]  # fmt: skip
    others += [
        Method(other, "multi_cycle", method.technology, (("digit_bits", bits),))
        for other in ("horner",) for bits in (3, 1)
    ]  # fmt: skip
    for other in others:
        bits = table_bits(other.parameters(config.value, config.operand_bits))
        if bits <= config.max_table_bits:
            return f"{other.title} needs {bits}"
    return "barrett_mcm and restoring need none"


def parameters(config: ModredConfig) -> TopParameters:
    """Return the parameters of the top unit."""
    core = reducer(config)
    if config.operation is Operation.REDUCE:
        plain: TopParameters = core
        return plain
    multiplier = ModularMultiplierParameters(
        reducer=core,
        accumulate=config.operation is Operation.MULTIPLY_ACCUMULATE,
        digit_bits=config.multiplier_bits,
        style=_multiplier_style(config, core),
        pipeline=getattr(getattr(core, "inner", core), "pipeline", Pipelining.STAGES),
    )
    found: TopParameters = multiplier
    if config.operation is Operation.BUTTERFLY:
        decimation = Decimation(config.butterfly or "cooley_tukey")
        found = ButterflyParameters(multiplier=multiplier, decimation=decimation)
    return found


def _multiplier_style(config: ModredConfig, core: ReducerParameters) -> str:
    if core.interval > 1 or config.multiplier_bits is not None:
        if config.dsp:
            raise ValueError(
                "dsp must be false where a product takes several cycles "
                f"({core.architecture}, interval {core.interval}), not true"
            )
        # Where the reducer has no carry chain of n bits, the multiplier has none either.
        if core.architecture == "horner_cs":
            return "carry_save"
    elif config.dsp:
        return "operator"
    return "chain" if config.technology == "fpga" else "compressor"


def top(config: ModredConfig) -> Unit:
    """Return the top unit of a config."""
    return parameters(config).create()


def certificate(bounds: Sequence[Bound]) -> list[dict[str, Any]]:
    """Return the proof of a design, a line per stage, with exact numbers as hexadecimal text."""
    return [
        {
            "stage": bound.name,
            "bits": bound.bits,
            "largest": hex(bound.value),
            "limit": None if bound.limit is None else hex(bound.limit),
            "holds": bound.holds,
            "because": bound.reason,
        }
        for bound in bounds
    ]


_OPERANDS = {
    Operation.REDUCE: "x, {width} bits",
    Operation.MULTIPLY: "a and b, each 0 to M - 1",
    Operation.MULTIPLY_ACCUMULATE: "a, b and c, each 0 to M - 1",
    Operation.BUTTERFLY: "a, b and the twiddle factor w, each 0 to M - 1",
}
_RESULTS = {
    Operation.REDUCE: "r = x mod M",
    Operation.MULTIPLY: "r = a b mod M",
    Operation.MULTIPLY_ACCUMULATE: "r = (a b + c) mod M",
    Operation.BUTTERFLY: "high = a + w b, low = a - w b, modulo M",
}


def details(config: ModredConfig) -> Details:
    """Return what the manifest says: constant cycles, and the bound of every stage."""
    p = parameters(config)
    core = reducer(config)
    result = _RESULTS[config.operation]
    if config.butterfly == "gentleman_sande":
        result = "high = a + b, low = (a - b) w, modulo M"
    if p.factor != 1:
        result = result.replace(" mod M", " 2^-n mod M").replace("w", "w 2^-n")
    return Details(
        meanings={
            "i": _OPERANDS[config.operation].format(width=config.operand_bits),
            "o": f"{result}; M = {_brief(config.value)}, in the order of the operands",
            "modulus": "a new M for the operands that come after it",
            "error": "sticky: a modulus came that the tables were not built for",
        },
        latency={
            "cycles": p.latency,
            "constant_time": True,
            "architecture": core.architecture,
            "bounds": [
                f"{line['stage']}: {line['bits']} bits, at most {line['largest']}"
                + (f", limit {line['limit']}" if line["limit"] else "") + f": {line['because']}"
                for line in certificate(p.bounds)
            ],
        },
        throughput={"cycles_per_result": p.interval},
    )


def _brief(value: int) -> str:
    return str(value) if value.bit_length() <= 128 else f"{value:#x}"
