"""Ages, days, times, areas and cost are read from what people write; the language is told without guessing."""

from __future__ import annotations

from datetime import time

import pytest

from bot.understanding.slots import age_months, read
from tests.talk import content

LANGUAGES = content().hearing.languages


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("生後3か月です", 3),
        ("生後3ヶ月の赤ちゃん", 3),
        ("生後三カ月", 3),
        ("6か月の息子がいます", 6),
        ("2歳半の娘", 30),
        ("1歳8か月です", 20),
        ("3才の子", 36),
        ("1歳児クラスに入りたい", 12),
        ("5さいの こども", 60),
        ("せいご 2かげつ", 2),
        ("生後20日", 0),
        ("生後10週", 2),
        ("新生児です", 0),
        ("my 8 month old baby", 8),
        ("an 8-month-old", 8),
        ("my son is 2", 24),
        ("a two year old", 24),
        ("2 and a half years old", 30),
        ("3 weeks old", 0),
        ("our newborn", 0),
        ("2時間預けたい", None),
        ("18か月以上の保育は?", None),
        ("私は32歳です", None),
        ("月に3か所", None),
        ("tomorrow at 3", None),
        ("It is 10 minutes away", None),
    ],
)
def test_age(text: str, months: int | None) -> None:
    """A stated age becomes months; anything else stays open."""
    assert age_months(text) == months


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("午後1時半", time(13, 30)),
        ("朝9時から", time(9)),
        ("10:30に", time(10, 30)),
        ("夜8時まで", time(20)),
        ("ごご 3じ", time(15)),
        ("3pm", time(15)),
        ("12 am", time(0)),
        ("at 14:15", time(14, 15)),
        ("2時間だけ", None),
        ("25時", None),
        ("about 5", None),
    ],
)
def test_time(text: str, at: time | None) -> None:
    """A clock time is read; a length of time is not one."""
    assert read(text).at_time == at


def test_day_area_and_cost() -> None:
    """Weekday, relative day, the longest known area and "free" are read in every spoken language."""
    slots = read("明日の土曜、北ひなた町で無料のところ", areas={"ひなた", "北ひなた町", "みどり台"})
    assert (slots.days_ahead, slots.weekday, slots.area, slots.free) == (1, 5, "北ひなた町", True)
    assert read("水曜日に行けますか").weekday == 2
    assert read("どようびに いきたい").weekday == 5
    assert read("this Saturday").weekday == 5
    assert read("She sat on the chair").weekday is None
    assert read("day after tomorrow").days_ahead == 2
    assert read("きょう あずけたい").days_ahead == 0
    assert read("free of charge").free is True
    assert read("Do you have free time slots? feel free").free is None
    assert read("有料でもいいです").free is None


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("아들이 5개월이에요", 5),
        ("3살 딸", 36),
        ("三个月大的宝宝", 3),
        ("小孩3歲", 36),
        ("con em 5 tháng tuổi", 5),
        ("be 3 tuoi", 36),
        ("mi bebé de 3 meses", 3),
        ("minha filha tem 2 anos", 24),
        ("8 buwan si baby", 8),
        ("anak saya 4 tahun", 48),
        ("बच्चा ६ महिना भयो", 6),
        ("chora 3 barsa", 36),
        ("estou grávida de 5 meses", None),
        ("hamil 5 bulan", None),
        ("3 tháng nữa", None),
    ],
)
def test_age_in_other_languages(text: str, months: int | None) -> None:
    """An age is read in every spoken language; how far a pregnancy is is none."""
    assert age_months(text) == months


