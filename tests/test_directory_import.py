"""Importing cities' files: every row is taken or refused with a reason, whatever dirt it carries."""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.directory.importing.files import Imported, known_dialects, read_file, report
from bot.directory.resources import Resource, from_json, to_json
from bot.directory.search import Directory, Query
from bot.errors import DataFileError

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
VOCABULARY: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[1] / "bot" / "content" / "vocabulary.yaml").read_text("utf-8")
)
TODAY = date(2026, 11, 22)

L1 = (
    "都道府県コ―ド又は市区町村コ―ド,NO,都道府県名,市区町村名,名称,名称_カナ,種別,住所,方書,緯度,経度,電話番号,団体名,"
    "収容定員,受入年齢,利用可能曜日,開始時間,終了時間,利用可能日時特記事項,一時預かりの有無,URL,備考,,,\r\n"
    "999999,0013010001,ひなた県,ひなた市,ひなた市立 川辺保育園,ヒナタシリツカワベホイクエン,"
    "認可公立保育所,ひなた県ひなた市川辺町3丁目12,,35.046,137.058,(000)555-1001,ひなた市,120,6か月から,月火水木金土,7：30,19：00,土曜日のみ7:30～18:00,有,,,,,\r\n"
    "999999,0013010002,ひなた県,ひなた市,小さな<b>森</b>保育室,チイサナモリ,認可私立保育所,ひなた県ひなた市桜台1-1,,"
    "137.042,35.062,000-555-1302,,19,0～2歳児,月火水木金,09:00,17:00,,無,javascript:alert(1),小規模保育事業,,,\r\n"
    "999999,0013010003,ひなた県,ひなた市,,ナマエナシ,公立幼稚園,ひなた県ひなた市北野1,,,,,,,,,,,,,,,,,\r\n"
    ",,,,,,,,,,,,,,,,,,,,,,,,\r\n"
    "999999,0013010005,ひなた県,ひなた市,母子生活支援施設あさひ,アサヒ,認可私立保育所,ひなた県ひなた市北野9,,,,,,,,,,,,,,,,,\r\n"
)
CAMEL = (
    '"#property","latitude","longitude","name","address","telephoneNumber","note","availableDate","startTime","endTime",'
    '"availableDateNote"\r\n'
    '"1","35.05","137.05","ひろば\nひなた","ひなた市駅前町2-10  プラザ3階","'
    '（こども課）  000-555-0110  （窓口） 000-555-0111","","火水木金土",'
    '"10：00","16：00","利用可能時間は10:00～12:00、13:00～16:00"\r\n'
    '"3","35.06","137.04","ひろば　桜台","ひなた市桜台ニ丁目4","555-0112","","月火","9:30","15:00","月によりかわる"\r\n'
    '"4","0","0","ひろば 北野","北野１９８","000-555-0113","","水","9:30","14:30",""\r\n'
    '"7","35.07","137.05","ひろば 丘","ひなた市丘の上14","000-555-0114","","","ー","ー",""\r\n'
    '"8","35.07","137.05","ひろば 丘","ひなた市丘の上14","000-555-0114","","","ー","ー",""\r\n'
)  # fmt: skip


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def accounted(imported: Imported) -> bool:
    """Return whether every row was taken or refused with a reason, once."""
    rows = [r.source.row for r in imported.taken] + [r.row for r in imported.refused]
    return sorted(rows) == list(range(1, imported.rows + 1)) and all(r.reason for r in imported.refused)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_national_layout_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    """A list in the national layout is read alike in UTF-8 with and without BOM, Shift_JIS and UTF-16."""
    found = read_file(write(tmp_path, "999999_preschool.csv", L1, encoding), today=TODAY)
    assert accounted(found)
    first, second = found.taken
    assert (first.name, first.category, first.location.town) == ("ひなた市立 川辺保育園", "nursery", "川辺町")
    assert (first.minimum_age, first.capacity, first.accepts_temporary_care) == (6, 120, True)
    assert [p.number for p in first.phones] == ["000-555-1001"]
    assert {s.closes_at.hour for s in first.opening.schedules} == {19, 18}
    assert (second.name, second.category) == ("小さな森保育室", "community_nursery")
    assert (second.location.latitude, second.location.longitude) == (35.062, 137.042)
    assert second.url == ""
    reasons = {r.row: r.reason for r in found.refused}
    assert reasons[3] == "名称がない"
    assert reasons[4] == "空の行"
    assert "載せてはいけない" in reasons[5]


