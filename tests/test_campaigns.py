"""Printed batches: made, greeted, counted by day and language, ended; on both databases, and never a person."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot import campaigns
from bot.engine import GREETING
from bot.errors import SettingsError
from bot.i18n import OWN_NAMES, accepted, choose, own_id
from bot.models import Campaign as Row
from bot.models import CampaignScan
from bot.situation import GREETINGS, Campaign
from bot.store import Store, watched_version
from bot.triage import fold
from tests.conftest import SECRET_KEY

LATE = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)  # 00:30 of the 25th in Tokyo


def made(session: Session, **more: Any) -> Campaign:
    """Make a campaign of home visits."""
    given = {"moment": "home_visit", "place": "", "languages": ("ja", "vi"), "greetings": {}, "at": LATE} | more
    return campaigns.add(session, **given)


async def test_a_campaign_is_made_found_and_ended(store: Store) -> None:
    """It has a code of its own that can be typed in any case; when it has ended the desk no longer holds it."""
    one, other = await store.write(lambda s: (made(s, place=" 川辺 "), made(s, moment="hiroba", token="k7f3")))
    assert set(one.token) <= set(campaigns.SIGNS)
    assert not set("AEIOU01LO5S") & set(one.token)
    assert (one.place, one.languages, other.token) == ("川辺", ("ja", "vi"), "K7F3")
    assert await store.read(lambda s: campaigns.find(s, one.token.lower())) == (one, True)
    assert set(await store.read(campaigns.running)) == {one.token, "K7F3"}
    await store.write(lambda s: campaigns.end(s, "k7f3", LATE))
    assert await store.read(lambda s: campaigns.find(s, "K7F3")) == (other, False)
    assert set(await store.read(campaigns.running)) == {one.token}
    assert (await store.read(lambda s: watched_version(s, campaigns.NAME)))[0] == 3


@pytest.mark.parametrize("token", ["", "\x00", "K7F3\x00", "../..", "あ" * 4, "K" * 99, "ﬃﬃ"])
async def test_no_code_is_nobodys(store: Store, token: str) -> None:
    """Whatever stands in the address, the answer is that there is no such campaign."""
    assert await store.read(lambda s: campaigns.find(s, token)) == (None, False)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"moment": "party"}, "home_visit"),
        ({"languages": ("ja", "tlh")}, "tlh"),
        ({"languages": ()}, "one language"),
        ({"token": "K7 3"}, "letters and digits"),
        ({"greetings": {"tlh": "nuqneH"}}, "tlh"),
        ({"greetings": {"vi": "x" * 31}}, "30 characters"),
        ({"greetings": {"vi": "Chào [ABCD]"}}, "brackets"),
        ({"greetings": {"vi": "!!!"}}, "characters"),
        ({"greetings": {"vi": "START!"}}, "alike"),
    ],
)
async def test_a_wrong_campaign_is_refused(sqlite_store: Store, wrong: dict[str, Any], why: str) -> None:
    """What is wrong is named, and nothing is kept."""
    with pytest.raises(SettingsError, match=why):
        await sqlite_store.write(lambda s: made(s, **wrong))
    assert await sqlite_store.read(campaigns.counted) == []


async def test_a_code_is_never_used_again(sqlite_store: Store) -> None:
    """What was printed once means that batch for ever, ended or not; what is not there cannot be changed."""
    await sqlite_store.write(lambda s: made(s, token="K7F3"))
    await sqlite_store.write(lambda s: campaigns.end(s, "K7F3", LATE))
    with pytest.raises(SettingsError, match="taken"):
        await sqlite_store.write(lambda s: made(s, token="k7f3"))
    for change in (lambda s: campaigns.end(s, "NONE", LATE), lambda s: campaigns.greet(s, "NONE", "vi", "x")):
        with pytest.raises(SettingsError, match="campaign list"):
            await sqlite_store.write(change)


async def test_a_greeting_can_be_changed_after_printing(store: Store) -> None:
    """The city's own words stand in place of ours until they are taken back."""
    await store.write(lambda s: made(s, token="K7F3", greetings={"vi": "  Xin   chào "}))
    assert (await store.read(campaigns.running))["K7F3"].greeting("vi") == "Xin chào [K7F3]"
    changed = await store.write(lambda s: campaigns.greet(s, "K7F3", "vi", "Tôi có thẻ"))
    assert (changed.greeting("vi"), changed.greeting("ja")) == ("Tôi có thẻ [K7F3]", "はじめる [K7F3]")
    assert (await store.write(lambda s: campaigns.greet(s, "K7F3", "vi", ""))).greeting("vi") == "Bắt đầu [K7F3]"


