"""How it went after starting: asked once, weeks later, and only of somebody who wished it (functions 32, 15).

The rule: nobody is asked unasked, and no answer is the right one: to go on, to change and to stop are all choices. Not
where words that come unasked could be read by somebody dangerous (CARE C21), nor about what is nobody's business.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from bot import names
from bot.dialog import AFTERWARDS, END, TEXT, WAYS, Dialog, FollowUp, Go
from bot.messages import Choice, _
from bot.opening import TOKYO

#: After how long it is asked: long enough to have applied and begun, short enough to be of use. Our own choice.
AFTER = timedelta(days=14)
AT = time(10)  # families with small children are up, and the day's work at most desks has begun


class Afterwards(Dialog):
    """Ask once how it went, when that was wished."""

    name = AFTERWARDS
    table = (
        Go("promise", "*", "promised", take="take_topic", when="may_ask"),
        Go("promise", "*", "not_asked", when="must_not_ask"),
        Go("no_need", "*", "left"),
        Go("due", "*", "asked", take="take_topic", when="has_topic"),
        Go("well", "*", "well", take="take_topic"),
        Go("hard", "*", "hard", take="take_topic"),
        Go("not_yet", "*", "not_yet", take="take_topic"),
        Go("not_used", "*", "not_used", take="take_topic"),
        Go(TEXT, "asked", "told", when="is_answer"),
        Go(TEXT, ("promised", "not_asked", "left", "told", "well", "hard", "not_yet", "not_used"), END, when="never"),
    )

    # what came ---------------------------------------------------------------------------------------------------

    def take_topic(self) -> None:
        """Take what it is about."""
        if self.talk.argument in names.BEGUN:
            self.talk.data["topic"] = self.talk.argument

    # what holds --------------------------------------------------------------------------------------------------

    def has_topic(self) -> bool:
        """Return whether it is known what it is about."""
        return "topic" in self.talk.data

    def may_ask(self) -> bool:
        """Return whether it is known what to ask about, and the desk may write first."""
        return self.has_topic() and not self.must_not_ask()

    def must_not_ask(self) -> bool:
        """Return whether words that come unasked could be read by somebody else (CARE C21)."""
        return not self.talk.may_write_first()

    def is_answer(self) -> bool:
        """Return whether the words tell how it went rather than ask for something."""
        heard = self.talk.heard
        return not heard.confident or heard.topics[0].id == self.talk.data.get("topic")

    # what is said ------------------------------------------------------------------------------------------------

    def ask_promised(self) -> None:
        """Plan it in place of what was wished before, and say when it comes and that it can be taken back."""
        day = self.talk.now.astimezone(TOKYO).date() + AFTER
        at = datetime.combine(day, AT, TOKYO)
        self.talk.stops.append(AFTERWARDS)
        self.talk.follow_ups.append(FollowUp(AFTERWARDS, at, day.isoformat(), about=self.talk.data["topic"]))
        when = self.talk.clock(at)
        self.talk.say(
            _("わかりました。{when} に、一度だけ、様子をたずねます。とちゅうで、やめることもできます。", when=when),
            choices=(Choice(_("聞かなくていい"), f"{AFTERWARDS}.no_need"), *WAYS),
        )

    def ask_not_asked(self) -> None:
        """Say why nothing is sent first (CARE C21)."""
        self.talk.say(
            _("安全のため、こちらから先にはたずねません。使ってみてどうだったか、いつでも書いてください。"),
            choices=WAYS,
        )

    def ask_left(self) -> None:
        """Take the wish back, and leave in peace."""
        self.talk.stops.append(AFTERWARDS)
        self.talk.say(
            _("わかりました。こちらからは、何も聞きません。話したくなったら、いつでも書いてください。"), choices=WAYS
        )

    def ask_asked(self) -> None:
        """Ask how it went, and remember it no longer; the first bubble is what a preview shows (CARE C21)."""
        self.talk.stops.append(AFTERWARDS)
        self.talk.say(_("お知らせの時間になりました。"))
        topic = self.talk.data["topic"]
        self.talk.say(
            _(
                "前に、{topic}のことを調べましたね。その後、いかがですか。まだでも、使わないことにしても、かまいません。",
                topic=names.topic(topic),
            ),
            choices=(
                Choice(_("うまくいっている"), f"{AFTERWARDS}.well:{topic}"),
                Choice(_("困ったことがある"), f"{AFTERWARDS}.hard:{topic}"),
                Choice(_("まだ使っていない"), f"{AFTERWARDS}.not_yet:{topic}"),
                Choice(_("使わないことにした"), f"{AFTERWARDS}.not_used:{topic}"),
                *WAYS,
            ),
        )

    def ask_told(self) -> None:
        """Keep company with what was written, and offer what may follow."""
        self.talk.say(
            _("話してくれて、ありがとうございます。"),
            _("つづきは、書いても、書かなくてもかまいません。"),
            choices=(Choice(_("人と話す"), "person.ask"), *self._others(), Choice(_("メニュー"), "menu.show")),
        )

    def ask_well(self) -> None:
        """Be glad with her."""
        self.talk.say(
            _("教えてくれて、ありがとうございます。気になることが出てきたら、いつでも書いてください。"), choices=WAYS
        )

    def ask_hard(self) -> None:
        """Lift the blame, and open every way: a person, another place, a complaint."""
        self.talk.say(
            _("話してくれて、ありがとうございます。"),
            _(
                "合わないことがあっても、あなたや子どものせいではありません。続ける、変える、やめる、どれを選んでもかまいません。"
            ),
            _("場所の人に言いにくいことも、相談員には話せます。"),
            choices=(
                Choice(_("人と話す"), "person.ask"),
                *self._others(),
                Choice(_("要望・苦情を書く"), "complaint.begin"),
                Choice(_("メニュー"), "menu.show"),
            ),
        )

    def ask_not_yet(self) -> None:
        """Take the hurry away."""
        topic = self.talk.data.get("topic", "")
        again = (Choice(_("あとで様子を聞いて"), f"{AFTERWARDS}.promise:{topic}"),) if topic else ()
        self.talk.say(
            _("いそがなくてかまいません。申し込みかたや持ち物は、いつでもここで聞けます。"),
            choices=(*((Choice(names.topic(topic), f"answer.about:{topic}"),) if topic else ()), *again, *WAYS),
        )

    def ask_not_used(self) -> None:
        """Respect it."""
        self.talk.say(
            _("わかりました。使わないと決めるのも、ひとつの選び方です。ほかの道も、いつでもさがせます。"),
            choices=(*self._others(), *WAYS),
        )

    def _others(self) -> tuple[Choice, ...]:
        topic = self.talk.data.get("topic", "")
        return (Choice(_("場所をさがす"), f"find_place.topic:{topic}" if topic else "find_place.begin"),)
