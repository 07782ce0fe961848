"""gatewright tpe: products on simulated engines, digit counts, and every way to ask wrongly."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.generators.artifacts import Build
from gatewright.generators.tpe.workload import cut
from gatewright.golden.tpe.statistics import digit_statistics
from gatewright.verification.tpe.stimulus import Design

from .conftest import Gatewright

SMALL = ["-p", "rows=2", "-p", "cols=2"]


@pytest.fixture
def files(gatewright: Gatewright) -> dict[str, np.ndarray]:
    """Matrices in the folder of the test: B has far fewer digits than A."""
    rng = np.random.default_rng(1)
    a = rng.integers(-128, 128, (5, 9)).astype(np.int8)
    b = rng.integers(-40, 41, (9, 3)).astype(np.int8)
    matrices = {
        "A": a, "B": b, "C": rng.integers(-99, 99, (5, 3)), "float": np.ones((9, 3)),
        "pixels": rng.integers(0, 256, (9, 3)).astype(np.uint8), "row": np.ones(9, np.int8),
        "empty": np.ones((9, 0), np.int8), "huge": np.full((9, 3), 2**64 - 1, np.uint64),
        "words": np.array([["a"]]), "large": np.full((5, 3), 1 << 31),
    }  # fmt: skip
    for name, matrix in matrices.items():
        np.save(f"{name}.npy", matrix)
    Path("cut.npy").write_bytes(Path("A.npy").read_bytes()[:-1])
    Path("text.npy").write_text("1 2 3")
    return matrices


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("run A.npy", r"missing argument 'B.npy'"),
        ("run A.npy none.npy", r"none.npy must be a readable .npy file: No such file .*"),
        ("run A.npy text.npy", r"text.npy must be a .npy file of integers: .*"),
        ("run cut.npy B.npy", r"cut.npy must be a .npy file of integers: .*"),
        ("run A.npy float.npy", r"float.npy must hold integers, not float64"),
        ("run A.npy words.npy", r"words.npy must hold integers, not <U1"),
        ("run A.npy huge.npy", r"huge.npy must hold numbers below 2\^63, not 18446744073709551615"),
        ("run A.npy row.npy", r"row.npy must be a matrix of at least 1 x 1, not \[9\]"),
        ("run A.npy empty.npy", r"empty.npy must be a matrix of at least 1 x 1, not \[9, 0\]"),
        ("run A.npy A.npy", r"A.npy and A.npy must be \[M, K\] and \[K, N\], not \[5, 9\] and "
         r"\[5, 9\]"),
        ("run A.npy pixels.npy", r"pixels.npy must be -128..127, not \d+ at \[\d, \d\] \(b_width = "
         r"8, signed: see b_width and b_signed\)"),
        ("run A.npy B.npy -p a_signed=false", r"A.npy must be 0..255, not -\d+ at .* \(a_width = 8,"
         r" unsigned: see a_width and a_signed\)"),
        ("run A.npy B.npy --plus C.npy", r"c_input must be true for --plus, not false"),
        ("run A.npy B.npy --plus A.npy -p c_input=true", r"A.npy must be \[5, 3\], not \[5, 9\]"),
        ("run A.npy B.npy --plus large.npy -p c_input=true", r"large.npy must be "
         r"-2147483648..2147483647, not 2147483648"),
        ("run A.npy B.npy --auto -p array=cube", r"array must be digit_serial for --auto, not "
         r"'cube'"),
        ("run A.npy B.npy --auto -p encoding=naf", r"encoding must be left out for --auto, not "
         r"'naf'"),
        ("run A.npy B.npy -o C.txt", r"out must end in .npy, not 'C.txt'"),
        ("run A.npy B.npy -p rows=0", r"-p: rows must be an integer from 1 to 256 or null, not 0"),
        ("run A.npy B.npy -c no.yaml", r".*no.yaml.*"),
        ("stream A.npy -p source=digits", r"source must be stream to take streams, not 'digits'"),
        ("stream A.npy -p array=cube", r"-p: source must be left out for cube .*, not 'stream'"),
        ("stream pixels.npy", r"pixels.npy must be -128..127, not .*"),
        ("digits A.npy --width 33", r"width must be an integer in 2..32, not 33"),
        ("digits A.npy --width 4", r"A.npy must be -8..7, not .*"),
        ("digits float.npy", r"float.npy must hold integers, not float64"),
        ("multiply A.npy", r"command must be one of run, stream, digits, not 'multiply'"),
    ],
)
def test_bad_input(
    gatewright: Gatewright, files: dict[str, np.ndarray], arguments: str, line: str
) -> None:
    before = sorted(Path().iterdir())
    ended = gatewright("tpe", *arguments.split())
    assert ended.code == 2
    assert re.fullmatch(f"error: {line}", ended.error), ended.error
    assert sorted(Path().iterdir()) == before


def test_a_product(gatewright: Gatewright, files: dict[str, np.ndarray]) -> None:
    arguments = ["tpe", "run", "A.npy", "B.npy", *SMALL, "-p", "level=behavioural"]
    ended = gatewright(*arguments, "-o", "deep/product.npy", "--build", "engine")
    assert ended.code == 0, ended.err
    product = np.load("deep/product.npy")
    assert product.dtype == np.int32
    np.testing.assert_array_equal(product, files["A"].astype(int) @ files["B"])
    manifest = Build.load(Path("engine")).manifest
    assert "5 x 3, the same by golden model and torch" in ended.out
    assert re.search(r"^cycles: 60 for 135 products \(2\.25 per cycle\)", ended.out, re.M)
    assert "rows wait" not in ended.out and "outside" not in ended.out
    told = json.loads(gatewright(*arguments, "--json", "--quiet").out)
    assert told["config"] == manifest.config
    assert (told["m"], told["k"], told["n"], told["products"]) == (5, 9, 3, 135)
    assert told["cycles"] == told["simulated_cycles"] and told["equal_to"][0] == "golden model"
    assert told["utilisation"] == pytest.approx(135 / told["cycles"] / 4)
    assert told["candidates"] is None and told["encoded"] == "a"
    assert Path("C.npy").exists() and Path(told["build"]).parent == Path("build")


@pytest.mark.thorough
def test_the_operand_with_fewer_digits_is_encoded(
    gatewright: Gatewright, files: dict[str, np.ndarray]
) -> None:
    arguments = [
        "tpe", "run", "A.npy", "B.npy", "--auto", *SMALL, "-p", "lanes=2", "-p", "group=2",
        "-p", "minimum=0", "-p", "depth=8", "-p", "c_input=true", "--plus", "C.npy",
        "-o", "product.npy",
    ]  # fmt: skip
    ended = gatewright(*arguments)
    assert ended.code == 0, ended.err
    want = files["A"].astype(int) @ files["B"] + files["C"]
    np.testing.assert_array_equal(np.load("product.npy"), want)
    assert "Choices, best first" in ended.out
    assert re.search(r"^rows wait for others: [\d.]+%, [\d.]+% of the steps", ended.out, re.M)
    assert re.search(r"^barrier cost: [\d.]+ cycles, [\d.]+% of the steps", ended.out, re.M)
    told = json.loads(gatewright(*arguments, "--json", "-q").out)
    assert told["encoded"] == "b" and told["passes"] == 2 and told["additions_outside"] == 0
    assert [row["cycles"] for row in told["candidates"]] == sorted(
        row["cycles"] for row in told["candidates"]
    )
    assert told["config"]["encoding"] == told["candidates"][0]["encoding"]
    assert len(told["row_imbalance"]) == 2 and told["barrier_cost"] > 0


def test_streams_of_a_constant_matrix(
    gatewright: Gatewright, files: dict[str, np.ndarray]
) -> None:
    """What the files hold goes into the emitted engine as it is, and gives the product."""
    arguments = ["-p", "lanes=2", "-p", "group=2", "-p", "depth=4", *SMALL]
    ended = gatewright("tpe", "stream", "A.npy", *arguments, "-o", "engine", "--json", "-q")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    build = Build.load(Path("engine"))
    design = Design.of(build.manifest)
    a, b = files["A"].astype(np.int64), files["B"].astype(np.int64)[:, :2]
    tiles = cut(design.engine, a, b)
    counts = np.load("engine/tiles.npy")
    assert counts.shape == (len(tiles), 2) == (told["tiles"], told["rows"])
    assert counts.sum() == told["beats"] and counts.max(axis=1).sum() == told["cycles"]
    beats = {f"digits__{row}": np.load(f"engine/digits__{row}.npy") for row in range(2)}
    assert [len(each) for each in beats.values()] == counts.sum(axis=0).tolist()
    beats["i"] = design.beats(tiles)["i"]
    outcome = BatchedModel(build).run_streams(beats, {"o": 2 * len(tiles)})
    np.testing.assert_array_equal(outcome.outputs["o"], design.result_beats(tiles))
    shown = gatewright("tpe", "stream", "A.npy", *arguments).out
    assert re.search(rf"^streams: 2 of \d+ bits in build/tpe-\w+, {told['beats']} beats", shown)


def test_digits(gatewright: Gatewright, files: dict[str, np.ndarray]) -> None:
    told = json.loads(gatewright("tpe", "digits", "pixels.npy", "--unsigned", "--json").out)
    assert [each["encoding"] for each in told] == ["booth", "ent", "naf", "bits", "sign_magnitude"]
    for each in told:
        truth = digit_statistics(files["pixels"], each["encoding"], 8, False)
        assert each["mean"] == truth.mean and each["histogram"] == list(truth.histogram)
        assert sum(each["by_weight"]) == truth.digits and each["digits"] == len(each["by_weight"])
    table = gatewright("tpe", "digits", "A.npy").out
    assert re.search(r"^naf +\d\.\d{3} +\d", table, re.M) and "A.npy: 5 x 9" in table
