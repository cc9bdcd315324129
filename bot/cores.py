"""Do one job many times on every core of the machine, for commands that hear thousands of lines.

The rule: processes are forked here, so that they share what was loaded before; never inside the service, which has
threads. On a machine with one core, or one that cannot fork, everything happens in this process.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

A = TypeVar("A")
T = TypeVar("T")
_job: Callable[[Any], Any] | None = None  # in a forked process: what it was forked for


def _take(job: Callable[[Any], Any]) -> None:
    global _job
    _job = job


def _do(given: Any) -> Any:
    assert _job is not None
    return _job(given)


def on_every_core(job: Callable[[A], T], given: Iterable[A], *, at_once: int = 1) -> Iterator[T]:
    """Yield what `job` makes of each, in order; `at_once` are handed over together.

    What is raised there is raised here.
    """
    if (os.cpu_count() or 1) == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(job, given)
        return
    with multiprocessing.get_context("fork").Pool(initializer=_take, initargs=(job,)) as pool:
        yield from pool.imap(_do, given, chunksize=at_once)
