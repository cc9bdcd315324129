"""Files in every shape that cities publish, and files that are meant to do harm."""

import io
import json
import re
import struct
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from bot.directory.importing import formats
from bot.directory.importing.files import Imported, read_file
from bot.directory.importing.formats import open_sheets
from bot.errors import DataFileError
from bot.opening import TOKYO

TODAY = date(2026, 11, 22)
L1 = ["名称", "種別", "住所", "電話番号", "受入年齢", "利用可能曜日", "開始時間", "終了時間", "認可等年月日"]


def workbook(path: Path, *sheets: tuple[str, list[list[Any]]], merge: str = "") -> Path:
    """Write a workbook with these sheets and return its path."""
    book = Workbook()
    del book[book.sheetnames[0]]
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if merge:
            for area in merge.split():
                sheet.merge_cells(area)
    book.save(path)
    return path


def read(path: Path, **given: Any) -> Imported:
    return read_file(path, today=TODAY, **given)


# --- XLSX -------------------------------------------------------------------------------------------------------------


def test_times_dates_and_numbers_of_a_workbook(tmp_path: Path) -> None:
    """Excel's times and dates are typed as people type them, whole numbers have no .0, faults are empty."""
    rows = [
        ["ひなた市 保育所一覧"],
        L1,
        ["ひなた保育園", "公立保育所", "ひなた市北野1", "000-555-0101", 3, "月;火", time(7, 30), time(18, 30),
         date(1950, 7, 10)],
        ["丘の保育園", "公立保育所", "#N/A", "000-555-0102", "1歳から", "月", timedelta(hours=9), time(17), None],
    ]  # fmt: skip
    first, second = read(workbook(tmp_path / "a.xlsx", ("一覧", rows))).taken
    assert (first.minimum_age, first.phones[0].number) == (36, "000-555-0101")
    assert [(s.opens_at, s.closes_at) for s in first.opening.schedules] == [(time(7, 30), time(18, 30))]
    assert second.location.address == ""
    assert second.opening.schedules[0].opens_at == time(9)


def with_shared_strings(path: Path, shared: str) -> Path:
    """Write a workbook whose first place is named by a table of shared strings, as Excel itself writes it."""
    workbook(path, ("一覧", [["名称", "住所", "種別"], ["甲", "ひなた市北野1", "保育所"]]))
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name).decode() for name in file.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = re.sub(r't="inlineStr"><is><t>甲</t></is>', 't="s"><v>0</v>', sheet)
    assert parts["xl/worksheets/sheet1.xml"] != sheet
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    link = f'<Relationship Type="{kind}" Target="/xl/sharedStrings.xml" Id="rId9"/></Relationships>'
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace("</Relationships>", link)
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    known = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{main}"/></Types>'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", known)
    parts["xl/sharedStrings.xml"] = shared
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


_SST = (
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="1" uniqueCount="1"><si>{}</si></sst>'
)


def test_phonetic_readings_are_left_out(tmp_path: Path) -> None:
    """Shared strings of Excel hold the kana beside the kanji (rPh); only what is written is read."""
    ruby = "<t>東京園</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/>"
    path = with_shared_strings(tmp_path / "a.xlsx", _SST.format(ruby))
    assert [place.name for place in read(path).taken] == ["東京園"]


def test_several_sheets_are_read_and_hidden_ones_not(tmp_path: Path) -> None:
    """Each visible sheet is a table of its own; its name tells the kind; refusals say in which sheet."""
    path = workbook(
        tmp_path / "list.xlsx",
        ("児童館", [["名称", "住所"], ["北野児童の家", "ひなた市北野1"], ["", "ひなた市北野2"]]),
        ("図書館", [["名称", "住所"], ["ひなたの本", "ひなた市北野3"]]),
        ("下書き", [["名称", "住所"], ["まだ", "ひなた市北野4"]]),
    )
    book = load_workbook(path)
    book["下書き"].sheet_state = "hidden"
    book.save(path)
    found = read(path)
    assert [(p.name, p.category) for p in found.taken] == [
        ("北野児童の家", "childrens_hall"),
        ("ひなたの本", "library"),
    ]
    assert [(r.row, r.sheet) for r in found.refused] == [(2, "児童館")]


