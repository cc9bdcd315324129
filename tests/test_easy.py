"""What やさしい日本語 may look like, and which promises no language may make."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot import names
from bot.easy import LOANWORDS, check, forbidden
from bot.line import limits
from bot.places import AGES

ROOT = Path(__file__).parents[1]
CATALOGS = sorted((ROOT / "locales").glob("*/LC_MESSAGES/messages.po"))
EASY = ROOT / "locales" / "ja@easy" / "LC_MESSAGES" / "messages.po"


def sentences(path: Path) -> dict[str, str]:
    """Return a catalog's sentences: msgid -> msgstr."""
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


@pytest.mark.parametrize(
    "text",
    [
        "子（こ）どもを 安全（あんぜん）な ところに おろします。",
        "一時預（いちじあず）かり＜短（みじか）い時間（じかん） 子（こ）どもを 預（あず）ける＞を 使（つか）えます。",
        "話（はな）さなくても いいです。",
        "電話（でんわ）を 切（き）らないで ください。",
        "8月（がつ）15日（にち）の 午後（ごご）8時（じ）に あきます。",
        "24時間（じかん）、0120-279-889に 電話（でんわ）できます。",
        "2026年（ねん）（令和（れいわ）8年（ねん））に 始（はじ）まりました。",
        "書（か）いて くれて、ありがとうございます。",
        "人（ひと）に 知（し）らせました。とても 疲（つか）れて いますね。",
        "赤（あか）ちゃんが 生（う）まれました。カードを 見（み）せて ください。",
        "くわしくは https://example.jp/1/2 を 見（み）て ください。",
        "ショートステイ＜子（こ）どもが 泊（と）まる＞",
        "サービス＜手伝（てつだ）い＞が あります。",
        "お金（かね）を 払（はら）って ください。ボタンを おして ください。おとなに なります。",
        "かいて くれて、ありがとう。あなたは わるくないよ。",
        "",
    ],
)
def test_plain_sentences_pass(text: str) -> None:
    """Short, kind sentences with readings break no rule and raise no warning."""
    assert check(text) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("E1", "あの" * 21),
        ("E3", "つかえない わけでは ありません。"),
        ("E3", "使（つか）えなくは ないです。"),
        ("E3", "登録（とうろく）しなければ なりません。"),
        ("E3", "予約（よやく）しないと 使（つか）えません。"),
        ("E3", "話（はな）さなくても かまいません。"),
        ("E4", "子どもと 行（い）きます。"),
        ("E4", "相談（そうだん）員が 読（よ）みます。"),
        ("E4", "電話（TEL）して ください。"),
        ("E4", "しくみ＜制度＞"),
        ("E5", "令和（れいわ）8年（ねん）に 始（はじ）まりました。"),
        ("E6", "8/15に あきます。"),
        ("E6", "20時（じ）まで あいています。"),
        ("E6", "9:00から 20:00まで あいています。"),
        ("E7", "すこし お待（ま）ち ください。"),
        ("E7", "ご確認（かくにん）ください。"),
        ("E7", "見（み）て いただけますか。"),
        ("E7", "こちらに ございます。"),
        ("E7", "まって おります。"),
        ("E8", "だれかに なぐられました。"),
        ("E8", "子（こ）どもに 食（た）べさせます。"),
        ("E8", "市（し）で つかわれて います。"),
        ("E8", "言（い）われた とおりに します。"),
        ("E9", "スキームを 見（み）て ください。"),
    ],
)
def test_hard_sentences_fail(rule: str, text: str) -> None:
    """Each rule finds its own breach, and nothing else fails beside it."""
    assert {problem.rule for problem in check(text) if problem.fails} == {rule}


def test_length_is_counted_without_readings_and_explanations() -> None:
    """A sentence is as long as what is read aloud: 30 pass, 31 warn, 41 fail, each sentence by itself."""
    assert check("あ" * 30 + "。" + "い" * 30 + "。") == []
    assert [(p.rule, p.fails) for p in check("あ" * 31)] == [("E1", False)]
    assert [(p.rule, p.fails) for p in check("あ" * 41)] == [("E1", True)]
    assert check("市（しし）" * 30) == []
    assert check("あ" * 30 + "＜" + "い" * 30 + "＞") == []


