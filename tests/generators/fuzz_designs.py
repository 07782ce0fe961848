"""Small designs of every generator, drawn from its whole parameter space; most of them are legal.

Each field is drawn from its own range, capped where a simulation is to be short. A field that
only some designs have is drawn for those, and a few fields follow from others; what the generator
refuses all the same costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from gatewright.generators.flint.config import Type
from gatewright.generators.modred.config import OPTIONS as MODRED
from gatewright.generators.modred.config import STORES, Architecture, Operation
from gatewright.generators.tpe.config import LEVELS, Level
from gatewright.generators.tpe.config import OPTIONS as TPE
from gatewright.generators.tpe.engine import Array
from gatewright.golden.tpe.encodings import Encoding

__all__ = ["DESIGNS", "designs"]

Settings = dict[str, Any]
Fields = dict[str, st.SearchStrategy[Any]]

_FLAG = st.booleans()


def designs(name: str) -> st.SearchStrategy[Settings]:
    """Settings of a small design, without what is left out."""
    return DESIGNS[name]()


def _ints(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def _some(draw: st.DrawFn, fields: Fields, share: float = 0.5) -> Settings:
    """Each of the fields with a chance of ``share``."""
    there = st.floats(0, 1, exclude_max=True)
    return {name: draw(each) for name, each in fields.items() if draw(there) < share}


@st.composite
def _flint(draw: st.DrawFn) -> Settings:
    types = st.lists(st.sampled_from(list(Type)), min_size=1, max_size=3, unique=True)
    sign = st.sampled_from(["signed", "unsigned", "both"])
    found: Settings = {
        "rows": draw(_ints(1, 4)), "cols": draw(_ints(1, 4)), "max_k": draw(_ints(1, 64)),
        "types": draw(types),
    } | _some(draw, {
        "bits": _ints(3, 8), "activation_sign": sign, "share": _ints(1, 8),
        "pe": st.sampled_from(["auto", "digit", "plain", "shift", "naive"]),
        "bias_bits": st.one_of(st.just(0), _ints(0, 24), _ints(0, 48)),
        "output": st.sampled_from(["accumulator", "codes"]), "output_depth": _ints(1, 16),
    }) | _some(draw, {
        "weight_types": types, "weight_bits": _ints(3, 8), "acc_width": _ints(24, 64),
    }, 0.25)  # fmt: skip
    if found.get("output") == "codes":
        found |= _some(draw, {
            "output_types": types, "output_bits": _ints(3, 8), "output_sign": sign,
            "multiplier_width": _ints(2, 32), "requantizer_stages": _ints(1, 5),
        })  # fmt: skip
    used = {*found["types"], *found.get("weight_types", []), *found.get("output_types", [])}
    if Type.POT in used:  # of few bits: its range is exponential in them
        for field in ("bits", "weight_bits", "output_bits"):
            found[field] = min(found.get(field, 4), 5)
    return found


@st.composite
def _modred(draw: st.DrawFn) -> Settings:
    bits = draw(_ints(2, 20))
    modulus = draw(_ints(1 << bits - 1, (1 << bits) - 1))
    written = draw(st.sampled_from([modulus, hex(modulus), f"2^{bits}-{(1 << bits) - modulus}"]))
    found: Settings = {
        "modulus": written,
        "architecture": draw(st.sampled_from(list(Architecture))),
        "operation": draw(st.one_of(st.just(Operation.REDUCE), st.sampled_from(list(Operation)))),
    } | _some(draw, {
        "technology": st.sampled_from(["fpga", "asic"]), "max_table_bits": _ints(1 << 10, 1 << 23),
    })  # fmt: skip
    if found["operation"] is Operation.REDUCE:
        found |= _some(draw, {"width": _ints(1, 48)})
    else:
        found |= _some(draw, {"multiplier_bits": _ints(1, 8), "dsp": _FLAG}, 0.3)
    if found["operation"] is Operation.BUTTERFLY:
        found |= _some(draw, {"butterfly": st.sampled_from(["cooley_tukey", "gentleman_sande"])})
    architecture = found["architecture"]
    if architecture is Architecture.AUTO:
        return found | _some(draw, {
            "mode": st.sampled_from(["auto", "streaming", "multi_cycle"]),
            "pipeline": st.sampled_from(["none", "stages", "levels"]),
        }, 0.3)  # fmt: skip
    modes = MODRED[architecture]
    mode = draw(st.sampled_from(["auto", *modes]))
    resolved = next(iter(modes)) if mode == "auto" else mode
    ranges: Fields = {
        "group_bits": _ints(1, 7), "fold_bits": _ints(1, 6), "digit_bits": _ints(1, 6),
        "tables": _ints(1, 4), "chunk_bits": _ints(4, 40), "split": _ints(0, bits),
        "tree": _ints(1, 6), "restore_bits": _ints(1, 8), "naf": _ints(2, 8),
        "fuse": st.sampled_from(["early", "mid", "late"]),
        "pipeline": st.sampled_from(["none", "stages", "levels"]),
        "store": st.sampled_from(STORES.get(architecture, {}).get(resolved, ("logic",))),
    }  # fmt: skip
    return found | {"mode": mode} | _some(draw, {name: ranges[name] for name in modes[resolved]})


@st.composite
def _tpe(draw: st.DrawFn) -> Settings:
    array = draw(st.sampled_from(list(Array)))
    levels = (Level.AUTO, *LEVELS[array])
    found: Settings = {"array": array, "level": draw(st.sampled_from(levels))}
    options: Fields = {
        "rows": _ints(1, 4), "cols": _ints(1, 4), "depth": _ints(1, 8), "lanes": _ints(1, 4),
        "group": _ints(1, 4), "minimum": _ints(0, 1), "accumulate": _FLAG,
        "source": st.sampled_from(["operands", "digits", "stream"]),
    }  # fmt: skip
    having = {name: options[name] for name in TPE[array]}
    found |= {name: draw(having.pop(name)) for name in ("rows", "cols", "depth") if name in having}
    found |= _some(draw, having)
    if found["level"] is Level.OPT4C:  # one lane, and no zeros to skip but in its own list
        found.pop("lanes", None)
    if array is Array.DIGIT_SERIAL:
        step = found.get("lanes", 1 if found["level"] is Level.OPT4C else 4) * found.get("group", 8)
        found["depth"] = step * (1 + found["depth"] % 2)
    if found["level"] not in (Level.BEHAVIOURAL, Level.MAC):
        found |= _some(draw, {"encoding": st.sampled_from(list(Encoding))})
    found |= _some(draw, {
        "a_width": _ints(2, 9), "b_width": _ints(2, 9), "a_signed": _FLAG, "b_signed": _FLAG,
        "resolve_stages": _ints(1, 4), "c_input": _FLAG, "back_pressure": _FLAG,
    })  # fmt: skip
    found |= _some(draw, {"exact_depth": _ints(1, 1 << 12), "wrap": _FLAG}, 0.4)
    if draw(_FLAG):
        widths = _some(draw, {"accumulator_width": _ints(4, 40), "result_width": _ints(2, 20)}, 0.7)
        found |= widths
        if "result_width" in widths:
            found |= {draw(st.sampled_from(["saturate", "wrap"])): True}
    return found


@st.composite
def _salo(draw: st.DrawFn) -> Settings:
    rows, segments = draw(_ints(1, 5)), draw(st.sampled_from([1, 1, 2, 3]))
    each = draw(_ints(1, 4 if segments == 1 else 3))
    torus = draw(_FLAG) and draw(_FLAG)
    if torus:
        rows = each
    found: Settings = {
        "rows": rows, "cols": segments * each, "segments": segments, "torus": torus,
        "gather": draw(_ints(0, 2)), "global_rows": draw(_ints(0, 2)),
        "dk_max": draw(_ints(3, 12)), "dv_max": draw(_ints(3, 12)),
        "max_tokens": draw(_ints(2, 32)), "program_words": draw(_ints(256, 1024)),
    } | _some(draw, {
        "global_row_kv": st.sampled_from(["shared", "private"]),
        "numbers": st.sampled_from(["hw8", "hw12"]), "q_bits": _ints(2, 12),
        "kv_bits": _ints(2, 8), "exp_bits": _ints(8, 17), "shift_bits": _ints(1, 5),
        "result_blocks": _ints(1, 6), "pipeline": st.sampled_from([0, 1]),
        "lanes": st.sampled_from([n for n in range(1, rows + 1) if rows % n == 0]),
    }) | _some(draw, {"reads": _ints(1, 8), "block_keys": _ints(8, 64)}, 0.25)  # fmt: skip
    return found


@st.composite
def _gnn(draw: st.DrawFn) -> Settings:
    lanes = draw(st.sampled_from([4, 4, 4, 8]))
    narrow = st.sampled_from([each for each in (4, 8) if each <= lanes])
    rows = draw(narrow)
    return {
        # All that a larger preset sets is set here, so that it is the design's name alone.
        "preset": draw(st.sampled_from(["tiny", "ecp5", "edge", "mid"])),
        "lanes": lanes, "rows": rows, "columns": draw(narrow), "bus_bytes": draw(narrow),
        "threads": draw(_ints(1, 4)), "accumulator_words": draw(_ints(128, 320)),
        "local_words": draw(_ints(256, 640)), "edge_words": draw(_ints(64, 192)),
        "weight_words": draw(_ints(700, 1200)), "max_sources": draw(_ints(16, 160)),
        "max_edges": draw(_ints(16, 160)), "bias_words": draw(_ints(24, 48)),
        "tables": draw(_ints(2, 6)), "instructions": draw(_ints(64, 192)),
        "psum_rows": draw(_ints(rows, 32)), "outstanding": draw(_ints(1, 16)),
    }  # fmt: skip


DESIGNS: dict[str, Callable[[], st.SearchStrategy[Settings]]] = {
    "flint": _flint, "gnn": _gnn, "modred": _modred, "salo": _salo, "tpe": _tpe,
}  # fmt: skip
