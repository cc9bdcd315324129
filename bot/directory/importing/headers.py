"""Knows what the columns of cities' files are called: header -> our field (facts/domain.md 1.1 and 1.3).

The rule: one header means one field. Headers are compared folded (`tables.fold_header`); a dialect handles the rest.
A header that nobody has seen is guessed by its words and by what stands under it; whoever imports is shown the guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from bot.directory.importing.tables import fold_header

FIELDS: dict[str, str] = {
    "id": "property NO ID HID № 番号 管理番号 整理番号 事業所番号",
    "code": "都道府県コード又は市区町村コード 全国地方公共団体コード prefCode",
    "name": "名称 施設名 施設名称 登録施設名 助産所名 公園名 行事名 イベント名 クラブ名 事業所名 園名 医療機関名 name "
    "clubName 施設・事業所名 制度名 制度名称 事業名 サービス名 教室名 サークル名 店舗名 窓口名 講座名",
    "kana": "名称_カナ 名称(カナ) 名称カナ 施設名カナ 施設名(カナ) 施設名_カナ フリガナ ふりがな イベント名_カナ "
    "fullNameInKana",
    "name_latin": "名称_英字 名称(英字) イベント名_英語 名称_英語",
    "alternate_name": "名称_通称 名称(通称) 通称",
    "kind": "施設類型 種別 施設種別 業種 区分 医療機関の種類 施設区分 施設分類 イベント種類 カテゴリー Type "
    "certifiedType category alternativeName",
    "address": "住所 所在地 所在地_連結表記 住所(番地まで) Add1 Address addr 住所表記",
    "address2": "Add2 Address2",
    "prefecture": "都道府県名 所在地_都道府県 住所都道府県 pref 施設の所在地都道府県",
    "city": "市区町村名 所在地_市区町村 住所市区町村 city 施設の所在地市区町村",
    "town": "所在地_町字 住所町名",
    "block": "所在地_番地以下 住所丁目以下 施設の所在地町名・番地",
    "building": "所在地2 住所2 施設の所在地建物名・部屋番号等 方書 建物名等(方書) 建物名等 建物名 katagaki",
    "site": "場所名称 implementationLocation 会場 場所/担当課",
    "latitude": "緯度 latitude lat Y",
    "longitude": "経度 longitude lng lon X",
    "phone": "電話番号 TEL tell telephoneNumber 施設電話番号 連絡先電話番号 電話 phone contactAddress",
    "extension": "内線番号 連絡先内線番号",
    "email": "連絡先メールアドレス メールアドレス",
    "url": "URL 公式サイトアドレス 公園HPアドレス ホームページ ホームページアドレス referenceObject",
    "operator": "団体名 施設設置者 運営主体 設置主体 運営者 Owner Establisher 法人の名称 主催者 主催団体 開設者 "
    "法人名 設置者名",
    "identifier": "法人番号",
    "legal_status": "法人格",
    "documents": "必要書類 必要なもの 持ち物 持参するもの",
    "capacity": "収容定員 定員 定員(人) Full capacity 利用定員",
    "ages": "受入年齢 受入開始年齢(歳) 対象 対象者 対象年齢 acceptedAge targetAge targetChildren",
    "eligibility": "利用条件 参加条件_詳細",
    "days": "利用可能曜日 診療曜日 開所曜日 availableDate",
    "opens": "開始時間 開始時刻 診療開始時間 Open startTime",
    "closes": "終了時間 終了時刻 診療終了時間 Close endTime",
    "hours": "提供時間 保育時間 基本保育時間 開館時間 利用時間 開設時間 営業時間 開所時間",
    "closed": "定休日 休館日 休業日 休所日",
    "hours_note": "利用可能日時特記事項 日時備考 診療日時特記事項 availableDateNote",
    "hours_words": "利用時間の補足",
    "temporary_care": "一時預かりの有無 一時預かり 一時保育 Temp temporaryKeeping",
    "sick_care": "病児保育の有無 病児保育 Sick",
    "cost": "料金 料金(基本) 料金_基本 利用料 利用料金 detailPrice normalPrice",
    "cost_note": "料金(詳細) 料金_詳細",
    "care_cost": "子供預かり料金",
    "care_cost_note": "子供預かり料金備考",
    "description": "説明 概要 活動内容 提供内容 公園紹介文 事業内容 serviceContents",
    "subjects": "診療科目 medicalSubjects",
    "transportation": "アクセス方法 access",
    "parking": "駐車場情報 駐車場詳細 parkingInformation",
    "booking": "申込方法 参加申込方法 利用方法",
    "accessible": "バリアフリー情報",
    "attributes": "条件・設備",
    "languages": "対応言語",
    "provision": "提供形態",
    "service_area": "利用できる地域",
    "status": "運営状況",
    "alert": "臨時のお知らせ",
    "nursing_room": "授乳室 授乳室の有無 授乳室_有無 授乳スペース",
    "diaper_changing": "おむつ替えコーナー おむつ替えコーナーの有無 おむつ替え おむつ替え台 おむつ交換台 "
    "おむつ替えスペース",
    "note": "備考 note Remarks Memo 特記事項",
    "verified": "最終確認日 更新日 データ更新日",
}

KNOWN: dict[str, str] = {fold_header(h): field for field, headers in FIELDS.items() for h in headers.split()}


_REMARK = re.compile(r"〔([^〔〕]{1,30})〕\s*(\S.*)")


def remarks(note: str) -> tuple[dict[str, str], str]:
    """Return what the lines of a remark say that begin with a header in 〔〕, by field, and the other lines.

    So a layout without a column for something holds it all the same (〔利用方法〕電話で予約); several lines are joined.
    """
    told: dict[str, str] = {}
    rest = []
    for line in note.split("\n"):
        found = _REMARK.fullmatch(line.strip())
        field = canonical(fold_header(found[1])) if found else ""
        if found and field not in ("", "note", "name", "id"):
            told[field] = "\n".join(filter(None, (told.get(field), found[2])))
        else:
            rest.append(line)
    return told, "\n".join(rest)


def canonical(header: str) -> str:
    """Return the field that a folded header means, or an empty text."""
    return KNOWN.get(header, "")


# For headers that the table does not know: words in the header, and what most cells under it must look like.
_TIME = r"\d{1,2}\s*[:：時]"
_GUESSES: tuple[tuple[str, str, str], ...] = (
    ("latitude", r"緯度|latitude|^lat", r"^-?\d{1,2}\.\d+$"),
    ("longitude", r"経度|longitude|^lon|^lng", r"^-?\d{2,3}\.\d+$"),
    ("kana", r"カナ|かな|フリガナ|ふりがな|よみ|ヨミ|読み", r"^[ぁ-んァ-ヶｦ-ﾟー・\s\w()（）]+$"),
    ("name_latin", r"英語|英字|英文|ローマ字|english", r"[A-Za-z]{3}"),
    ("name", r"名称|施設名|(?:園|館|所|院|クラブ|教室|広場|ひろば|店舗|サークル|団体|事業所|窓口|会場|学校)名$", r"\S"),
    ("address", r"住所|所在地|場所$|address", r"[市区町村字郡丁]|\d"),
    ("phone", r"電話|tel(?!eg)|phone|連絡先$|問い?合わ?せ先?$", r"\d{2,4}[-－ー)）(（]\d{2,4}|\d{9,11}"),
    ("email", r"メール|mail", r"@"),
    ("url", r"url|ホームページ|hp|ウェブ|web|リンク", r"https?://|www\."),
    ("capacity", r"定員", r"\d"),
    ("days", r"曜日", r"[月火水木金土日祝毎]"),
    ("opens", r"(?:開始|開園|開館|開所|始業)時[間刻]", rf"^\D*{_TIME}[^~〜～\-]*$"),
    ("closes", r"(?:終了|終園|閉園|閉館|閉所)時[間刻]", rf"^\D*{_TIME}[^~〜～\-]*$"),
    ("closed", r"休[館園業所診み]|定休", r"[月火水木金土日祝年無休]"),
    ("hours", r"時間|日時", _TIME),
    ("ages", r"年齢|対象|月齢", r"[歳才月年生児日学]|\d"),
    ("cost", r"料金|費用|利用料|参加費|保育料", r"円|無料|\d"),
    ("booking", r"予約|申込|申し込み|利用方法", r"\S"),
    ("operator", r"運営|設置者|設置主体|法人|経営|主催", r"\S"),
    ("kind", r"種別|種類|区分|分類|類型|カテゴリ", r"\S"),
    ("subjects", r"診療科", r"\S"),
    ("transportation", r"アクセス|交通|最寄", r"\S"),
    ("parking", r"駐車", r"\S"),
    ("description", r"内容|概要|紹介|説明|特徴|特色", r"\S"),
    ("note", r"備考|注意|特記|その他|メモ|コメント", r"\S"),
)
_COMPILED = tuple((field, re.compile(words), re.compile(cells)) for field, words, cells in _GUESSES)
_NEVER = re.compile(r"fax|ファックス|ファクス|法人番号|代表者|担当|郵便|〒|面積|前年|人口|コード|写真|画像")
_LIKELY = 0.6  # of the cells that say something


def guess(headers: Sequence[str], cells: Mapping[str, Sequence[str]], known: Collection[str]) -> dict[str, str]:
    """Return header -> field for headers that the table does not know; fields that are `known` already stay.

    `cells`: what stands under each header. A header is guessed only if most of its cells look like the field.
    """
    found: dict[str, str] = {}
    for header in headers:
        if canonical(header) or _NEVER.search(header):
            continue
        filled = [cell.strip() for cell in cells.get(header, ()) if cell.strip()]
        for field, words, looks in _COMPILED:
            if field in known or field in found.values() or not words.search(header):
                continue
            if filled and sum(bool(looks.search(cell)) for cell in filled) >= _LIKELY * len(filled):
                found[header] = field
                break
    return found