def test_newer_national_layouts(tmp_path: Path) -> None:
    """The current layout with its address in parts, and the newest with the data set's name before each column."""
    text = (
        "全国地方公共団体コード,ID,地方公共団体名,名称,種別,所在地_都道府県,所在地_市区町村,所在地_町字,所在地_番地以下,"
        "緯度,経度,電話番号,受入年齢,利用可能曜日,開始時間,終了時間,一時預かりの有無,子供預かり料金,病児保育の有無,授乳室\n"
        "999999,0000000001,埼玉県ひなた市,ひかり園,認定こども園（幼保連携型）,埼玉県,ひなた市,北野,1-2-3,"
        "35.8,139.7,(000)252-4384,0歳から5歳,月火水木金土,7:00,19:00,有,400円/時間,有,有\n"
    )
    (place,) = read_file(write(tmp_path, "999999_preschool.csv", text), today=TODAY).taken
    assert (place.category, place.location.municipality, place.location.town) == ("kodomoen", "ひなた市", "北野")
    assert place.location.address == "埼玉県ひなた市北野1-2-3"
    assert (place.cost[0].amount, place.cost[0].option) == (400, "一時預かり 時間")
    assert (place.accepts_temporary_care, place.attributes) == (True, ("nursing_room",))
    prefixed = "公園_ID,公園_名称,公園_所在地_連結表記,公園_緯度,公園_経度\n1,みどり公園,ひなた市北野9,35,137\n"
    (park,) = read_file(write(tmp_path, "999999_park.csv", prefixed), today=TODAY).taken
    assert (park.name, park.category, park.location.town) == ("みどり公園", "park", "北野")


def test_camel_case_headers_with_dirt(tmp_path: Path) -> None:
    """高松's layout: line breaks in names, several phones with offices, a missing area code, zeros as coordinates."""
    found = read_file(write(tmp_path, "regional_child_rearing_support_base.csv", CAMEL), today=TODAY)
    assert accounted(found)
    assert [r.category for r in found.taken] == ["parenting_salon"] * 4
    assert found.refused[0].reason == "4行目と同じ内容"
    first, second, third, fourth = found.taken
    assert first.name == "ひろば ひなた"
    assert [(p.number, p.description) for p in first.phones] == [("000-555-0110", "こども課"), ("000-555-0111", "窓口")]
    assert len(first.opening.schedules) == 2
    assert [p.number for p in second.phones] == ["000-555-0112"]
    assert second.location.town == "桜台"
    assert not second.opening.known
    assert second.hours_note == "月火 9:30～15:00\n月によりかわる"
    assert (third.location.municipality, third.location.town, third.location.latitude) == ("ひなた市", "北野", None)
    assert not fourth.opening.known
    assert fourth.hours_note == ""
    mended = {m.row: m.what for m in found.mended}
    assert "市外局番を補った" in mended[2]
    assert "市町村名を補った" in mended[3]
    assert dict(found.stated) == {"hours": 3, "phones": 4}
    assert dict(found.understood) == {"hours": 2, "phones": 4}


def test_report_has_the_agreed_shape(tmp_path: Path) -> None:
    """The report is the JSON of DESIGN 7, key by key."""
    path = write(tmp_path, "999999_preschool.csv", L1)
    whole = json.loads(json.dumps(report([read_file(path, today=TODAY)]), ensure_ascii=False))
    assert list(whole) == ["files"]
    (one,) = whole["files"]
    assert list(one) == [
        "path", "dialect", "rows", "taken", "mended", "refused", "hours_stated", "hours_understood", "ages_stated",
        "ages_understood", "phones_stated", "phones_understood",
    ]  # fmt: skip
    assert one["path"] == str(path)
    assert (one["rows"], one["taken"], one["mended"], len(one["refused"])) == (5, 2, 2, 3)
    assert set(one["refused"][0]) == {"row", "reason"}
    assert (one["ages_stated"], one["ages_understood"], one["phones_stated"], one["phones_understood"]) == (2, 2, 2, 2)


def test_a_broken_web_address_costs_no_file(tmp_path: Path) -> None:
    """What only looks like an address is left out; the row, and the file, are read."""
    file = tmp_path / "list.csv"
    file.write_text("名称,種別,URL,電話番号\nあ園,認可保育所,http://[abc,000-555-1111\n", "utf-8")
    (place,) = read_file(file).taken
    assert (place.name, place.url) == ("あ園", "")


def test_a_new_edition_updates_the_same_places(tmp_path: Path) -> None:
    """A place keeps its id when rows move, when the file gets another date, and when its hours change."""
    before = read_file(write(tmp_path, "base_20251001.csv", CAMEL), category="parenting_salon", today=TODAY).taken
    lines = CAMEL.replace("火水木金土", "月火").split("\r\n")
    lines[1:5] = [line.replace('"', '"', 1) for line in lines[4:0:-1]]
    after = read_file(write(tmp_path, "base_20261001.csv", "\r\n".join(lines)), category="parenting_salon", today=TODAY)
    assert {r.id for r in after.taken} == {r.id for r in before}
    assert after.dataset == "ひなた市/base"
    renumbered = L1.replace(",0013010001,", ",0013010009,")
    one, two = (read_file(write(tmp_path, "x.csv", text), today=TODAY).taken for text in (L1, renumbered))
    assert one[0].id != two[0].id  # a real id identifies
    assert one[1].id == two[1].id


