"""The cluster that does the jobs: one on this machine, or any Dask cluster by its address."""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from ...errors import InputError
from .job import Job, Outcome
from .runner import Limits, Lost, close_all, work

__all__ = ["Cluster", "connected"]

_PATIENCE = 10.0
"""Seconds in which a scheduler must answer, and then have a worker."""


class Cluster:
    """Takes jobs, and gives their outcomes as they come."""

    def __init__(self, client: Any, limits: Limits) -> None:
        self._client, self._limits = client, limits
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._jobs: dict[Any, list[Job]] = {}
        self._slots, self._looked = 0, 0.0

    @property
    def slots(self) -> int:
        """Jobs that the cluster does at a time. It may grow and shrink."""
        now = time.monotonic()
        if now - self._looked > 2:
            self._looked = now
            self._slots = sum(self._client.nthreads().values())
        return max(1, self._slots)

    @property
    def in_flight(self) -> int:
        """Lists of jobs that are not done."""
        return len(self._jobs)

    def submit(self, jobs: list[Job]) -> None:
        """Give the cluster jobs that one process is to do, one after the other."""
        # pure: the same jobs, given again, are done again.
        future = self._client.submit(work, jobs, self._limits, pure=False)
        self._jobs[future] = jobs
        future.add_done_callback(self._done.put)

    def next(self, seconds: float) -> tuple[list[Job], list[Outcome] | Lost] | None:
        """Return the outcome of some jobs; None if none is done within so many seconds."""
        try:
            future = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        jobs = self._jobs.pop(future)
        answer: list[Outcome] | Lost
        if future.status == "finished":
            answer = future.result()
        else:
            error = future.exception()
            answer = Lost(f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")
        future.release()
        return jobs, answer

    def cancel(self) -> None:
        """Forget what is not done."""
        self._client.cancel(list(self._jobs), force=True)
        self._jobs.clear()


@contextmanager
def connected(
    scheduler: str | None, workers: int | None, limits: Limits
) -> Iterator[Cluster]:
    """Connect to the scheduler at an address, or start a cluster of this machine's cores.

    Raises
    ------
    InputError
        If no scheduler answers there, or it has no worker.
    """
    import dask
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.ERROR)
    if scheduler is None:
        count = workers or len(os.sched_getaffinity(0))
        if limits.memory is None:
            limits = Limits(limits.seconds, psutil.virtual_memory().total // (count + 1))
        # Its workers are threads: what does the jobs is a process of its own in any case.
        try:
            with (
                dask.config.set({"distributed.admin.system-monitor.interval": "10s"}),
                LocalCluster(
                    n_workers=count, threads_per_worker=1, processes=False, memory_limit=0,
                    dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR,
                ) as local,
                Client(local) as client,
            ):  # fmt: skip
                yield from _closing(Cluster(client, limits))
        finally:
            # A thread that took a job while the others were ended has left a process, which knows
            # the environment of this sweep and not of the next one.
            close_all()
        return
    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"scheduler must be the address of a Dask scheduler that answers "
            f"(tcp://host:8786), not {scheduler!r}: {reason[:200]}"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise InputError(
                f"scheduler {scheduler} must have a worker within {_PATIENCE:g} s, not none"
            ) from error
        yield from _closing(Cluster(client, limits))


def _closing(cluster: Cluster) -> Iterator[Cluster]:
    try:
        yield cluster
    finally:
        # Before the cluster closes: it would wait for threads that wait for processes.
        cluster.cancel()
        close_all()
