"""The second layer only adds, says why, never goes above urgent, and its absence brings a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import numpy as np
import pytest

from bot import engine, i18n, library
from bot.app import Mind
from bot.dialogs.safety import trouble
from bot.encoders.engines import Encoders
from bot.errors import ContentError, EncoderError
from bot.messages import Inbound, Severity, Signal
from bot.understanding.features import grams, letters, sentences, spoken
from bot.understanding.hearing import Hearing
from bot.understanding.learned import Example, Examples, Learned, label_of, together
from bot.understanding.weights import Weights, rounded
from tests.talk import view

NIGHT = datetime(2026, 11, 21, 17, 10, tzinfo=UTC)


def weights(**biases: float) -> Weights:
    """Return weights that say the same of every text: the odds of `kind_severity` labels."""
    names = tuple(sorted(name.replace("_", ":") for name in biases))
    odds = np.asarray([biases[name.replace(":", "_")] for name in names], np.float32)
    none = np.zeros((0, 0), np.float32)
    return Weights(
        names, odds, (), none.ravel(), none, none.ravel(), none, np.zeros((16, len(names)), np.int8),
        np.ones(len(names), np.float32), (1, 2), {"call": 0.3, "offer": 0.2}, (),
    )  # fmt: skip


EXAMPLES = Examples(
    (
        *(Example(f"xx/{n}", "xx", f"line {n}", "abuse urgent infant", f"訳{n}") for n in range(4)),
        Example("xx/9", "xx", "other", "dv urgent", "別"),
    ),
    np.asarray([[127, 0], [120, 10], [110, 20], [0, 127], [127, 1]], np.int8),
    "e5",
)


def test_labels() -> None:
    """A line teaches its first kind, as grave or as a concern."""
    assert label_of("quiet") == "quiet"
    assert label_of("abuse urgent infant; anxiety concern") == "abuse:grave"
    assert label_of("medical emergency") == "medical:grave"
    assert label_of("development concern") == "development:concern"


def test_it_says_what_is_near_and_never_more_than_urgent() -> None:
    """However certain it is, the second layer says urgent; the nearest example's gloss and agreed aspects go along."""
    learned = Learned(weights(quiet=-9, abuse_grave=9, dv_concern=0), EXAMPLES)
    (signal,) = learned.hear("anything", {"e5": np.asarray([1, 0], np.float32)})
    assert (signal.kind, signal.severity) == ("abuse", Severity.URGENT)
    assert signal.aspects == ("infant",)
    assert signal.why == "xx/0"
    assert "訳0" in signal.gloss
    assert signal.evidence == "anything"


def test_it_is_silent_below_its_thresholds_and_offers_between() -> None:
    """Below `offer` nothing is heard; above it, but below `call`, a concern."""
    assert Learned(weights(quiet=4, abuse_grave=1, dv_concern=0), Examples()).hear("a", {}) == ()
    (signal,) = Learned(weights(quiet=1, abuse_grave=-2, dv_concern=1), Examples()).hear("a", {})
    assert (signal.kind, signal.severity, signal.why) == ("dv", Severity.CONCERN, "learned")


def test_both_layers_together_only_add() -> None:
    """Whatever the second layer says, no signal of the patterns is lost, lowered, or robbed of its reason."""
    first = (
        Signal("crisis", Severity.EMERGENCY, ("weapon",), "words", "ja/rule", "意味", "self", "plan"),
        Signal("anxiety", Severity.CONCERN, (), "w", "ja/other", "意味"),
    )
    second = (
        Signal("crisis", Severity.URGENT, (), "all", "xx/1", "例"),
        Signal("anxiety", Severity.URGENT, (), "all", "xx/2", "例"),
        Signal("dv", Severity.CONCERN, (), "all", "xx/3", "例"),
    )
    crisis, anxiety, dv = together(first, second)
    assert crisis == first[0]
    assert (anxiety.severity, anxiety.why, anxiety.evidence) == (Severity.URGENT, "ja/other", "w")
    assert dv == second[2]
    assert together(first, ()) == first


