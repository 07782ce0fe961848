"""The page about verification, made from reports: ``docs/verification.md``.

``python -m gatewright.flows.formal.page FOLDER [-o FILE]`` looks through FOLDER for the reports of
``gatewright prove``, ``gatewright mutate`` and ``gatewright sim``, and for the record of random
designs, ``fuzz_record.json``; without ``-o`` the page is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...generators.artifacts import write_text
from .page_settings import settings
from .page_testbenches import coverage, random_designs, scores

__all__ = ["page"]

_HEAD = """# Verification

Made from reports by `python -m gatewright.flows.formal.page`; times depend on the machine and its
load. What is proved holds for every input and, where there is state, for runs of any length from
any state through a reset. What a time limit was too short for is told as bounded or unknown.

| engine | decides | by |
|---|---|---|
| iprove | claims without state | SAT, with rewriting and SAT sweeping (ABC) |
| induction | a step from any state | the same, on the circuit unrolled for two cycles |
| pdr, scorr | claims with state, for ever | invariants that it finds (ABC) |
| bmc | claims with state, so many cycles | SAT on the unrolled circuit (ABC) |
| verilator | each of so many inputs | simulation against the golden model |
| python | numbers that hardware is made from | exact integers |

The claims are made of the emitted Verilog, at the small widths that their names or sentences tell
where the logic is the same at all widths.
"""


def page(folder: Path) -> str:
    """Return the page of all reports in a folder.

    Raises
    ------
    InputError
        If there are none.
    """
    found = [json.loads(path.read_bytes()) for path in sorted(folder.rglob("report.json"))]
    proofs = sorted(_of(found, "prove"), key=lambda each: str(each["design"]))
    mutated = sorted(_of(found, "mutate"), key=lambda each: str(each["generator"]))
    simulated = sorted(_of(found, "sim"), key=lambda each: str(each["generator"]))
    fuzzed = [json.loads(path.read_bytes()) for path in sorted(folder.rglob("fuzz_record.json"))]
    if not proofs and not mutated and not simulated:
        raise InputError(f"{folder} must hold reports of prove, mutate or sim")
    parts = [_HEAD]
    for report in proofs:
        parts += ["\n".join(_proof(report)), ""]
    if mutated:
        parts += ["\n".join(scores(mutated)), ""]
    if simulated:
        parts += ["\n".join(coverage(simulated)), ""]
    for record in fuzzed:
        parts += ["\n".join(random_designs(record)), ""]
    return "\n".join(parts)


def _of(reports: Sequence[Mapping[str, Any]], step: str) -> list[Mapping[str, Any]]:
    return [each for each in reports if each.get("step") == step]


def _proof(report: Mapping[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{count} {kind}" for kind, count in report["counts"].items() if count)
    yield f"## {report['design']}: {counts}, {report['seconds']:.0f} s"
    yield ""
    chosen = settings(report["design"], report["config"])
    yield f"```\ngatewright prove {report['design']}{chosen}\n```"
    yield ""
    yield "| property | what it says | verdict | engine | depth | cases | s |"
    yield "|---|---|---|---|---|---|---|"
    for each in report["properties"]:
        depth = "" if each["depth"] is None else each["depth"]
        cases = "" if each["cases"] is None else f"{each['cases']:,}"
        notes = "".join(f"; {note}" for note in each["notes"])
        yield (
            f"| {each['name']} | {each['says']}{notes} | {each['verdict']} | {each['engine']} | "
            f"{depth} | {cases} | {each['seconds']:.1f} |"
        )


def _main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m gatewright.flows.formal.page")
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args(arguments)
    text = page(given.folder)
    if given.out is None:
        sys.stdout.write(text)
    else:
        write_text(given.out, text)


if __name__ == "__main__":
    _main(sys.argv[1:])
