"""Times the directory search over invented places: p50, p95, p99 per kind of query, memory, and how it grows.

The rule: figures only; nothing here passes or fails. CPU time is measured, since other work may share the machine.
Asked (issue C), at the 99th percentile: under 10 ms over 100,000 places and 50 ms over 1,000,000; free words under 50
ms over 100,000. Run: `python -m benchmarks.directory_search [--places N] [--growth]`.
"""

from __future__ import annotations

import argparse
import random
import resource
import time as clock
from collections.abc import Callable
from datetime import datetime, time, timedelta
from math import log10
from pathlib import Path
from typing import Any

import yaml

from bot.directory.resources import CostOption, Location, Resource
from bot.directory.search import Directory, Query
from bot.messages import Point
from bot.opening import TOKYO, Opening, Schedule

CENTRE = (35.05, 137.05)
SYLLABLES = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ"
NOW = datetime(2026, 11, 20, 10, 30, tzinfo=TOKYO)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
WIDTH = 48  # of the plot


def invent(count: int, seed: int = 7) -> tuple[list[Resource], dict[str, Any]]:
    """Return `count` invented places over 60 municipalities of 40 towns each, and topics by category."""
    draw = random.Random(seed)
    vocabulary = yaml.safe_load((Path(__file__).parents[1] / "bot/content/vocabulary.yaml").read_text("utf-8"))
    categories = list(vocabulary["categories"])
    weights = [8 if vocabulary["categories"][c] else 2 for c in categories]
    openings = [
        Opening(
            (Schedule(tuple(sorted(draw.sample(range(7), draw.randint(2, 7)))), time(h, m), time(h + d, m)),),
        )
        for h in (7, 8, 9, 10)
        for m in (0, 15, 30, 45)
        for d in (4, 6, 8, 10)
        for _ in range(30)
    ]
    places = []
    for n in range(count):
        city, town = draw.randrange(60), draw.randrange(40)
        kana = "".join(draw.choices(SYLLABLES, k=8))
        places.append(
            Resource(
                id=f"p{n}",
                name=f"{kana}ひろば{n}",
                kana=f"{kana}ひろば",
                category=draw.choices(categories, weights)[0],
                location=Location(
                    municipality=_city(city),
                    town=f"{SYLLABLES[town]}山町",
                    latitude=CENTRE[0] + draw.gauss(0, 0.3),
                    longitude=CENTRE[1] + draw.gauss(0, 0.3),
                ),
                opening=draw.choice(openings) if draw.random() < 0.8 else Opening(),
                minimum_age=draw.choice([None, 0, 3, 6, 12, 36]),
                maximum_age=draw.choice([None, 35, 47, 83, 155]),
                cost=draw.choice([(), (CostOption(0),), (CostOption(500, "1時間"),)]),
            )
        )
    return places, vocabulary["categories"]


def _city(number: int) -> str:
    return f"{SYLLABLES[number % 40]}{SYLLABLES[number // 40]}原市"


def kinds(topics: list[str], names: list[str], draw: random.Random) -> dict[str, Callable[[], Query]]:
    """Return the kinds of query, each a maker of one query."""

    def topic() -> str:
        return draw.choice(topics)

    def area() -> str:
        city = _city(draw.randrange(60))
        return draw.choice([city, f"{city}{draw.choice(SYLLABLES[:40])}山町"])

    def near() -> Point:
        return Point(CENTRE[0] + draw.gauss(0, 0.1), CENTRE[1] + draw.gauss(0, 0.1))

    def moment() -> datetime:
        return NOW + timedelta(minutes=draw.randrange(14 * 24 * 60))

    return {
        "topic + area": lambda: Query(topic=topic(), area=area()),
        "topic + area + age": lambda: Query(topic=topic(), area=area(), age_months=draw.randrange(84)),
        "topic + point": lambda: Query(topic=topic(), near=near()),
        "topic + point + age + open": lambda: Query(topic=topic(), near=near(), age_months=20, open_at=moment()),
        "topic + area + open + free": lambda: Query(topic=topic(), area=area(), open_at=moment(), free=True),
        "topic only": lambda: Query(topic=topic()),
        "topic + weekday": lambda: Query(topic=topic(), open_weekday=5),
        "open then, nothing else": lambda: Query(open_at=moment()),
        "words": lambda: Query(words="".join(draw.choices(SYLLABLES, k=3))),
        "words, a common one": lambda: Query(words="ひろば"),
        "words, one letter wrong": lambda: Query(words=f"{draw.choice(names)[:5]}ん{draw.choice(SYLLABLES)}"),
        "topic + unknown area": lambda: Query(topic=topic(), area="どこにもない町"),
        "nothing but a point": lambda: Query(near=near()),
    }


def measure(count: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Print and return the percentiles of each kind of query over `count` places, in ms of CPU time."""
    places, categories = invent(count)
    begun = clock.process_time()
    directory = Directory(places, categories)
    print(f"{len(directory):,} places built in {clock.process_time() - begun:.2f} s")
    topics = sorted({t for served in categories.values() for t in served})
    found: dict[str, tuple[float, float, float]] = {}
    structured: list[float] = []
    for name, make in kinds(topics, [p.kana for p in places[:1000]], random.Random(11)).items():
        spent = []
        for _ in range(rounds):
            query = make()
            begun = clock.process_time()
            directory.search(query, now=NOW)
            spent.append((clock.process_time() - begun) * 1000)
        if not name.startswith("words"):
            structured += spent
        found[name] = show(name, spent)
    found["all but words"] = show("all but words", structured)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB (with the invented places)")
    return found


def show(name: str, spent: list[float]) -> tuple[float, float, float]:
    """Print one line of percentiles in milliseconds, and return them."""
    ordered = sorted(spent)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * p))] for p in (0.5, 0.95, 0.99))
    print(f"{name:40} p50 {p50:7.2f}  p95 {p95:7.2f}  p99 {p99:7.2f} ms")
    return p50, p95, p99


def plot(growth: dict[int, dict[str, tuple[float, float, float]]]) -> None:
    """Print the 99th percentile by number of places, both logarithmic: one bar for each size, 0.01 to 1000 ms."""
    for name in next(iter(growth.values())):
        print(f"\n{name}")
        for count, kinds_ in growth.items():
            p99 = kinds_[name][2]
            length = max(1, round(WIDTH * (log10(max(p99, 0.01)) + 2) / 5))
            print(f"  {count:>9,} {'█' * length} {p99:.2f} ms")


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--places", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--growth", action="store_true", help="10^3 to 10^6 places, with a plot")
    chosen = options.parse_args()
    if chosen.growth:
        plot({count: measure(count, chosen.rounds) for count in SIZES})
    else:
        measure(chosen.places, chosen.rounds)


if __name__ == "__main__":
    main()
