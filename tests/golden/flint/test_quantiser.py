"""The quantiser against plain loops written from the brief's formulas."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.flint.quantiser import candidate_types, quantize

ORDER = ["int", "flint", "pot", "float"]


def slow_errors(rows, kinds, bits, signed, steps, slow_table):
    """Mean squared error [channel][type][step] by rounding each number in a loop."""
    result = []
    for row in rows:
        absmax = max(abs(x) for x in row)
        channel = []
        for kind in kinds:
            values = sorted(set(slow_table(kind, bits, signed)))
            errors = []
            for i in steps:
                alpha = absmax * (i * 0.01)
                scale = alpha / values[-1]
                total = 0.0
                for x in row:
                    best = values[0]
                    for value in values:
                        if abs(value - x / scale) <= abs(best - x / scale):
                            best = value
                    total += (best * scale - x) ** 2
                errors.append(total / len(row))
            channel.append(errors)
        result.append(channel)
    return result


def check_against_slow(x, result, kinds, steps, slow_table):
    """The type and every alpha are the slow reference's, up to float64 rounding."""
    rows = x.double().reshape(len(result.scale), -1).tolist()
    live = [row for row in rows if any(row)]
    errors = slow_errors(live, kinds, result.bits, result.signed, steps, slow_table)
    energy = sum(sum(v * v for v in row) / len(row) for row in live)
    scores = [sum(min(channel[t]) for channel in errors) for t in range(len(kinds))]
    chosen = kinds.index(result.kind)
    assert scores[chosen] <= min(scores) + 2e-12 * energy
    assert all(scores[t] > min(scores) + 1e-13 * energy for t in range(chosen))
    for kind, score in zip(kinds, scores, strict=True):
        assert result.mse_by_type[kind] * len(rows) == pytest.approx(score, abs=1e-12 * energy)
    place = 0
    for row, alpha in zip(rows, result.alpha.tolist(), strict=True):
        if not any(row):
            assert alpha == 1.0
            continue
        candidates = errors[place][chosen]
        place += 1
        absmax = max(map(abs, row))
        step = round(alpha / absmax * 100) - steps[0]
        assert alpha == absmax * ((step + steps[0]) * 0.01)
        power = sum(v * v for v in row) / len(row)
        assert candidates[step] <= min(candidates) + 2**-48 * power
        assert all(e > min(candidates) + 2**-53 * power for e in candidates[:step])


numbers = st.floats(-100, 100, width=32).map(lambda v: 0.0 if abs(v) < 1e-6 else v)


@settings(max_examples=25, deadline=None)
@given(
    bits=st.integers(3, 5),
    kinds=st.sets(st.sampled_from(ORDER), min_size=1).map(lambda s: sorted(s, key=ORDER.index)),
    rows=st.integers(2, 6).flatmap(
        lambda n: st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=1, max_size=2)
    ),
    is_weight=st.booleans(),
)
def test_equals_plain_loops(bits, kinds, rows, is_weight, slow_table):
    x = torch.tensor(rows)
    result = quantize(x, bits, kinds, is_weight=is_weight)
    assert result.signed == (is_weight or bool((x < 0).any()))
    check_against_slow(x, result, kinds, range(75, 150), slow_table)


@pytest.mark.parametrize(
    ("bits", "kinds", "steps"),
    [
        (7, ["int", "float"], range(95, 150)),
        (8, ["int"], range(95, 150)),
        (8, ["flint"], range(60, 70)),
    ],
)
def test_wide_codes_equal_plain_loops(bits, kinds, steps, slow_table):
    x = torch.randn(2, 7, generator=torch.Generator().manual_seed(bits))
    result = quantize(x, bits, kinds, is_weight=True, search=(steps.start, steps.stop))
    check_against_slow(x, result, kinds, steps, slow_table)


def draw(family: str, shape: tuple[int, int]) -> torch.Tensor:
    rng = np.random.default_rng(7)
    values = {
        "gaussian": lambda: rng.standard_normal(shape),
        "uniform": lambda: rng.uniform(-1, 1, shape),
        "laplace": lambda: rng.laplace(size=shape),
        "student": lambda: rng.standard_t(3, shape),
        "outliers": lambda: rng.standard_normal(shape) * np.where(rng.random(shape) < 0.01, 50, 1),
        "lognormal": lambda: rng.lognormal(0, 2, shape) * rng.choice([-1, 1], shape),
        "ternary": lambda: rng.choice([-0.3, 0.0, 0.3], shape),
    }
    return torch.tensor(values[family](), dtype=torch.float32)


