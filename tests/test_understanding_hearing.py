"""What is heard in sentences that no content file holds: facts/understanding.md D4 and CARE C8-C12."""

from __future__ import annotations

import gettext
import json
import re
import time as clock
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import library, names
from bot.errors import ContentError
from bot.messages import Heard, Severity, Signal
from bot.understanding import romaji
from bot.understanding.check import examples
from bot.understanding.hearing import _explained, action, to_json
from bot.understanding.normalise import fold, tight
from bot.understanding.patterns import Lists, compile_pattern, views
from tests.talk import content

CONTENT = Path(__file__).parents[1] / "bot" / "content"


SIGNALS = library.documents(CONTENT / "signals")
HEARING = content().hearing


@cache  # what a change of dress does not touch is heard once
def kinds(text: str, recent: tuple[str, ...] = ()) -> dict[str, str]:
    return {signal.kind: signal.severity.value for signal in HEARING.signals.hear(text, recent)}


def signal(kind: str, text: str) -> Signal:
    return next(s for s in HEARING.hear(text).signals if s.kind == kind)


# --- the stories that the desk must get right -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "もう限界です。このままだと子どもを叩いてしまいそうで怖い",
        "もう げんかいです。こどもを たたいて しまいそうで こわいです",
        "I'm at the end of my strength and I'm afraid I will hit my child",
    ],
)
def test_fear_of_the_own_hand_is_urgent_with_anxiety_beside_it(text: str) -> None:
    """The acceptance story: fear of one's own hand when exhausted calls a person, in every language."""
    heard = HEARING.hear(text)
    assert heard.signals[0].kind == "abuse"
    assert heard.signals[0].severity is Severity.URGENT
    assert heard.signals[0].who == "self"
    assert action(heard) == "call_person"
    if not text.startswith("I'm"):
        assert "anxiety" in kinds(text)


def test_the_refused_mother_blames_herself() -> None:
    """The seed article's case is a concern about self-blame, and a question about temporary care."""
    heard = HEARING.hear("一時預かりを断られました。こんなことで預けたいなんて母親失格ですよね")
    assert [(s.kind, s.severity.value) for s in heard.signals] == [("anxiety", "concern")]
    assert heard.topics[0].id == "temporary_care"
    assert heard.confident
    assert action(heard) == "offer_person"


def test_an_ordinary_question_is_only_answered() -> None:
    """A question about two hours of care raises nothing, and is understood with its slots."""
    heard = HEARING.hear("2歳の子を明日の午後1時半から2時間預けられるところは？", areas={"南ひなた", "ひなた"})
    assert heard.signals == ()
    assert heard.topics[0].id == "temporary_care"
    assert heard.slots.age_months == 24
    assert heard.slots.days_ahead == 1
    assert heard.slots.at_time is not None
    assert (heard.slots.at_time.hour, heard.slots.at_time.minute) == (13, 30)
    assert action(heard) == "answer"


def test_json_is_the_shape_of_the_contract() -> None:
    """`madoguchi understand` writes exactly the keys of DESIGN 7."""
    line = to_json(HEARING.hear("夫に殴られました", prior="ja"), "7")
    assert list(line) == ["id", "language", "signals", "topics", "confident", "action"]
    assert list(line["signals"][0]) == ["kind", "severity", "aspects", "evidence", "why"]
    assert line["signals"][0]["evidence"] == "夫に殴られました"
    assert (line["id"], line["action"]) == ("7", "call_person")
    assert json.loads(json.dumps(line)) == line


# --- D4: failure modes ------------------------------------------------------------------------------------------------

