"""The parts of the page about testbenches: mutants found, what is exercised, random designs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .page_settings import settings

__all__ = ["coverage", "random_designs", "scores"]

_MOST_PLACES = 12
_BUDGET = 600
"""Seconds of `gatewright mutate` without the option."""


def scores(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The section about mutants."""
    yield "## Mutants"
    yield ""
    yield (
        "One bit changed in one module, under the generator's testbench with a fixed seed. "
        "Equivalent: the bit is a constant and stays so; or a model checker proves that the "
        "module, under any inputs, or the design behaves the same, or finds no difference in twice "
        "the cycles that the first result takes; or an argument below tells why. The score is the "
        "share of the others."
    )
    yield ""
    yield "```"
    for each in reports:
        chosen = settings(each["generator"], each["config"])
        patterns = "".join(f" --modules '{one}'" for one in each["patterns"])
        seconds = each.get("budget", _BUDGET)
        budget = "" if seconds == _BUDGET else f" --budget {seconds:g}"
        yield (
            f"gatewright mutate {each['generator']}{chosen}{patterns} --count {each['mutants']} "
            f"--seed {each['seed']}{budget}"
        )
    yield "```"
    yield ""
    yield "| generator | modules | ran | found | equivalent | survive | score |"
    yield "|---|---|---|---|---|---|---|"
    for each in reports:
        yield (
            f"| {each['generator']} | {_modules(each)} | {each['ran']} | {each['killed']} | "
            f"{len(each['equivalent'])} | {len(each['survivors'])} | {each['score']:.1%} |"
        )
    argued = [(r["generator"], m) for r in reports for m in r["equivalent"] if "reason" in m]
    left = [(r["generator"], m) for r in reports for m in r["survivors"]]
    for title, found in (("Equivalent by argument", argued), ("Survivors", left)):
        if found:
            yield ""
            yield f"{title}:"
            yield ""
            seen: set[str] = set()
            for generator, one in found:
                line = f"- {generator}, {_told(one)}"
                if line not in seen:
                    yield line
                seen.add(line)


def _modules(report: Mapping[str, Any]) -> str:
    """The mutated modules, or how many if they are all there are."""
    names = [f"`{name}`" for name in report["modules"]]
    whole = report["patterns"] in ([], ["*"])
    return f"all, in {len(names)}" if whole else ", ".join(names)


def _told(one: Mapping[str, Any]) -> str:
    place = f"`{one['module']}`: {one['mode']} at {one['where']}: `{one['text']}`"
    checked = f"model checker: {one['told_apart']}"
    if one["told_apart"] != "not asked":
        checked += f", {one['cycles']} cycles of the {one['scope']}"
    reason = f" {one['reason'].rstrip('.')}." if "reason" in one else ""
    return f"{place} ({checked}).{reason}"


def coverage(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The section about what the testbenches exercise."""
    yield "## Coverage"
    yield ""
    yield (
        "Bins of the testbenches: types, corners of operands, tiles, operations, faults, and on "
        "each stream beats, stalls and pauses. Lines (each branch for itself) and bits (both "
        "ways) of the Verilog as Verilator counts them; `report.json` lists those that were not "
        "exercised."
    )
    yield ""
    yield "```"
    for each in reports:
        lines = " --coverage" if each["structure"] else ""
        chosen = settings(each["generator"], each["config"])
        yield f"gatewright sim {each['generator']}{chosen} --seed {each['seed']}{lines}"
    yield "```"
    yield ""
    yield "| generator | cycles | bins | hit | excused | missed | lines | bits |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in reports:
        bins, shape = each["coverage"], each["structure"]
        counts = [_share(shape[kind]) if shape else "" for kind in ("line", "toggle")]
        yield (
            f"| {each['generator']} | {each['cycles']:,} | {bins['bins']} | {bins['hit']} | "
            f"{len(bins['excused'])} | {len(bins['missed'])} | {' | '.join(counts)} |"
        )
    for title, items in (
        ("Excused bins", _excuses(reports)), ("Missed bins", _missed(reports)),
        ("Lines that never ran", _places(reports)),
    ):  # fmt: skip
        found = list(items)
        if found:
            yield from ("", f"{title}:", "", *found)


def random_designs(record: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The section about designs of random configs."""
    yield "## Random designs"
    yield ""
    yield (
        "Small designs of random configs, each emitted and simulated under its testbench or "
        "refused with exit code 2 and one line, and as often settings with a fault, which must be "
        "refused. Of gnn's and salo's testbenches, which take minutes, each design runs some "
        "tests, drawn at random. Choices are the named values of fields: how many a simulated "
        "design has had."
    )
    yield ""
    yield "```"
    for name in record:
        yield f"python -m tests.generators.fuzz_soak {name} --seed 0 --legal 200"
    yield "```"
    yield ""
    yield "| generator | simulated | refused | faults refused | choices | cycles | failed |"
    yield "|---|---|---|---|---|---|---|"
    for name, told in record.items():
        chosen = [
            count for values in told["values"].values() for value, count in values.items()
            if value not in ("least", "most")
        ]  # fmt: skip
        hit = sum(map(bool, chosen))
        yield (
            f"| {name} | {told['legal']} | {told['refused']} | {sum(told['faults'].values())} | "
            f"{hit} of {len(chosen)} | {told['cycles']:,} | {len(told['failures'])} |"
        )
    mended = [(name, each) for name, told in record.items() for each in told["mended"]]
    if mended:
        yield ""
        yield "Found and mended:"
        yield ""
    for name, each in mended:
        yield f"- {name}, `{' '.join(each['params'])}`: {each['wrong'][0]}"


def _share(covered: Sequence[int]) -> str:
    return f"{covered[0] / covered[1]:.1%} of {covered[1]:,}" if covered[1] else ""


def _excuses(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in reports:
        by_reason: dict[str, list[str]] = {}
        for name, reason in each["coverage"]["excused"].items():
            by_reason.setdefault(reason, []).append(f"`{name}`")
        for reason, names in by_reason.items():
            yield f"- {each['generator']}, {', '.join(names)}: {reason.rstrip('.')}."


def _missed(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in reports:
        for name in each["coverage"]["missed"]:
            yield f"- {each['generator']}, `{name}`"


def _places(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in reports:
        shape = each["structure"] or {"uncovered": []}
        never = [one for one in shape["uncovered"] if one["kind"] == "line"]
        for one in never[:_MOST_PLACES]:
            yield f"- {each['generator']}, `{one['module']}`: {one['where']}, {one['what']}"
        rest = Counter(one["module"] for one in never[_MOST_PLACES:])
        if rest:
            told = ", ".join(f"{count} in `{name}`" for name, count in rest.items())
            yield f"- {each['generator']}, more: {told}"