def direct_choice(x: torch.Tensor, kinds, bits, signed, slow_table):
    """Type and alpha by direct float64 evaluation of every candidate."""
    x = x.double().numpy()
    absmax = np.abs(x).max(axis=1)
    power = (x**2).mean(axis=1)
    scores, alphas = [], []
    for kind in kinds:
        values = np.array(sorted(set(slow_table(kind, bits, signed))), dtype=np.float64)
        middle = (values[1:] + values[:-1]) / 2
        errors = []
        for i in range(75, 150):
            scale = (absmax * (i * 0.01) / values[-1])[:, None]
            q = values[np.searchsorted(middle, x / scale, side="right")] * scale
            errors.append(((q - x) ** 2).mean(axis=1))
        errors = np.array(errors)
        first = (errors <= errors.min(axis=0) + 2**-50 * power).argmax(axis=0)
        scores.append(errors.min(axis=0).sum())
        alphas.append(absmax * ((first + 75) * 0.01))
    best = next(t for t, s in enumerate(scores) if s <= min(scores) + 2**-40 * power.sum())
    return kinds[best], alphas[best], scores


@pytest.mark.parametrize("bits", [3, 4, 6])
@pytest.mark.parametrize(
    "family", ["gaussian", "uniform", "laplace", "student", "outliers", "lognormal", "ternary"]
)
def test_same_choice_as_direct_evaluation(family, bits, slow_table):
    x = draw(family, (5, 400))
    result = quantize(x, bits, ORDER, is_weight=True)
    kind, alpha, scores = direct_choice(x, ORDER, bits, True, slow_table)
    assert result.kind == kind
    assert result.alpha.tolist() == alpha.tolist()
    assert list(result.mse_by_type.values()) == pytest.approx(
        [score / 5 for score in scores], rel=1e-9, abs=1e-14
    )


def test_long_activation_equals_direct_evaluation(slow_table):
    x = draw("laplace", (1, 300_000)).relu()
    kinds = ["int", "flint"]
    result = quantize(x, 4, kinds, is_weight=False)
    kind, alpha, _ = direct_choice(x, kinds, 4, False, slow_table)
    assert (result.kind, result.signed, result.alpha.tolist()) == (kind, False, alpha.tolist())


def test_which_type_fits_which_data():
    """The brief's finding: gaussian and uniform int, heavy tails flint, outliers pot."""
    shape = (1, 20_000)
    kinds = ["int", "pot", "flint"]
    found = {f: quantize(draw(f, shape), 4, kinds, is_weight=False).kind for f in
             ("uniform", "laplace", "lognormal")}  # fmt: skip
    assert found == {"uniform": "int", "laplace": "flint", "lognormal": "pot"}


def test_values_are_codes_times_scales():
    x = draw("student", (6, 50))
    result = quantize(x, 4, is_weight=True)
    again = result.integers().double() * result.scale[:, None]
    assert torch.equal(result.values(), again)
    mse = float((again - x.double()).square().mean())
    assert result.mse == pytest.approx(mse, rel=1e-12)
    assert result.mse_by_type[result.kind] == result.mse == min(result.mse_by_type.values())
    power = float(x.double().square().mean())
    assert result.snr_db == pytest.approx(10 * math.log10(power / mse), rel=1e-12)


def test_zero_channel_is_ignored():
    x = draw("lognormal", (5, 60))
    holed = torch.cat([x[:2], torch.zeros(1, 60), x[2:]])
    whole, result = quantize(x, 4, is_weight=True), quantize(holed, 4, is_weight=True)
    assert result.kind == whole.kind != "int"
    assert result.alpha.tolist() == [*whole.alpha[:2].tolist(), 1.0, *whole.alpha[2:].tolist()]
    assert not result.codes[2].any()
    assert torch.equal(result.codes[[0, 1, 3, 4, 5]], whole.codes)


@pytest.mark.parametrize("is_weight", [False, True])
def test_all_zero_tensor(is_weight):
    result = quantize(torch.zeros(3, 4), 4, is_weight=is_weight)
    assert (result.kind, result.mse, result.snr_db) == ("int", 0.0, math.inf)
    assert result.alpha.tolist() == [1.0] * (3 if is_weight else 1)
    assert not result.codes.any()


def test_first_type_wins_ties():
    exact = torch.tensor([[0.1, -0.1, 0.0], [0.7, 0.7, -0.7]])
    assert quantize(exact, 4, is_weight=True).kind == "int"
    assert quantize(exact, 4, "float,pot,flint", is_weight=True).kind == "flint"
    assert quantize(draw("lognormal", (2, 90)), 4, "float,pot", is_weight=True).kind == "pot"


def test_smallest_alpha_wins_ties():
    # 3/4 of the largest is on the int grid at 75: scale 0.75 / 7, and so is 1 at 100 and at 140.
    result = quantize(torch.tensor([[1.0, -1.0]]), 4, "int", is_weight=True)
    assert result.alpha.tolist() == [1.0]
    assert result.mse < 1e-30


