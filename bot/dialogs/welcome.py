"""The first contact of any kind: what this is, who may read, how to stop, and in which language (CARE C7).

The rule: it never asks for consent and never delays an answer; the engine puts `HELLO` before whatever is said first.
"""

from __future__ import annotations

from bot import names
from bot.dialog import START, TEXT, Dialog, Go
from bot.i18n import EASY, OWN_NAMES, SOURCE
from bot.messages import Card, Choice, Fact, Phrase, Verbatim, _
from bot.situation import City, StaffCard

HELLO: tuple[Phrase, ...] = (
    _("{city}の子育てのまどぐちです。はじめに答えるのは機械（自動応答）です。必要なときは、人につなぎます。"),
    _(
        "書いたことを読むのは、この窓口で相談を受ける職員です。命や子どもの安全に関わるときだけ、"
        "市や児童相談所などに伝えることがあります。"
    ),
)

#: Said before, where the city decided so: in an emergency nobody is asked (CARE C28).
HELLO_TRANSLATED = _(
    "命や子どもが危ないときは、書いたことを翻訳サービス（{service}）に送り、日本語で読むことがあります。"
)

HELLO_SHORT = _(
    "{city}のまどぐち（自動応答）です。書いたことは、あとで相談員が読みます。"
    "命や子どもの安全に関わるときは、必要なところへ伝えることがあります。"
)

HELLO_CHILD = _(
    "ここは {city}の まどぐち。さいしょに こたえるのは きかいだよ。"
    "かいてくれたことは、おとなが よむよ。たすけるために、ほかの おとなに つたえることが あるよ。"
)


#: The honest answers to "will you report me, take my child, tell immigration" (CARE C3). They rest on 児童虐待防止法
#: 6条; 児童福祉法33条 (一時保護, confirmed by a judge since 2025-06); 入管法62条2項 with notice 管総第1671号 of
#: 2003-11-17, which lets officials weigh the duty to inform against the aim of their own work (checked
#: 2026-11-23; a lawyer should review them).
HONEST: dict[str, tuple[Phrase, ...]] = {
    "told_report": (
        _("機械が、警察や児童相談所に知らせることはありません。読むのは、この窓口の相談員です。"),
        _(
            "子どもや命が危ないと相談員が考えたときは、法律により、市や児童相談所などに伝えます。"
            "責めるためではなく、家族を手伝うためです。"
        ),
        _("心配なことや、先に話してほしいことは、ここに書いておけます。"),
    ),
    "told_take_child": (
        _("こわいですよね。この窓口には、子どもを家族から離す力はありません。"),
        _(
            "子どもが危ないときは、児童相談所が、しばらく預かることを決める場合があります。"
            "そのときは、裁判所も確かめます。"
        ),
        _("「つらい」と話すことと、子どもと離れて暮らすことは、別のことです。家で使える手伝いも、たくさんあります。"),
    ),
    "told_immigration": (
        _("この窓口が、あなたの在留資格を調べることはありません。書かなくても相談できます。"),
        _(
            "市の職員には、入管に知らせる決まりがあります。"
            "ただ、子どもや命を守る仕事では、知らせないことも認められています。"
        ),
        _("くわしいことは、名前を言わずに、法テラスや弁護士に聞けます。"),
    ),
}
TOLD = tuple(HONEST)


def told_of_translation(city: City, language: str) -> tuple[Phrase, ...]:
    """Return what is said before of translation without a yes, where the city decided for it; () where it did not."""
    settings = city.translation
    if not settings.on or settings.emergency != "without" or not settings.services or language in (SOURCE, EASY):
        return ()
    return (_(HELLO_TRANSLATED.msgid, service=" / ".join(settings.services.values())),)


class Welcome(Dialog):
    """Greet, and say who reads."""

    name = "welcome"
    table = (
        Go("greet", "*", "greeted"),
        Go("who", "*", "told_who"),
        Go("report", "*", "told_report"),
        Go("take_child", "*", "told_take_child"),
        Go("immigration", "*", "told_immigration"),
        Go(TEXT, (START, "greeted", "told_who", *TOLD), "greeted", when="never"),
    )

    def ask_greeted(self) -> None:
        """Invite to write, choose or change the language; HELLO itself is put in front by the engine."""
        self.talk.say(
            _("そのまま書いてください。短くても、まとまらなくても、かまいません。"),
            _("「メニュー」「人と話す」「ことば」と書くと、いつでもそこへ行けます。「やめる」でいつでもやめられます。"),
            choices=(
                *(c for c in self.talk.language_choices() if c.act != f"language.chosen:{self.talk.language}"),
                Choice(_("メニュー"), "menu.show"),
                Choice(_("人と話す"), "person.ask"),
            ),
        )

    def ask_told_who(self) -> None:
        """Say who reads, what is passed on, and what one may ask for (CARE C3: honest, no promise)."""
        case = self.talk.view.case
        calm = case is None or not case.pressing  # no cards to look at while somebody may be in danger (CARE C15)
        people = tuple(self._card(person) for person in self.talk.view.city.people) if calm else ()
        self.talk.say(
            _("はじめに答えるのは機械です。相談になったものは、この窓口の相談員が読みます。"),
            _("市のほかの人やほかの機関には、あなたの同意なしには伝えません。ただし、命や子どもの安全に関わるときは、"
              "法律により、市や児童相談所に伝えることがあります。"),
            *told_of_translation(self.talk.view.city, self.talk.language),
            *((_("この窓口の人です。ここでは仕事の名前を使っています。"),) if people else ()),
            cards=people,
            choices=(
                Choice(_("人と話す"), "person.ask"),
                *((Choice(names.topic("privacy"), "my_data.show"),) if calm else ()),
                *self.talk.ways_on(),
            ),
        )  # fmt: skip

    def ask_told_report(self) -> None:
        """Say what is passed on, by whom and why."""
        self._say_honestly()

    def ask_told_take_child(self) -> None:
        """Say who decides about that, and that asking for help is another matter."""
        self._say_honestly()

    def ask_told_immigration(self) -> None:
        """Say what the law asks of officials, and what it leaves open."""
        self._say_honestly()

    def _say_honestly(self) -> None:
        self.talk.say(*HONEST[self.state], choices=(Choice(_("人と話す"), "person.ask"), *self.talk.ways_on()))

    @staticmethod
    def _card(person: StaffCard) -> Card:
        """Introduce one person as the city wrote it; languages are named in themselves."""
        spoken = " ・ ".join(OWN_NAMES[id] for id in person.languages)
        return Card(
            title=Verbatim(person.name),
            kind=Verbatim(person.role) if person.role else None,
            facts=(Fact(_("話せることば"), Verbatim(spoken)),) if spoken else (),
            note=Verbatim(person.words) if person.words else None,
        )
