"""The flint config: what it refuses, in one line, and what it derives."""

from __future__ import annotations

import re

import pytest

from gatewright.errors import InputError
from gatewright.generators.config import load_config
from gatewright.generators.flint.config import FlintConfig

TYPES = "int, flint, pot, float"
BITS = "an integer from 3 to 8"


def load(*overrides: str) -> FlintConfig:
    return load_config(FlintConfig, None, overrides)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ("bits=2", f"bits must be {BITS}, not 2"),
        ("bits=9", f"bits must be {BITS}, not 9"),
        ("bits=4.0", f"bits must be {BITS}, not 4.0"),
        ("weight_bits=2", f"weight_bits must be {BITS} or null, not 2"),
        ("output_bits=9", f"output_bits must be {BITS} or null, not 9"),
        ("types=[]", f"types must be a list of 1 to 4 (one of {TYPES}), not []"),
        ("types=nint", f"types[0] must be one of {TYPES}, not 'nint'"),
        ("types=int,posit", f"types[1] must be one of {TYPES}, not 'posit'"),
        ("types=int,int", "types must name each type once, not int,int"),
        ("weight_types=flint,flint", "weight_types must name each type once, not flint,flint"),
        ("output_types=pot,pot", "output_types must name each type once, not pot,pot"),
        ("rows=0", "rows must be an integer from 1 to 256, not 0"),
        ("rows=-1", "rows must be an integer from 1 to 256, not -1"),
        ("cols=0", "cols must be an integer from 1 to 256, not 0"),
        ("cols=257", "cols must be an integer from 1 to 256, not 257"),
        ("share=0", "share must be an integer from 1 to 8, not 0"),
        ("max_k=0", "max_k must be an integer from 1 to 16777216, not 0"),
        ("max_k=-5", "max_k must be an integer from 1 to 16777216, not -5"),
        ("bias_bits=-1", "bias_bits must be an integer from 0 to 48, not -1"),
        ("bias_bits=true", "bias_bits must be an integer from 0 to 48, not True"),
        ("output_depth=0", "output_depth must be an integer from 1 to 1024 or null, not 0"),
        ("multiplier_width=1", "multiplier_width must be an integer from 2 to 32, not 1"),
        ("multiplier_width=33", "multiplier_width must be an integer from 2 to 32, not 33"),
        ("requantizer_stages=6", "requantizer_stages must be an integer from 1 to 5, not 6"),
        ("activation_sign=none", "activation_sign must be one of signed, unsigned, both, "
         "not 'none'"),
        ("pe=fast", "pe must be one of auto, digit, plain, shift, naive, not 'fast'"),
        ("output=acc", "output must be one of accumulator, codes, not 'acc'"),
        ("types=pot bits=8", "bits must leave pot at most 5 magnitude bits (its range is 2^254 "
         "otherwise), not 8 bits both"),
        ("types=pot bits=7 activation_sign=signed", "bits must leave pot at most 5 magnitude bits "
         "(its range is 2^62 otherwise), not 7 bits signed"),
        ("types=int weight_types=pot weight_bits=7", "weight_bits must leave pot at most 5 "
         "magnitude bits (its range is 2^62 otherwise), not 7 bits signed"),
        ("types=int output=codes output_types=pot output_bits=6", "output_bits must leave pot at "
         "most 5 magnitude bits (its range is 2^62 otherwise), not 6 bits both"),
        ("types=pot bits=5 max_k=1000000", "types must have sums of at most 64 bits, not 65 "
         "(pot at 5 bits, max_k 1000000)"),
        ("acc_width=1", "acc_width must be an integer from 2 to 64 or null, not 1"),
        ("bits=6 pe=digit", "pe must be auto, plain, shift or naive for weights that two digits "
         "do not write (int6s_flint6s), not 'digit'"),
    ],
)  # fmt: skip
def test_refused_in_one_line(overrides: str, line: str) -> None:
    with pytest.raises(InputError, match=f"^-p: {re.escape(line)}$"):
        load(*overrides.split())


def test_unknown_field_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"^-p: field must be one of rows, .*, not 'row'.*rows"):
        load("row=3")


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ("types=int activation_sign=signed max_k=4096 bias_bits=0", 20),
        ("types=int activation_sign=unsigned max_k=4608 bias_bits=0", 21),
        ("types=flint activation_sign=signed max_k=64 bias_bits=0", 16),
        ("types=int,flint max_k=64 bias_bits=0", 18),
        ("types=int bits=8 activation_sign=unsigned max_k=4608 bias_bits=0", 29),
        # A bias can tip the sum over: 7 * 64 + 63 is 511, one more is 512.
        ("types=int activation_sign=signed max_k=7 bias_bits=7", 10),
        ("types=int activation_sign=signed max_k=7 bias_bits=8", 11),
    ],
)
def test_accumulator_one_bit_below_the_bound_is_refused(settings: str, least: int) -> None:
    given = settings.split()
    assert load(*given).parameters.accumulator_bits == least
    for width in (least, least + 5):
        assert load(*given, f"acc_width={width}").parameters.accumulator_bits == width
    max_k = re.search(r"max_k=(\d+)", settings)
    assert max_k is not None
    sums = f"sums of {max_k[1]} products"
    line = f"-p: acc_width must be at least {least} for {sums}, not {least - 1}"
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        load(*given, f"acc_width={least - 1}")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("types=int", "digit"),
        ("types=int,flint", "digit"),
        ("types=int,flint,pot,float", "digit"),
        ("types=int bits=8", "plain"),
        ("types=int,flint bits=8", "shift"),
        ("pe=naive", "naive"),
        ("pe=shift", "shift"),
        ("pe=plain", "plain"),
    ],
)
def test_datapath(settings: str, name: str) -> None:
    assert load(*settings.split()).datapath.name == name


def test_operands_take_what_is_not_their_own_from_the_activations() -> None:
    config = load("types=int,flint", "bits=5", "output=codes")
    assert str(config.activation) == "int5u_int5s_flint5u_flint5s"
    assert str(config.weight) == "int5s_flint5s"
    assert str(config.result) == str(config.activation)
    config = load(
        "weight_types=float", "weight_bits=3", "output=codes", "output_types=int",
        "output_bits=8", "output_sign=unsigned", "activation_sign=signed",
    )  # fmt: skip
    assert [str(each) for each in (config.activation, config.weight, config.result)] == [
        "int4s_flint4s", "float3s", "int8u",
    ]  # fmt: skip
    assert load("output_types=int").result is None


def test_default_output_depth_drains_at_full_rate() -> None:
    # A place is held from the decision to drain until the row leaves, in the cycle it leaves too.
    p = load("rows=16", "cols=16", "share=4", "output=codes", "requantizer_stages=3").parameters
    assert p.result_depth == min(16, p.result_latency + 1)
    assert load("output_depth=2").parameters.result_depth == 2