def test_two_services_of_one_house_stay_apart(tmp_path: Path) -> None:
    """Rows with the same name and address that say different things get different, stable ids."""
    text = "名称,種別,住所,利用可能曜日,開始時間,終了時間\n"
    text += "あおぞら,保育所,ひなた市北野1,月火,9:00,17:00\n"
    text += "あおぞら,病児保育,ひなた市北野1,月,8:00,18:00\n"
    found = read_file(write(tmp_path, "a.csv", text), today=TODAY).taken
    assert len({r.id for r in found}) == 2
    assert found[1].id == f"{found[0].id}-2"


def test_category_is_found_or_given_or_asked_for(tmp_path: Path) -> None:
    """Kind, file name and name tell the category; when nothing does, the reason says how to give it."""
    text = "施設名,所在地,TEL\nなかよし,ひなた市北野1,000-1-2345\n"
    unknown = read_file(write(tmp_path, "list.csv", text), today=TODAY)
    assert "--category" in unknown.refused[0].reason
    assert read_file(tmp_path / "list.csv", category="parent_circle", today=TODAY).taken[0].category == "parent_circle"
    assert read_file(write(tmp_path, "児童館一覧.csv", text), today=TODAY).taken[0].category == "childrens_hall"


def test_titles_tabs_and_full_width_headers(tmp_path: Path) -> None:
    """A title above the header, tabs, full-width and broken headers, and repeated ones are read."""
    text = "ひなた市 助産所一覧\t\t\t\n令和8年4月1日\t\t\t\n№\t助　産\n所名\t所在地\tＴＥＬ\n"
    text = (
        text.replace("助　産\n所名", '"助　産\n所　名"')
        + "12\tつきよ助産院\tひなた市水車町5\t０００－５５５－４１０１\n"
    )
    (place,) = read_file(write(tmp_path, "a.tsv", text), today=TODAY).taken
    assert (place.category, place.phones[0].number) == ("midwifery", "000-555-4101")


def test_columns_that_slipped_are_refused(tmp_path: Path) -> None:
    """A row with more cells than headers is refused: its cells stand under the wrong names."""
    text = "名称,種別,住所\nあおぞら,保育所,ひなた市北野1,余分\nひかり,保育所,ひなた市北野2\n"
    found = read_file(write(tmp_path, "a.csv", text), today=TODAY)
    assert accounted(found)
    assert "列が多い" in found.refused[0].reason


def test_rows_that_are_no_places(tmp_path: Path) -> None:
    """An organisation chart, a list of columns, and a table without names are refused row by row."""
    chart = "#property,affiliationCode,affiliationName,telephoneNumber\n1,01,こども課,000-1-2345\n2,02,保育課,\n"
    columns = "original_name,display_name,label_flag\n名称,名称,\n住所,住所,\n"
    other = "pid,phrase\n1,こんにちは\n"
    for name, text, rows in (("o.csv", chart, 2), ("attributes.csv", columns, 2), ("p.csv", other, 1)):
        found = read_file(write(tmp_path, name, text), today=TODAY)
        assert (found.rows, found.taken) == (rows, ())
        assert accounted(found)


def test_events_need_a_year(tmp_path: Path) -> None:
    """An event is dated by its year or its weekday; without either it is refused; adults' events have no topic."""
    text = (
        "№,対象,開催日,開始時間,終了時間,行事名,場所名称,料金,TEL\n"
        "1,子ども・親子,11月28日（土）,10:00,11:30,おやこの会,ひなたプラザ,無料,000-555-0110\n"
        "2,高校生・一般,11月28日（土）,10:00,11:30,大人の講座,ひなたプラザ,500円,000-555-0110\n"
        "3,子ども・親子,11月28日(aaa),10:00,11:30,壊れた日,ひなたプラザ,無料,000-555-0110\n"
    )
    found = read_file(write(tmp_path, "events.csv", text), today=TODAY)
    assert accounted(found)
    first, second = found.taken
    assert (first.category, first.ends_on, first.free) == ("event", date(2026, 11, 28), True)
    assert first.opening.open_on(date(2026, 11, 28))
    assert not first.opening.open_on(date(2027, 11, 28))
    assert second.category == "other"
    assert "年が分からない" in found.refused[0].reason