def test_headers_in_two_rows_and_merged_cells(tmp_path: Path) -> None:
    """開園時間 over 平日 and 土曜日 is read as one header each; a merged kind holds for all its rows."""
    rows = [
        ["種別", "名称", "住所", "開園時間", None],
        [None, None, None, "平日", "土曜日"],
        ["保育所", "あ園", "ひなた市北野1", "7:00～19:00", "7:30～13:00"],
        [None, "い園", "ひなた市北野2", "8:00～18:00", "休"],
    ]
    path = workbook(tmp_path / "a.xlsx", ("s", rows), merge="A1:A2 B1:B2 C1:C2 D1:E1 A3:A4")
    one, two = read(path).taken
    assert (one.category, two.category) == ("nursery", "nursery")
    saturday = datetime(2026, 11, 28, 12, tzinfo=TOKYO)
    assert one.opening.open_at(saturday)
    assert not two.opening.open_at(saturday)


def test_headings_between_the_rows_name_the_kind(tmp_path: Path) -> None:
    """A row of one cell that names a kind holds for the rows under it, and is listed as what it is."""
    text = "名称,住所,TEL\n【認可保育所】,,\nあ園,ひなた市北野1,000-555-0101\n"
    text += "【児童館】,,\nい,ひなた市北野2,000-555-0102\n"
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    found = read(path)
    assert [p.category for p in found.taken] == ["nursery", "childrens_hall"]
    assert [(r.row, r.reason) for r in found.refused] == [(n, "以下の行の種類を示す見出しの行") for n in (1, 3)]


def test_a_large_workbook_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MERGED_WITHIN", 10)
    path = workbook(tmp_path / "a.xlsx", ("児童館", [["名称", "住所"], ["北野の家", "ひなた市北野1"]]))
    assert [p.name for p in read(path).taken] == ["北野の家"]


# --- JSON -------------------------------------------------------------------------------------------------------------

PLACE = {"name": "北野児童館", "address": "ひなた市北野1", "tel": "000-555-0101"}


@pytest.mark.parametrize(
    "document",
    [
        [PLACE],
        {"data": [PLACE]},
        {"result": {"records": [PLACE]}},
        {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [137.05, 35.05]}, "properties": PLACE}]},
        PLACE,
        {"header": {"mei": "施設名", "juusho": "所在地"}, "source": "児童館", "data": [
            {"mei": "北野児童館", "juusho": "ひなた市北野1"}]},
    ],
)  # fmt: skip
def test_shapes_of_json(tmp_path: Path, document: object) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    (place,) = read(path).taken
    assert (place.name, place.category, place.location.town) == ("北野児童館", "childrens_hall", "北野")


def test_shapes_of_geojson_have_a_middle(tmp_path: Path) -> None:
    """A place drawn as a shape lies in its middle; coordinates of its own properties come first."""
    square = [[[137.0, 35.0], [137.2, 35.0], [137.2, 35.2], [137.0, 35.2]]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": square}, "properties": PLACE}
    own = {**feature, "properties": {**PLACE, "address": "ひなた市北野2", "latitude": 35.5, "longitude": 137.5}}
    lost = {**feature, "geometry": None, "properties": {**PLACE, "address": "ひなた市北野3"}}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature, own, lost]}), encoding="utf-8")
    places = [p.location for p in read(path).taken]
    assert [(p.latitude, p.longitude) for p in places] == [(35.1, 137.1), (35.5, 137.5), (None, None)]


def test_a_deep_document_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(DataFileError, match="JSON"):
        read(path)


# --- ZIP and encodings ------------------------------------------------------------------------------------------------