def test_pathological_ties_use_direct_evaluation(slow_table):
    x = torch.tensor(list(itertools.product([-1.0, 0.5, 1.0], repeat=4)))
    result = quantize(x, 4, ORDER, is_weight=True)
    check_against_slow(x, result, ORDER, range(75, 150), slow_table)


@pytest.mark.parametrize(("beyond", "step"), [(-1e-10, 100), (1e-10, 140)])
def test_near_ties_are_told_apart(beyond, step):
    """1 is exact at 100 (7/7) and at 140 (5/5): a second number decides, by 1e-13 of the energy."""
    between = (1 / 7 + 0.2) / 2 + beyond
    x = torch.tensor([[1.0] * 200 + [between]], dtype=torch.float64)
    assert quantize(x, 4, "int", is_weight=True).alpha.tolist() == [step * 0.01]


def test_a_named_type_is_never_replaced():
    assert quantize(draw("gaussian", (2, 50)), 8, "flint", is_weight=True).kind == "flint"
    assert candidate_types(None, 8, True) == ("int",)
    assert candidate_types(None, 6, False) == ("int", "flint", "float")
    assert candidate_types("int,pot", 6, False, wide_pot=True) == ("int", "pot")


@pytest.mark.parametrize("bits", [7, 8])
def test_wide_pot_on_request(bits):
    x = torch.tensor([[1.0, 0.5, 0.25, -0.125, 2.0**-40]])
    result = quantize(x, bits, "pot", is_weight=True, wide_pot=True)
    assert result.mse < 1e-30


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_dtype_and_rank(dtype):
    x = draw("laplace", (6, 24)).to(dtype)
    flat = quantize(x, 4, is_weight=True)
    deep = quantize(x.reshape(6, 2, 3, 4), 4, is_weight=True)
    assert deep.codes.shape == (6, 2, 3, 4)
    assert torch.equal(deep.codes.flatten(), flat.codes.flatten())
    strided = quantize(x.t().contiguous().t(), 4, is_weight=True)
    assert torch.equal(strided.codes, flat.codes)


def test_unsigned_type_clamps_negative_data_with_a_warning():
    x = torch.tensor([-5.0, 1.0, 2.0])
    with pytest.warns(UserWarning, match=r"^acts: negative values become 0 in an unsigned type$"):
        result = quantize(x, 4, is_weight=False, signed=False, name="acts")
    assert result.codes[0] == 0
    assert not result.signed


def test_positive_activation_can_be_signed():
    assert quantize(torch.tensor([1.0, 2.0]), 4, is_weight=False, signed=True).signed


def test_progress_ends_at_one():
    shares: list[float] = []
    quantize(draw("gaussian", (300, 500)), 4, is_weight=True, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert len(shares) > 4


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([[1.0, NAN]], {}, r"fc must be finite, not nan at \[0, 1\]"),
        ([[1.0, 2.0], [INF, 0.0]], {}, r"fc must be finite, not inf at \[1, 0\]"),
        ([], {"is_weight": False}, r"fc must not be empty, not shape \(0,\)"),
        ([[]], {}, r"fc must not be empty, not shape \(1, 0\)"),
        (
            [1.0],
            {},
            r"fc must have 2 or more dimensions \(output channels first\), not shape \(1,\)",
        ),
        ([[1.0]], {"bits": 9}, r"bits must be an integer in 3\.\.8, not 9"),
        ([[1.0]], {"bits": 2}, r"bits must be an integer in 3\.\.8, not 2"),
        ([[1.0]], {"types": "int,int"}, r"types must be named once each, not 'int,int'"),
        ([[1.0]], {"signed": False}, r"signed must be true for the weight fc, not false"),
        ([[1.0]], {"search": (0, 5)}, r"search must be hundredths with .*, not 0\.\.5"),
        ([[1.0]], {"search": (80, 80)}, r"search must be hundredths with .*, not 80\.\.80"),
        ([[1.0]], {"bits": 8, "types": "pot"}, r"types must leave out pot at 7 magnitude bits .*"),
        (
            [1.0],
            {"bits": 8, "types": "pot", "is_weight": False, "wide_pot": True},
            r"pot must have at most 7 magnitude bits, not 8 \(.*\)",
        ),
    ],
)
def test_bad_input(x, options, message):
    settings_ = {"is_weight": True, "name": "fc", **options}
    with pytest.raises(InputError, match=f"^{message}$"):
        quantize(torch.tensor(x), **settings_)


def test_bad_dtype_and_magnitude():
    with pytest.raises(InputError, match=r"^fc must hold floating-point numbers, not torch.int64$"):
        quantize(torch.tensor([[1]]), 4, is_weight=True, name="fc")
    with pytest.raises(InputError, match=r"^fc must have magnitudes in .* in channel 1$"):
        huge = torch.tensor([[1.0], [1e300]], dtype=torch.float64)
        quantize(huge, 4, is_weight=True, name="fc")
