"""A pregnancy or a child that was lost: a few kind words, somebody to talk to, or quiet.

The rule: no procedure comes first and nothing looks ahead; the due month and what was planned about the pregnancy end
silently, whoever answers (the engine asks `is_told` of every message). Fathers and grandparents write too (CARE C4).
"""

from __future__ import annotations

from bot.dialog import START, TEXT, Dialog, Go
from bot.messages import Choice, Heard, _

TOPIC = "pregnancy_loss"

#: Of `Heard.asked`: a loss is feared and did not happen (切迫流産 is a pregnancy that goes on).
THREATENED = "threatened"


def is_told(heard: Heard, *, expecting: bool) -> bool:
    """Return whether a loss was told: heard clearly, or as the likeliest meaning while a due month is kept."""
    about = bool(heard.topics) and heard.topics[0].id == TOPIC
    return about and (heard.confident or expecting) and THREATENED not in heard.asked


class Loss(Dialog):
    """Be kind, and near when wanted."""

    name = "loss"
    answers = TOPIC
    table = (
        Go("heard", "*", "feared", when="is_feared"),
        Go("heard", START, "told"),
        Go("heard", "*", "listening"),
        Go("quiet", "*", "quiet"),
        Go(TEXT, ("told", "listening", "quiet", "feared"), "listening", when="belongs_here"),
    )

    def is_feared(self) -> bool:
        """Return whether a loss is feared and did not happen."""
        return THREATENED in self.talk.heard.asked

    def belongs_here(self) -> bool:
        """Return whether the words go on from here rather than ask for something else."""
        heard = self.talk.heard
        return not heard.confident or heard.topics[0].id in (TOPIC, "mental_health")

    def ask_told(self) -> None:
        """Say only what is kind."""
        self.talk.say(
            _("話してくれて、ありがとうございます。"),
            _("どんな気持ちでも、何も感じなくても、そのままでかまいません。"),
            _("いま何かを決めたり、返事をしたりしなくて、かまいません。"),
            choices=self._ways(),
        )

    def ask_listening(self) -> None:
        """Keep company."""
        self.talk.say(
            _("話してくれて、ありがとうございます。"),
            _("つづきは、書いても、書かなくてもかまいません。"),
            choices=self._ways(),
        )

    def ask_quiet(self) -> None:
        """Leave in peace."""
        self.talk.say(
            _("わかりました。こちらからは、何も聞きません。話したくなったら、いつでも書いてください。"),
            choices=(Choice(_("人と話す"), "person.ask"), *self.talk.ways_on()),
        )

    def ask_feared(self) -> None:
        """Answer fear: where to call, and somebody to talk to."""
        self.talk.say(
            _("心配ですね。様子が急に悪くなったときは、119に電話してください。"),
            _("出血や、おなかの痛みがあるときは、かかっている産院に、夜でも電話できます。"),
            choices=(Choice(_("人と話す"), "person.ask"), *self.talk.ways_on()),
        )

    def _ways(self) -> tuple[Choice, ...]:
        return (
            Choice(_("人と話す"), "person.ask"),
            Choice(_("話せるところ"), "find_place.topic:mental_health"),
            Choice(_("手続きのこと"), f"answer.about:{TOPIC}"),
            Choice(_("そっとしておいて"), "loss.quiet"),
        )
