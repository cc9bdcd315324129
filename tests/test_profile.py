"""The family profile: told on the private page, used quietly, named in kinds only, forgotten at once."""

from __future__ import annotations

from datetime import date

import pytest

from bot.messages import Month
from bot.profile import Profile, may_be_born, may_be_due, month_of
from tests.talk import DAY, Conversation

TODAY = date(2026, 11, 25)
TWO = Month(2024, 10)  # two years old
FAMILY = Profile((TWO,), Month(2027, 3), "川辺町")


def talk(profile: Profile) -> Conversation:
    """Return a talk with a family that told this of itself."""
    found = Conversation(DAY)
    found.does("follow")
    found.memory = profile.within(found.memory)
    return found


def test_a_profile_lives_in_memory_as_plain_json() -> None:
    """What was told comes back whole; what was not told leaves nothing."""
    assert Profile.of(FAMILY.within({"v": 1})) == FAMILY
    assert Profile().within({"v": 1, "profile": {"area": "x"}}) == {"v": 1}
    assert FAMILY.kinds == ("months", "area")


@pytest.mark.parametrize(
    ("typed", "month"),
    [("2024-03", (2024, 3)), ("２０２４年３月", (2024, 3)), ("2024/3", (2024, 3)), ("2024-13", None), ("3月", None)],
)
def test_a_month_is_read_as_it_is_typed(typed: str, month: tuple[int, int] | None) -> None:
    """Browsers without a month field send what was typed."""
    assert month_of(typed) == (Month(*month) if month else None)


def test_months_have_bounds() -> None:
    """A child is not yet nineteen; a birth is expected within ten months, or was a month ago."""
    assert may_be_born(Month(2026, 11), TODAY)
    assert may_be_born(Month(2007, 12), TODAY)
    assert not may_be_born(Month(2007, 11), TODAY)
    assert not may_be_born(Month(2026, 12), TODAY)
    assert may_be_due(Month(2026, 10), TODAY)
    assert may_be_due(Month(2027, 9), TODAY)
    assert not may_be_due(Month(2027, 10), TODAY)


def test_line_names_kinds_and_never_content() -> None:
    """The dialog says that something is kept, and nobody who reads it learns of a pregnancy or of whom."""
    found = talk(FAMILY)
    said = found.does("choice", act="profile.show") and found.said
    assert "生まれた月・予定の月" in said
    assert "住んでいる地区" in said
    for told in ("2024", "2027", "川辺", "予定日", "妊娠"):
        assert told not in said
    only_born = talk(Profile((TWO,), None, "川辺町"))
    only_born.does("choice", act="profile.show")
    assert only_born.said == said


def test_one_tap_forgets_all_of_it() -> None:
    """「家族のことを消す」 leaves nothing in memory, and typed it is the same."""
    for act, text in (("profile.forget", ""), ("", "家族のことを消す")):
        found = talk(FAMILY)
        found.does("choice", act="profile.show")
        found.does("choice", act=act) if act else found.writes(text)
        assert "profile" not in found.memory
    assert "消しました" in found.said


def test_places_are_found_by_what_was_told_before() -> None:
    """Neither where nor how old is asked again; it is said, and can be changed."""
    found = talk(FAMILY)
    found.writes("一時預かりを使いたい")
    assert found.memory["open"]["state"] == "results"
    assert "前に教えてもらった「家族のこと」でさがしました。" in found.said
    assert "川辺" not in found.said.split("［")[0]
    found.does("choice", act="find_place.other_age")
    assert found.memory["open"]["state"] == "age"
    found.writes("5か月")
    assert found.memory["open"]["state"] == "results"
    assert "家族のこと" not in found.said


def test_what_is_told_now_stands_above_what_was_told_before() -> None:
    """An age or an area in the words, and "anywhere", are taken as said."""
    found = talk(FAMILY)
    found.writes("5か月の子の一時預かりをあさぎり町でさがしています")
    assert "家族のこと" not in found.said
    data = found.memory["open"]["data"]
    assert (data["age"], data["area"]) == (5, "あさぎり町")


def test_of_several_children_the_one_is_meant_whom_the_places_fit() -> None:
    """Two children of an age for the same places are asked about; else the fitting one is meant."""
    both = talk(Profile((TWO, Month(2025, 12)), None, "川辺町"))
    both.writes("一時預かりを使いたい")
    assert both.memory["open"]["state"] == "age"
    apart = talk(Profile((TWO, Month(2012, 1)), None, "川辺町"))
    apart.writes("一時預かりを使いたい")
    assert apart.memory["open"]["state"] == "results"


def test_nothing_of_the_profile_is_copied_into_the_open_dialog() -> None:
    """Forgetting is whole: the search keeps only that it used the profile, not what was in it."""
    found = talk(FAMILY)
    found.writes("一時預かりを使いたい")
    data = found.memory["open"]["data"]
    assert "age" not in data
    assert "area" not in data