def test_can_only_warns() -> None:
    """The ending of 食べられる means "can" more often than it is a passive, so a person decides."""
    assert [(p.rule, p.fails) for p in check("ここで 食（た）べられます。")] == [("E8", False)]


def test_every_loanword_is_katakana() -> None:
    """The list holds katakana words, each by itself."""
    assert all(check(word) == [] for word in LOANWORDS)


@pytest.mark.parametrize(
    "text",
    [
        "ここは絶対に秘密です。",
        "秘密は必ず守ります。",
        "誰にも言いません。",
        "だれにも 話（はな）しません。",
        "だれにも、絶対に 言（い）わない。",
        "通報しません。",
        "通報（つうほう）は しません。",
        "通告することはありません。",
        "大丈夫です。",
        "きっと だいじょうぶですよ。",
        "お子さんは大丈夫です、安心してください。",
        "赤ちゃんも大丈夫。",
        "子どもは取られません。",
        "子（こ）どもを 取（と）り上（あ）げる ことは ありません。赤ちゃんは とられません。",
        "お子さんは連れていかれません。",
        "Nobody will know.",
        "No one else will ever find out.",
        "We won’t report you.",
        "We will never report this to the police.",
        "You will not be reported.",
        "This is absolutely secret.",
        "It stays completely confidential.",
        "We will not tell anyone.",
        "You will be fine.",
        "Don't worry, it'll be all right.",
        "They won't take your child.",
        "Your baby will not be taken away.",
    ],
)
def test_promises_are_refused(text: str) -> None:
    """Nobody is promised secrecy, silence towards the authorities, or a good end (CARE C3)."""
    assert forbidden(text)


@pytest.mark.parametrize(
    "text",
    [
        "短くて大丈夫です。",
        "かなでも大丈夫です。",
        "何も書かなくても大丈夫です。",
        "大丈夫ですか。",
        "大丈夫ではないときは、119へ。",
        "ここに書いても、法律の「通告」にはなりません。",
        "通報しないでくださいと言われたら、人に相談してください。",
        "まだだれも読んでいません。",
        "だれにも言わないで、と言われましたか。",
        "ほかの人には、あなたに聞いてから伝えます。",
        "秘密を守る決まりがありますが、命に関わるときは伝えます。",
        "子どもと外へ出てください。",
        "Nobody has read this yet.",
        "Sometimes we have to pass on what you write.",
        "You will be called tomorrow.",
        "We do not pass anything on without asking you, unless a life is in danger.",
        "Report a child in danger at 189.",
    ],
)
def test_honest_words_are_allowed(text: str) -> None:
    """What is true about reading, reporting and help may be said."""
    assert forbidden(text) == []


def test_the_easy_catalog_is_easy() -> None:
    """Every sentence of the やさしい日本語 catalog passes; warnings are allowed."""
    breaches = {
        msgid: failed for msgid, text in sentences(EASY).items() if (failed := [p for p in check(text) if p.fails])
    }
    assert breaches == {}


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parents[1].name)
def test_no_catalog_promises(path: Path) -> None:
    """No sentence, in Japanese or translated, promises what nobody can promise (CARE C3)."""
    promises = {
        text: found for pair in sentences(path).items() for text in pair if (found := forbidden(text))
    }  # fmt: skip
    assert promises == {}


def test_easy_labels_are_shown_whole() -> None:
    """Every chip fits into the 20 characters that LINE shows, its readings included."""
    easy = sentences(EASY)
    labels = {*names.TOPICS.values(), *(label.msgid for label, _months in AGES)}
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Choice":
                match node.args:
                    case [ast.Call(func=ast.Name(id="_"), args=[ast.Constant(value=str(label))]), *_]:
                        labels.add(label)
    assert len(labels) > 70
    assert {label: easy[label] for label in labels if len(limits.graphemes(easy[label])) > limits.QUICK_LABEL} == {}
