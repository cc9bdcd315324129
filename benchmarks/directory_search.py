"""Times the directory search over 100,000 invented places: p50, p95, p99 per kind of query, and the building of it.

The rule: figures only; nothing here passes or fails. CPU time is measured, since other work may share the machine.
Run: `python -m benchmarks.directory_search [--places N]`.
"""

from __future__ import annotations

import argparse
import random
import resource
import time as clock
from collections.abc import Callable
from datetime import datetime, time
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


def kinds(topics: list[str], draw: random.Random) -> dict[str, Callable[[], Query]]:
    """Return the kinds of query, each a maker of one query."""

    def topic() -> str:
        return draw.choice(topics)

    def area() -> str:
        city = _city(draw.randrange(60))
        return draw.choice([city, f"{city}{draw.choice(SYLLABLES[:40])}山町"])

    def near() -> Point:
        return Point(CENTRE[0] + draw.gauss(0, 0.1), CENTRE[1] + draw.gauss(0, 0.1))

    return {
        "topic + area": lambda: Query(topic=topic(), area=area()),
        "topic + area + age": lambda: Query(topic=topic(), area=area(), age_months=draw.randrange(84)),
        "topic + point": lambda: Query(topic=topic(), near=near()),
        "topic + point + age + open": lambda: Query(topic=topic(), near=near(), age_months=20, open_at=NOW),
        "topic + area + open + free": lambda: Query(topic=topic(), area=area(), open_at=NOW, free=True),
        "topic only": lambda: Query(topic=topic()),
        "topic + weekday": lambda: Query(topic=topic(), open_weekday=5),
        "words": lambda: Query(words="".join(draw.choices(SYLLABLES, k=3))),
        "topic + unknown area": lambda: Query(topic=topic(), area="どこにもない町"),
        "nothing but a point": lambda: Query(near=near()),
    }


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--places", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=200)
    chosen = options.parse_args()
    places, categories = invent(chosen.places)
    begun = clock.process_time()
    directory = Directory(places, categories)
    print(f"{len(directory):,} places built in {clock.process_time() - begun:.2f} s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    topics = sorted({t for served in categories.values() for t in served})
    typical: list[float] = []
    for name, make in kinds(topics, random.Random(11)).items():
        spent = []
        for _ in range(chosen.rounds):
            query = make()
            begun = clock.process_time()
            directory.search(query, now=NOW)
            spent.append((clock.process_time() - begun) * 1000)
        if name.startswith("topic +") and "unknown" not in name:
            typical += spent
        show(name, spent)
    show("typical (topic and a place or a wish)", typical)


def show(name: str, spent: list[float]) -> None:
    """Print one line of percentiles in milliseconds."""
    ordered = sorted(spent)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * p))] for p in (0.5, 0.95, 0.99))
    print(f"{name:40} p50 {p50:7.2f}  p95 {p95:7.2f}  p99 {p99:7.2f} ms")


if __name__ == "__main__":
    main()
