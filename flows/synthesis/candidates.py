"""All mappings of a design that the recipes give, timed, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from ...errors import InputError
from . import abc
from .abc import Mapped, Recipe, Technology
from .fanout import Fanout
from .liberty import Library
from .logic import Logic, ideal_nets, instances, pieces
from .netlist import GATES, Instance, Module, Netlist
from .timing import Environment, Timing, analyse

__all__ = ["Candidate", "Objective", "Search", "choose", "pareto"]

Objective = Literal["area", "delay", "area_delay"]
T = TypeVar("T")
Progress = Callable[[str, int, int], None]

# Static timing takes some 0.1 ms a cell and candidate: of large designs, fewer are timed.
_CELLS_TO_TIME = 200_000
_FEWEST = 5
_LIMITS = 16


@dataclass
class Candidate:
    """One mapping of the whole design: a mapping for each distinct piece of its logic.

    `proxy` is the longest delay that ABC tells of any piece, in ps. `buffered`: there are trees of
    buffers behind the nets that many cells wait for.
    """

    front: str
    recipe: str
    area: float
    proxy: float
    mapping: dict[str, Mapped] = field(repr=False)
    timing: Timing | None = None
    buffered: bool = False

    @property
    def delay(self) -> float:
        """Critical path in ns."""
        assert self.timing is not None
        return self.timing.delay

    def score(self, objective: Objective) -> tuple[float, float]:
        """Less is better; the second number decides between equals."""
        if objective == "area":
            return self.area, self.delay
        if objective == "delay":
            return self.delay, self.area
        return self.area * self.delay, self.area


@dataclass
class _Design:
    """A front end's netlist with the pieces of each module's logic."""

    netlist: Netlist
    pieces: dict[str, list[Logic]]
    uses: dict[str, int]
    fixed_area: float
    fixed_cells: int


@dataclass
class Search:
    """Maps a design by every recipe and times the results.

    Parameters
    ----------
    library, technology, environment
        What to map to, and what stands outside.
    recipes
        Names of `abc.RECIPES`.
    progress
        Called with what is done, how many steps are done, and how many there are.

    Attributes
    ----------
    failures : list[str]
        Recipes that ABC failed at, with its last words.
    """

    library: Library
    technology: Technology
    environment: Environment
    recipes: Sequence[str]
    progress: Progress
    failures: list[str] = field(default_factory=list)
    _designs: dict[str, _Design] = field(default_factory=dict)

    def run(self, netlists: dict[str, Netlist]) -> list[Candidate]:
        """Candidates of each distinct front end's netlist, timed.

        Raises
        ------
        InputError
            If no recipe succeeds.
        """
        for front, netlist in netlists.items():
            design = self._design(netlist)
            others = [(other.uses, other.fixed_area) for other in self._designs.values()]
            if (design.uses, design.fixed_area) not in others:
                self._designs[front] = design
        mappings = self._map()
        candidates: list[Candidate] = []
        for front, design in self._designs.items():
            fresh = self._candidates(front, design, mappings.get(front, {}))
            candidates += self._timed(fresh, design)
        if not candidates:
            raise InputError(self.failures[0])
        return candidates

    def _design(self, netlist: Netlist) -> _Design:
        ideal = ideal_nets(netlist, self.environment.ideal)
        counts = netlist.counts()
        parts: dict[str, list[Logic]] = {}
        uses: dict[str, int] = {}
        for name in netlist.order():
            parts[name] = pieces(netlist.modules[name], ideal[name])
            for logic in parts[name]:
                uses[logic.blif] = uses.get(logic.blif, 0) + counts[name]
        cells = {name: number for name, number in counts.items() if name in self.library.cells}
        area = sum(self.library.cells[name].area * number for name, number in cells.items())
        return _Design(netlist, parts, uses, area, sum(cells.values()))

    def _map(self) -> dict[str, dict[str, dict[str, dict[int, Mapped]]]]:
        """Mappings by front end, recipe, piece and delay target."""
        jobs = [(front, abc.RECIPES[name]) for front in self._designs for name in self.recipes]
        found: dict[str, dict[str, dict[str, dict[int, Mapped]]]] = {}
        with ThreadPoolExecutor(2) as pool:
            waiting = {pool.submit(self._map_one, *job): job for job in jobs}
            for done, future in enumerate(as_completed(waiting), 1):
                front, recipe = waiting[future]
                try:
                    found.setdefault(front, {})[recipe.name] = future.result()
                except InputError as error:
                    self.failures.append(f"{front}/{recipe.name}: {error}")
                self.progress("mapping", done, len(jobs))
        # The order in which recipes finish must not decide between equals.
        return {
            front: {name: found[front][name] for name in self.recipes if name in found[front]}
            for front in self._designs
            if front in found
        }

    def _map_one(self, front: str, recipe: Recipe) -> dict[str, dict[int, Mapped]]:
        logics = [logic for part in self._designs[front].pieces.values() for logic in part]
        return abc.map_logic(logics, self.technology, recipe)

    def _candidates(
        self, front: str, design: _Design, mappings: dict[str, dict[str, dict[int, Mapped]]]
    ) -> list[Candidate]:
        """One recipe and target for all pieces; and the smallest of each piece within a delay."""
        if not mappings:
            return []
        found: list[Candidate] = []
        for recipe, by_piece in mappings.items():
            for target in self.technology.targets:
                mapping = {blif: by_piece[blif][target] for blif in design.uses}
                found.append(self._candidate(front, f"{recipe} {target} ps", design, mapping))
        if len(design.uses) > 1:
            choices = {
                blif: [m for by_piece in mappings.values() for m in by_piece[blif].values()]
                for blif in design.uses
            }
            limits = sorted({candidate.proxy for candidate in found})
            for limit in _spread(limits, _LIMITS):
                mapping = {blif: _smallest(options, limit) for blif, options in choices.items()}
                name = f"best of each piece within {limit:g} ps"
                found.append(self._candidate(front, name, design, mapping))
        unique: dict[tuple[str, ...], Candidate] = {}
        for candidate in found:
            unique.setdefault(tuple(m.blif for m in candidate.mapping.values()), candidate)
        return list(unique.values())

    def _candidate(
        self, front: str, recipe: str, design: _Design, mapping: dict[str, Mapped]
    ) -> Candidate:
        area = design.fixed_area
        area += sum(mapping[blif].area * number for blif, number in design.uses.items())
        proxy = max((mapped.delay for mapped in mapping.values()), default=0.0)
        return Candidate(front, recipe, area, proxy, mapping)

    def _timed(self, candidates: list[Candidate], design: _Design) -> list[Candidate]:
        gates = max((c.area for c in candidates), default=0.0) - design.fixed_area
        smallest = self.library.usable("logic")[0].area or 1.0
        cells = design.fixed_cells + gates / (2 * smallest)
        affordable = max(_FEWEST, int(_CELLS_TO_TIME / max(cells, 1)))
        if len(candidates) > affordable:
            candidates = _spread(pareto(candidates, lambda c: c.proxy), affordable)
        fanout = Fanout.of(self.library, self.environment)
        variants: list[Candidate] = []
        for done, candidate in enumerate(candidates, 1):
            variants.append(candidate)
            flat = self.assemble(candidate).flatten()
            candidate.timing = analyse(flat, self.library, self.environment)
            netlist = self.assemble(candidate)
            if fanout.insert(netlist):
                area = sum(
                    self.library.cells[name].area * number
                    for name, number in netlist.counts().items() if name in self.library.cells
                )  # fmt: skip
                timing = analyse(netlist.flatten(), self.library, self.environment)
                name = f"{candidate.recipe}, fan-out trees"
                variants.append(
                    replace(candidate, recipe=name, area=area, timing=timing, buffered=True)
                )
            self.progress("timing", done, len(candidates))
        return variants

    def assemble(self, candidate: Candidate) -> Netlist:
        """The mapped netlist of a candidate."""
        design = self._designs[candidate.front]
        modules = {}
        for name in design.netlist.order():
            module = design.netlist.modules[name]
            kept = [
                Instance(each.name, each.kind, {pin: [*nets] for pin, nets in each.pins.items()})
                for each in module.instances if each.kind not in GATES
            ]  # fmt: skip
            mapped = Module(name, module.ports, kept, module.net_names, [], module.next_net)
            for number, logic in enumerate(design.pieces[name], 1):
                blif = candidate.mapping[logic.blif].blif
                cells, aliases = instances(blif, logic, mapped, f"g{number}_")
                mapped.instances += cells
                mapped.aliases += aliases
            modules[name] = mapped
        netlist = Netlist(design.netlist.top, modules)
        if candidate.buffered:
            Fanout.of(self.library, self.environment).insert(netlist)
        return netlist


def _smallest(options: Sequence[Mapped], limit: float) -> Mapped:
    """The smallest mapping within a delay of `limit` ps; the fastest if there is none."""
    within = [option for option in options if option.delay <= limit]
    if within:
        return min(within, key=lambda option: (option.area, option.delay))
    return min(options, key=lambda option: (option.delay, option.area))


def _spread(items: Sequence[T], number: int) -> list[T]:
    """At most `number` of `items`, evenly spread, both ends among them."""
    if len(items) <= number:
        return list(items)
    return [items[round(i * (len(items) - 1) / (number - 1))] for i in range(number)]


def pareto(
    candidates: Sequence[Candidate], delay: Callable[[Candidate], float] = lambda c: c.delay
) -> list[Candidate]:
    """Candidates that no other beats in both area and delay, smallest first."""
    front: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.area, delay(c))):
        if not front or delay(candidate) < delay(front[-1]):
            front.append(candidate)
    return front


def choose(
    candidates: Sequence[Candidate], objective: Objective, period: float | None
) -> Candidate:
    """The best by `objective` among those that meet `period` (ns); the fastest if none does."""
    meeting = [c for c in candidates if period is None or c.delay <= period]
    if not meeting:
        return min(candidates, key=lambda candidate: candidate.score("delay"))
    return min(meeting, key=lambda candidate: candidate.score(objective))
