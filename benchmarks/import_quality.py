"""Measure how much of cities' own files the directory understands: `python -m benchmarks.import_quality [FOLDER]`.

The rule: every file under FOLDER (default: the real data beside the project) is read as a city's clerk would give it,
without any option. Organisation charts, code lists, attribute and specification files are shown but not counted.
Asked (issue C): 97 % of the rows of each folder usable; of what is stated, hours 90 %, ages 95 %, phones 99 %.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from bot.directory.importing import Imported, read_file
from bot.errors import DataFileError

DATA = Path(__file__).parents[1].parent / "shared" / "data"
NO_PLACES = frozenset(("organisation_chart", "column_list", "code_list"))
KINDS = ("hours", "ages", "phones")


def measure(folder: Path) -> tuple[dict[str, Counter[str]], list[str], list[Imported]]:
    """Return counts by folder, what could not be read, and what became of each file."""
    counts: dict[str, Counter[str]] = {}
    notes: list[str] = []
    files: list[Imported] = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or path.name == "SOURCE.txt" or str(relative).startswith("spec_"):
            continue
        try:
            read = read_file(path)
        except DataFileError as error:
            notes.append(f"{relative}: {error}")
            continue
        if read.dialect in NO_PLACES:
            notes.append(f"{relative}: {read.dialect}, {read.rows} rows, not counted")
            continue
        files.append(read)
        count = counts.setdefault(relative.parts[0], Counter())
        count.update(rows=read.rows, taken=len(read.taken), usable=sum(map(usable, read.taken)))
        stated, understood = dict(read.stated), dict(read.understood)
        for kind in KINDS:
            count.update({f"{kind} stated": stated.get(kind, 0), f"{kind} understood": understood.get(kind, 0)})
    return counts, notes, files


def usable(resource: object) -> bool:
    """Return whether a resource has a name, a category, and an address or coordinates or a phone."""
    place = getattr(resource, "location")  # noqa: B009 - any resource
    named = bool(getattr(resource, "name") and getattr(resource, "category"))  # noqa: B009
    return named and bool(place.address or place.name or place.latitude is not None or getattr(resource, "phones"))  # noqa: B009


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} {part / whole:.1%}" if whole else "–"


def main() -> None:
    """Print the table, the reasons of refusals, and what was not counted."""
    counts, notes, files = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
    print(f"{'folder':22}{'rows usable':>18}" + "".join(f"{kind:>20}" for kind in KINDS))
    total: Counter[str] = Counter()
    for count in counts.values():
        total += count
    for name, count in (*counts.items(), ("all", total)):
        cells = [_share(count[f"{kind} understood"], count[f"{kind} stated"]) for kind in KINDS]
        print(f"{name:22}{_share(count['usable'], count['rows']):>18}" + "".join(f"{cell:>20}" for cell in cells))
    reasons = Counter(refusal.reason.split("（")[0] for read in files for refusal in read.refused)
    print("refused:", ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()) or "nothing")
    for note in notes:
        print(" ", note)


if __name__ == "__main__":
    main()
