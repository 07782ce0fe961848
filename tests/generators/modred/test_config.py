"""The modred config: what it refuses, in one line, and what hardware it asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.modred import generator
from gatewright.generators.modred.config import OPTIONS, Architecture, ModredConfig
from gatewright.generators.modred.design import parameters

METHODS = [(str(name), mode) for name, modes in OPTIONS.items() for mode in modes]
ARCHITECTURES = (
    "auto, lut, hybrid, horner, horner_cs, barrett_mcm, montgomery_mcm, restoring"
)


def load(*overrides: str) -> ModredConfig:
    return load_config(ModredConfig, None, overrides)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ("modulus=1", "modulus must be at least 2, not 1: every residue modulo 1 is 0"),
        ("modulus=0", "modulus must be at least 2, not 0: nothing can be divided by 0"),
        ("modulus=-7", "modulus must be at least 2, not -7: *"),
        ("modulus=true", "modulus must be an integer, an expression or a name, not True"),
        ("modulus=7.0", "modulus must be an integer, an expression or a name, not 7.0"),
        ("modulus=.nan", "modulus must be an integer, an expression or a name, not nan"),
        ("modulus=''", "modulus must be an integer, an expression or a name, not empty"),
        ("modulus=", "modulus must be an integer, an expression or a name, not None"),
        ("modulus='0xfg'", "modulus must be decimal, 0x hexadecimal or an expression *"),
        ("modulus=goldilock", "modulus must be a number or one of *; did you mean 'goldilocks'?"),
        ("modulus=2^16385-1", "modulus must be of at most 16384 bits, not of 16385 bits"),
        ("width=0", "width must be an integer from 1 to 65536 or null, not 0"),
        ("width=70000", "width must be an integer from 1 to 65536 or null, not 70000"),
        ("architecture=barret", f"architecture must be one of {ARCHITECTURES}, not 'barret'"),
        ("operation=square", "operation must be one of reduce, multiply, multiply_accumulate, "
         "butterfly, not 'square'"),
        ("operation=multiply width=128", "width must be left out for multiply (its operands are "
         "residues), not 128"),
        ("butterfly=cooley_tukey", "butterfly must be left out for reduce, not 'cooley_tukey'"),
        ("multiplier_bits=4", "multiplier_bits must be left out for reduce, not 4"),
        ("group_bits=4", "group_bits must be left out unless architecture is one of lut, hybrid, "
         "not 4"),
        ("architecture=lut group_bits=0", "group_bits must be an integer from 1 to 9 or null, "
         "not 0"),
        ("architecture=lut group_bits=10", "group_bits must be an integer from 1 to 9 or null, "
         "not 10"),
        ("architecture=barrett_mcm group_bits=4", "group_bits must be left out for barrett_mcm "
         "(it is for lut, hybrid), not 4"),
        ("architecture=lut tree=2", "tree must be left out for lut unless mode is multi_cycle, "
         "not 2"),
        ("architecture=lut mode=multi_cycle pipeline=levels", "pipeline must be left out for lut "
         "unless mode is streaming, not levels"),
        ("architecture=hybrid mode=streaming", "mode must be auto or multi_cycle for hybrid, "
         "not 'streaming'"),
        ("architecture=barrett_mcm mode=multi_cycle", "mode must be auto or streaming for "
         "barrett_mcm, not 'multi_cycle'"),
        ("architecture=hybrid split=65", "split must be from 0 to 64, the bits of the operand "
         "above those of the modulus, not 65"),
        ("architecture=hybrid split=-1", "split must be an integer of at least 0 or null, not -1"),
        ("architecture=hybrid fuse=never", "fuse must be one of early, mid, late or null, not "
         "'never'"),
        ("architecture=montgomery_mcm modulus=4096", "modulus must be odd for montgomery_mcm, not "
         "4096: 2^-n mod M does not exist"),
        ("architecture=montgomery_mcm width=63", "width must be at least 64 for montgomery_mcm, "
         "the bits of the modulus, not 63"),
        ("architecture=montgomery_mcm width=200", "width must be at most 128 for montgomery_mcm, "
         "twice the bits of the modulus, not 200"),
        ("architecture=horner_cs chunk_bits=3", "chunk_bits must be an integer from 4 to 4096 or "
         "null, not 3"),
        ("architecture=horner digit_bits=2 tables=3", "tables must be from 1 to 2 (digit_bits), "
         "not 3"),
        ("architecture=lut store=writable", "store must be logic or block_ram for lut in mode "
         "streaming, not 'writable'"),
        ("architecture=horner mode=streaming store=block_ram", "store must be logic for horner in "
         "mode streaming, not 'block_ram'"),
        ("architecture=horner store=writable operation=multiply", "store must be logic or "
         "block_ram for multiply, not 'writable': *"),
        ("architecture=horner store=writable modulus=96", "store must be logic or block_ram for "
         "an even modulus, not 'writable'"),
        ("architecture=barrett_mcm naf=1", "naf must be an integer from 2 to 8 or null, not 1"),
        ("architecture=lut modulus=rfc3526:8192", "max_table_bits must be at least * for the "
         "tables of lut, not 8388608; horner digit_bits=3 needs *"),
        ("architecture=horner max_table_bits=10", "max_table_bits must be at least * for the "
         "tables of horner, not 10; barrett_mcm and restoring need none"),
        ("architecture=lut max_table_bits=10000", "max_table_bits must be at least * for the "
         "tables of lut, not 10000; lut group_bits=2 needs *"),
    ],
)  # fmt: skip
def test_refused_in_one_line(overrides: str, line: str) -> None:
    pattern = re.escape(line).replace(r"\*", ".*")
    with pytest.raises(InputError, match=f"^-p: {pattern}$"):
        load(*overrides.split())


def test_one_way_to_write_a_modulus() -> None:
    prime = 2**64 - 2**32 + 1
    for text in ("goldilocks", "2^64-2^32+1", hex(prime), str(prime)):
        config = load(f"modulus={text}")
        assert config == load() and config.value == prime
        assert config.modulus == "0xffffffff00000001"
    assert load("modulus=ml-kem").modulus == 3329
    assert load("modulus=2^53-1").modulus == 2**53 - 1
    assert load("modulus=2^53").modulus == "0x20000000000000"


@pytest.mark.parametrize("overrides", ["", "architecture=horner tables=2 digit_bits=4 store=logic",
                                       "modulus=ml-kem operation=butterfly"])
def test_survives_json(overrides: str) -> None:
    config = load(*overrides.split())
    text = json.dumps(config.model_dump(mode="json"))
    assert ModredConfig.model_validate(json.loads(text)) == config


@pytest.mark.parametrize(("architecture", "mode"), METHODS)
@pytest.mark.parametrize("modulus", [2, 3, 4, 7, 8, 12, 3329, 65536, 65537, 1 << 40 | 6])
def test_every_method_for_every_kind_of_modulus(
    architecture: str, mode: str, modulus: int
) -> None:
    if architecture == "montgomery_mcm" and modulus % 2 == 0:
        pytest.skip("refused, see above")
    n = modulus.bit_length()
    for width in (1, max(1, n - 1), n, n + 1, 2 * n, 3 * n + 1):
        if architecture == "montgomery_mcm" and not n <= width <= 2 * n:
            continue
        config = ModredConfig(modulus=modulus, width=width, architecture=architecture, mode=mode)
        p = config.reducer
        assert (p.modulus, p.width, p.tag_bits) == (modulus, width, 0)
        assert all(bound.holds for bound in p.bounds)
        assert p.interval >= 1 and p.latency >= 0


def test_auto_obeys_mode_and_store() -> None:
    assert load("modulus=2^127-1", "mode=streaming").reducer.interval == 1
    assert load("modulus=2^127-1", "mode=multi_cycle").reducer.interval > 1
    writable = load("modulus=bn254", "store=writable").reducer
    assert writable.store.value == "writable"


def test_auto_is_canonical() -> None:
    for modulus in (3329, 2**61 - 1, 2**64):
        assert load(f"modulus={modulus}").reducer.factor == 1


options = {
    "group_bits": st.integers(1, 5), "fold_bits": st.integers(1, 5),
    "digit_bits": st.integers(1, 5), "chunk_bits": st.integers(4, 40),
    "tables": st.integers(1, 4), "split": st.integers(0, 30),
    "tree": st.integers(1, 3), "restore_bits": st.integers(1, 4),
    "fuse": st.sampled_from(["early", "mid", "late"]), "naf": st.integers(2, 5),
    "pipeline": st.sampled_from(["none", "stages", "levels"]),
    "store": st.sampled_from(["logic", "block_ram", "writable"]),
}  # fmt: skip


@st.composite
def configs(draw: Any) -> dict[str, Any]:
    """Configs that are legal more often than not."""
    architecture = draw(st.sampled_from([each for each in Architecture if each != "auto"]))
    mode = draw(st.sampled_from(list(OPTIONS[architecture])))
    n = draw(st.integers(2, 20))
    modulus = draw(st.integers(2, (1 << n) - 1))
    operation = draw(st.sampled_from(["reduce", "reduce", "multiply", "butterfly"]))
    values: dict[str, Any] = {
        "modulus": modulus, "architecture": str(architecture), "mode": mode,
        "technology": draw(st.sampled_from(["fpga", "asic"])), "operation": operation,
    }
    if operation == "reduce":
        values["width"] = draw(st.integers(1, 2 * n + 3))
    names = draw(st.sets(st.sampled_from(OPTIONS[architecture][mode]), max_size=3))
    return values | {name: draw(options[name]) for name in sorted(names)}


@settings(max_examples=60, deadline=None)
@given(values=configs())
def test_legal_configs_build_and_illegal_ones_are_refused(
    values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        config = ModredConfig.model_validate(values)
    except ValueError as error:
        assert re.search(r"\bmust\b.*\bnot\b", str(error)), error
        return
    p = parameters(config)
    build = build_design(generator, config, tmp_path_factory.mktemp("build"))
    assert build.manifest.latency["cycles"] == p.latency
    assert build.manifest.latency["constant_time"] is True
    assert build.manifest.throughput["cycles_per_result"] == p.interval
    assert len(build.manifest.latency["bounds"]) == len(p.bounds)
    again = ModredConfig.model_validate(build.manifest.config)
    assert again == config
    assert Path(build.verilog[0]).stat().st_size