def test_every_language_has_a_greeting_of_its_own() -> None:
    """No two are alike, since the greeting tells the language; each is short enough to be known again."""
    assert set(GREETINGS) == set(OWN_NAMES)
    assert len({fold(words) for words in GREETINGS.values()}) == len(GREETINGS)
    for language in GREETINGS:
        found = GREETING.match(Campaign("K7F3", "home_visit").greeting(language))
        assert found is not None
        assert (found["words"], found["token"]) == (GREETINGS[language], "K7F3")
    assert Campaign("K7F3", "home_visit").greeting("tlh") == "はじめる [K7F3]"


async def test_scans_are_counted_by_tokyos_day_and_language(store: Store) -> None:
    """All at once or one after the other, none is lost; nothing but day, language and number is kept."""
    await store.write(lambda s: made(s, token="K7F3"))
    ways = [("vi", LATE)] * 9 + [("ja", LATE)] * 2 + [("ja", LATE.replace(hour=14))]
    await asyncio.gather(*(store.write(lambda s, w=way: campaigns.count_scan(s, "K7F3", *w)) for way in ways))
    await store.write(lambda s: campaigns.count_greeted(s, "K7F3"))
    (one,) = await store.read(campaigns.counted)
    assert one.scans == {(date(2026, 11, 25), "vi"): 9, (date(2026, 11, 25), "ja"): 2, (date(2026, 11, 24), "ja"): 1}
    assert one.greeted == 1
    assert set(CampaignScan.__table__.columns.keys()) == {"token", "day", "language", "scans"}
    assert {c.name for c in Row.__table__.columns if "resident" in c.name or "sealed" in c.name} == set()


async def test_what_was_counted_before_is_kept(database_url: str) -> None:
    """The migration takes over campaigns with their scans, and can go back."""
    store = Store(database_url, SECRET_KEY)
    await store.migrate("0009")

    def old(session: Session) -> None:
        session.execute(
            text(
                "INSERT INTO campaign (token, channel, place, language, scans, greeted, created_at) "
                "VALUES ('K7F3', 'poster', 'ひろば', 'vi', 7, 2, '2026-11-20 00:00:00')"
            )
        )

    await store._database.open()  # `Store.open` refuses a schema of yesterday
    await store._database.write(old, group=False)
    await store.close()
    await store.migrate()
    store = Store(database_url, SECRET_KEY)
    await store.open()
    (one,) = await store.read(campaigns.counted)
    assert (one.campaign.place, one.greeted, sum(one.scans.values())) == ("ひろば", 2, 7)
    assert one.campaign.languages == ("vi",)
    await store.close()
    await store.migrate("0009")
    await store.migrate()


# --- which language a phone speaks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("fr-FR,fr;q=0.9,pt-PT;q=0.5", "pt-BR"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-CN,zh;q=0.9", "zh-Hans"),
        ("en;q=0.2, ne;q=0.7", "ne"),
        ("tl-PH", "fil"),
        ("in", "id"),
        ("ja;q=0, es", "es"),
        ("*", ""),
        ("", ""),
        ("fr", ""),
        ("vi;q=x, ,;;, 🙂", ""),
    ],
)
def test_the_language_that_a_browser_wants(header: str, language: str) -> None:
    """By weight, then by order; names of other makers are understood; nonsense is no wish."""
    assert accepted(header, GREETINGS) == language


def test_a_phones_language_is_one_of_ours() -> None:
    """LINE names Chinese by country; ours are named by script."""
    assert own_id("zh_TW") == "zh-Hant"
    assert choose(("ja", "ja-easy", "zh-Hant"), "zh-TW") == "zh-Hant"
    assert choose(("ja", "ja-easy", "pt-BR"), "pt") == "pt-BR"
