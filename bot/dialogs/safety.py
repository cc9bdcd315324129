"""What the desk says when somebody may be in danger, until a person takes over (CARE C1-C7, C13-C18).

The rule: first one human sentence, then the next ten minutes where it is one's own hand, then when a person reads,
then who can be called now. No menu, no place cards, never the same block twice within 30 minutes, and nothing that
implies that somebody reads already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.dialog import START, TEXT, WAYS, Dialog, FollowUp, Go
from bot.i18n import SOURCE
from bot.library import Hotline, Library
from bot.messages import GAP, Card, Choice, Clocktime, Fact, Phrase, Reply, Severity, Signal, Text, Verbatim, _
from bot.opening import TOKYO
from bot.situation import City

AGAIN_AFTER = timedelta(minutes=30)  # CARE C15

TEN_MINUTES: tuple[Phrase, ...] = (
    _("いまの10分だけ、これをしてみてください。"),
    _("1. 子どもを安全な場所におろす（赤ちゃんなら、あおむけに）。"),
    _("2. その部屋を出て、ドアを閉める。泣いたままでかまいません。"),
    _("3. 息を長く吐く。水を一杯飲む。"),
)

#: For each kind of trouble: the human sentence and what to do now. The order inside a tuple is the order on screen.
WORDS: dict[str, tuple[Phrase, ...]] = {
    "own_hand": (
        _("書いてくれて、ありがとうございます。ひとりで抱えるには、重すぎる時間でしたね。"),
        *TEN_MINUTES,
    ),
    "own_act": (
        _("話してくれて、ありがとうございます。言いにくいことだったと思います。"),
        _(
            "子どもがぐったりしている、血が出ている、吐く、けいれんする、ぼんやりしている、頭や顔を打ったときは、"
            "いま119に電話してください。"
        ),
        *TEN_MINUTES,
    ),
    "child_hurt": (
        _("知らせてくれて、ありがとうございます。あなたと子どもの、いまの安全がいちばんです。"),
        _("いまも続いているときは、子どもと外へ出るか、110に電話してください。"),
        _("けがをしているとき、ぐったりしているときは、119です。"),
    ),
    "report": (
        _("気づいて、知らせてくれて、ありがとうございます。"),
        _("いま子どもが危ないときは、110に電話してください。"),
    ),
    "facility": (
        _("話してくれて、ありがとうございます。園や施設の人のことも、ここで聞きます。"),
        _("子どもがけがをしているとき、様子がいつもとちがうときは、先に病院か119へ。"),
    ),
    "child_writing": (
        _("かいてくれて、ありがとう。あなたは わるくないよ。"),
        _("いま こわいときは、そとへ にげて いいよ。110に でんわしても いいよ。なにも はなせなくても いいよ。"),
    ),
    "crisis": (
        _("それほどつらい中で、ここに書いてくれて、ありがとうございます。"),
        _("いまの気持ちのまま、ひとりにならないでください。だれかのいる部屋へ行く、声を聞ける人に電話する。"),
        _("薬や刃物は、手の届かないところへ置いてください。"),
    ),
    "crisis_now": (
        _("書いてくれて、ありがとうございます。どうか、いまは何もしないで、これを読んでください。"),
        _("もう始めてしまったとき、止められそうにないときは、119に電話してください。話せなくても、切らないで。"),
        _("近くにだれかいたら、「そばにいて」とだけ言ってください。薬や刃物からは離れてください。"),
    ),
    "voices": (
        _("書いてくれて、ありがとうございます。聞こえる声のとおりに、しなくていいです。"),
        _("赤ちゃんを安全な場所に寝かせて、近くの大人を呼んでください。"),
        _("だれもいないときは、119に電話してください。「赤ちゃんと二人です。わたしの様子がおかしいです」とだけでかまいません。"),
    ),
    "dv": (
        _("書いてくれて、ありがとうございます。されたことは、あなたのせいではありません。"),
        _("いま危ないときは、外へ出るか、110に電話してください。話せなくても、切らないで。"),
        _("この画面を見られそうなときは、ここを消してもかまいません。こちらからは、あなたが書いたときだけ返事をします。"),
    ),
    "dv_now": (
        _("書いてくれて、ありがとうございます。いまの数分が大切です。"),
        _("いま、逃げられるなら、子どもと外へ。人のいるところや交番へ行ってください。"),
        _("110に電話してください。話せなくても、切らないで。"),
        _("首をしめられた、頭を打ったときは、平気に思えても、119か病院へ。あとから悪くなることがあります。"),
    ),
    "medical_now": (
        _("書いてくれて、ありがとうございます。いま、119に電話してください。"),
        _("電話の人が、何をすればいいか教えてくれます。切らずに、そのまま聞いてください。"),
    ),
    "medical": (
        _("心配ですね。様子を見ていてくれて、ありがとうございます。"),
        _("ぐったりしている、息が苦しそう、けいれん、顔色が悪いときは、いま119に電話してください。"),
    ),
    "missing": (
        _("知らせてくれて、ありがとうございます。いま、110に電話してください。早すぎることはありません。"),
        _("いなくなった場所と時間、服の色、背の高さを伝えてください。家にはだれか残ってください。"),
    ),
    "birth": (
        _("知らせてくれて、ありがとうございます。いま、119に電話してください。お金や手帳のことは、あとでかまいません。"),
        _("玄関のかぎを開けて、横になって待ってください。電話は切らないで。"),
    ),
    "exhausted": (
        _("つかれきっている中で、書いてくれて、ありがとうございます。"),
        _("いまできそうなら、ひとつだけ。子どもが安全な場所にいたら、横になる。水を飲む。何か口に入れる。"),
    ),
    "hardship": (
        _("書いてくれて、ありがとうございます。ひとりで何とかしようとしなくて、いいです。"),
        _("今夜いる場所がないときは、近くの交番に入ってください。赤ちゃんがぐったりしているときは、119です。"),
    ),
    "development": (
        _("よく見ているからこその心配だと思います。書いてくれて、ありがとうございます。"),
    ),
}  # fmt: skip

PHONES_IN_JAPANESE = _(
    "電話は日本語です。むずかしいときは「電話できない」を。いそぐときは、そのまま電話して、切らないでください。"
)
NOT_A_REPORT = _("ここに書いても、法律の「通告」にはなりません。通告は189へ。名前を言わなくてもできます。")
A_REPORT = _("ここに書いたことは、市への「通告」として受けつけます。いそぐときは189へ。")
WHO_TOLD = _("通告をした人がだれかを明かすことは、法律で禁じられています。")

STILL_HERE = (
    _("書いてくれたことは、そのまま残しています。"),
    _("届いています。続けて書いてもかまいません。"),
)

STILL_HERE_CHILD = (
    _("かいてくれたことは、とってあるよ。"),
    _("とどいているよ。もっと かいても いいよ。"),
)

#: What can be shown or read out, by kind of trouble: the Japanese sentence, and the same for the one who shows it.
CARDS: dict[str, tuple[str, Phrase]] = {
    "child_writing": (
        "たすけてください。家でこわいことがあります。けいさつか、はなしをきいてくれる大人をよんでください。",
        _("たすけてください。家でこわいことがあります。けいさつか、はなしをきいてくれる大人をよんでください。"),
    ),
    "own_hand": (
        "子育てがつらくて、もう限界です。助けてくれる人と話したいです。",
        _("子育てがつらくて、もう限界です。助けてくれる人と話したいです。"),
    ),
    "crisis": (
        "死にたいほどつらいです。ひとりにしないでください。助けてくれる人を呼んでください。",
        _("死にたいほどつらいです。ひとりにしないでください。助けてくれる人を呼んでください。"),
    ),
    "dv": (
        "家族から暴力を受けています。家には帰れません。警察か相談の人を呼んでください。",
        _("家族から暴力を受けています。家には帰れません。警察か相談の人を呼んでください。"),
    ),
    "medical": (
        "救急です。子どもの様子がおかしいです。救急車を呼んでください。",
        _("救急です。子どもの様子がおかしいです。救急車を呼んでください。"),
    ),
    "missing": (
        "子どもがいなくなりました。警察を呼んでください。",
        _("子どもがいなくなりました。警察を呼んでください。"),
    ),
    "hardship": (
        "今夜、食べるものや寝る場所がありません。子どもがいます。助けてください。",
        _("今夜、食べるものや寝る場所がありません。子どもがいます。助けてください。"),
    ),
    "child_hurt": (
        "子どもが暴力を受けています。警察を呼んでください。",
        _("子どもが暴力を受けています。警察を呼んでください。"),
    ),
}

#: trouble -> (which numbers fit, which card). 110 and 119 are named first when the words above name them.
FITS: dict[str, tuple[tuple[str, ...], str]] = {
    "own_hand": (("own_hand",), "own_hand"),
    "own_act": (("own_hand",), "own_hand"),
    "child_hurt": (("dv_danger", "child_hurt"), "child_hurt"),
    "report": (("report",), "child_hurt"),
    "facility": (("report",), "child_hurt"),
    "child_writing": (("child_writing",), "child_writing"),
    "crisis": (("crisis",), "crisis"),
    "crisis_now": (("medical", "crisis"), "crisis"),
    "voices": (("medical",), "medical"),
    "dv": (("dv",), "dv"),
    "dv_now": (("dv_danger", "dv"), "dv"),
    "medical_now": (("medical",), "medical"),
    "medical": (("medical", "sick_child"), "medical"),
    "missing": (("missing",), "missing"),
    "birth": (("medical",), "medical"),
    "exhausted": (("exhausted",), "own_hand"),
    "hardship": (("hardship",), "hardship"),
    "development": (("exhausted",), "own_hand"),
}

#: Kinds in which somebody at home may read what is on the screen.
AT_HOME = frozenset({"dv", "abuse"})

#: Kinds whose words are said although they are only guessed: they name what to do *if* it is so.
SPOKEN = frozenset({"medical", "crisis", "dv"})

#: Troubles whose words are for the next minutes; no guess speaks over them.
EMERGENCIES = frozenset({"crisis_now", "dv_now", "medical_now", "missing", "birth", "voices"})

#: The harmless word that is heard as a tap for as long as it was once promised (`ask_traceless`).
COVER = Choice(_("おむつ"), "safety.cover")

#: What somebody has to have told: "lie down, unlock the door" and "do not obey the voices" hurt whom they do not fit.
NEVER_GUESSED = frozenset({"unattended_birth", "psychosis"})

#: Which kind of trouble is spoken of first when several are heard at the same severity.
ORDER = ("medical", "crisis", "abuse", "dv", "hardship", "anxiety", "development")


def trouble(signals: Sequence[Signal]) -> str:
    """Return the key of WORDS for what was heard: the gravest signal, by CARE C8-C11 and C25-C27."""
    ranked = sorted(signals, key=lambda s: (-s.severity.rank, ORDER.index(s.kind)))
    gravest = ranked[0]
    aspects = {aspect for s in ranked if s.severity is gravest.severity for aspect in s.aspects}
    if _guessed(gravest):
        aspects -= NEVER_GUESSED
    emergency = gravest.severity is Severity.EMERGENCY
    if "child_writing" in {aspect for s in signals for aspect in s.aspects}:
        return "child_writing"
    if "strangling" in aspects and any(s.kind == "dv" for s in signals):
        return "dv_now"  # she needs 110 and 119, and to get away
    if "missing_child" in aspects:
        return "missing"
    if "unattended_birth" in aspects:
        return "birth"
    if "psychosis" in aspects:
        return "voices"
    match gravest.kind:
        case "medical":
            return "medical_now" if emergency else "medical"
        case "crisis":
            return "crisis_now" if emergency else "crisis"
        case "dv":
            return "dv_now" if emergency else "dv"
        case "abuse":
            if "facility_staff" in gravest.aspects:
                return "facility"
            if gravest.who == "self":
                if emergency and gravest.act in ("now", "done") and "infant" in aspects:
                    return "medical_now"
                return "own_act" if gravest.act in ("done", "past", "now") else "own_hand"
            if not gravest.who and not emergency:
                return "exhausted"  # heard by likeness alone: never 110 or 189 first to a mother who fears her own hand
            return "report" if gravest.who == "other" else "child_hurt"
        case "hardship":
            return "hardship"
        case "development":
            return "development"
    return "exhausted"


class Safety(Dialog):
    """Stay with somebody in danger until a person reads."""

    name = "safety"
    about = ""  # what the words of this turn are about, when that is not what the talk is about
    table = (
        Go("again", "*", "alarmed", when="knows_trouble"),
        Go("alarm", "*", "alarmed", take="note_trouble"),
        Go(TEXT, "alarmed", "with_you"),
        Go(
            TEXT,
            (START, "with_you", "cannot_call", "card", "reminded", "not_meant", "traceless", "covered"),
            "with_you",
        ),
        Go("traceless", "*", "traceless"),
        Go("cover", "*", "covered"),
        Go("cant_call", "*", "cannot_call"),
        Go("card", "*", "card"),
        Go("remind", "*", "reminded", take="plan_reminder"),
        Go("not_meant", "*", "not_meant"),
    )

    def knows_trouble(self) -> bool:
        """Return whether an alarm was raised before."""
        return "trouble" in self.talk.data

    def note_trouble(self) -> None:
        """Remember what kind of trouble it is, and what the words of this turn are about.

        While a grave case waits, what is only guessed does not push aside what was told: 「出かけました。いま一人です」
        after a blow is no birth alone, and the card and the ways stay those of violence. Words that help whom they fit
        and hurt nobody else (SPOKEN) are said all the same. Nor does a milder word of the same trouble change it: after
        「反応がありません」 「さっきけいれんも」 leaves it at 119 now.
        """
        self.talk.data.pop("corrected", None)
        signals = self.talk.heard.signals
        if not signals:
            return
        case, gravest = self.talk.view.case, max(signals, key=lambda signal: signal.severity.rank)
        told = self.talk.data.get("trouble", "") if case is not None and case.pressing else ""
        heard = trouble(signals)
        if not told or not (_guessed(gravest) or told == f"{heard}_now"):
            self.talk.data["trouble"] = heard
        elif gravest.kind in SPOKEN and told not in EMERGENCIES:
            self.about = heard

    # what is said -----------------------------------------------------------------------------------------------

    def ask_alarmed(self) -> None:
        """Say the words for this trouble, when a person reads, and who can be called now."""
        key = self.about or self.trouble
        block = f"{key}:{self.talk.language}"  # in another language it is another block
        if self._said_lately(block):
            self.ask_with_you()
            return
        self.talk.data["said"] = {**self.talk.data.get("said", {}), block: self.talk.now.isoformat()}
        first, *rest = first_words(key, self.talk.view.city)
        self.talk.say(first, GAP, *rest, block=f"safety.{key}", vital=True)
        self.talk.say(*self._when(), *self._numbers(key), choices=self._ways(), vital=True)

    def ask_with_you(self) -> None:
        """Keep company without repeating the block: it is kept, when a person reads, and the ways that remain."""
        count = self.talk.data["count"] = self.talk.data.get("count", 0) + 1
        words = STILL_HERE_CHILD if self._child else STILL_HERE
        self.talk.say(words[count % len(words)], *self._when(), choices=self._ways())

    def ask_cannot_call(self) -> None:
        """Answer "I cannot call": written services, the police box, a neighbour, a card (CARE C5)."""
        if self._child:
            self.talk.say(
                _("でんわが できなくても いいよ。"),
                _("こうばんや おみせ、がっこうの せんせいに、「みせるカード」を みせて いいよ。"),
                *self._when(),
                choices=self._ways(),
            )
            return
        fits, _card = FITS[self.trouble]
        lines: list[Text] = [_("電話できないときの道です。")]
        now, language = self.talk.now, self.talk.language
        seen: set[str] = set()
        for fit in fits:
            for chat in self.talk.view.library.chats_for(fit, language):
                if chat.id not in seen:
                    seen.add(chat.id)
                    lines.append(_chat_line(chat, now))
        lines += [
            _("・近くの交番やお店、となりの人に、カードを見せる"),
            _("・だれかに代わりに電話してもらう"),
            _("・ここに書いておく。{when}", when=self._when()[0]),
        ]
        self.talk.say(*lines, choices=self._ways())

    def ask_card(self) -> None:
        """Show the card that can be held up at a counter, to a neighbour, or read out to 119 (CARE C6)."""
        japanese, own = CARDS[FITS[self.trouble][1]]
        note = own if self.talk.language != SOURCE else None
        card = Card(title=Verbatim(japanese), kind=_("見せるカード"), note=note)
        words = _("これを みせるか、よんで いいよ。") if self._child else _("このまま見せるか、読んで伝えてください。")
        self.talk.say(words, cards=(card,), choices=self._ways())

    def plan_reminder(self) -> None:
        """Ask for the reminder at the next opening (CARE C18)."""
        moment = self.talk.view.city.next_reading(self.talk.now)
        if moment is not None and self.talk.may_write_first() and not self.talk.follow_ups:
            self.talk.follow_ups.append(FollowUp("remind", max(moment, self.talk.now), moment.date().isoformat()))

    def ask_reminded(self) -> None:
        """Say when the reminder comes."""
        if self.talk.follow_ups:
            when = self._clock(self.talk.follow_ups[0].at)
            self.talk.say(
                _("{when} に、電話番号と、何と言えばいいかをここに送ります。", when=when), choices=self._ways()
            )
        elif not self.talk.may_write_first():
            words = _("安全のため、こちらから先には送りません。朝になったら、ひとことでも書いてください。")
            self.talk.say(words, choices=self._ways())
        else:
            self.talk.say(_("窓口の次の予定がわからないため、お知らせの約束ができません。"), choices=self._ways())

    def ask_traceless(self) -> None:
        """Say how to leave nothing on the phone, and a word that turns the screen harmless."""
        self.talk.data["cover"] = True
        self.talk.say(
            _("ここの文は、長く押すと、あなたの画面から消せます。相談員のところには残ります。"),
            _("通知に文が出ないように、LINEの通知の設定で変えられます。"),
            _("だれかが来たら「おむつ」と送ってください。おむつの話だけをします。"),
            choices=(COVER, *self._ways()),
        )

    def ask_covered(self) -> None:
        """Speak of something harmless, with nothing on the screen that tells what it was about."""
        self.talk.say(
            _("おむつを替えられる場所は、子育てひろばや市役所にあります。"),
            choices=(
                Choice(_("わかりました"), "safety.cover"),
                Choice(_("人と話す"), "person.ask"),
            ),
        )

    def ask_not_meant(self) -> None:
        """Thank for the correction, after which questions are answered; it closes nothing that is urgent (CARE C12)."""
        self.talk.data["corrected"] = True
        case = self.talk.view.case
        grave = case is not None and case.pressing
        self.talk.say(
            _("教えてくれて、ありがとうございます。大切なことに思えたので、聞きました。"),
            _("相談員も一度読みます。ほかに知りたいことがあれば、続けて書いてください。"),
            choices=tuple(way for way in self._ways() if way.act != "safety.not_meant") if grave else WAYS,
        )

    # parts ------------------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> str:
        """Return the kind of trouble this talk is about."""
        key: str = self.talk.data.get("trouble", "exhausted")
        return key

    @property
    def _child(self) -> bool:
        """Return whether a child writes: then short words in kana (CARE C27)."""
        return self.trouble == "child_writing"

    def _said_lately(self, block: str) -> bool:
        said = self.talk.data.get("said", {}).get(block)
        return said is not None and self.talk.now - datetime.fromisoformat(said) < AGAIN_AFTER

    def _clock(self, moment: datetime) -> Clocktime:
        return self.talk.clock(moment)

    def _when(self) -> tuple[Phrase, ...]:
        """Say when a person reads, and that nobody has yet (CARE C13)."""
        if self._child:
            moment = self.talk.view.city.next_reading(self.talk.now)
            if moment is None or moment <= self.talk.now:
                return (_("おとなの ひとに しらせたよ。まだ よんでいないよ。"),)
            return (_("おとなの ひとが よむのは、{when} だよ。まだ よんでいないよ。", when=self._clock(moment)),)
        return self.talk.when_read()

    def _numbers(self, key: str) -> tuple[Text, ...]:
        """Say who can be called now (CARE C1)."""
        view, now, language = self.talk.view, self.talk.now, self.talk.language
        said = list(number_lines(key, view.library, language, now))
        city = view.city
        if city.night_phone and not city.open_now(now) and key not in ("child_writing", "own_hand", "exhausted"):
            said.append(_("・{name} {number}", name=_("市の夜の電話（宿直）"), number=city.night_phone))
        if not said:
            return ()
        head = _("でんわで はなせる ところ") if key == "child_writing" else _("電話で話せるところ")
        spoken = language == SOURCE or key == "child_writing"
        note = () if spoken else (PHONES_IN_JAPANESE,)
        return (GAP, head, *said, *note)

    def _ways(self) -> tuple[Choice, ...]:
        """Give the ways that remain: nothing to shop for, nothing to rate (CARE C15)."""
        room = (Choice(_("LINEの外で書く"), "person.room", opens="room"),) if self._room() else ()
        if self._child:
            return (
                Choice(_("でんわできない"), "safety.cant_call"),
                Choice(_("みせるカード"), "safety.card"),
                *((Choice(_("LINEの そとで かく"), "person.room", opens="room"),) if room else ()),
            )
        closed = not self.talk.view.city.open_now(self.talk.now) and self.talk.may_write_first()
        return (
            Choice(_("電話できない"), "safety.cant_call"),
            Choice(_("見せるカード"), "safety.card"),
            *room,
            *((Choice(_("あとを残さない"), "safety.traceless"),) if self._at_home() else ()),
            *((Choice(_("朝に知らせて"), "safety.remind"),) if closed else ()),
            Choice(_("そういう意味ではない"), "safety.not_meant"),
        )

    def _at_home(self) -> bool:
        case = self.talk.view.case
        kinds = {*(case.kinds if case is not None else ()), *(signal.kind for signal in self.talk.heard.signals)}
        return bool(AT_HOME & kinds) and self.trouble not in ("own_hand", "own_act", "facility", "report")

    def _room(self) -> bool:
        return self.talk.view.city.talk_in in ("room", "ask")


def _guessed(signal: Signal) -> bool:
    """Return whether a signal rests on likeness alone: its reason is a numbered example, or violence without an act."""
    return signal.why.rpartition("/")[2].isdecimal() or (signal.kind == "abuse" and not signal.act)


def first_words(key: str, city: City) -> tuple[Phrase, ...]:
    """Give the words for a kind of trouble; a report says whether it counts as one (CARE C25)."""
    if key == "report":
        return (*WORDS[key], A_REPORT if city.takes_child_reports else NOT_A_REPORT, WHO_TOLD)
    return WORDS[key]


def number_lines(key: str, library: Library, language: str, now: datetime, *, most: int = 3) -> tuple[Phrase, ...]:
    """Give the numbers that fit a kind of trouble, at most three, those confirmed open first (CARE C1, C14a)."""
    fitting: list[Hotline] = []
    for fit in FITS[key][0]:
        fitting += [h for h in library.lines_for(fit, language, now) if h not in fitting]
    return tuple(number_line(h) for h in fitting[:most])


def reminder(trouble_key: str, library: Library, city: City, language: str, now: datetime) -> tuple[Reply, ...]:
    """Give what was asked for in the night: the number, what to say there, and the card (CARE C18, C6)."""
    fits, card = FITS.get(trouble_key, FITS["exhausted"])
    japanese, own = CARDS[card]
    facts = [Fact(Verbatim(desk.name), Verbatim(desk.phone)) for desk in city.desks if desk.phone]
    for fit in fits:
        facts += [Fact(Phrase(h.name), Verbatim(h.number)) for h in library.lines_for(fit, language, now, most=1)]
    shown = Card(
        title=Verbatim(japanese),
        kind=_("電話では、次のように言えば伝わります。読むだけでかまいません。"),
        facts=tuple(facts),
        note=own if language != SOURCE else None,
    )
    neutral = _("お知らせの時間になりました。")  # a preview shows this line only (CARE C21)
    return (Reply((neutral,), cards=(shown,), choices=(Choice(_("人と話す"), "person.ask"),)),)


def number_line(hotline: Hotline) -> Phrase:
    """Word one number; hours are told only when they are confirmed (CARE C14a)."""
    name = Phrase(hotline.name)
    if hotline.always and hotline.free:
        return _("・{name} {number}（24時間・無料）", name=name, number=hotline.number)
    if hotline.always:
        return _("・{name} {number}（24時間）", name=name, number=hotline.number)
    if hotline.opening is not None:
        return _("・{name} {number}（いま開いています）", name=name, number=hotline.number)
    if hotline.free:
        return _("・{name} {number}（無料。つながらない時間もあります）", name=name, number=hotline.number)
    return _("・{name} {number}（つながらない時間もあります）", name=name, number=hotline.number)


def _chat_line(chat: Hotline, now: datetime) -> Phrase:
    name = Phrase(chat.name)
    if chat.opening is not None and not chat.opening.open_at(now):
        moment = chat.opening.next_open(now)
        if moment is not None:
            when = Clocktime(moment, now.astimezone(TOKYO).date())
            return _("・{name}（{when} から） {url}", name=name, when=when, url=chat.url)
    return _("・{name} {url}", name=name, url=chat.url)