HEARD = {
    "euphemism": """
        crisis urgent 私さえいなければ、みんな幸せなのに
        crisis urgent 眠ったまま目が覚めなければどんなにいいか
        crisis urgent どこかに消えたい
        crisis urgent もうこの世にいたくない
        crisis urgent sometimes i think everyone would be better off if i was dead
        crisis urgent there's no point in living
    """,
    "kana and slang": """
        crisis urgent ﾀﾋにたい
        crisis urgent ﾀﾋにたぃ…
        crisis urgent 氏にたいわ
        crisis urgent ４にたい
        crisis urgent しにてーー
        crisis urgent 死・に・た・い
        crisis urgent し　に　た　い
        crisis urgent シニタイ……
        crisis urgent しにた〜い
        crisis urgent i wanna d1e
    """,
    "auxiliary forms": """
        abuse urgent さっき息子を平手打ちしてしまいました
        abuse urgent もうダメ、たたいちゃいそう
        abuse urgent 赤ちゃんを床に叩きつけそうになりました
        abuse concern いつか手をあげてしまうんじゃないかと不安です
        crisis urgent ふと死にたくなることがあります
        abuse urgent I nearly slapped my baby, I'm so tired
    """,
    "act under way": """
        abuse emergency 今たたいてる、止められない
        dv emergency いま夫が暴れています。怖い
        dv emergency He is beating me please help
    """,
    "agent and patient": """
        dv urgent 主人に蹴られて肋骨が折れました
        dv urgent 夫が殴る
        abuse urgent 主人が2歳の息子を蹴ったんです
        abuse urgent 息子が父親に殴られて鼻血を出しました
        development concern 上の子が赤ちゃんを叩きます
        development concern 息子が保育園で友達を噛んでしまいました
        abuse urgent her dad slapped her across the face
        development concern my 4 yo keeps hitting his little sister
    """,
    "others and neighbours": """
        crisis concern 友達が死にたいって言ってて、どうしたらいいかわからない
        abuse concern となりの部屋から子どもの悲鳴が聞こえる
        abuse urgent 知人が子どもを殴っているようです
        abuse urgent 4歳の子が夜にベランダに出されて泣いています
        abuse concern I can hear the kid next door being yelled at and crying every night
    """,
    "facility staff": """
        abuse urgent 保育士に腕を強く引っ張られてあざができていました
        abuse urgent 担任の先生にビンタされたと息子が言っています
        abuse urgent my daughter came home from kindergarten with bruises on her arm
    """,
    "means, place, farewell": """
        crisis emergency 睡眠薬を30錠飲みました
        crisis emergency 手すりを越えようとしました
        crisis emergency いま踏切の前にいます
        crisis emergency 首つりの紐を買いました
        crisis emergency Im on the roof and i want to jump
        crisis emergency この子と二人で死のうと思います
    """,
    "weapon and strangling": """
        dv emergency 夫が包丁を持ち出してきた
        dv emergency 旦那に首を絞められて気を失いました
        dv emergency he has a gun and is threatening us
        dv emergency おっとが ナイフを もっている
    """,
    "control, documents, coercion": """
        dv concern 夫が生活費を一円もくれません
        dv urgent 夫がパスポートを隠して返しません
        dv urgent 無理やり性行為をさせられます
        dv urgent my husband forced himself on me
        dv urgent 子どもを連れて夫が実家に帰ってしまい会えません
    """,
    "a child's life": """
        medical emergency 赤ちゃんの呼吸が変です
        medical emergency ひきつけ起こしてる
        medical emergency おもちゃがのどにつまって苦しそう
        medical emergency 4歳の娘が見つかりません
        medical emergency 破水したかも。夫がいなくて一人です
        medical emergency 赤ちゃんを殺せという声が聞こえます
        medical emergency the baby swallowed a battery
        medical emergency こども いき しない
        medical urgent 生後1か月で熱が38.2度あります
        medical urgent 40.5 fever
        medical concern 38度5分の熱が3日続いています
    """,
    "hardship": """
        hardship urgent 今日食べるものもない
        hardship urgent 家も仕事も失って子どもと車で寝泊まりしています
        hardship urgent I have nothing to feed my kids tonight
        hardship concern 彼に妊娠を告げたら連絡がとれなくなりました
    """,
    "cannot go on": """
        anxiety urgent 3日寝てません。頭がおかしくなりそう
        anxiety urgent 何も手につかず、赤ちゃんのお世話もできません
        anxiety urgent I haven't slept in 4 days and I can't function
    """,
    "another language than the setting, and mixing": """
        abuse urgent I hit my baby ごめんなさい
        dv urgent husbandに殴られた。おっとに なぐられました
        crisis urgent すみません、I want to die です
    """,
}


