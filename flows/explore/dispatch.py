"""Giving jobs to a cluster, taking outcomes, and doing lost ones once more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .cluster import Cluster
from .job import Job, Outcome
from .runner import Lost

__all__ = ["Dispatch", "Load"]

_CHUNK_SECONDS = 0.2
_LARGEST_CHUNK = 64
_RETRIES = 1


@dataclass
class Load:
    """How busy the cluster was: seconds of all jobs, seconds passed, slots, jobs, retries."""

    busy: float = 0.0
    wall: float = 0.0
    slots: int = 0
    jobs: int = 0
    retries: int = 0

    @property
    def in_flight(self) -> float:
        """Jobs at work, on average."""
        return self.busy / self.wall if self.wall else 0.0

    @property
    def overhead(self) -> float:
        """Seconds of a slot that went by beside each job."""
        used = min(self.slots, self.jobs)
        return max(0.0, used * self.wall - self.busy) / self.jobs if self.jobs else 0.0


@dataclass
class Dispatch:
    """Runs jobs on a cluster.

    Attributes
    ----------
    cluster
        Where.
    deadline
        When no more are given, as `time.monotonic` tells it.
    small
        Jobs are short: several go to a worker at a time.
    """

    cluster: Cluster
    deadline: float | None = None
    small: bool = False
    load: Load = field(default_factory=Load)
    _tries: dict[str, int] = field(default_factory=dict)
    _again: list[Job] = field(default_factory=list)

    def run(
        self, jobs: Iterable[Job], done: Callable[[list[Outcome]], None],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Do all jobs, or as many as there is time for; ``done`` is told as they end.

        ``jobs`` is asked for the next one only when there is a slot for it, so that it can hang on
        what ``done`` was told. A job that is lost (its worker died, hung, or took too much memory)
        is done once more; then it has failed.
        """
        start, source = time.monotonic(), iter(jobs)
        more = True
        while True:
            # One list more than there are slots, so that no worker waits for the next.
            while more and self.cluster.in_flight <= self.cluster.slots and not self._late():
                chunk = self._chunk(source)
                if not chunk:
                    more = False
                    break
                self.cluster.submit(chunk)
            if not self.cluster.in_flight:
                break
            answer = self.cluster.next(0.5)
            if answer is None:
                continue
            outcomes = self._taken(*answer, say)
            if outcomes:
                done(outcomes)
            more = True
        self.load.wall += time.monotonic() - start
        self.load.slots = self.cluster.slots

    def _late(self) -> bool:
        # What was lost is done again even so: it was begun in time.
        return (
            not self._again and self.deadline is not None and time.monotonic() > self.deadline
        )

    def _chunk(self, source: Iterator[Job]) -> list[Job]:
        if self._again:
            return [self._again.pop()]
        size = 1
        if self.small and self.load.jobs:
            mean = self.load.busy / self.load.jobs
            size = max(1, min(_LARGEST_CHUNK, int(_CHUNK_SECONDS / max(mean, 1e-6))))
        chunk = []
        for _ in range(size):
            job = next(source, None)
            if job is None:
                break
            chunk.append(job)
        return chunk

    def _taken(
        self, jobs: list[Job], answer: list[Outcome] | Lost, say: Callable[[str], None]
    ) -> list[Outcome]:
        if isinstance(answer, Lost):
            return self._lost(jobs, answer, say)
        self.load.jobs += len(answer)
        self.load.busy += sum(run.seconds for each in answer for run in each.runs)
        return answer

    def _lost(
        self, jobs: list[Job], answer: Lost, say: Callable[[str], None]
    ) -> list[Outcome]:
        self.load.retries += 1
        if len(jobs) > 1:
            # One of them is to blame: each by itself, and this was not a try.
            self._again += jobs
            return []
        (job,) = jobs
        tries = self._tries[job.point] = self._tries.get(job.point, 0) + 1
        if tries <= _RETRIES:
            say(f"{job.point}: {answer.why}; it is tried once more")
            self._again.append(job)
            return []
        say(f"{job.point}: {answer.why} again; it is left out")
        return [Outcome(job.point, failure=f"lost: {answer.why}")]