@pytest.mark.parametrize(
    "text",
    [
        "No puedo más, anoche volví a pegarle al niño y me doy miedo",
        "mình không muốn tiếp tục sống như thế này nữa",
        "赤ちゃんを見ていると、窓から落としてしまう想像が止まりません",
        "남편이 또 때렸어요. 애들이 다 봤어요",
        "suamiku memukulku lagi tadi malam",
        "मलाई अब बाँच्न मन छैन",
    ],
)
def test_grave_words_in_many_languages_call_a_person(text: str, ears: Hearing, engines: Encoders) -> None:
    """Whatever language a resident has chosen, and whichever layer hears it."""
    heard = ears.hear(text, vectors=engines.vectors(ears.readings(text)), prior="ja")
    assert heard.whole
    assert heard.signals
    assert heard.signals[0].severity.rank >= Severity.URGENT.rank
    assert all(signal.evidence and signal.why and signal.gloss for signal in heard.signals)


@pytest.mark.parametrize(
    "text",
    [
        "ありがとうございました",
        "onde fica a creche mais perto?",
        "土曜日も開いていますか",
        "thank you so much!",
        "请问几点开门",
    ],
)
def test_ordinary_words_call_nobody(text: str, ears: Hearing, engines: Encoders) -> None:
    """Thanks and questions stay quiet."""
    assert ears.hear(text, vectors=engines.vectors(ears.readings(text))).signals == ()


def test_a_split_message_is_read_together(ears: Hearing) -> None:
    """Short bubbles are encoded joined as well, and those before alone; a long newest message is read alone."""
    assert ears.readings("しにたい", ("もう", "むり")) == ("しにたい", "もう むり しにたい", "もう むり")
    assert ears.readings("しにたい") == ("しにたい",)
    assert ears.readings("あ" * 50, ("もう",)) == ("あ" * 50,)
    assert len(ears.readings("い" * 30000)[0]) < 11000


def test_a_text_of_several_sentences_is_also_read_sentence_by_sentence(ears: Hearing) -> None:
    """What is too short to say anything is left out; many are joined; a single one is read once."""
    text = "明日の予防接種は何時ですか。最近は夜になると涙が止まりません。うん。持ち物も教えてください"
    parts = ("明日の予防接種は何時ですか。", "最近は夜になると涙が止まりません。", "持ち物も教えてください")
    assert sentences(text) == parts
    assert ears.readings(text) == (text, *parts)
    assert sentences("It is 3.5 kg. Is that all right for her age?") == (
        "It is 3.5 kg.",
        "Is that all right for her age?",
    )
    assert sentences("もう限界です") == ()
    assert len(sentences("これは文です。" * 100)) == 8
    assert sentences("") == sentences("。。。\n\n") == ()


def test_one_grave_sentence_is_heard_in_a_long_letter_and_shown(ears: Hearing, engines: Encoders) -> None:
    """The sentence that weighs most counts as much as the whole, and it alone is the evidence."""
    small = "駅前のひろばは楽しかったです。スタッフの方にもよくしていただきました。来週の工作の会も申し込みたいです。"
    text = small + "夫に首をしめられたことは誰にも言えません。" + small
    readings = ears.readings(text)
    (whole, *parts) = zip(readings, engines.vectors(readings), strict=True)
    assert ears.learned is not None
    found = ears.learned.hear(*whole, parts)
    assert found
    assert "首をしめられた" in found[0].evidence
    assert "工作" not in found[0].evidence


class Said:
    """Hear what was arranged for each reading, as the second layer would."""

    def __init__(self, **heard: Signal) -> None:
        self.heard = heard

    def hear(self, text: str, vectors: object, sentences: object = ()) -> tuple[Signal, ...]:
        return (self.heard[text],) if text in self.heard else ()


