"""Replaying what was seen at a design's ports to its gates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...errors import CheckFailed, InputError
from ...generators.artifacts import Build, Manifest, write_text
from ..simulation.cocotb_build import simulator_version
from ..simulation.cocotb_run import run_testbench
from .vcd import read_head

__all__ = ["replay", "samples"]

_BENCH = "gatewright.flows.power.replay_bench"
STIMULUS = "GATEWRIGHT_STIMULUS"
"""The variable that tells the bench its file."""


def replay(gates: Build, dump: Path, out: Path) -> dict[str, Any]:
    """Drive the gates as a dump of the design's ports tells, and compare what comes out.

    Returns
    -------
    dict
        ``folder`` and ``waves`` of the new dump, ``beats`` of each stream, ``tools``.

    Raises
    ------
    InputError
        If the dump cannot be read, or lacks ports or clock.
    CheckFailed
        If the gates do something else than the dump shows.
    """
    manifest = gates.manifest
    try:
        with dump.open() as lines:
            seen = samples(lines, manifest)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{dump} must be a dump (VCD) that can be read: {error}") from error
    except InputError as error:
        raise InputError(f"{dump}: {error}") from error
    out.mkdir(parents=True, exist_ok=True)
    told = {
        "clock": manifest.clock,
        "inputs": {name: seen[name] for name in _inputs(manifest)},
        "outputs": {each.name: seen[each.name] for each in manifest.ports
                    if each.direction == "out" and each.name in seen},
    }  # fmt: skip
    write_text(out / "stimulus.json", json.dumps(told))
    run = run_testbench(
        gates, "verilator", _BENCH, out, seed=0, waves=out / "waves.vcd",
        environment={STIMULUS: str((out / "stimulus.json").resolve())},
    )  # fmt: skip
    for test in run.tests:
        if test.verdict != "pass":
            raise CheckFailed(f"the gates must do what {dump} shows: {test.message}")
    if not run.tests:
        raise CheckFailed(f"the replay of {dump} ended without a result")
    return {
        "folder": out, "waves": "waves.vcd", "tools": simulator_version("verilator"),
        "beats": {each.name: _beats(seen, each.valid, each.ready) for each in manifest.streams},
    }  # fmt: skip


def samples(lines: Iterable[str], manifest: Manifest) -> dict[str, list[int | None]]:
    """Return the value of each port before each rising edge of the clock; None: it has none.

    Raises
    ------
    InputError
        If there is no clock or no input, or the clock does not run.
    """
    assert manifest.clock is not None
    source = iter(lines)
    widths = {each.name: each.width for each in manifest.ports} | {manifest.clock: 1}
    if manifest.reset:
        widths[manifest.reset] = 1
    bits = {name: [name] if width == 1 else [f"{name}[{at}]" for at in range(width)]
            for name, width in widths.items()}  # fmt: skip
    head = read_head(source)
    variables = head.scope_of(bit for each in bits.values() for bit in each)
    codes: dict[str, list[str]] = {}
    for name in widths:
        if name in variables:
            codes.setdefault(variables[name].code, []).append(name)
    missing = [name for name in (manifest.clock, *_inputs(manifest)) if name not in variables]
    if missing:
        raise InputError(f"the dump must have the ports of the design, and lacks {missing[0]}")
    clock = variables[manifest.clock].code
    now: dict[str, int | None] = dict.fromkeys(codes)
    fresh: dict[str, int | None] = {}
    found: dict[str, list[int | None]] = {code: [] for code in codes}

    def settle() -> None:
        if fresh.get(clock) == 1 and now[clock] == 0:
            for code, values in found.items():
                values.append(now[code])
        now.update(fresh)
        fresh.clear()

    for line in source:
        mark = line[0]
        if mark == "#":
            settle()
        elif mark in "01xXzZ":
            code = line[1:].strip()
            if code in now:
                fresh[code] = int(mark) if mark in "01" else None
        elif mark in "bB":
            value, code = line[1:].split()
            if code in now:
                fresh[code] = None if value.strip("01") else int(value, 2)
    settle()
    if not found[clock]:
        raise InputError(f"the clock {manifest.clock} must run in the dump, and does not")
    return {name: found[code] for code, names in codes.items() for name in names}


def _inputs(manifest: Manifest) -> list[str]:
    inputs = [each.name for each in manifest.ports if each.direction == "in"]
    return [*inputs, manifest.reset] if manifest.reset else inputs


def _beats(seen: dict[str, list[int | None]], valid: str, ready: str) -> int:
    always: Sequence[int | None] = [1] * len(next(iter(seen.values())))
    return sum(
        v == 1 and r == 1
        for v, r in zip(seen.get(valid, always), seen.get(ready, always), strict=True)
    )
