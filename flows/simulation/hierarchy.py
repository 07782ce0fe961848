"""The module hierarchy of Verilog text: who instantiates whom, under which name, how big it is.

A tokenizer, not a parser: it knows comments, strings, escaped names, `module … endmodule` and
`name [#(…)] instance (` for the modules that the text itself defines (`name.other (` is a path).
That is all that the simulation flow asks of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Hierarchy", "Module"]

_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\])*"   # comments and strings say nothing
      | \\(?P<escaped>\S+) | (?P<name>[A-Za-z_][\w$]*) | (?P<mark>[#.();])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Module:
    """One module: its instances as (instance name, module name), and its own statements."""

    name: str
    instances: tuple[tuple[str, str], ...]
    statements: int


class Hierarchy:
    """The modules of one design.

    Parameters
    ----------
    verilog
        The text of all its files.
    top
        Name of the outermost module.

    Raises
    ------
    ValueError
        If the text holds no module of that name.
    """

    def __init__(self, verilog: str, top: str) -> None:
        self.top = top
        self.modules = _modules(verilog)
        if top not in self.modules:
            raise ValueError(f"the Verilog must define the module {top!r}")

    def paths(self) -> dict[str, list[tuple[str, ...]]]:
        """Where each module stands: the instance names from the top (named by its module) down."""
        found: dict[str, list[tuple[str, ...]]] = {}
        todo: list[tuple[str, tuple[str, ...]]] = [(self.top, (self.top,))]
        while todo:
            name, path = todo.pop()
            found.setdefault(name, []).append(path)
            todo.extend((child, (*path, inst)) for inst, child in self.modules[name].instances)
        return {name: sorted(paths) for name, paths in found.items()}

    @cached_property
    def weight(self) -> Mapping[str, int]:
        """Statements of each module with all that stands below it."""
        weights: dict[str, int] = {}

        def weigh(name: str) -> int:
            if name not in weights:
                module = self.modules[name]
                weights[name] = module.statements + sum(weigh(c) for _, c in module.instances)
            return weights[name]

        weigh(self.top)
        return weights

    def heavy_repeated(self, threshold: int) -> list[str]:
        """The outermost modules that occur more than once and weigh at least `threshold`.

        Compiled as functions of their own, these keep the C++ of a large array small; what is
        lighter is better inlined into its parent.
        """
        counts: Counter[str] = Counter()

        def count(name: str, times: int) -> None:
            counts[name] += times
            for child, number in Counter(c for _, c in self.modules[name].instances).items():
                count(child, times * number)

        count(self.top, 1)
        chosen: set[str] = set()
        seen: set[str] = set()

        def choose(name: str) -> None:
            if name in seen:
                return
            seen.add(name)
            if counts[name] > 1 and self.weight[name] >= threshold:
                chosen.add(name)
                return
            for _, child in self.modules[name].instances:
                choose(child)

        choose(self.top)
        return sorted(chosen)


def _tokens(verilog: str) -> Iterator[tuple[str, bool]]:
    """Each token, with whether it is a plain or escaped name rather than a mark."""
    for match in _TOKEN.finditer(verilog):
        if match["escaped"]:
            yield match["escaped"], True
        elif match["name"]:
            yield match["name"], True
        elif match["mark"]:
            yield match["mark"], False


def _modules(verilog: str) -> dict[str, Module]:
    bodies: dict[str, list[tuple[str, bool]]] = {}
    tokens = _tokens(verilog)
    for token, is_name in tokens:
        if is_name and token == "module":
            body = bodies.setdefault(next(tokens)[0], [])
            for inner in tokens:
                if inner == ("endmodule", True):
                    break
                body.append(inner)
    return {name: _module(name, body, bodies.keys()) for name, body in bodies.items()}


def _module(name: str, body: list[tuple[str, bool]], known: Container[str]) -> Module:
    instances = []
    for at, (token, is_name) in enumerate(body):
        if is_name and token in known:
            after = _after_parameters(body, at + 1)
            if after + 1 < len(body) and body[after][1] and body[after + 1] == ("(", False):
                instances.append((body[after][0], token))
    return Module(name, tuple(instances), sum(token == (";", False) for token in body))


def _after_parameters(body: list[tuple[str, bool]], at: int) -> int:
    """The index behind a `#( … )` that starts at `at`, or `at` itself if none does."""
    if at >= len(body) or body[at] != ("#", False):
        return at
    depth = 0
    for index in range(at + 1, len(body)):
        if body[index] == ("(", False):
            depth += 1
        elif body[index] == (")", False):
            depth -= 1
            if depth == 0:
                return index + 1
    return len(body)