def test_joined_bubbles_count_only_as_far_as_the_newest_has_a_part() -> None:
    """「はい」 after grave words raises nothing again, or no choice could be typed; what both say does."""
    quiet = Hearing.of({}, {})
    crisis, dv = Signal("crisis", Severity.URGENT), Signal("dv", Severity.URGENT)
    vectors: list[dict[str, np.ndarray]] = [{}, {}, {}]
    quiet.learned = cast(Learned, Said(**{"aa bb": crisis, "aa": crisis}))
    assert quiet.hear("bb", vectors=vectors, recent=("aa",)).signals == ()
    quiet.learned = cast(Learned, Said(**{"aa bb": dv, "aa": crisis}))
    assert quiet.hear("bb", vectors=vectors, recent=("aa",)).signals == (dv,)
    quiet.learned = cast(Learned, Said(**{"aa bb": crisis, "aa": replace(crisis, severity=Severity.CONCERN)}))
    assert quiet.hear("bb", vectors=vectors, recent=("aa",)).signals == (crisis,)
    quiet.learned = cast(Learned, Said(**{"aa bb": Signal("hardship", Severity.CONCERN)}))
    assert quiet.hear("bb", vectors=vectors, recent=("aa",)).signals == ()  # joined words only look like a concern


def test_what_patterns_heard_before_is_not_raised_anew_by_likeness() -> None:
    """「はい」 after words that the patterns know raises nothing, whatever both look like together."""
    both = Hearing(library.load().hearing.signals, library.load().hearing.answers)
    crisis = Signal("crisis", Severity.URGENT)
    both.learned = cast(Learned, Said(**{"もう死にたい はい": crisis}))
    vectors: list[dict[str, np.ndarray]] = [{}, {}, {}]
    assert both.hear("はい", vectors=vectors, recent=("もう死にたい",)).signals == ()


def test_a_button_typed_is_not_weighed_by_likeness(ears: Hearing, engines: Encoders) -> None:
    """「電話できない」 is a way that the desk itself offers; a sentence that says more is weighed."""
    both = Hearing(library.load().hearing.signals, library.load().hearing.answers)
    crisis = Signal("crisis", Severity.URGENT)
    both.learned = cast(Learned, Said(電話できない=crisis, 電話もできないくらいつらい=crisis))
    assert both.hear("電話できない", vectors=[{}]).signals == ()
    assert crisis in both.hear("電話もできないくらいつらい", vectors=[{}]).signals


@pytest.mark.parametrize(
    "text", ["いますか", "hola", "oi", "are you there", "在吗", "kumusta po", "質問があります", "ok thanks"]
)
def test_small_talk_is_no_question(text: str, ears: Hearing, engines: Encoders) -> None:
    """A greeting is never answered with a service."""
    heard = ears.hear(text, vectors=engines.vectors(ears.readings(text)))
    assert not heard.confident
    assert heard.signals == ()


@pytest.mark.parametrize(
    "text",
    [
        "一時預かりを断られました。私はだめな母親です",
        "いちじあずかりを ことわられました。わたしは だめな ははおや です",
        "They turned my son down for temporary care, I must be a bad mother",
        "不给我们临时托管,我这个妈妈真失败",
    ],
)
def test_the_refused_mother_is_a_concern(text: str, ears: Hearing, engines: Encoders) -> None:
    """The seed's case: she blames herself; she is answered and offered a person, not alarmed (CARE C12)."""
    heard = ears.hear(text, vectors=engines.vectors(ears.readings(text)))
    assert [signal.severity for signal in heard.signals[:1]] in ([], [Severity.CONCERN])


@pytest.mark.parametrize(
    "text",
    [
        "Me da miedo que un día se me vaya la mano con el bebé cuando no para de llorar",
        "lagi nyusuin tengah malam, takut tanganku sendiri nyakitin bayi ini",
        "赤ちゃんの泣き声を聞くと自分の手が何をするかわからなくてこわい",
        "I am so scared of what my own hands might do to her when she screams",
    ],
)
def test_a_fear_of_the_own_hand_is_never_met_with_a_report(text: str, ears: Hearing, engines: Encoders) -> None:
    """Whichever layer hears it, 110 and 189 are not the first words to who fears the own hand (CARE C1, C2)."""
    heard = ears.hear(text, vectors=engines.vectors(ears.readings(text)))
    assert heard.signals
    assert trouble(heard.signals) not in ("child_hurt", "report", "facility")
    alone = Learned(ears.learned.model, Examples()).hear(text, engines.vectors([text])[0]) if ears.learned else ()
    assert not alone or trouble(alone) not in ("child_hurt", "report", "facility")


