"""Words of the answer to a topic, for the talk and for pages: its parts, what the city itself says, the counter's card.

The rule: what only the city can say comes from its settings; what it has not said is said to be unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot import places
from bot.directory.resources import CostOption
from bot.directory.search import Directory
from bot.i18n import SOURCE
from bot.library import ANSWER_PARTS, Answer
from bot.messages import Card, Fact, MonthDay, Phrase, Text, Verbatim, _
from bot.situation import City, Service

PARTS: Mapping[str, Phrase] = dict(
    zip(ANSWER_PARTS, (_("使える人"), _("料金"), _("申しこみ"), _("持ちもの")), strict=True)
)
ASK_THE_DESK = _("この町の決まりは、まだ登録されていません。窓口か相談員に聞いてください。")


def own(answer: Answer, part: str, city: City, directory: Directory, language: str) -> tuple[list[Text], bool]:
    """Return what the city says itself to a part of an answer, and whether it should say something and does not."""
    service = city.services.get(answer.topic, Service())
    found: list[Text] = []
    name = Verbatim(city.name_en if language == "en" and city.name_en else city.name)
    if part == "cost":
        if service.fees:
            fees = places.listed([places.price(CostOption(yen, option)) for yen, option in service.fees])
            found.append(_("{city}では: {fees}", city=name, fees=fees))
        return found, "fee" in answer.city and not service.fees
    if part != "apply":
        return found, False
    if service.period:
        begin, end = (MonthDay(month, day) for month, day in service.period)
        found.append(_("{city}の期間: {begin}から{end}まで", city=name, begin=begin, end=end))
    if window := _window(service.window, city, directory, language):
        found.append(window)
    said = {"period": service.period, "window": service.window}
    return found, any(not value for key, value in said.items() if key in answer.city)


def _window(id: str, city: City, directory: Directory, language: str) -> Text | None:
    for desk in city.desks:
        if desk.id == id:
            name = desk.name_en if language == "en" and desk.name_en else desk.name
            return _("窓口: {name} {phone}", name=Verbatim(name), phone=desk.phone)
    resource = directory.get(id)
    if resource is None:
        return None
    phone = resource.phones[0].number if resource.phones else ""
    return _("窓口: {name} {phone}", name=places.title(resource, language), phone=phone)


def counter_card(answer: Answer, language: str) -> Card:
    """Return the sentence for the counter in Japanese, beside the reader's own language, and what it is called."""
    return Card(
        title=Verbatim(answer.ask_at_counter.msgid),
        kind=_("見せるカード"),
        facts=(Fact(_("日本語の名前"), Verbatim(answer.in_japanese)),),
        note=answer.ask_at_counter if language != SOURCE else None,
    )
