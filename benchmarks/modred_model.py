"""Measure reducers and fit the cost model of modred to them.

    python benchmarks/modred_model.py count ecp5        add areas that are missing to measured.json
    python benchmarks/modred_model.py route ecp5        add the periods of what is small
    python benchmarks/modred_model.py count asic        add areas and delays
    python benchmarks/modred_model.py fit               print the coefficients

A row of ``tests/generators/modred/measured.json`` is a method, the bits of its modulus (the bench
moduli of ``modred.py``), area, and period where it was routed or mapped. Rows come by the method
from :func:`points`; measuring all takes hours, and can be interrupted at any time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.flows.synthesis import synthesize
from gatewright.generators.artifacts import write_text
from gatewright.generators.build import build_design
from gatewright.generators.modred import generator
from gatewright.generators.modred.coefficients import Coefficients
from gatewright.generators.modred.config import ModredConfig
from gatewright.generators.modred.method import Method
from gatewright.generators.modred.structure import Structure, structure

MODULI = {
    32: 0x93D1E9E3,
    64: 0x9FF63C0179E58219,
    128: 0xE7D9849F3C94F8E0D974B822F0A612E1,
    256: 0xF50B79840A35E888CEA8684B60033CD65DB233956EA88F4B4F72FD3F7D254DB9,
}
MEASURED = Path(__file__).parents[1] / "tests" / "generators" / "modred" / "measured.json"
TARGETS = {"ecp5": ("ecp5-85k", "fpga"), "asic": ("ge", "asic")}
ROUTED = 2500
"""Largest area in LUTs that is placed and routed: larger ones take a quarter of an hour each."""


def points(target: str) -> Iterator[tuple[int, Method]]:
    """Yield the bits of the modulus and the method of every point."""
    technology = TARGETS[target][1]
    asic = target == "asic"
    best = "stages" if asic else "levels"
    serial: list[tuple[str, dict[str, Any]]] = [
        *(("horner", {"digit_bits": bits}) for bits in (1, 2, 3, 4, 5, 6)),
        *(("horner", {"digit_bits": b, "tables": t}) for b, t in ((4, 2), (6, 2), (8, 2), (9, 3))),
        *(("horner_cs", {"digit_bits": bits}) for bits in (1, 2, 3, 4, 5)),
        *(("restoring", {"restore_bits": bits}) for bits in (1, 2, 4)),
        *(("hybrid", {"group_bits": k, "restore_bits": r}) for k, r in ((1, 1), (2, 1), (3, 3))),
        ("hybrid", {"group_bits": 2, "tree": 2, "restore_bits": 4}),
        ("hybrid", {"group_bits": 1, "tree": 2}),
        *(("lut", {"group_bits": k}) for k in (1, 2, 4)),
    ]
    for n in (32, 64, 128) if asic else (32, 64, 128, 256):
        for k in (2, 3, 4, 5) if n < 256 else (3, 4):
            yield n, _method("lut", "streaming", technology, group_bits=k, pipeline=best)
        for w in (2, 3, 4, 5) if n < 256 else (4, 5):
            yield n, _method("barrett_mcm", "streaming", technology, naf=w, pipeline=best)
        yield n, _method("montgomery_mcm", "streaming", technology, naf=3, pipeline=best)
        if n < 128:
            for name, options in (("lut", {"group_bits": 4}), ("barrett_mcm", {"naf": 3})):
                for ranks in {"stages", "levels", "none"} - {best}:
                    yield n, _method(name, "streaming", technology, **options, pipeline=ranks)
            for bits in (2, 3, 4):
                for name in ("horner", "horner_cs"):
                    yield n, _method(name, "streaming", technology, digit_bits=bits)
            for bits in (1, 4):
                yield n, _method("restoring", "streaming", technology, restore_bits=bits)
        for name, options in serial:
            yield n, _method(name, "multi_cycle", technology, **options)


def _method(name: str, mode: str, technology: str, **options: Any) -> Method:
    return Method(name, mode, technology, tuple(options.items()))


def count(target: str, longest: int) -> None:
    """Synthesise what is missing, and write each row at once."""
    known = {_key(row) for row in load()}
    for n, method in points(target):
        row: dict[str, Any] = {"target": target, "bits": n, "method": method.fields}
        if n <= longest and _key(row) not in known:
            _measure(row, place=target == "asic")


def route(target: str, longest: int) -> None:
    """Place and route what is small and has no period yet."""
    for row in load():
        small = row["bits"] <= longest and row["area"] <= ROUTED
        if row["target"] == target and row["period"] is None and small:
            _measure(row, place=True)


def _measure(row: dict[str, Any], place: bool) -> None:
    method, n = method_of(row), row["bits"]
    flow = TARGETS[row["target"]][0]
    config = ModredConfig(modulus=MODULI[n], width=2 * n, **method.fields)
    with tempfile.TemporaryDirectory() as folder:
        build = build_design(generator, config, Path(folder))
        report = synthesize(build, flow, dsp=False, place=place, recipes="fast")
    row["area"] = report["area"] if row["target"] == "asic" else report["luts"]
    row["period"] = report["delay"]
    rows = {_key(each): each for each in load()} | {_key(row): row}
    write_text(MEASURED, "[\n" + ",\n".join(map(json.dumps, rows.values())) + "\n]\n")
    print(n, method.title, row["area"], row["period"], flush=True)


def load() -> list[dict[str, Any]]:
    """Return the rows that were measured."""
    return json.loads(MEASURED.read_text()) if MEASURED.exists() else []


def _key(row: dict[str, Any]) -> str:
    return json.dumps([row["target"], row["bits"], row["method"]])


def method_of(row: dict[str, Any]) -> Method:
    """Return the method that a row was measured of."""
    fields = dict(row["method"])
    names = ("architecture", "mode", "technology")
    return Method(*(fields.pop(name) for name in names), tuple(fields.items()))


def counts(row: dict[str, Any]) -> Structure:
    """Return the structure that a row was measured of."""
    n = row["bits"]
    return structure(method_of(row).parameters(MODULI[n], 2 * n))


AREA = ("adder", "full_adder", "table", "bit", "rest", "register", "fixed")
PERIOD = ("base", "chain", "depth", "fan")
"""The last for standard cells alone: nextpnr copies registers and spreads what many wait for."""


def fit() -> None:
    """Print the coefficients with the least relative error, and the largest errors.

    Periods of few rows lean on the fit to all rows of the target.
    """
    for target in TARGETS:
        by_kind: dict[str, list[tuple[Structure, dict[str, Any]]]] = {}
        for row in load():
            if row["target"] == target:
                found = counts(row)
                by_kind.setdefault(found.kind, []).append((found, row))
        names = PERIOD if target == "asic" else PERIOD[:-1]
        every = _solve(names, [each for rows in by_kind.values() for each in _timed(rows)])
        print(f"{target.upper()} = {{")
        for kind, rows in sorted(by_kind.items()):
            area = _solve(AREA, [(_terms(s), row["area"]) for s, row in rows])
            period = _solve(names, _timed(rows), every)
            chosen = Coefficients(**area, **period)
            errors = [chosen.area(s) / row["area"] - 1 for s, row in rows]
            late = [chosen.period(s) / row["period"] - 1 for s, row in rows if row["period"]]
            print(
                f"    # {len(rows)} areas {min(errors):+.1%} to {max(errors):+.1%}, "
                f"{len(late)} periods {min(late, default=0):+.1%} to {max(late, default=0):+.1%}"
            )
            print(f'    "{kind}": Coefficients(')
            for weights in (area, period):
                told = [f"{name}={value:.4g}" for name, value in weights.items()]
                print(f"        {', '.join(told)},")
            print("    ),")
        print("}")


def _terms(s: Structure) -> tuple[float, ...]:
    return (s.adder_bits, s.full_adders, s.luts(), s.bits, s.rest, s.registers, 1.0)


def _timed(
    rows: list[tuple[Structure, dict[str, Any]]],
) -> list[tuple[tuple[float, ...], float]]:
    return [((1.0, s.chain, s.depth, s.bits), row["period"]) for s, row in rows if row["period"]]


LEANING = 0.03


def _solve(
    names: tuple[str, ...],
    rows: list[tuple[tuple[float, ...], float]],
    prior: dict[str, float] | None = None,
) -> dict[str, float]:
    """Least squares of relative errors with no negative weight: what does not help is left out.

    Rows with large errors count more and more, which brings down the largest. With a ``prior``,
    relative distances from it count a little too.
    """
    if not rows:
        return dict(prior or {})
    terms = np.array([each[: len(names)] for each, _ in rows], dtype=float)
    scaled = terms / np.array([value for _, value in rows], dtype=float)[:, None]
    right = np.ones(len(rows))
    if prior:
        near = np.diag([LEANING / prior[name] if name in prior else 0 for name in names])
        scaled = np.vstack([scaled, near])
        right = np.concatenate([right, [LEANING * (name in prior) for name in names]])
    used = [at for at in range(len(names)) if terms[:, at].any()]
    importance = np.ones(len(right))
    for _ in range(50):
        while True:
            weights, *_ = np.linalg.lstsq(
                scaled[:, used] * importance[:, None], right * importance, rcond=None
            )
            if (weights >= 0).all():
                break
            del used[int(np.argmin(weights))]
        errors = np.abs(scaled[:, used] @ weights - right)[: len(rows)]
        importance[: len(rows)] *= np.sqrt(0.5 + errors / max(errors.max(), 1e-9))
        importance[: len(rows)] /= importance[: len(rows)].mean()
    return {names[at]: float(w) for at, w in zip(used, weights, strict=True)}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["count" | "route" as what, target, *longest]:
            {"count": count, "route": route}[what](target, int(*longest or ["256"]))
        case ["fit"]:
            fit()
        case _:
            sys.exit(__doc__)