class Broken:
    """Fail as an engine may."""

    name = "e5"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def encode(self, texts: object) -> np.ndarray:
        raise self.error


@pytest.mark.parametrize("error", [EncoderError("gone"), RuntimeError("surprise"), MemoryError()])
def test_without_encoders_patterns_go_on_and_a_person_reads_it(error: Exception) -> None:
    """A failing engine silences nothing that patterns hear, and every message of that time becomes a case."""
    content = library.load(encoders="all")
    mind = Mind(content, i18n.load(content.vocabulary["languages"]), Encoders("all", (Broken(error),)))
    heard = mind.hear(Inbound("text", NIGHT, "しにたい"), {}, "ja")
    assert heard.signals[0].kind == "crisis"
    assert not heard.whole
    quiet = mind.hear(Inbound("text", NIGHT, "土曜日も開いていますか"), {}, "ja")
    assert quiet.signals == ()
    assert not quiet.whole


def test_a_message_heard_by_half_becomes_a_case() -> None:
    """The engine opens a case for a message that the encoders could not read, and still answers it."""
    desk = view()
    heard = desk.library.hearing.hear("土曜日も開いていますか", prior="ja")
    words = i18n.load(desk.library.vocabulary["languages"])
    inbound = Inbound("text", NIGHT, "土曜日も開いていますか")
    whole = engine.turn({}, inbound, heard, desk, NIGHT, words)
    half = engine.turn({}, inbound, replace(heard, whole=False), desk, NIGHT, words)
    assert (whole.case, whole.reason) == ("", "")
    assert (half.case, half.reason) == ("open", "half_heard")
    assert half.replies == whole.replies
    worry = replace(heard, signals=(Signal("anxiety", Severity.CONCERN, (), "w", "ja/x", "意味"),), whole=False)
    assert engine.turn({}, inbound, worry, desk, NIGHT, words).case == "open", "an offer can be declined unread"


def test_what_the_encoders_read_is_the_same_for_the_same_words() -> None:
    """Width, case, spacing between kana, elongation and quotes around the whole change nothing."""
    assert spoken("「し に た い」") == spoken("しにたーい") == spoken("しにたい") == "死にたい"
    assert spoken("HELP ME！！！！") == spoken("help me!!")
    assert spoken("I can’t 🌸 go on") == "i can't go on"
    assert letters("Không sống nổi") == " khong song noi "
    assert letters("想繼續") == letters("想继续")


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("छोरी", "chori"),
        ("मर्न मन लाग्छ", "marna man lagcha"),
        ("हात", "hat"),
        ("२ महिनाको।", "2 mahinako."),
        ("म", "ma"),
    ],
)
def test_nepali_has_the_same_letters_in_both_scripts(written: str, typed: str) -> None:
    """Devanagari is weighed as it is typed in Latin letters, but languages are told apart by what was written."""
    assert letters(written) == letters(typed)
    assert letters(written, dressed=True).strip() == written


def test_letter_groups_are_the_same_everywhere() -> None:
    """The hash is fixed: the same places on every machine, and weights of length 1."""
    found = grams(" ab ", 1 << 15, 1, 2)
    assert sorted(map(int, found.places)) == [15122, 15939, 18541, 20293, 26515, 28665]
    assert np.isclose((found.weights**2).sum(), 1)
    assert len(grams("", 16).places) == 0


def test_weights_survive_their_file() -> None:
    """What is kept and read again says the same; a file that holds something else is refused by name."""
    values, scale = rounded(np.asarray([[1.0, -0.5], [0.25, 0.0]]))
    made = weights(quiet=1, abuse_grave=2)
    again = Weights.of(made.arrays(), "x.npz")
    assert np.allclose(again.probabilities(" abc ", {}), made.probabilities(" abc ", {}))
    assert np.allclose(values * scale, [[1.0, -0.5], [0.25, 0.0]], atol=0.01)
    with pytest.raises(ContentError, match=r"x\.npz"):
        Weights.of({"labels": np.asarray(["a"])}, "x.npz")