def test_a_zip_of_tables_with_japanese_names(tmp_path: Path) -> None:
    """A ZIP may be called .csv; names in Shift_JIS tell the kind, and what macOS leaves behind is not read."""
    path = tmp_path / "all.csv"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("abcdef.csv", "名称,住所\n北野の家,ひなた市北野1\n".encode("cp932"))
        file.writestr("__MACOSX/._abcdef.csv", b"\x00\x05")
        file.writestr("manual.pdf", b"%PDF")
    raw = path.read_bytes()
    assert raw.count(b"abcdef.csv") == 4  # each name stands before its file and in the directory
    path.write_bytes(raw.replace(b"abcdef.csv", "児童館.csv".encode("cp932")))
    assert [(p.name, p.category) for p in read(path).taken] == [("北野の家", "childrens_hall")]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would unpack to too much is refused by what its directory says, and if that lies, while it is read."""
    monkeypatch.setattr(formats, "LONGEST_FILE", 100_000)
    honest, liar = tmp_path / "honest.zip", tmp_path / "liar.zip"
    for path in (honest, liar):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a.csv", b"0" * 5_000_000)
    raw = bytearray(liar.read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # the size unpacked, in both headers
        begin = raw.index(signature)
        raw[begin + at : begin + at + 4] = struct.pack("<I", 1_000)
    liar.write_bytes(raw)
    with pytest.raises(DataFileError, match=r"大きすぎ|開けません"):
        read(liar)

    def opened(*_: object) -> None:
        raise AssertionError("a member was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    with pytest.raises(DataFileError, match="大きすぎ"):
        read(honest)


def test_an_entity_bomb_in_a_workbook_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    path = with_shared_strings(tmp_path / "a.xlsx", bomb + _SST.format("<t>&b;</t>"))
    with pytest.raises(DataFileError, match=r"a\.xlsx"):
        read(path)


def test_a_zip_in_a_zip_and_a_locked_one_are_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a.csv", "名称,住所\nあ,い\n")
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("inner.csv", inner.getvalue())
    with pytest.raises(DataFileError, match="ZIPの中のZIP"):
        read(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.pdf", b"")
    with pytest.raises(DataFileError, match="読める表"):
        read(path)


# --- cells that would do harm -----------------------------------------------------------------------------------------


def test_html_is_taken_out_even_when_it_hides(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "名称,種別,住所,備考\n"
        "<script>alert(1)</script>あ園,保育所,ひなた市北野1,&lt;img src=x onerror=alert(1)&gt;よい\n"
        "い園,保育所,ひなた市北野2,&amp;lt;b&amp;gt;太&amp;lt;/b&amp;gt; <a href='javascript:x'>詳細</a><!-- c -->\n",
        encoding="utf-8",
    )
    one, two = read(path).taken
    assert "<" not in one.name + one.description + two.name + two.description
    assert (one.description, two.description) == ("よい", "太 詳細")


@pytest.mark.parametrize(
    "formula", ["=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "@SUM(1+1)*cmd|' '!A0", "+cmd|x"]
)
def test_formulas_are_taken_out(tmp_path: Path, formula: str) -> None:
    """A cell that a spreadsheet would run is emptied, and the repair is named; phones and bullets are none."""
    path = tmp_path / "a.csv"
    quoted = formula.replace('"', '""')
    path.write_text(
        f'名称,種別,住所,備考,電話番号\nあ園,保育所,ひなた市北野1,"{quoted}",+81 3-5555-0101\n'
        f'"{quoted}",保育所,ひなた市北野2,-,\n',
        encoding="utf-8",
    )
    found = read(path)
    (place,) = found.taken
    assert "cmd" not in place.description
    assert "http" not in place.description
    assert place.phones[0].number == "03-5555-0101"
    assert "数式を取りのぞいた" in found.mended[0].what
    assert found.refused[0].reason == "名称がない"


def test_control_characters_and_turned_writing_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("名称,種別,住所\nあ\u202e\x07園\u200b,保育所,ひなた市北野1\n", encoding="utf-8")
    assert read(path).taken[0].name == "あ園"


def test_a_giant_cell_costs_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        f"名称,種別,住所,備考\nあ園,保育所,ひなた市北野1,{'長' * 4_000_000}\nい園,保育所,ひなた市北野2,\n",
        encoding="utf-8",
    )
    found = read(path)
    assert [p.name for p in found.taken] == ["い園"]
    assert "長すぎる" in found.refused[0].reason


def test_a_wrong_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("名称,住所\nあ園,ひなた市\n".encode("euc_jp") + b"\xff\xfe\xfd")
    with pytest.raises(DataFileError, match="文字コード"):
        read(path)


# --- headers nobody has seen ------------------------------------------------------------------------------------------


def test_unseen_headers_are_guessed_and_told(tmp_path: Path) -> None:
    """What stands under a header must look like what its words say; the guess is shown, a person may say otherwise."""
    path = tmp_path / "児童館.csv"
    path.write_text(
        "施設の名称（正式）,設置場所の住所,問合せ電話,おやすみ,開館している時間,ご案内ＨＰ,FAX電話\n"
        "北野の家,ひなた市北野1,000-555-0101,月曜日,9:00～17:00,https://example.jp/a,000-555-0109\n"
        "丘の家,ひなた市丘の上2,000-555-0102,火曜日,9:00～17:00,https://example.jp/b,\n",
        encoding="utf-8",
    )
    found = read(path)
    assert dict(found.guessed) == {
        "施設の名称(正式)": "name", "設置場所の住所": "address", "問合せ電話": "phone", "開館している時間": "hours",
        "ご案内hp": "url",
    }  # fmt: skip
    assert found.taken[0].phones[0].number == "000-555-0101"
    said = read(path, columns={"おやすみ": "closed", "ご案内ＨＰ": ""})
    assert said.taken[0].opening.known
    assert said.taken[0].url == ""
    with pytest.raises(DataFileError, match="colour"):
        read(path, columns={"おやすみ": "colour"})


def test_area_code_is_added_where_a_person_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "児童館.csv"
    path.write_text("名称,住所,電話\n北野の家,ひなた市北野1,72-1811\n", encoding="utf-8")
    bare = read(path)
    assert bare.taken[0].phones[0].number == "72-1811"
    assert "--area-code" in bare.mended[0].what[-1]
    assert read(path, area_code="0000").taken[0].phones[0].number == "0000-72-1811"


def test_sheets_of_a_csv_have_no_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    (sheet,) = open_sheets(path)
    assert (sheet.name, sheet.records) == ("", [["a", "b"], ["1", "2"]])


# --- layouts of more cities, with invented places ---------------------------------------------------------------------


def geojson(path: Path, *properties: dict[str, Any]) -> Path:
    """Write places on a map, all at one spot."""
    point = {"type": "Point", "coordinates": [137.05, 35.05]}
    features = [{"type": "Feature", "geometry": point, "properties": one} for one in properties]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), "utf-8")
    return path


def test_the_papamama_family_and_its_dirt(tmp_path: Path) -> None:
    """Hours in 時 with another end on Saturdays, a city named twice, full-width numbers, no last age."""
    one = {"Type": "認可保育所", "Name": "あ園", "AgeS": "8ヶ月", "AgeE": "就学前", "Open": "7時",
           "Close": "19時(土曜18時)", "Add1": "埼玉県ひなた市", "Add2": "ひなた市駅前町１０",
           "TEL": "５５５－０１０１",
           "Temp": "", "Night": ""}  # fmt: skip
    two = {"HID": "1", "Type": "認可外", "Name": "い園", "AgeS": "生後43日", "Open": "7:00", "Close": "翌1:00",
           "Add1": "ひなた市北野1", "Full": "220(分園含む)", "Extra": "Y", "Temp": "Y",
           "Memo": "延長保育（土）：16:00～19:00<br />病後児保育：なし"}  # fmt: skip
    three = {"Type": "小規模", "Name": "う保育室", "AgeS": "産休明", "AgeE": "2歳", "Open": "7:30", "Close": "18:30",
             "Add1": "ひなた市北野2", "Kodomo": "N", "H24": "N"}  # fmt: skip
    first, second, third = read(geojson(tmp_path / "nurseryFacilities.geojson", one, two, three)).taken
    assert (first.minimum_age, first.maximum_age) == (8, 83)
    assert (first.location.address, first.location.town) == ("埼玉県ひなた市 駅前町10", "駅前町")
    saturday = datetime(2026, 11, 28, 18, 30, tzinfo=TOKYO)
    assert first.opening.open_at(datetime(2026, 11, 27, 18, 30, tzinfo=TOKYO))
    assert not first.opening.open_at(saturday)
    assert (second.category, second.capacity, second.accepts_temporary_care) == ("unlicensed_nursery", 220, True)
    assert second.description.split("\n")[:2] == ["延長保育", "延長保育（土）：16:00～19:00"]
    assert second.opening.open_at(datetime(2026, 11, 28, 0, 30, tzinfo=TOKYO))
    assert (third.minimum_age, third.maximum_age) == (1, 47)


def test_the_national_disclosure_of_nurseries(tmp_path: Path) -> None:
    """Hundreds of columns: the address in parts, hours by day, places by age; nothing of inspections."""
    header = (
        "事業所番号,施設・事業所名,設置者名,管理者,施設の所在地 都道府県,施設の所在地 市区町村,施設の所在地 町名・番地,"
        "電話番号,交通手段_最寄り駅_線,交通手段_最寄り駅_駅,施設類型,営業状況,備考,0歳-定員,1歳-定員,2歳-定員,3歳-定員,備考,"
        "開所閉所時間_平日開所,開所閉所時間_平日閉所,開所閉所時間_土曜開所,開所閉所時間_土曜閉所,延長保育_有無,延長保育_時間,"
        "一時保育,夜間保育,行政処分歴(01)_処分の種類"
    )
    rows = (
        "9999999,ひなたっこ,株式会社　ひなた,園長　ひみつ　花子,ひなた県,ひなた市,駅前町２－５,000-555-0101,"
        "ひなた線,ひなた,その他,通常営業,【監査結果】,6,6,7,0,,08:00,18:30,,,有,18:30～19:00,あり,なし,改善勧告\n"
        "9999998,やすみ園,,,ひなた県,ひなた市,北野1,000-555-0102,,,その他,休止,,,,,,,,,,,,,,,\n"
        "9999997,おわった園,,,ひなた県,ひなた市,北野2,000-555-0103,,,その他,廃止,,,,,,,,,,,,,,,\n"
    )
    path = tmp_path / "公表施設情報_認可外_ひなた県_20260525.csv"
    path.write_text(f"{header}\n{rows}", encoding="utf-8-sig")
    found = read(path)
    open_, resting = found.taken
    assert found.dialect == "facility_disclosure"
    assert (open_.name, open_.category, open_.organization.name) == (
        "ひなたっこ",
        "unlicensed_nursery",
        "株式会社 ひなた",
    )
    assert (open_.location.municipality, open_.location.address) == ("ひなた市", "ひなた県ひなた市駅前町2-5")
    assert (open_.minimum_age, open_.maximum_age, open_.accepts_temporary_care) == (0, 47, True)
    assert open_.location.transportation == "ひなた線 ひなた"
    assert [(s.byday, s.opens_at) for s in open_.opening.schedules] == [((0, 1, 2, 3, 4), time(8))]
    assert not any(word in str(open_) for word in ("監査", "勧告", "花子"))
    assert resting.status == "temporarily_closed"
    assert "もう開いていない" in found.refused[0].reason


def test_a_city_map_with_its_own_words(tmp_path: Path) -> None:
    """Cells of one blank, a building in a second address, the prefecture without its end."""
    one = {"gid": "0", "名称": "よつば保育園", "施設種別": "小規模保育事業", "所在地": "神奈川藤沢市湘南台1-9-2",
           "所在地2": " 甲ビル1F", "電話番号": " ０００－５５５－０１０１", "ホームページ": " https://example.jp/",
           "開始日時": " ", "終了日時": " ", "更新日時": "2024/09/06 17:53:58"}  # fmt: skip
    (place,) = read(geojson(tmp_path / "小規模保育事業_20261005.geojson", one)).taken
    assert (place.category, place.location.municipality) == ("community_nursery", "藤沢市")
    assert place.location.address == "神奈川藤沢市湘南台1-9-2 甲ビル1F"
    assert (place.phones[0].number, place.url) == ("000-555-0101", "https://example.jp/")


def test_lists_of_every_public_house(tmp_path: Path) -> None:
    """Kinds that the desk has no word for are kept, found by name only; offices and schemes have kinds of their own."""
    path = tmp_path / "999999_public_facility.csv"
    path.write_text(
        "名称,名称_カナ,住所,種別,授乳室の有無\nひなた体育館,,ひなた市北野1,スポーツ施設,有\nひなた市役所,,ひなた市駅前町1,,\n"
        "みなみ集会所,,ひなた市南1,,無\n",
        encoding="utf-8-sig",
    )
    hall, office, house = read(path).taken
    assert [p.category for p in (hall, office, house)] == ["other", "city_office", "other"]
    assert hall.attributes == ("nursing_room",)
    path = tmp_path / "子育て支援制度一覧.csv"
    path.write_text("制度名,概要,対象者,問い合わせ先\nひとり親の手当,毎月,18歳未満,000-555-0101\n", encoding="utf-8")
    (scheme,) = read(path).taken
    assert (scheme.category, scheme.maximum_age) == ("support_scheme", 215)


def test_events_of_the_newest_layout(tmp_path: Path) -> None:
    """Columns with the data set's name before them are events too, when the file says so."""
    path = tmp_path / "999999_event.csv"
    path.write_text(
        "イベント_ID,イベント_名称,イベント_開始日,イベント_終了日,イベント_開始時刻,イベント_終了時刻,イベント_場所名称,"
        "イベント_住所市区町村,イベント_住所町名,イベント_住所丁目以下,イベント_対象者,イベント_料金(基本)\n"
        "1,おやこの会,2026/12/05,2026/12/05,10:00,11:30,ひなたプラザ,ひなた市,駅前町,2-10,0歳から2歳,無料\n",
        encoding="utf-8",
    )
    (event,) = read(path).taken
    assert (event.category, event.ends_on, event.free) == ("event", date(2026, 12, 5), True)
    assert event.opening.open_at(datetime(2026, 12, 5, 10, 30, tzinfo=TOKYO))
    assert event.location.municipality == "ひなた市"