def _lines(block: str) -> list[tuple[str, str, str]]:
    return [(*line.split(None, 2),) for line in block.strip().splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "severity", "text"), [row for block in HEARD.values() for row in _lines(block)], ids=lambda value: value
)
def test_failure_modes_are_heard(kind: str, severity: str, text: str) -> None:
    """Each known way of missing a signal is heard at its severity or above."""
    heard = kinds(text)
    assert kind in heard, heard
    assert Severity(heard[kind]).rank >= Severity(severity).rank


QUIET = {
    "hyperbole": """
        死ぬほど眠いです。夜泣きの相談がしたい
        赤ちゃんがかわいすぎて死にそう
        お腹すいて死にそうなので早めにランチします
        I'm dying to know the nursery results
        This heat is killing me, any indoor playground?
    """,
    "substring traps": """
        申請をしに行きたいです。何時まで？
        市役所に転出届を出しにいきたいのですが
        アリスカフェという子連れカフェはどこ？
        図書館でDVDを借りられますか
        必死に保活しています
        しやくしょに いきたい
    """,
    "bereavement": """
        祖父が亡くなり、忌引きで保育園を休みます
        死亡届はどこに出しますか
        My grandmother died, how do I cancel the appointment?
    """,
    "things that are hit and kicked": """
        お腹の赤ちゃんがよく蹴ります
        肩をたたいてくれる娘がかわいい
        太鼓をたたいて遊べる施設はありますか
        息子がボールを蹴れる公園はありますか
        赤ちゃんの背中をトントン叩くとげっぷが出ます
        手をあげて横断歩道を渡る練習
        My husband hits the gym every morning
        The baby is kicking a lot in my belly
    """,
    "first aid before it happens": """
        けいれんの予防にはどうすればいい？
        迷子札はどこで買えますか
        ボタン電池の捨て方
        Where can I learn first aid for choking?
    """,
    "ordinary life": """
        予防接種でギャン泣きして死ぬかと思いました
        熱が37度5分あります。登園していいですか
        離乳食で食べるものがわかりません
        子どもが疲れて寝てしまいました
        引っ越したので住所変更したい
        夫が単身赴任です
        ちゅうしゃで なきました
        My daughter is tired after swimming
        Is there free parking?
    """,
}


@pytest.mark.parametrize(
    "text", [line.strip() for block in QUIET.values() for line in block.strip().splitlines()], ids=lambda value: value
)
def test_ordinary_talk_stays_quiet(text: str) -> None:
    """Talk that only looks like a signal raises none."""
    assert kinds(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "この曲の歌詞の「死にたい」が頭から離れません",
        "若い頃は死にたいと思っていましたが、いまは元気です",
        "死にたいわけじゃないけど話を聞いてほしい",
        'The lyrics of this song say "I want to die"',
        "I'm not suicidal but I am lonely",
    ],
)
def test_a_wish_to_die_is_lowered_but_never_silenced(text: str) -> None:
    """Quotation, past and negation lower a first-person wish to die to concern, never to nothing."""
    assert kinds(text)["crisis"] in ("concern", "urgent")
    assert HEARING.hear(text).signals


@pytest.mark.parametrize("text", ["歌詞じゃなくて、本当に死にたいんです", "昔からずっと死にたいです。今も"])
def test_a_veto_is_taken_back_by_words_that_mean_it(text: str) -> None:
    """Words that say it is meant take the veto back."""
    assert kinds(text)["crisis"] == "urgent"


def test_words_explain_only_their_own_sentence() -> None:
    """A full stop, a danda, ends a sentence as 。 does: what explains the first explains nothing in the second."""
    found = signal(
        "dv",
        "Selamat malam. Saya mau bikin paspor anak di KBRI, janjinya sudah dapat. Paspor saya sendiri ditahan suami.",
    )
    assert "documents_taken" in found.aspects