@pytest.mark.parametrize(
    ("text", "weekday", "ahead", "at"),
    [
        ("월요일 오후 3시 반에 갈 수 있나요", 0, None, time(15, 30)),
        ("내일 2시간 맡기고 싶어요", None, 1, None),
        ("周六下午三点可以去吗", 5, None, time(15)),
        ("後天早上9點", None, 2, time(9)),
        ("早一点好吗", None, None, None),
        ("Thứ Bảy lúc 10 giờ", 5, None, time(10)),
        ("thu 7 nay 3h chieu", 5, None, time(15)),
        ("con thứ hai của em", None, None, None),
        ("ngày mai gửi con 3 giờ được không", None, 1, None),
        ("na segunda às 14h30", 0, None, time(14, 30)),
        ("é a segunda vez", None, None, None),
        ("amanhã às 3 da tarde", None, 1, time(15)),
        ("el miércoles a las 10 y media", 2, None, time(10, 30)),
        ("por la mañana", None, None, None),
        ("mañana por la tarde", None, 1, None),
        ("sa Linggo, alas tres ng hapon", 6, None, time(15)),
        ("isang linggo na siyang may sipon", None, None, None),
        ("bukas ba kayo", None, None, None),
        ("hari Minggu jam 9 pagi", 6, None, time(9)),
        ("dua minggu lagi, 3 jam saja", None, None, None),
        ("besok jam 4 sore", None, 1, time(16)),
        ("शनिबार बिहान 10 बजे", 5, None, time(10)),
        ("bholi diuso 2 baje", None, 1, time(14)),
        ("夜2時に起きる", None, None, time(2)),
        ("Wednesday 14:15", 2, None, time(14, 15)),
        ("13 pm", None, None, None),
        ("ほいくえんに かよう こども", None, None, None),
        ("にちようひんの てあて", None, None, None),
        ("かようびの ごご", 1, None, None),
        ("as 2 children are ill", None, None, None),
        ("às 9h", None, None, time(9)),
        ("una de las 3 hijas", None, None, None),
        ("sau 2 giờ", None, None, None),
        ("alas-4 ng hapon", None, None, time(16)),
        ("आजकल", None, None, None),
        ("2026-11-22 10:15:30", None, None, None),
    ],
)
def test_days_and_times_in_every_language(text: str, weekday: int | None, ahead: int | None, at: time | None) -> None:
    """Names of days, how far ahead, the clock; words with two meanings and lengths of time are left open."""
    slots = read(text)
    assert (slots.weekday, slots.days_ahead, slots.at_time) == (weekday, ahead, at)


@pytest.mark.parametrize(
    "text",
    [
        "무료인가요",
        "免费的吗",
        "có miễn phí không",
        "é de graça?",
        "es gratis?",
        "libre ba ito",
        "walang bayad po ba",
        "apakah gratis",
        "निःशुल्क हो",
        "nishulka ho",
    ],
)
def test_free_in_every_language(text: str) -> None:
    """That it should cost nothing is read."""
    assert read(text).free is True


def test_free_time_is_not_free_of_charge() -> None:
    """Libre is also at leisure."""
    assert read("en mi tiempo libre").free is None
    assert read("libre na oras").free is None


@pytest.mark.parametrize(
    ("text", "prior", "tag"),
    [
        ("保育園に入りたい", "", "ja"),
        ("ほいくえんに いれたいです", "ja-easy", "ja-easy"),
        ("保育園はどこ", "en", "ja"),
        ("一時保育", "", "ja"),
        ("I want to talk to a person", "ja", "en"),
        ("nursery", "en", "en"),
        ("ok", "ja", "ja"),
        ("LINE", "ja-easy", "ja-easy"),
        ("아이를 맡기고 싶어요", "ja", "ko"),
        ("म नेपाली बोल्छु", "en", "ne"),
        ("我想死", "", "zh-Hans"),
        ("请问托儿所在哪里", "ja", "zh-Hans"),
        ("請問托兒所在哪裡", "", "zh-Hant"),
        ("Tôi muốn gửi con", "", "vi"),
        ("donde puedo dejar a mi hijo", "", "es"),
        ("je cherche une crèche pour ma fille", "", ""),
        ("toi muon gui con", "", "vi"),
        ("malai bachha ko lagi help chahiyo", "", "ne"),
        ("onde fica a creche", "", "pt-BR"),
        ("gusto ko po sana magtanong", "", "fil"),
        ("saya mau tanya soal penitipan anak", "", "id"),
        ("DVの相談", "en", "ja"),
        ("", "ja-easy", "ja-easy"),
        ("👶", "", ""),
        ("多少钱", "", "zh-Hans"),  # a character that Japan does not have
        ("多少钱", "ja", "zh-Hans"),
        ("學費補助", "", "zh-Hant"),  # one that it writes in another form today
        ("一時預かり一次大概多少钱啊", "", "zh-Hans"),  # a Japanese word among them is in neither script
        ("一時預かり要多少錢", "", "zh-Hant"),
        ("渡邊", "ja", "ja"),  # but for names
        ("髙橋", "", "ja"),
        ("一時保育の料金", "", "ja"),
    ],
)
def test_language(text: str, prior: str, tag: str) -> None:
    """Script decides, then common words, then the resident's setting; what is unknown is not guessed."""
    assert LANGUAGES.detect(text, prior) == tag


