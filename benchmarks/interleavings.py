"""Let all act in random order: a million steps of the pure part alone, then 10,000 short talks on each database.

The rule: no reply while a person holds the talk, never silence otherwise, a person one tap away, danger always calls,
and memory that stays plain and small. On a database (a real file, a real server) each talk is a short play of the test
(tests/test_interleavings.py) with a seed of its own: families write and take back, one person takes the talk and lets
it go, LINE fails, and more happens while the desk thinks or sends. The first thing that is wrong ends it with its seed.
`python -m benchmarks.interleavings [pure|sqlite|postgresql]… [first seed]`
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from benchmarks.webhook import on_each_database
from bot import logs
from bot.messages import Heard, Inbound, Severity, Signal
from bot.opening import TOKYO
from bot.situation import CASE_TABLE
from bot.store import Store
from bot.transcript import STAFF
from tests.conftest import SECRET_KEY
from tests.talk import NIGHT, TROUBLES, Conversation, concern, hear, shown
from tests.test_interleavings import forget_everything, nothing_is_wrong, street

STEPS = 1_000_000
TALKS = 10_000  # on each database
SEED = 20261123
MEMORY = Path("/dev/shm")  # a folder of our own is made there: no disk is measured here
RESIDENTS = 12
LARGEST = 20_000  # bytes of a memory
SAID = (
    "むらさきのぞう", "一時預かり", "2歳", "さくら台", "市内", "ありがとう",
    "はい", "いいえ", "ちがう", "やめる", "人と話す", "メニュー",
    "ことば", "つかれた", "児童手当はいくら", "保育園に落ちた", "通報しますか", "流産しました",
    "苦情を言いたい", "訪問してほしい", "朝に知らせて", "電話できない", "English", "where is the nursery",
    "Tôi muốn gửi con", "😭", "？", "忘れてください", "わたしのデータ", "K7F3",
)  # fmt: skip
DANGERS = (*TROUBLES.values(), concern("anxiety"), concern("dv"), concern("development"))


def step(talk: Conversation, dice: random.Random, done: Counter[str]) -> str:
    """Let one thing happen; return what is wrong with what followed, or ""."""
    talk.now += timedelta(seconds=dice.choice((3, 40, 900, 30_000)))
    case = talk.view.case
    held = case is not None and case.held
    if case is not None and dice.random() < 0.25:
        able = [verb for verb, event in STAFF.items() if event in CASE_TABLE[case.state]]
        if able:
            done["staff"] += 1
            talk.stage(f"staff {dice.choice(able)}")
            return ""
    luck, signals = dice.random(), tuple[Signal, ...]()
    buttons = [choice.act for choice in shown(talk.last) if choice.act] if talk.turn is not None else []
    if luck < 0.55 and buttons:
        done["taps"] += 1
        turn = talk.take(Inbound("choice", talk.now, act=dice.choice(buttons)))
    elif luck < 0.85:
        done["texts"] += 1
        said = dice.choice(SAID)
        turn = talk.take(Inbound("text", talk.now, text=said, message_id=str(done.total())), hear(said))
    elif luck < 0.93:
        done["dangers"] += 1
        signals = (dice.choice(DANGERS),)
        turn = talk.take(Inbound("text", talk.now, text="……"), Heard(language="ja", signals=signals))
    else:
        done["others"] += 1
        kind = dice.choice(("sticker", "image", "follow", "unfollow", "unsend", "place"))
        turn = talk.take(Inbound(kind, talk.now, message_id=str(dice.randrange(done.total() + 1))))
        if kind in ("unsend", "unfollow"):
            return ""
    if held:
        return "the desk speaks while a person holds the talk" if turn.replies else ""
    if not turn.replies:
        return "silence"
    if signals and signals[0].severity.rank > Severity.CONCERN.rank and turn.case != "alarm":
        return f"{signals[0].kind} {signals[0].severity} calls nobody"
    called = talk.view.case is not None and talk.view.case.state in ("waiting", "on_hold")
    if not called and not any(choice.act.startswith("person.") for choice in turn.replies[-1].choices):
        return "no person within one tap"
    return ""


def walk(steps: int, seed: int) -> Counter[str]:
    """Walk, and return how many things of each kind happened. Raises AssertionError at the first wrong one."""
    dice, done = random.Random(seed), Counter[str]()
    talks = [Conversation(NIGHT) for _ in range(RESIDENTS)]
    begun = time.perf_counter()
    while done.total() < steps:
        who = dice.randrange(RESIDENTS)
        if dice.random() < 0.002:
            talks[who] = Conversation(NIGHT.astimezone(TOKYO))  # somebody new
        wrong = step(talks[who], dice, done)
        assert not wrong, f"seed {seed}, step {done.total()}: {wrong}: {talks[who].memory}"
        if done.total() % 1_000 == 0:
            size = max(len(json.dumps(talk.memory, ensure_ascii=False).encode()) for talk in talks)
            assert size < LARGEST, f"seed {seed}, step {done.total()}: a memory of {size} bytes"
        if done.total() % 100_000 == 0:
            print(f"  {done.total():,} steps, {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"  nothing wrong in {done.total():,} steps: {dict(done)}")
    return done


async def play(name: str, database_url: str) -> None:
    """Play the talks on one database. Raises AssertionError, with its seed noted, at the first wrong one."""
    store, done, taken = Store(database_url, SECRET_KEY), Counter[str](), 0
    await store.migrate()
    await store.open()
    begun = time.perf_counter()
    for seed in range(SEED, SEED + TALKS):
        await forget_everything(store)
        talk = street(store, seed, short=True)
        try:
            await talk.play_short()
            await nothing_is_wrong(talk)
        except AssertionError as error:
            error.add_note(f"{name}, seed {seed}")
            raise
        done, taken = done + talk.deeds, taken + talk.taken
        if (count := seed - SEED + 1) % 500 == 0:
            print(f"  {name}: {count:,} talks, {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"  {name}: nothing wrong in {TALKS:,} talks, taken {taken:,} times: {dict(done)}", flush=True)
    await store.close()


if __name__ == "__main__":
    wanted = [typed for typed in sys.argv[1:] if not typed.isdecimal()]
    SEED = next((int(typed) for typed in sys.argv[1:] if typed.isdecimal()), SEED)
    if not wanted or "pure" in wanted:
        walk(STEPS, SEED)
    logs.set_up("ERROR", sys.stderr)
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    sys.argv[1:] = wanted
    on_each_database(play)
