"""What is kept of a resident: who reads it and how long, and how to see, correct, delete or stop it.

The rule: no record is shown in LINE (CARE C24), deleting closes no case and ends no reading of abuse, dv and crisis
(C17); what a machine may forget it forgets at once, the record of a consultation is for a person to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bot.dialog import LATER, TEXT, WAYS, Dialog, Go
from bot.messages import Choice, Text, Verbatim, _
from bot.situation import READ_EVEN_IF_DECLINED

#: What may be asked of a person -> what staff read.
ASKED = {
    "see": "記録を見たいとの希望（窓口で本人確認をしてから）",
    "correct": "記録を直してほしいとの希望",
    "delete": "相談の記録を消してほしいとの希望",
}


class MyData(Dialog):
    """Say what is kept, and do with it what she wants."""

    name = "my_data"
    offers: ClassVar[Mapping[str, Choice]] = {"privacy": Choice(_("見る・直す・消す"), "my_data.show")}
    table = (
        Go("show", "*", "told"),
        Go("see", "*", "see"),
        Go("delete", "*", "delete"),
        Go("forget", "*", "forgotten", take="forget"),
        Go("ask", "*", "asked", take="call_person", when="is_known"),
        Go("stop", "*", "stopped", take="stop_messages"),
        Go(TEXT, ("told", "see", "delete", "forgotten", "asked", "stopped"), "told", when="never"),
    )

    def is_known(self) -> bool:
        """Return whether it is known what a person is asked for."""
        return self.talk.argument in ASKED

    def forget(self) -> None:
        """Forget what the machine remembers, and plan nothing more."""
        self.talk.forgets = True
        self.talk.stops += LATER

    def call_person(self) -> None:
        """Ask a person."""
        if self.is_known():
            self.talk.call("privacy", ASKED[self.talk.argument])

    def stop_messages(self) -> None:
        """Write only when they write, and plan nothing more (CARE C21)."""
        self.talk.contact_safety = "when_writing"
        self.talk.stops += LATER

    def ask_told(self) -> None:
        """Say what is kept in kinds, who reads it, how long, and what can be done."""
        rule = self.talk.view.city.keeps_records
        self.talk.say(
            _("ここに残るのは、書いたことと返事、相談の記録です。「家族のこと」は、書いたときだけ残ります。"),
            *self._readers(),
            _("相談の記録が残る長さ: {time}（市の決まり）", time=rule)
            if rule
            else _("記録が残る長さは、市の決まりによります。相談員に聞けます。"),
            choices=(
                Choice(_("記録を見たい"), "my_data.see"),
                Choice(_("直したい"), "my_data.ask:correct"),
                Choice(_("消したい"), "my_data.delete"),
                Choice(_("連絡を止めたい"), "my_data.stop"),
                Choice(_("家族のこと"), "profile.show"),
                Choice(_("人と話す"), "person.ask"),
            ),
            listed="numbers",
        )

    def ask_see(self) -> None:
        """Say where records are shown: at a counter, to the person herself."""
        desks: list[Text] = [
            Verbatim(f"・{desk.name} {desk.address} {desk.phone}".rstrip()) for desk in self.talk.view.city.desks
        ]
        self.talk.say(
            _("記録は、ここでは見せられません。ほかの人がこの電話を見るかもしれないからです。"),
            _("窓口で、ご本人とたしかめてから、お見せします。"),
            *desks,
            choices=(Choice(_("相談員に伝える"), "my_data.ask:see"), *WAYS),
        )

    def ask_delete(self) -> None:
        """Say what goes at once and what a person decides."""
        self.talk.say(
            _("機械がおぼえていること（家族のこと、話のとちゅう）は、いますぐ消せます。"),
            _("相談の記録は、相談員がたしかめてから、市の決まりで消します。"),
            *self._stays(),
            choices=(
                Choice(_("いますぐ消す"), "my_data.forget"),
                Choice(_("記録も消したい"), "my_data.ask:delete"),
                *WAYS,
            ),
            listed="numbers",
        )

    def ask_forgotten(self) -> None:
        """Say that it is gone, and what stays."""
        self.talk.say(
            _("機械がおぼえていたことを消しました。"),
            *self._stays(),
            choices=(Choice(_("記録も消したい"), "my_data.ask:delete"), *WAYS),
        )

    def ask_asked(self) -> None:
        """Say that a person was told, and when one reads."""
        self.talk.say(_("わかりました。相談員に伝えます。"), *self.talk.when_read(), *self._stays(), choices=WAYS)

    def ask_stopped(self) -> None:
        """Say that nothing comes first from here any more."""
        self.talk.say(_("わかりました。こちらから先には送りません。書いてくれたときだけ、お返事します。"), choices=WAYS)

    def _readers(self) -> tuple[Text, ...]:
        """Say who reads; at first contact the welcome has just said so."""
        if self.talk.inbound.first_contact:
            return ()
        return (
            _(
                "書いたことを読むのは、この窓口で相談を受ける職員です。命や子どもの安全に関わるときだけ、"
                "市や児童相談所などに伝えることがあります。"
            ),
        )

    def _stays(self) -> tuple[Text, ...]:
        case = self.talk.view.case
        if case is None or READ_EVEN_IF_DECLINED.isdisjoint(case.kinds):
            return ()
        return (_("命や安全に関わる相談は、消したいと言われても、相談員が一度読みます。"),)
