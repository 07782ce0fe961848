"""The model checker: ABC, which comes with pyosys, decides whether a claim can be broken.

For claims without state: SAT sweeping and rewriting in turn (``iprove``). For others first the
runs of a few cycles, which finds most mistakes, then property-directed reachability (``pdr``,
also known as IC3), which proves a claim for runs of any length by finding an invariant; where its
time is up, bounded model checking says up to which cycle the claim holds.

A. Bradley, "SAT-based model checking without unrolling" (VMCAI 2011); R. Brayton, A. Mishchenko,
"ABC: an academic industrial-strength verification tool" (CAV 2010).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import CheckFailed
from ..synthesis.yosys import abc_program
from .model import Model

__all__ = ["Answer", "decide"]

_SHORT_RUNS = 8
"""Cycles that are searched before a proof is tried."""


@dataclass(frozen=True)
class Answer:
    """What the checker says.

    Attributes
    ----------
    verdict
        ``bounded``: holds for ``depth`` cycles after reset; beyond, nobody knows.
    engine
        What found it.
    depth
        Cycles of reset and run: of the counterexample, of the bound, or of the frames in which the
        invariant was found.
    inputs
        Of a counterexample: inputs of each cycle, as bits. Registers begin with 0: those that do
        not have inputs of the circuit for their first values.
    """

    verdict: Literal["proved", "refuted", "bounded", "unknown"]
    engine: str
    depth: int
    inputs: Sequence[str] = ()


def decide(model: Model, bound: int | None, seconds: float) -> Answer:
    """Decide a claim for runs of any length, or of ``bound`` cycles after reset.

    Parameters
    ----------
    model
        The claim.
    bound
        None, or the cycles after reset that count.
    seconds
        Time after which the answer is ``bounded`` or ``unknown``.
    Raises
    ------
    CheckFailed
        If ABC fails, with its last line.
    """
    if not model.sequential:
        return _combinational(model, 1, seconds)
    if model.settle is not None:
        return _combinational(model, model.settle + 1, seconds)
    if bound is not None:
        return _bounded(model, bound + 1, seconds, "bmc")
    short = _bounded(model, _SHORT_RUNS, min(seconds, 10), "bmc")
    if short.verdict == "refuted":
        return short
    answer = _reachability(model, 0.8 * seconds)
    if answer.verdict != "unknown":
        return answer
    longer = _bounded(model, 200, 0.2 * seconds, "bmc")
    return longer if longer.depth >= short.depth else short


def _combinational(model: Model, frames: int, seconds: float) -> Answer:
    """Decide a claim on a circuit that is unrolled for so many cycles."""
    engine, unrolled = ("iprove", "") if frames == 1 else ("induction", f"frames -i -F {frames}; ")
    text, trace = _abc(model, f"{unrolled}orpos; strash; iprove", seconds)
    if "UNSATISFIABLE" in text or "Networks are equivalent" in text:
        return Answer("proved", engine, frames - 1)
    if trace is None:
        return Answer("unknown", engine, 0)
    bits = "".join(trace)
    width = len(bits) // frames
    cycles = [bits[at : at + width] for at in range(0, len(bits), width)]
    return Answer("refuted", engine, frames, cycles)


def _bounded(model: Model, frames: int, seconds: float, engine: str) -> Answer:
    text, trace = _abc(model, f"bmc3 -F {frames} -T {max(1, round(seconds))}", seconds + 10)
    if trace is not None:
        return Answer("refuted", engine, len(trace) - 1, trace[1:])
    done = re.search(r"No output asserted in (\d+) frames", text)
    depth = int(done[1]) if done else 0
    return Answer("bounded" if depth > 1 else "unknown", engine, max(0, depth - 1))


def _reachability(model: Model, seconds: float) -> Answer:
    limit = max(1, round(seconds))
    script = f"scorr; dc2; print_stats; pdr -T {limit}; print_status"
    text, trace = _abc(model, script, seconds + 10)
    if trace is not None:
        # The circuit may have lost all its registers on the way, and the trace its line for them.
        cycles = trace if re.search(r"lat = +0 ", text) else trace[1:]
        return Answer("refuted", "pdr", len(cycles), cycles)
    if re.search(r"lat = +0 +and = +0 ", text):
        # Simplified to nothing; a claim that is always broken would be so in the cycle of reset.
        return Answer("proved", "scorr", 1)
    status = re.search(r"Status = +(-?\d+) +Frames = +(-?\d+)", text)
    proved = status is not None and status[1] == "1"
    if proved or "Property proved" in text:
        return Answer("proved", "pdr", max(0, int(status[2])) if status else 0)
    return Answer("unknown", "pdr", 0)


def _abc(model: Model, script: str, seconds: float) -> tuple[str, list[str] | None]:
    """What ABC prints, and the counterexample if there is one: registers, then inputs by cycle.

    Of a claim without state, or unrolled, there are inputs alone.
    """
    folder = model.aiger.parent
    trace = folder / "trace.txt"
    trace.unlink(missing_ok=True)
    command = f"read_aiger {model.aiger.name}; {script}; write_cex -a {trace.name}"
    try:
        done = subprocess.run(
            [str(abc_program()), "-q", command],
            cwd=folder, capture_output=True, text=True, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", None
    text = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
    if done.returncode not in (0, 1) or "Reading AIG from file has failed" in text:
        last = text.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise CheckFailed(f"abc failed on {model.aiger}: {last[0]}")
    if not trace.exists():
        return text, None
    return text, [line for line in trace.read_text().splitlines() if line and set(line) <= {*"01"}]
