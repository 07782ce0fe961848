"""The process behind a worker: `python -m gatewright.flows.explore.service`; see `runner.py`."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from contextlib import suppress

from .job import Job, perform
from .runner import receive, send


def main() -> None:
    """Do jobs until the worker closes the pipe; then end, with everything that runs."""
    # Whatever a tool prints to stdout must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    waiting: queue.SimpleQueue[list[Job]] = queue.SimpleQueue()

    def listen() -> None:
        with suppress(EOFError):
            while True:
                waiting.put(receive(sys.stdin.buffer))
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=listen, daemon=True).start()
    send(answers, "ready")
    while True:
        send(answers, [perform(job) for job in waiting.get()])


if __name__ == "__main__":
    main()