def test_clinics_are_offered_only_for_what_they_say(tmp_path: Path) -> None:
    """A dentist is not offered at night, an eye clinic not as a child's doctor; a night clinic is."""
    text = "名称,住所,診療科目\nめ眼科,ひなた市北野1,眼科\n"
    text += "こども医院,ひなた市北野2,小児科\n夜間急病診療所,ひなた市北野3,小児科\n"
    found = read_file(write(tmp_path, "hospital.csv", text), today=TODAY).taken
    assert [r.topics for r in found] == [(), ("medical_care",), ("night_clinic",)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("spaces.csv", b"\n\n \n"),
        ("book.xlsx", b"PK\x03\x04rest"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"),
        ("paper.pdf", b"%PDF-1.7"),
        ("page.csv", b"<!DOCTYPE html><table><tr><td>a</td><td>b</td></tr></table>"),
        ("half.json", b'{"data": [{"name": '),
        ("numbers.json", b"[1, 2, 3]"),
        ("zip.csv", b"PK\x03\x04rest"),
        ("noise.csv", bytes(range(128, 256)) * 9),
        ("one.csv", "名称\nあおぞら\n".encode()),
        ("binary.csv", b"a,b\x00c\n1,2\n"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that is no table is refused as a whole, by name."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=name):
        read_file(tmp_path / name, today=TODAY)


def test_missing_file_and_unknown_dialect(tmp_path: Path) -> None:
    """A path that does not exist and a dialect that does not exist are named."""
    with pytest.raises(DataFileError, match=r"nowhere\.csv"):
        read_file(tmp_path / "nowhere.csv", today=TODAY)
    with pytest.raises(DataFileError, match="klingon"):
        read_file(write(tmp_path, "a.csv", L1), dialect="klingon", today=TODAY)


def test_dialects_are_found_by_being_there() -> None:
    """Every module of the folder is a dialect under its own name."""
    folder = Path(__file__).parents[1] / "bot" / "directory" / "importing" / "dialects"
    modules = {p.stem for p in folder.glob("*.py")} - {"__init__"}
    assert {d.__name__.rsplit(".", 1)[1] for d in known_dialects().values()} == modules  # type: ignore[attr-defined]


# --- the real files of two cities -------------------------------------------------------------------------------------


def real_files() -> Iterable[Path]:
    """Return the CSV files of 高松市 and 焼津市, none when they are not on this machine."""
    return sorted(p for city in ("takamatsu", "yaizu") for p in (SHARED / city).glob("*.csv"))


real = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not on this machine")


@real
def test_every_row_of_the_real_files_is_accounted_for() -> None:
    """Each row is taken or refused with a reason, every taken place is sound, and ids never collide."""
    ids: dict[str, str] = {}
    for path in real_files():
        found = read_file(path, today=TODAY)
        assert accounted(found), path
        for place in found.taken:
            assert place.category in VOCABULARY["categories"]
            assert from_json(json.loads(json.dumps(to_json(place)))) == place
            assert place.id not in ids, (path, place.name, ids[place.id])
            ids[place.id] = path.name
            assert place.opening.known <= bool(place.hours_note)
        stated, understood = dict(found.stated), dict(found.understood)
        assert all(understood.get(kind, 0) <= n for kind, n in stated.items())


@real
def test_real_files_are_mostly_understood() -> None:
    """Of all rows that are places most are taken; nearly all phones and ages and most hours are understood."""
    files = report(read_file(p, today=TODAY) for p in real_files())["files"]
    total = {key: sum(f[key] for f in files) for key in files[0] if key.endswith(("stated", "understood"))}
    assert total["phones_understood"] / total["phones_stated"] > 0.99
    assert total["ages_understood"] / total["ages_stated"] > 0.97
    assert total["hours_understood"] / total["hours_stated"] > 0.9
    not_places = ("organisation_chart", "column_list", "events")
    assert all(len(f["refused"]) <= 2 for f in files if f["dialect"] not in not_places)


@real
def test_support_bases_of_takamatsu_are_found_by_topic_and_area() -> None:
    """高松市's 地域子育て支援拠点 are found by topic, by municipality and by 町名."""
    taken: list[Resource] = []
    for path in real_files():
        taken += read_file(path, today=TODAY).taken
    city = Directory(taken, VOCABULARY["categories"])
    found = city.search(Query(topic="parenting_salon", area="大工町"))
    assert [m.resource.name for m in found.matches] == ["わはは・ひろば高松"]
    everywhere = city.search(Query(topic="parenting_salon", area="高松市", limit=99))
    bases = {m.resource.name for m in everywhere.matches if m.resource.category == "parenting_salon"}
    assert len(bases) == 15
    assert city.search(Query(words="わはは", area="香西")).matches[0].resource.name == "わはは・ひろば香西"
