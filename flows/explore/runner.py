"""A process that does the jobs of one worker, and may be killed at any time.

A thread of a worker cannot be stopped, nor kept from taking all memory, so each has a process for
its jobs (`python -m gatewright.flows.explore.service`), which stays from job to job. It is the head
of a process group: simulators and mappers that it starts end with it. If the worker itself dies,
the pipe from it closes, and the process ends itself and its group.
"""

from __future__ import annotations

import os
import pickle
import queue
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import psutil

from .job import Job, Outcome

__all__ = ["Limits", "Lost", "close_all", "receive", "send", "work"]

_HEAD = struct.Struct("<Q")
_LOOK_EVERY = 0.25


@dataclass(frozen=True)
class Limits:
    """Most seconds of a job, and most bytes of all its processes; None: its worker's share."""

    seconds: float = 3600.0
    memory: int | None = None


@dataclass(frozen=True)
class Lost:
    """Jobs that came to no end, and why."""

    why: str


class _Runner:
    """The process, as its worker sees it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gatewright.flows.explore.service"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._ready = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def do(self, jobs: list[Job], limits: Limits) -> list[Outcome] | Lost:
        """Do jobs; kill the process if it passes a limit."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            if not self._ready:
                # It says so when all is loaded: that is no part of a job's time.
                receive(self._process.stdout)
                self._ready = True
            send(self._process.stdin, jobs)
        except (OSError, EOFError):
            return self._died()
        end = time.monotonic() + limits.seconds * len(jobs)
        while not select.select([self._process.stdout], [], [], _LOOK_EVERY)[0]:
            if time.monotonic() > end:
                self.kill()
                return Lost(f"ran longer than its limit of {limits.seconds:g} s")
            if limits.memory is not None and self._memory() > limits.memory:
                self.kill()
                return Lost(f"took more memory than its limit of {limits.memory / 2**30:.3g} GiB")
        try:
            answer: list[Outcome] = receive(self._process.stdout)
        except EOFError:
            return self._died()
        return answer

    def _died(self) -> Lost:
        self.kill()
        code = self._process.returncode
        return Lost(f"its process died ({signal.Signals(-code).name if code < 0 else code})")

    def _memory(self) -> int:
        total = 0
        with suppress(psutil.Error):
            head = psutil.Process(self._process.pid)
            for each in (head, *head.children(recursive=True)):
                with suppress(psutil.Error):
                    total += each.memory_info().rss
        return total

    def kill(self) -> None:
        """End the process and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


_idle: queue.SimpleQueue[_Runner] = queue.SimpleQueue()
_all: set[_Runner] = set()


def work(jobs: list[Job], limits: Limits) -> list[Outcome] | Lost:
    """Do jobs in a process of this worker: what the cluster is asked to do."""
    if limits.memory is None:
        limits = Limits(limits.seconds, _share_of_worker())
    runner = _taken()
    answer = runner.do(jobs, limits)
    if isinstance(answer, Lost):
        _all.discard(runner)
    else:
        _idle.put(runner)
    return answer


def _share_of_worker() -> int | None:
    """Memory that the Dask worker was given (``--memory-limit``), for each of its threads.

    Dask's nanny watches the worker alone, and not the process that does its jobs.
    """
    from distributed import get_worker

    worker = get_worker()
    most = worker.memory_manager.memory_limit
    return None if not most else int(most) // max(1, worker.state.nthreads)


def close_all() -> None:
    """End the processes of this worker's jobs, also those at work."""
    while not _idle.empty():
        with suppress(queue.Empty):
            _idle.get_nowait()
    for runner in list(_all):
        runner.kill()
        _all.discard(runner)


def _taken() -> _Runner:
    while True:
        try:
            runner = _idle.get_nowait()
        except queue.Empty:
            runner = _Runner()
            _all.add(runner)
            return runner
        if runner.alive:
            return runner
        _all.discard(runner)


def send(pipe: IO[bytes], value: Any) -> None:
    """Write a value to a pipe."""
    data = pickle.dumps(value)
    pipe.write(_HEAD.pack(len(data)) + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read a value that `send` wrote; `EOFError` if the other end has closed."""
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    (size,) = _HEAD.unpack(head)
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)
