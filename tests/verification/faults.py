"""Designs that are wrong in one place, and what their testbench says of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewright.flows.simulation.cocotb_run import run_testbench
from gatewright.generators.artifacts import Build

__all__ = [
    "QUICK", "Fault", "change", "first_failure", "show", "spoil_collisions", "verdicts",
    "with_faults",
]  # fmt: skip

Fault = tuple[str, str, str, str]
"""What is wrong: an expression of the Verilog, a group of the pattern; what stands in its place,
where it is ``{0}``; the test that finds it, and what is told."""

QUICK = "icarus" if shutil.which("iverilog") else "verilator"
"""The simulator that builds soonest."""


def change(
    build: Build, pattern: str, new: str | Callable[[re.Match[str]], str]
) -> Build:
    """Replace one piece of the Verilog: the first that the pattern matches."""
    (source,) = build.verilog
    text, count = re.subn(pattern, new, source.read_text(), count=1, flags=re.DOTALL)
    assert count == 1, f"{pattern} must occur"
    source.write_text(text)
    return Build.load(build.folder)


def with_faults(build: Build, faults: Mapping[str, Fault]) -> Build:
    """Put all faults in; a file says which one shows, so that all have one model."""
    top = build.manifest.top
    build = change(
        build, rf"module {top} \(.*?\);\n",
        lambda match: f'{match[0]}reg [7:0] wrong [0:0];\ninitial $readmemh("wrong", wrong);\n',
    )
    for number, (pattern, new, _, _) in enumerate(faults.values(), 1):
        def chosen(match: re.Match[str], number: int = number, new: str = new) -> str:
            whole, (first, last) = match[0], match.span(1)
            before, after = whole[: first - match.start()], whole[last - match.start() :]
            wrong = f"{top}.wrong[0] == {number}"
            return f"{before}({wrong} ? {new.format(match[1])} : ({match[1]})){after}"

        build = change(build, pattern, chosen)
    (build.folder / "sim").mkdir()
    return build


_OPEN = r"\(\* no_rw_check \*\) reg (?:\[\d+:\d+\] )?(\w+) \["
_ADDRESS = r"((?:[^][]|\[[^][]*\])*)"
"""What may stand between brackets: names, numbers and their parts in brackets."""


def spoil_collisions(build: Build, when: str = "1'h1") -> int:
    """Invert each word that is read where it is written in the same cycle, ``when`` that is so.

    Only of memories that say that nobody looks at such words. Returns how many there are.
    """
    (source,) = build.verilog
    count = 0

    def spoilt(match: re.Match[str]) -> str:
        nonlocal count
        text = match[0]
        for memory in re.findall(_OPEN, text):
            writes = re.findall(
                rf"if \((.*)\)\s+{memory}\[{_ADDRESS}\](?:\[\d+:\d+\])? <=", text
            )
            read = re.search(rf"<= {memory}\[{_ADDRESS}\];", text)
            assert writes and read, f"{match[1]}.{memory} must be written and read"
            hit = " || ".join(f"(({enable}) && ({at}) == ({read[1]}))" for enable, at in writes)
            word = f"{memory}[{read[1]}]"
            text = text.replace(read[0], f"<= ({when}) && ({hit}) ? ~{word} : {word};")
            count += 1
        return text

    text = re.sub(r"^module (\w+).*?^endmodule", spoilt, source.read_text(), flags=re.M | re.S)
    source.write_text(text)
    return count


def show(build: Build, number: int) -> Path:
    """Let one of the faults show, counted from 1, or none (0); return the folder to run in."""
    folder = build.folder / "sim"
    (folder / "wrong").write_text(f"{number:x}")
    return folder


def verdicts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The tests of a report, each with its verdict."""
    return [(test["name"], test["verdict"]) for test in report["tests"]]


def first_failure(
    build: Build, *, only: Sequence[str] = (), seed: int = 0, simulator: str = QUICK
) -> tuple[str, str]:
    """The name of the first test that fails, and what its bench and the test tell of it.

    `simulate` tells the same as a story, but runs twice: the second time for a waveform.
    """
    module = build.manifest.testbench
    assert module is not None
    run = run_testbench(build, simulator, module, build.folder / "sim", seed=seed, only=only)
    failed = [test for test in run.tests if test.verdict == "fail"]
    assert failed, "a test must fail"
    records = [each for each in run.records if each["test"] == failed[0].name and each["failure"]]
    told = [failed[0].message]
    for record in records:
        operands = record["failure"].get("operands") or {}
        told += [record["failure"]["what"], *(f"{name} = {x}" for name, x in operands.items())]
    return failed[0].name, "\n".join(told)
