"""gatewright salo: schedule, search and run, and every way to ask them wrongly."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from gatewright.cli.salo_pattern import read_pattern
from gatewright.errors import InputError
from gatewright.generators.salo.importers.hugging_face import from_bigbird, from_longformer
from gatewright.generators.salo.importers.vision import from_swin, from_vil
from gatewright.generators.salo.program import read_program
from gatewright.generators.salo.shape import ArrayShape
from gatewright.golden.salo.formats import HW8, HW12

from .conftest import Gatewright

WINDOW = """
queries: 40
terms:
  - band: {lo: -3, hi: 3}
  - global_cols: [0]
  - global_rows: [0]
"""
SMALL = ("--rows", "8", "--cols", "8", "--dk", "8")
DESCRIPTIONS = {
    "step": ("{lo: 0, hi: 3, step: 0}", r"step must be at least 1, not 0"),
    "ends": ("{lo: 4, hi: 3}", r"lo must be at most hi = 3, not 4"),
    "typo": ("{low: 4, hi: 3}", r"band must be of lo, hi, step, not 'low'"),
    "text": ("{lo: a, hi: 3}", r"lo must be a whole number, not 'a'"),
}


@pytest.fixture
def files(gatewright: Gatewright) -> Path:
    """Patterns, masks and operands, in the folder where commands run."""
    Path("window.yaml").write_text(WINDOW)
    Path("window.json").write_text(
        '{"queries": 40, "terms": [{"band": {"lo": -3, "hi": 3}}, {"global_cols": [0]}, '
        '{"global_rows": [0]}]}'
    )
    Path("long.yaml").write_text("queries: 65537\nterms: [{band: {lo: 0, hi: 3}}]")
    Path("index.yaml").write_text("queries: 40\nterms: [{global_cols: [40]}]")
    Path("list.yaml").write_text("- 1\n")
    Path("empty.yaml").write_text("")
    for name, (band, _) in DESCRIPTIONS.items():
        Path(f"{name}.yaml").write_text(f"queries: 40\nterms: [{{band: {band}}}]")
    mask = read_pattern("window.yaml").block(0, 40)
    np.save("mask.npy", mask)
    np.save("bias.npy", np.where(mask, 0.0, -np.inf))
    np.save("cube.npy", np.zeros((2, 4, 4), np.bool_))
    torch.save(torch.from_numpy(mask), "mask.pt")
    torch.save({"mask": mask.tolist()}, "dict.pt")
    Path("damaged.npy").write_bytes(Path("mask.npy").read_bytes()[:60])
    Path("damaged.pt").write_bytes(b"PK\3\4")
    Path("longformer.json").write_text('{"attention_window": [8, 4]}')
    Path("odd.json").write_text('{"attention_window": 7}')
    Path("bias.json").write_text(
        '{"attention_window": 8, "position_embedding_type": "relative_key"}'
    )
    Path("bigbird.json").write_text('{"block_size": 4, "num_random_blocks": 1}')
    random = np.random.default_rng(0)
    for name in ("q", "k", "v", "gq", "gk", "gv"):
        np.save(f"{name}.npy", random.standard_normal((2, 40, 8)).astype(np.float32))
    np.save("flat.npy", random.standard_normal((40, 8)).astype(np.float32))
    np.save("short.npy", random.standard_normal((2, 39, 8)))
    np.save("three.npy", random.standard_normal((3, 40, 8)))
    np.save("wide.npy", random.standard_normal((2, 40, 257)))
    np.save("whole.npy", np.zeros((2, 40, 8), np.int64))
    wrong = random.standard_normal((2, 40, 8))
    wrong[1, 2, 3] = np.nan
    np.save("nan.npy", wrong)
    wrong[1, 2, 3] = np.inf
    np.save("inf.npy", wrong)
    Path("program.bin").write_bytes(b"SALT")
    return Path()


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("mask", r"PATTERN must be a file \(\.yaml, .*\) or one of longformer:.*, not 'mask'"),
        ("longfromer:x.json", r"PATTERN must be .*; did you mean 'longformer'\?"),
        ("nowhere.yaml", r"nowhere\.yaml: must be a readable file: No such file or directory"),
        ("nowhere.npy", r"nowhere\.npy must be a readable file: No such file or directory"),
        ("nowhere.pt", r"nowhere\.pt must be a readable file: No such file or directory"),
        ("list.yaml", r"list\.yaml must be a mapping, not list"),
        ("empty.yaml", r"empty\.yaml must be a mapping, not NoneType"),
        *((f"{name}.yaml", line) for name, (_, line) in DESCRIPTIONS.items()),
        ("long.yaml", r"queries must be a whole number from 1 to 65536, not 65537"),
        ("index.yaml", r"global_cols must be from 0 to 39, not 40"),
        ("bias.npy", r"mask must be boolean \(a bias is not supported\), not float64"),
        ("cube.npy", r"mask must be one matrix \[queries, keys\], not of shape \[2, 4, 4\]"),
        ("damaged.npy", r"damaged\.npy must hold one boolean array, and cannot be read as one .*"),
        ("damaged.pt", r"damaged\.pt must hold one boolean tensor, and cannot be read as one .*"),
        ("dict.pt", r"dict\.pt must hold one boolean tensor, not a value of type dict"),
        ("longformer:", r"longformer must be followed by a config\.json, not ''"),
        ("longformer:tokens=9", r"longformer must be followed by a config\.json, not 'tokens=9'"),
        ("longformer:longformer.json", r"tokens must be given: tokens=NUMBER"),
        ("longformer:longformer.json,tokens=many", r"tokens must be a whole number, not 'many'"),
        ("longformer:longformer.json,tokens=0", r"tokens must be a whole .* 1 to 65536, not 0"),
        ("longformer:longformer.json,tokens=99999999,globals=0", r"tokens must be .* not 99999999"),
        ("longformer:longformer.json,tokens=40,seed=1", r"parameters of longformer must be .*"),
        ("longformer:longformer.json,tokens=40,tokens=41", r"tokens must be given once, .*"),
        ("longformer:longformer.json,tokens=40,layer=2", r"layer must be .* 0 to 1, not 2"),
        ("longformer:longformer.json,tokens=40,globals=40", r"globals must be .* 0 to 39, not 40"),
        ("longformer:longformer.json,tokens=40,globals=7-5", r"globals must ascend, not '7-5'"),
        ("longformer:longformer.json,tokens=40,globals=-5", r"globals must be a whole .* not ''"),
        ("longformer:odd.json,tokens=40", r"attention_window must be positive and even, not 7"),
        ("longformer:bias.json,tokens=40", r"position_embedding_type must be absolute .*"),
        ("bigbird:bigbird.json,tokens=99", r"seed must be given for random blocks .*"),
        ("vil:28,window=15", r"grid must be HEIGHTxWIDTH in tokens, not '28'"),
        ("vil:28x28,window=14", r"rows must be positive and odd, not 14"),
        ("vil:28xa,window=15", r"width of the grid must be a whole number, not 'a'"),
        ("vil:28x28", r"window must be given: window=NUMBER"),
        ("swin:28x28,window=5", r"height must be a multiple of window = 5, not 28"),
    ],
)
def test_bad_patterns(gatewright: Gatewright, files: Path, pattern: str, line: str) -> None:
    before = sorted(files.iterdir())
    ended = gatewright("salo", "schedule", pattern, "-o", "out", "--quiet")
    assert ended.code == 2
    assert re.fullmatch(f"error: {line}", ended.error), ended.error
    assert sorted(files.iterdir()) == before


def test_patterns_of_all_kinds(files: Path) -> None:
    mask = read_pattern("window.yaml").block(0, 40)
    for name in ("window.json", "mask.npy", "mask.pt"):
        assert (read_pattern(name).block(0, 40) == mask).all(), name
    chosen = [1, 0, 1, 1, *[0] * 36]
    config = {"attention_window": [8, 4]}
    for text, pattern in (
        ("longformer:longformer.json,tokens=40", from_longformer(config, 40)),
        ("longformer:longformer.json,tokens=40,layer=1,globals=0+2-3",
         from_longformer(config, 40, layer=1, global_attention_mask=chosen)),
        ("bigbird:bigbird.json,tokens=41,seed=5",
         from_bigbird({"block_size": 4, "num_random_blocks": 1}, 41, seed=5)),
        ("vil:7x6,window=3", from_vil(7, 6, 3)),
        ("vil:7x6,window=5,globals=0", from_vil(7, 6, 5, 0)),
        ("swin:6x9,window=3,shift=1", from_swin(6, 9, 3, 1)),
    ):  # fmt: skip
        read = read_pattern(text)
        assert (read.queries, read.keys) == (pattern.queries, pattern.keys)
        assert (read.block(0, read.queries) == pattern.block(0, pattern.queries)).all(), text


def test_a_pattern_file_runs_no_code(files: Path) -> None:
    class Evil:
        def __reduce__(self):
            return Path.touch, (Path("touched"),)

    torch.save(Evil(), "evil.pt")
    with pytest.raises(InputError, match=r"evil\.pt must hold one boolean tensor"):
        read_pattern("evil.pt")
    assert not Path("touched").exists()


def test_schedule_tells_and_writes(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright("salo", "schedule", "window.yaml", *SMALL, "--segments", "2", "-o", "out")
    assert ended.code == 0
    report = json.loads(Path("out/report.json").read_text())
    assert f"each of {report['allowed']:,} allowed pairs computed once, no other pair" in ended.out
    assert re.search(
        rf"^{report['tiles']} +5 +{report['cycles']:,} +{report['bound']} +[\d.]+%", ended.out,
        re.MULTILINE,
    ), ended.out  # fmt: skip
    assert "certificate: 100 %" in ended.err
    assert report["cycles"] == report["tiles"] * 18 + 8
    assert report["certificate"] == {"pairs": report["allowed"], "tiles": report["tiles"]}
    shape = ArrayShape(8, 8, 2)
    data = Path("out/program.bin").read_bytes()
    program = read_program(data, shape=shape, numbers=HW8)
    assert (len(program.tiles), program.dk, program.dv) == (report["tiles"], 8, 8)
    assert (program.shift, len(data)) == (12, report["program_bytes"])
    assert Path("out/mask.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "mask.png", "program.bin", "report.json",
    ]  # fmt: skip


def test_schedule_as_json_and_quiet(gatewright: Gatewright, files: Path) -> None:
    arguments = ["salo", "schedule", "mask.npy", *SMALL, "--dv", "16", "--picture", "mask.svg"]
    ended = gatewright(*arguments, "--json", "--quiet")
    told = json.loads(ended.out)
    assert (ended.code, ended.err, told["picture"]) == (0, "", "mask.svg")
    assert (told["dk"], told["dv"], told["array"]["rows"]) == (8, 16, 8)
    assert "<svg" in Path("mask.svg").read_text()
    assert gatewright(*arguments, "--quiet").out == ""


def test_private_riders_and_hw12(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright(
        "salo", "schedule", "window.yaml", *SMALL, "--global-row-kv", "private", "--numbers",
        "hw12", "--shift", "9", "-o", "out", "-q",
    )  # fmt: skip
    assert ended.code == 0
    program = read_program(Path("out/program.bin").read_bytes(), numbers=HW12)
    assert (program.tiles.shape.global_row_kv, program.shift) == ("private", 9)


def test_a_warning_of_logits_that_may_saturate(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright("salo", "schedule", "window.yaml", *SMALL, "--shift", "7", "-o", "out", "-q")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "warning: logits may reach 1009 octaves at shift 7, and saturate beyond 511 (exp_bits 10)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["schedule"], r"missing argument 'PATTERN'"),
        (["schedule", "mask.npy", "--segments", "3"], r"segments must be a divisor of cols .*"),
        (["schedule", "mask.npy", "--rows", "129"], r"rows must be .* from 1 to 128, not 129"),
        (["schedule", "mask.npy", "--gather", "-1"], r"gather must be .* from 0 to 8, not -1"),
        (["schedule", "mask.npy", "--global-rows", "5"], r"global_rows must be .*, not 5"),
        (["schedule", "mask.npy", "--global-row-kv", "own"], r"invalid value for .*'private'.*"),
        (["schedule", "mask.npy", "--dk", "257"], r"dk must be .* from 1 to 256, not 257"),
        (["schedule", "mask.npy", "--dv", "0"], r"dv must be .* from 1 to 256, not 0"),
        (["schedule", "mask.npy", "--shift", "32"], r"invalid value for '--shift': .*"),
        (["schedule", "mask.npy", "--numbers", "hw9"], r"invalid value for '--numbers': .*"),
        (["schedule", "mask.npy", "--picture", "x.pdf"], r"picture must end in .*, not 'x.pdf'"),
        (["schedule", "mask.npy", "-o", "mask.pt"], r"out must be a folder, not the file .*"),
        (["schedule", "window.yaml", "--global-rows", "0", "--global-row-kv", "private"],
         r"global_rows must be at least 1 .*"),
        (["search", "mask.npy"], r"missing option '--multipliers'"),
        (["search", "mask.npy", "--multipliers", "3"], r"invalid value for '--multipliers': .*"),
        (["search", "nowhere.npy", "--multipliers", "64"], r"nowhere\.npy must be a readable .*"),
        (["schedul", "mask.npy"], r"command must be one of schedule, search, run, not 'schedul'.*"),
    ],
)  # fmt: skip
def test_bad_options(gatewright: Gatewright, files: Path, arguments: list[str], line: str) -> None:
    before = sorted(files.iterdir())
    ended = gatewright("salo", *arguments, "--quiet")
    assert ended.code == 2
    assert re.fullmatch(f"error: {line}", ended.error), ended.error
    assert sorted(files.iterdir()) == before


def test_search(gatewright: Gatewright, files: Path) -> None:
    arguments = ["salo", "search", "window.yaml", "--multipliers", "40", "--dk", "8"]
    told = json.loads(gatewright(*arguments, "-o", "out", "--json", "--quiet").out)
    best, *others = told["shapes"]
    assert told["budget"] == 40 and others
    assert all(shape["multipliers"] <= 40 for shape in told["shapes"])
    assert all(best["cycles"] <= shape["cycles"] for shape in others)
    assert told["cycles"] == best["cycles"]
    shape = read_program(Path("out/program.bin").read_bytes()).tiles.shape
    assert (shape.rows, shape.cols, shape.multipliers) == (
        best["rows"], best["cols"], best["multipliers"],
    )  # fmt: skip
    table = gatewright(*arguments).out
    assert re.search(rf"^\* +{best['rows']} +{best['cols']} +", table, re.MULTILINE), table
    assert "* chosen:" in table


RUN = ("--pattern", "window.yaml", "--rows", "8", "--cols", "8")


def test_run_compares_with_torch(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright("salo", "run", "q.npy", "k.npy", "v.npy", *RUN, "-o", "out")
    assert ended.code == 0
    assert ended.out.startswith("ran: the golden model of the machine, bit-exact; ")
    told = json.loads(Path("out/report.json").read_text())
    assert "golden model" in told["ran"] and "no RTL" in told["ran"]
    q, k, v = (torch.from_numpy(np.load(f"{name}.npy")).double() for name in "qkv")
    mask = torch.from_numpy(np.load("mask.npy"))
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    given = torch.from_numpy(np.load("out/outputs.npy")).double()
    assert told["error"] == pytest.approx(float((given - wanted).norm() / wanted.norm()), rel=1e-4)
    assert told["error"] < 0.05 and told["datapath_error"] < 0.004
    assert f"{told['error']:.4%}" in ended.out and f"{told['datapath_error']:.4%}" in ended.out
    assert told["cycles"] == told["tiles"] * 18 + 8
    assert (told["heads"], told["tiles"] % 2) == (2, 0)


def test_run_of_a_written_program(gatewright: Gatewright, files: Path) -> None:
    first = gatewright("salo", "run", "q.npy", "k.npy", "v.npy", *RUN, "-o", "out", "--json", "-q")
    arguments = ["salo", "run", "q.npy", "k.npy", "v.npy", "--program", "out/program.bin"]
    again = gatewright(*arguments, *RUN, "--json", "-q")
    assert json.loads(again.out) == json.loads(first.out)
    ended = gatewright(*arguments, "--pattern", "window.yaml")
    assert (ended.code, ended.error) == (
        2, "error: rows of the program must be 32 for this array, not 8",
    )  # fmt: skip
    ended = gatewright(*arguments, *RUN, "--numbers", "hw12")
    assert ended.code == 2 and "mantissa_bits of the program must be 13" in ended.error
    ended = gatewright(
        "salo", "run", "short.npy", "k.npy", "v.npy", "--program", "out/program.bin", *RUN
    )
    assert (ended.code, ended.error) == (
        2, "error: Q must have the 40 tokens of the pattern, not 39",
    )  # fmt: skip
    np.save("other.npy", ~np.load("mask.npy"))
    ended = gatewright(*arguments, *RUN[2:], "--pattern", "other.npy", "--quiet")
    assert (ended.code, ended.error) == (
        1, "failed: pair (query 1, key 5) is allowed and nowhere",
    )  # fmt: skip


def test_run_of_one_head_and_of_private_riders(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright("salo", "run", "flat.npy", "flat.npy", "flat.npy", *RUN, "--json", "-q")
    assert json.loads(ended.out)["heads"] == 1
    private = [*RUN, "--global-row-kv", "private", "--json", "-q"]
    own = ["--global-q", "gq.npy", "--global-k", "gk.npy", "--global-v", "gv.npy"]
    told = [
        json.loads(gatewright("salo", "run", "q.npy", "k.npy", "v.npy", *private, *more).out)
        for more in ([], own)
    ]
    assert all(each["error"] < 0.05 for each in told)
    assert told[0]["error"] != told[1]["error"]


TINY = ("q.npy", "k.npy", "v.npy", "--pattern", "window.yaml", "--rows", "4", "--cols", "4")


@pytest.mark.thorough
def test_run_of_the_verilog(gatewright: Gatewright, files: Path) -> None:
    rtl = ("salo", "run", *TINY, "--sim", "rtl", "--build", "engine")
    told = json.loads(gatewright(*rtl, "-o", "out", "--json", "-q").out)
    assert told["ran"] == "RTL, equal to the golden model of the machine"
    assert told == json.loads(Path("out/report.json").read_text())
    figures = told["rtl"]
    assert (figures["build"], figures["heads"], figures["outputs"]) == ("engine", 2, 2 * 40 * 8)
    assert figures["due"] == told["tiles"] // 2 * 18 + 4 <= figures["cycles"]
    assert figures["simulated"] > 2 * figures["cycles"] and figures["rate"] > 0
    model = json.loads(gatewright("salo", "run", *TINY, "-o", "model", "--json", "-q").out)
    assert model["rtl"] is None
    assert {**model, "rtl": figures, "ran": told["ran"]} == told
    assert Path("out/outputs.npy").read_bytes() == Path("model/outputs.npy").read_bytes()
    ended = gatewright(*rtl)
    assert ended.code == 0
    assert re.match(
        rf"ran: the Verilog of engine: 640 outputs equal to the golden model's; "
        rf"{figures['cycles']:,} cycles a head, {figures['due']:,} due", ended.out,
    ), ended.out  # fmt: skip


def test_runs_that_no_engine_can_do(gatewright: Gatewright, files: Path) -> None:
    sizes = [f"-p{size}" for size in ("rows=4", "cols=4", "dk_max=8", "dv_max=8")]
    assert gatewright("emit", "salo", *sizes, "-o", "engine", "-q").code == 0
    before = sorted(files.rglob("*"))
    rtl = ("--sim", "rtl", "--build", "engine", "-q")
    for arguments, line in (
        ((*TINY, "--build", "engine"), r"sim must be rtl for --build, not model"),
        ((*TINY, "--build", "new"), r"sim must be rtl for --build, not model"),
        ((*TINY, *rtl, "--rows", "8"), r"program must be for ArrayShape\(rows=4, .* not .*=8, .*"),
        ((*TINY, *rtl, "--numbers", "hw12"), r"program must be for Format\(.* not Format\(.*"),
        ((*TINY, *rtl[:3], "q.npy", "-q"), r".*q\.npy.*"),
        (("q.npy", "k.npy", "v.npy", *RUN[:2], "--sim", "rtl", "-q"),
         r"dk \+ dv \+ 2 must be in 33 to 65536 for this engine, not 18"),
    ):  # fmt: skip
        ended = gatewright("salo", "run", *arguments)
        assert ended.code == 2
        assert re.fullmatch(f"error: {line}", ended.error), ended.error
        assert sorted(files.rglob("*")) == before


def test_the_model_runs_short_heads_on_any_array(gatewright: Gatewright, files: Path) -> None:
    ended = gatewright("salo", "run", "q.npy", "k.npy", "v.npy", *RUN[:2], "--json", "-q")
    assert json.loads(ended.out)["array"]["rows"] == 32


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["q.npy", "k.npy"], r"missing argument 'V\.npy'"),
        (["nowhere.npy", "k.npy", "v.npy"], r"nowhere\.npy must be .*"),
        (["mask.npy", "k.npy", "v.npy"], r"mask\.npy must hold float16, .*, not bool"),
        (["whole.npy", "k.npy", "v.npy"], r"whole\.npy must hold float16, .*, not int64"),
        (["damaged.npy", "k.npy", "v.npy"], r"damaged\.npy must be .*"),
        (["short.npy", "k.npy", "v.npy"], r"Q must have the 40 tokens of the pattern, not 39"),
        (["q.npy", "k.npy", "short.npy"], r"V must have the 40 tokens of the pattern, not 39"),
        (["q.npy", "three.npy", "v.npy"], r"k must be \[2, keys, 8\], not \[3, 40, 8\]"),
        (["wide.npy", "wide.npy", "v.npy"], r"dk must be .* 1 to 256, not 257"),
        (["nan.npy", "k.npy", "v.npy"], r"q must be 0 or .* not nan at \[1, 2, 3\]"),
        (["q.npy", "inf.npy", "v.npy"], r"k must be 0 or .* not inf at \[1, 2, 3\]"),
        (["q.npy", "k.npy", "v.npy", "--scale", "0"], r"scale must be a positive number, not 0"),
        (["q.npy", "k.npy", "v.npy", "--scale", "nan"], r"scale must be a positive .* not nan"),
        (["q.npy", "k.npy", "v.npy", "--scale", "1e9"], r"logits must be such that .*"),
        (["q.npy", "k.npy", "v.npy", "--program", "program.bin"], r"program must start with .*"),
        (["q.npy", "k.npy", "v.npy", "--program", "none.bin"], r"none\.bin: No such file .*"),
        (["q.npy", "k.npy", "v.npy", "--global-q", "gq.npy"],
         r"global-q, global-k and global-v must be given together, not only gq\.npy"),
        (["q.npy", "k.npy", "v.npy", "--global-q", "gq.npy", "--global-k", "gk.npy",
          "--global-v", "gv.npy"], r"global-row-kv must be private for --global-q, not shared"),
        (["q.npy", "k.npy", "v.npy", "--global-row-kv", "private", "--global-q", "gq.npy",
          "--global-k", "short.npy", "--global-v", "gv.npy"],
         r"global k must be \[2, 40, 8\] like k, not \[2, 39, 8\]|k must be .*|v must be .*"),
    ],
)  # fmt: skip
def test_bad_runs(gatewright: Gatewright, files: Path, arguments: list[str], line: str) -> None:
    before = sorted(files.iterdir())
    ended = gatewright("salo", "run", *arguments, *RUN, "-o", "out", "--quiet")
    assert ended.code == 2
    assert re.fullmatch(f"error: ({line})", ended.error), ended.error
    assert sorted(files.iterdir()) == before