ANSWERS = content().hearing.answers


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("人と話したい", "person"),
        ("相談員さんお願いします", "person"),
        ("Talk to a person!", "person"),
        ("ひとと はなしたいです", "person"),
        ("やめる", "stop"),
        ("I can’t call", "cannot_call"),
        ("電話できません。", "cannot_call"),
        ("That's not what I meant", "not_that"),
        ("そういう意味じゃないです", "not_that"),
        ("ありがとうございます！", "thanks"),
        ("メニュー", "menu"),
        ("誰が読むの？", "who_reads"),
        ("朝おしえて", "remind"),
        ("no", "no"),
        ("はい", "yes"),
        ("戻る", "back"),
        ("change language", "language"),
        ("母乳をやめたい", ""),
        ("人と話したいけど、夫に聞かれるのが怖い", ""),
        ("保育園", ""),
        ("", ""),
    ],
)
def test_commands(text: str, command: str) -> None:
    """A command is a whole short utterance; inside a sentence it is none."""
    assert ANSWERS.command(text) == command


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("2ヶ月38.5ある", 2),
        ("ソファから落ちた 5ヶ月", 5),
        ("10か月で歩きました", 10),
        ("妊娠 8ヶ月", None),
        ("あと3ヶ月", None),
        ("3か月前に引っ越しました", None),
    ],
)
def test_an_age_in_months_that_stands_alone(text: str, months: int | None) -> None:
    """A number of months alone is the baby's age, but never how far a pregnancy is nor how long something takes."""
    assert read(text).age_months == months


# --- what a place is to be like ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("英語が通じる小児科", "en"),
        ("中国語で相談できるところ", "zh-Hans"),
        ("ベトナム語が話せる先生がいる保育園", "vi"),
        ("ポルトガル語OKの病院", "pt-BR"),
        ("英語は通じますか", "en"),
        ("えいごが つうじる しょうにか", "en"),
        ("えいごで はなせますか", "en"),
        ("ベトナムごで そうだん したい", "vi"),
        ("ちゅうごくごが わかる ひとは いますか", "zh-Hans"),
        ("ねぱーるごが つうじる ところ", "ne"),
        ("English-speaking pediatrician near the station", "en"),
        ("a clinic where they speak Nepali", "ne"),
        ("is there someone who speaks Tagalog", "fil"),
        ("有会说中文的医生吗", "zh-Hans"),
        ("有沒有會說英文的保母", "en"),
        ("영어 가능한 소아과", "en"),
        ("한국어가 통하는 곳", "ko"),
        ("có chỗ nào nói tiếng Việt không", "vi"),
        ("bác sĩ biết tiếng Anh", "en"),
        ("creche onde falem português", "pt-BR"),
        ("médico que fala inglês", "en"),
        ("doctor que habla español", "es"),
        ("doktor na marunong mag-Ingles", "en"),
        ("may nagsasalita ba ng Tagalog", "fil"),
        ("नेपाली बोल्ने डाक्टर", "ne"),
        ("dokter yang bisa bahasa Inggris", "en"),
        ("klinik yang bisa berbahasa Indonesia", "id"),
        # no wish: what the writer speaks or cannot speak, a class, an answer asked for in a language
        ("I speak English", ""),
        ("I don't speak English well", ""),
        ("please answer in English", ""),
        ("英語が話せません", ""),
        ("えいごが はなせません", ""),
        ("英語は話せるけど日本語はだめ", ""),
        ("えいごが つうじない", ""),
        ("英語が通じなくて困った", ""),
        ("英語教室", ""),
        ("日本語がわからない", ""),
        ("我不会说英语", ""),
        ("영어가 안 통해요", ""),
        ("Tôi không nói được tiếng Anh", ""),
        ("não falam português", ""),
        ("no hablan español", ""),
        ("hindi ako marunong mag Ingles", ""),
        ("saya tidak bisa bahasa Inggris", ""),
    ],
)
def test_a_language_that_is_to_be_spoken_there(text: str, language: str) -> None:
    """Asked in any language for any other; what the writer herself cannot speak is no wish."""
    assert read(text).language == language