@pytest.mark.parametrize(
    "text", ["남편이 때렸어요", "남편이 때렷어요", "애를 때렷어", "죽고십어 약도 샀어", "죽고 싶어 약도 삿어"]
)
def test_korean_as_it_is_typed(text: str) -> None:
    """ㅅ for ㅆ under a syllable is what tired thumbs type."""
    assert action(HEARING.hear(text)) == "call_person"


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("shinitai", "しにたい"),
        ("Otto ni naguraremashita", "おっと に なぐられました"),
        ("watashi wa kodomo o tataite shimatta", "わたし は こども を たたいて しまった"),
        ("kyou wa matcha wo nonda, zasshi mo ippai", "きょう は まっちゃ を のんだ, ざっし も いっぱい"),
        ("syuumatu ni sinitai desu", "しゅうまつ に しにたい です"),
    ],
)
def test_romaji_is_read_as_japanese(typed: str, read_as: str) -> None:
    """Hepburn and Kunrei alike; the way back leads to the letters that were typed."""
    found = romaji.read(typed)
    assert found.text == read_as
    assert found.evidence(0, len(found.text)) == typed


@pytest.mark.parametrize(
    "text",
    [
        "aku mau makan nasi di rumah saya",
        "ano po ba ang kailangan sa hoikuen",
        "la casa de mi mama no me da pena",
        "chora lai jaro aayo",
        "is there a hoikuen or gakudo near the kuyakusho",
        "me da mucha pena, mi mama no me ama",
        "ok",
    ],
)
def test_other_languages_are_not_read_as_romaji(text: str) -> None:
    """Open syllables and borrowed words make no Japanese."""
    assert romaji.read(text).text == fold(text).text


def test_romaji_is_heard_with_the_words_that_were_typed() -> None:
    """Japanese patterns hear it; the evidence is what the resident wrote."""
    found = signal("crisis", "himo kaimashita. kubi tsurimasu. dare mo warukunai")
    assert found.severity is Severity.EMERGENCY
    assert found.evidence == "kubi tsuri"
    assert HEARING.signals.scan("otto ni naguraremashita") is Severity.URGENT


def test_asking_for_the_dv_desk_is_a_concern() -> None:
    """A question about the DV desk is answered, and a person is quietly offered."""
    heard = HEARING.hear("DVの相談窓口は土日も開いていますか")
    assert [(s.kind, s.severity.value) for s in heard.signals] == [("dv", "concern")]
    assert heard.topics[0].id == "consultation"
    assert action(heard) == "offer_person"


def test_asking_for_the_desk_does_not_soften_what_was_done() -> None:
    """A blow stays urgent when the same message asks for opening hours."""
    assert kinds("夫に殴られました。DV相談窓口は何時までですか") == {"dv": "urgent"}


def test_violence_before_a_child_is_also_abuse() -> None:
    """Violence that a child sees raises abuse beside dv (CARE C11)."""
    assert kinds("子どもの目の前で夫が私を殴ります") == {"dv": "urgent", "abuse": "urgent"}


def test_weapon_long_ago_is_urgent_not_emergency() -> None:
    """A weapon or strangling that is clearly past is urgent; without a time it counts as now."""
    assert kinds("先月、夫に首を絞められました")["dv"] == "urgent"
    assert kinds("夫に首を絞められました")["dv"] == "emergency"


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("生後4か月の子を叩いてしまいました", "infant"),
        ("お母さんに毎日殴られています。小5です", "child_writing"),
        ("担任に叩かれたそうです", "facility_staff"),
        ("叔父が娘の胸を触りました", "sexual"),
        ("主人に包丁を向けられた", "weapon"),
        ("首を絞められた", "strangling"),
        ("在留カードを取り上げられました", "documents_taken"),
        ("夫に娘を連れ去られました", "child_taken"),
        ("公園で息子を見失いました", "missing_child"),
        ("トイレで産んでしまいました", "unattended_birth"),
        ("頭の中で声がします。命令してきます", "psychosis"),
    ],
)
def test_aspects_are_noted(text: str, aspect: str) -> None:
    """Every aspect of the vocabulary is noted beside its kind."""
    assert any(aspect in s.aspects for s in HEARING.hear(text).signals)


