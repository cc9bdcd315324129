"""Single cells: ages, phones, dates, money, flags are read when they are certain, and only then."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.directory.importing import cells


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("3か月～", (3, None)),
        ("６ヶ月～２歳児", (6, 47)),
        ("0歳から5歳", (0, 71)),
        ("0～5歳児（地域枠：0～２歳児）", (0, 83)),
        ("おおむね2か月～2歳児", (2, 47)),
        ("57日", (1, None)),
        ("生後57日から", (1, None)),
        ("産休明け", (1, None)),
        ("43日以上就学前まで", (1, 83)),
        ("1歳クラスから", (12, None)),
        ("1歳半～", (18, None)),
        ("3歳児～就学前", (36, 83)),
        ("2歳児", (24, 47)),
        ("18歳未満", (None, 215)),
        ("3歳未満", (None, 35)),
        ("1号認定 満3歳～、2・3号認定 ３か月～", (3, None)),
        ("1号認定 満3歳～、2号認定 3歳児～", (36, None)),
        ("小学１～６年生（低学年優先）", (72, 155)),
        ("受給者証を交付された小学１年生～高校３年生までの児童", (72, 227)),
        ("６歳～１２歳（小学校１年生～６年生）", (72, 155)),
        ("3～4ヶ月～2歳児", (3, 47)),
    ],
)
def test_ages(cell: str, expected: tuple[int | None, int | None]) -> None:
    """Ages become whole months, both bounds inclusive; a class of a school year ends a year later."""
    found = cells.ages(cell)
    assert found is not None
    assert (found.minimum, found.maximum) == expected


@pytest.mark.parametrize(
    "cell", ["", "0.3～3歳児", "0.2ヶ月～5歳児", "満３歳", "未就園児", "親子", "要相談", "2～", "園による"]
)
def test_ages_that_are_not_certain(cell: str) -> None:
    """What could mean two things is not read."""
    assert cells.ages(cell) is None


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("(048)252-4384", ["048-252-4384"]),
        ("０００－１２３－４５６７", ["000-123-4567"]),
        ("000-111-2222/000-111-3333", ["000-111-2222", "000-111-3333"]),
        ("000-833-2282\n（000-839-2292）", ["000-833-2282", "000-839-2292"]),
        ("+81 45-123-4567", ["045-123-4567"]),
        ("09012345678", ["090-1234-5678"]),
        ("0120123456", ["0120-123-456"]),
        ("--", []),
        ("５－０９１１", []),
    ],
)
def test_phones(cell: str, numbers: list[str]) -> None:
    """Every number of a cell is found, in any width and bracket; what is no number is not made one."""
    found = cells.phones(cell)
    assert [p.number for p in found.phones] == numbers
    assert found.understood is bool(numbers)


def test_phones_with_offices_and_extensions() -> None:
    """The （課名） before a number stays with it; an extension is kept apart."""
    found = cells.phones("（保健課）  000-839-2860  （衛生課）  000-839-2865").phones
    assert [(p.number, p.description) for p in found] == [("000-839-2860", "保健課"), ("000-839-2865", "衛生課")]
    assert cells.phones("000-839-2111（内線 2345）").phones[0].extension == "2345"


def test_phones_without_area_code() -> None:
    """A number without area code is completed only when the caller knows the code; else it stays as it is written."""
    short = cells.phones("839-2865")
    assert ([p.number for p in short.phones], short.short, short.understood) == (["839-2865"], ("839-2865",), True)
    assert [p.number for p in cells.phones("839-2865", "000").phones] == ["000-839-2865"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("S47.4.1", date(1972, 4, 1)),
        ("H29.1.6", date(2017, 1, 6)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("令和８年４月１日", date(2026, 4, 1)),
        ("1952/1/25", date(1952, 1, 25)),
        ("19710519", date(1971, 5, 19)),
        ("2026-02-30", None),
        ("7/29/24", None),
        ("随時", None),
    ],
)
def test_dates(cell: str, expected: date | None) -> None:
    """Western and Japanese years are read; an impossible or ambiguous date is not."""
    assert cells.day(cell) == expected


def test_years_are_found_by_the_weekday() -> None:
    """A day without a year gets the one year nearby in which it falls on its weekday, or none."""
    around = date(2026, 11, 22)
    assert cells.days_without_year("9月7日(土)～\n11月4日(月・祝)", around) == [date(2024, 9, 7), date(2024, 11, 4)]
    assert cells.days_without_year("10月4日、11日\nいずれも（金）", around) == [date(2024, 10, 4), date(2024, 10, 11)]
    assert cells.days_without_year("9月28日(aaa)", around) == []
    assert cells.days_without_year("9月28日", around) == []


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("○", True), ("有", True), ("Ｙ", True), ("×", False), ("無", False), ("", None), ("要相談", None)],
)
def test_flags(cell: str, expected: bool | None) -> None:
    """Yes, no, and neither."""
    assert cells.flag(cell) is expected


def test_money() -> None:
    """無料 and one price become amounts; anything longer stays in words."""
    assert cells.cost("無料")[0].amount == 0
    assert (cells.cost("500円/30分")[0].amount, cells.cost("500円/30分")[0].option) == (500, "30分")
    assert cells.cost("2,000円（3,000円）※市外")[0].amount is None
    assert cells.cost("ー") == ()
    assert cells.cost("9" * 5_000 + "円")[0].amount is None  # a number that nobody pays, and Python does not read
    assert cells.number("9" * 5_000 + "人") is None


def test_text_loses_its_markup() -> None:
    """HTML from a city's cell never reaches a page; line breaks and comparisons stay."""
    assert cells.text('<a href="x">園<br>の</a>　案内&amp;地図 3<5') == "園\nの 案内&地図 3<5"


@given(st.text(max_size=30))
def test_any_cell_is_survived(cell: str) -> None:
    """No cell raises."""
    cells.ages(cell)
    cells.phones(cell, "000")
    cells.day(cell)
    cells.cost(cell)
    cells.days_without_year(cell, date(2026, 11, 22))
    cells.number(cell)
    cells.coordinate(cell, 20, 46)
    cells.text(cell)