@pytest.mark.parametrize(
    "text",
    [
        "家に来てくれる助産師さん",
        "いえに きて くれる ひと", "うちまで来てもらえる支援", "訪問型の支援", "someone who can come to my house",
        "home visit after birth", "上门的护士", "到府坐月子", "집으로 와 주는 도우미", "hỗ trợ đến tận nhà",
        "enfermeira que venha em casa", "atención a domicilio", "midwife na pumupunta sa bahay", "घरमा आउने नर्स",
        "bidan yang datang ke rumah",
    ],
)  # fmt: skip
def test_somebody_is_to_come_home(text: str) -> None:
    """The same wish in twelve languages."""
    assert read(text).visit


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("泊まれるところ", "overnight"), ("とまれる ところ", "overnight"),
        ("overnight care for my son", "overnight"), ("可以过夜吗", "overnight"),
        ("可以過夜嗎", "overnight"), ("하룻밤 맡길 수 있나요", "overnight"), ("gửi con qua đêm", "overnight"),
        ("pernoite para crianças", "overnight"), ("donde pueda quedarse a dormir", "overnight"),
        ("pwede bang matulog doon", "overnight"), ("रातभर राख्ने ठाउँ", "overnight"),
        ("tempat penitipan yang bisa menginap", "overnight"),
        ("予約なしで行けるひろば", "no_booking"), ("よやく なしで つかえる", "no_booking"),
        ("walk-in clinic", "no_booking"),
        ("without an appointment", "no_booking"), ("不用预约的", "no_booking"), ("不用預約", "no_booking"),
        ("예약 없이 갈 수 있는", "no_booking"), ("không cần đặt trước", "no_booking"),
        ("sem agendamento", "no_booking"), ("sin cita", "no_booking"), ("walang appointment", "no_booking"),
        ("बुकिङ बिना", "no_booking"),
        ("tanpa janji", "no_booking"),
        ("駐車場があるところ", "parking"), ("くるまを とめる ところ", "parking"),
        ("with parking", "parking"), ("有停车场吗", "parking"),
        ("주차 되나요", "parking"), ("có chỗ đậu xe", "parking"), ("com estacionamento", "parking"),
        ("con estacionamiento", "parking"), ("may paradahan", "parking"), ("पार्किङ भएको", "parking"),
        ("ada parkir", "parking"),
    ],
)  # fmt: skip
def test_a_condition_is_wished_for(text: str, attribute: str) -> None:
    """Overnight, without booking, parking, in twelve languages."""
    assert read(text).attributes == (attribute,)


@pytest.mark.parametrize(
    "text",
    [
        "my mother comes to my house", "夫が家に来て怒鳴った", "she cried overnight", "I was up all night",
        "pasé la noche llorando", "rawat inap", "予約したい", "I want to book an appointment", "thức suốt đêm",
        "바람이 집으로 들어와", "saya sudah datang",
    ],
)  # fmt: skip
def test_these_are_no_wishes_for_a_place(text: str) -> None:
    """What happened at home or in the night asks for no place."""
    assert (read(text).visit, read(text).attributes) == (False, ())