def test_fear_rises_with_exhaustion_and_with_a_child_under_one() -> None:
    """A bare wish to hit is a concern; exhausted, or with a child under one, it is urgent (CARE C9)."""
    assert kinds("ときどき叩きたくなる")["abuse"] == "concern"
    assert kinds("ときどき叩きたくなる。もう何日も寝ていない")["abuse"] == "urgent"
    assert kinds("8か月の赤ちゃんを叩きたくなる")["abuse"] == "urgent"


def test_a_pattern_that_explains_a_sentence_keeps_other_kinds_a_concern() -> None:
    """The second layer may hear another kind in the same words: it does not steer the answer."""
    shouting = Signal("dv", Severity.URGENT, evidence="また怒鳴っています")
    own_hand = Signal("abuse", Severity.URGENT, evidence="また怒鳴っています")
    assert _explained(own_hand, [shouting]).severity is Severity.CONCERN
    assert _explained(replace(own_hand, kind="dv"), [shouting]).severity is Severity.URGENT
    longer = replace(own_hand, evidence="また怒鳴っています、それで私は子どもの腕をつねってしまいました")
    assert _explained(longer, [shouting]).severity is Severity.URGENT
    for kind in ("crisis", "medical", "anxiety"):
        assert _explained(replace(own_hand, kind=kind), [shouting]).severity is Severity.URGENT
    exhausted = replace(shouting, kind="anxiety")
    assert _explained(replace(own_hand, kind="crisis"), [exhausted]).severity is Severity.URGENT
    quiet = replace(shouting, severity=Severity.CONCERN)
    assert _explained(own_hand, [quiet]).severity is Severity.URGENT


# --- split bubbles ----------------------------------------------------------------------------------------------------


def test_words_split_over_bubbles_are_heard_together() -> None:
    """What only shows when the last messages are joined is heard, with the newest words as evidence."""
    assert kinds("しまいそうで怖い") == {}
    heard = HEARING.hear("しまいそうで怖い", recent=("もうだめ", "子どもを叩いて")).signals
    assert (heard[0].kind, heard[0].severity.value) == ("abuse", "urgent")
    assert all(s.evidence in "しまいそうで怖い" for s in heard)


def test_an_old_signal_is_not_raised_again_by_the_next_message() -> None:
    """A message that adds nothing raises nothing, whatever stood before it."""
    assert kinds("ありがとうございます", ("夫に殴られました",)) == {}


def test_joined_bubbles_only_add() -> None:
    """Earlier messages never lower what the newest says alone."""
    assert kinds("死にたい", ("好きな歌の歌詞なんだけど",))["crisis"] == "urgent"


# --- properties -------------------------------------------------------------------------------------------------------

ANY_TEXT = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from([e.text for e in examples(SIGNALS)]), min_size=1, max_size=3).map("".join),
    st.text(alphabet="しにたい死ぬ叩子どもを夫に殴られた。、 ー〜・ﾀﾋ4○ﾞﾟ\u3099\u200b💊🔪iIwantdie'’\n", max_size=60),
)


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_hearing_never_raises_and_evidence_is_the_residents_own_words(text: str, recent: list[str]) -> None:
    """Any text can be heard, and every evidence is cut out of the raw text."""
    heard = HEARING.hear(text, recent=recent)
    for one in heard.signals:
        assert one.evidence
        assert one.evidence in text
    for topic in heard.topics:
        assert 0 < topic.score <= 1


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("すごーーーい！！！！！\u200b\u200b👶🏽 夫に殴られました。", "夫に殴られました"),
        ("か゛か゛か゛、ｵｯﾄに　なぐられました", "なぐられました"),
        ("㍻㌔　し に た いです", "し に た いです"),
        ("ﬁﬁﬁ I’m afraid I’ll hit my baby", "afraid I’ll hit"),
        ("ﾀﾋにたぃ…", "ﾀﾋにたぃ"),
    ],
)
def test_evidence_is_exactly_the_words_that_were_heard(text: str, evidence: str) -> None:
    """Folding may lengthen or shorten the text before the words; the evidence is still cut at the right place."""
    assert HEARING.hear(text).signals[0].evidence == evidence


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_folding_leads_back(text: str) -> None:
    """Every folded character stands for characters of the raw text, in order."""
    for folded in (fold(text), tight(fold(text))):
        assert len(folded.text) == len(folded.starts) == len(folded.ends)
        assert list(folded.starts) == sorted(folded.starts)
        assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))


