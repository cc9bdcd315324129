"""Faults on demand: what our client must survive when the platform misbehaves.

The rule: a fault says whether the request was accepted before the answer went wrong (`after`), because that
difference is what a client cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal["error", "timeout", "reset", "latency", "rate", "monthly", "stale_token"]
KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass(slots=True)
class Fault:
    """Hold one fault for requests whose path contains `path`; `times` None means until it is cleared.

    `error` answers 500, `timeout` is silent for `seconds` and then breaks off, `reset` breaks off at once,
    `latency` answers `seconds` later, `rate` and `monthly` are the two 429s, `stale_token` expires reply tokens.
    """

    kind: FaultKind
    path: str = ""
    times: int | None = None
    after: bool = False
    seconds: float = 30.0

    def meets(self, path: str) -> bool:
        """Return whether a request for `path` meets this fault; two kinds exist on some paths only."""
        if self.kind == "monthly" and not path.endswith(("/push", "/multicast")):
            return False
        if self.kind == "stale_token" and not path.endswith("/reply"):
            return False
        return self.path in path


class Faults:
    """Hold the faults that wait for a request."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(
        self, kind: FaultKind, *, path: str = "", times: int | None = 1, after: bool = False, seconds: float = 30.0
    ) -> Fault:
        """Let the next `times` matching requests fail in this way and return the fault."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault: {kind}")
        fault = Fault(kind, path, times, after, seconds)
        self.waiting.append(fault)
        return fault

    def clear(self, kind: FaultKind | None = None) -> None:
        """Take back all faults, or those of one kind."""
        self.waiting = [fault for fault in self.waiting if kind is not None and fault.kind != kind]

    def take(self, path: str) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        for fault in self.waiting:
            if fault.meets(path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.waiting.remove(fault)
                return fault
        return None
