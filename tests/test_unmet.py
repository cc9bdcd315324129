"""A need that nothing meets is noted once, without words."""

import pytest

from bot.dialogs.find_place import age_band


@pytest.mark.parametrize(
    ("months", "band"),
    [(None, ""), (0, "0"), (11, "0"), (12, "1"), (35, "2"), (36, "3-6"), (84, "7-12"), (156, "13-"), (400, "13-")],
)
def test_bands_of_ages(months: int | None, band: str) -> None:
    assert age_band(months) == band