URGENT = [
    e for e in examples(SIGNALS) if e.at_least is not None and e.at_least.rank > 1 and e.rule.startswith(("ja/", "en/"))
]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("upper case", str.upper),
        ("full width", lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)),
        ("emoji", lambda text: text + "😭🙏"),
        ("dots", lambda text: text + "……"),
        ("quotes", lambda text: "「" + text + "」"),
        ("line break", lambda text: text.replace("。", "\n").replace("、", "\n")),
    ],
)
def test_dressing_changes_nothing(name: str, change: Any) -> None:
    """Case, width, emoji, dots, quotes and line breaks lose at most 2 % of the urgent examples."""
    missed = [e.text for e in URGENT if e.at_least and not _at_least(change(e.text), e.kind, e.at_least)]
    assert len(missed) <= 0.02 * len(URGENT), missed


def _at_least(text: str, kind: str, severity: Severity) -> bool:
    heard = kinds(text)
    return kind in heard and Severity(heard[kind]).rank >= severity.rank


def test_a_long_text_is_heard_to_its_end() -> None:
    """A flood of words neither hides what stands at its end nor holds the desk up for long."""
    begun = clock.perf_counter()
    heard = HEARING.hear("きょうは公園に行きました。" * 2000 + "もう死にたいです")
    assert heard.signals[0].kind == "crisis"
    assert clock.perf_counter() - begun < 30  # a guard against runaway patterns, not a promise of speed


def test_scan_gives_the_highest_severity() -> None:
    """The cheap scan for a lane's priority knows an emergency from a question."""
    assert HEARING.signals.scan("赤ちゃんが息をしていません") is Severity.EMERGENCY
    assert HEARING.signals.scan("I hit my son") is Severity.URGENT
    assert HEARING.signals.scan("保育園の申し込み") is None


def test_nothing_is_heard_in_nothing() -> None:
    """Empty text, blanks and emoji raise nothing and keep the resident's language."""
    for text in ("", "   ", "😊", "123"):
        assert HEARING.hear(text, prior="en") == Heard(language="en", topics=HEARING.hear(text, prior="en").topics)
        assert HEARING.hear(text).signals == ()


@pytest.mark.parametrize("spelling", ["あの世", "お腹", "ママ友", "何もかも", "しゃべる"])
def test_a_pattern_hears_its_words_in_any_spelling(spelling: str) -> None:
    """A word of a Japanese pattern is found as the text is cut, however its author wrote it."""
    pattern = compile_pattern(f"{spelling} .. 嫌", Lists(), in_japanese=True)
    assert list(pattern.find(views(fold(f"{spelling}がもう嫌")))), spelling


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("おとうさんがたたく", "父 さん が 叩く"),
        ("おかあさんにけられた", "母 さん に 蹴る れる た"),
        ("まだかえってこない", "まだ 帰る て 来る ない"),
        ("3日ねてない", "3 日 寝る て 居る ない"),
        ("血でてきた", "血 出る て 来る た"),
    ],
)
def test_short_kana_is_read_as_it_is_meant(text: str, words: str) -> None:
    """Kana that the dictionary takes for another word is read by what stands after it."""
    assert " ".join(views(fold(text)).japanese.each) == words


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("つかれた", "tired"),
        ("疲れた…", "tired"),
        ("しんどい", "tired"),
        ("ねむーい", "tired"),
        ("はぁ", "tired"),
        ("わたし つかれた", "tired"),
        ("こんばんは", "start"),
        ("はじめまして", "start"),
        ("だれが読むの", "who_reads"),
        ("だれにも言わないで", "who_reads"),
        ("秘密にしてくれますか", "who_reads"),
        ("つうほう しますか", "report"),
        ("通報しますか？", "report"),
        ("子どもを取られますか", "take_child"),
        ("will immigration know?", "immigration"),
        ("通報します", ""),
        ("疲れたから消えたい", ""),
        ("育児に疲れた", ""),
    ],
)
def test_sighs_greetings_and_fears_of_being_told_on_are_commands(text: str, command: str) -> None:
    """A sigh alone is company and no case (CARE C4), a greeting is greeted, who reads is answered; only as a whole."""
    assert HEARING.command(text) == command
    if command:
        assert HEARING.hear(text).signals == ()


