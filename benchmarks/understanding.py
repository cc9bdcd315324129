"""Times hearing as installed: one message, a batch by the command, start, memory, for each choice of encoders.

The rule: figures only; nothing here passes or fails. Lines are those of the frozen split, so lengths are as in life.
Run: `python -m benchmarks.understanding [--lines N]`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bot import evaluation

ROOT = Path(__file__).parents[1]


def texts(count: int) -> list[str]:
    """Return `count` lines of all languages."""
    found = [line.text for line in evaluation.read_split(ROOT / "tests" / "frozen")["signals"]]
    return [found[n * 7 % len(found)] for n in range(count)]


def alone(name: str, given: list[str]) -> None:
    """Print start, p50 and p95 of one message at a time, and the memory, in this process."""
    begun = time.perf_counter()
    from bot import library
    from bot.encoders.engines import encoders

    engines, ears = encoders(name), library.load(encoders=name).hearing
    started = time.perf_counter() - begun
    for text in given[:20]:
        ears.hear(text, vectors=engines.vectors(ears.readings(text)))
    taken = []
    for text in given[20:]:
        begun = time.perf_counter()
        ears.hear(text, vectors=engines.vectors(ears.readings(text)))
        taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:5} start {started:5.1f} s   one message p50 {taken[len(taken) // 2]:5.1f} ms "
        f"p95 {taken[int(len(taken) * 0.95)]:5.1f} ms   memory {memory:4.0f} MB"
    )


def main() -> None:
    """Run every choice in a process of its own, then the batch command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--alone", default="")
    given = parser.parse_args()
    if given.alone:
        alone(given.alone, texts(given.lines))
        return
    shutil.rmtree(ROOT / "var" / "kept", ignore_errors=True)
    print("the first line is the first start of a fresh checkout; later ones find what it kept in var/kept")
    for name in ("all", "all", "fast", "none"):
        subprocess.run(
            [sys.executable, "-m", "benchmarks.understanding", "--alone", name, "--lines", str(given.lines)],
            check=True,
            cwd=ROOT,
        )
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts(2000))
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bot.cli", "understand", "--jsonl"],
        input=lines, text=True, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ,
    )  # fmt: skip
    print(f"understand --jsonl, 2,000 lines: {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