@pytest.mark.parametrize("language", ["ja", "ja@easy"])
def test_the_name_on_a_topics_chip_typed_later_reaches_the_topic(language: str) -> None:
    """Whoever types the name that a chip showed is understood, also after the chip has gone."""
    catalog = gettext.translation("messages", CONTENT.parents[1] / "locales", [language], fallback=True)
    for topic, msgid in names.TOPICS.items():
        label = catalog.gettext(msgid)
        for typed in (label, re.sub("＜[^＞]*＞", "", label)):
            heard = HEARING.hear(typed)
            assert heard.topics[0].id == topic, (typed, heard.topics[:2])
            assert heard.confident, (typed, heard.topics[:2])


@pytest.mark.parametrize(
    ("pattern", "heard", "unheard"),
    [
        ("i cant now|$", "i cant", "i cant sing"),
        ("hurt ^|and my arm", "and my arm", "arm"),
        ("father of my *", "the father of my twins", "father of my"),
        ("想死 了|$", "我想死", "想死你"),
        ("muốn chết", "toi muon chet", "muon an"),
        ("죽고* 싶*", "나 죽고 싶어요", "죽 먹고 싶어요"),
    ],
)
def test_the_notation_in_every_script(pattern: str, heard: str, unheard: str) -> None:
    """An end, a beginning or any word may be a choice; scripts, endings and missing diacritics are as documented."""
    made = compile_pattern(pattern.removeprefix("hurt "), Lists(), in_japanese=False)
    assert list(made.find(views(fold(heard)))), heard
    assert not list(made.find(views(fold(unheard)))), unheard


def test_a_choice_without_a_word_is_refused() -> None:
    """A stray mark among choices would make the whole step optional without anybody noticing."""
    with pytest.raises(ContentError, match="no word"):
        assert compile_pattern("hit|/ me", Lists(), in_japanese=False).regex


def test_japanese_patterns_do_not_read_chinese_sentences() -> None:
    """40度的水 in a Chinese sentence is bath water; kanji alone, and Latin letters, are still read as Japanese."""
    made = compile_pattern("re: 40度|shinitai", Lists(), in_japanese=True)
    assert list(made.find(views(fold("熱40度"))))
    assert list(made.find(views(fold("mou shinitai"))))
    assert not list(made.find(views(fold("奶粉用40度的水吗"))))


@pytest.mark.parametrize("digits", ["1234567890", "１２３４５", "一二三四五六七八九十"])
def test_of_a_number_without_end_the_beginning_stays(digits: str) -> None:
    """A message of digits must not hold the desk up, and hides nothing that is said beside it."""
    number = (digits * 1000)[:4000]
    folded = fold(f"でんわ {number} しにたい")
    assert len(folded.text) < 60
    assert folded.raw[folded.starts[0] : folded.ends[-1]] == folded.raw  # the way back is whole
    assert fold(f"090-1234-5678 と {digits}").text.endswith(fold(digits).text)
    kinds = {signal.kind for signal in HEARING.signals.hear(f"しにたい {number}")}
    assert "crisis" in kinds
