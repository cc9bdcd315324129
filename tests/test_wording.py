"""The console's words in the language of who reads them: templates by sentence, code by call, scripts by call."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from jinja2 import DictLoader, Environment

from bot.curation import FieldsRefusedError
from bot.errors import CaseMovedError, Fault, RefusedError
from bot.store import Store
from handoff import wording
from handoff.console import gate, labels, scripts
from handoff.models import Staff
from handoff.shares import HOWS
from handoff.wording import Sentences, Table, code_sentences, refused, say, speak, speaking, template_sentences
from tests.console_world import World, build, form

ROOT = Path(__file__).parents[1]
JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")

Words = Callable[[Mapping[str, str]], None]


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[Words]:
    """Give a catalog of one's own, and read the page in English."""

    def forget() -> None:
        gate.templates.cache_clear()
        scripts.english.cache_clear()

    def give(words: Mapping[str, str]) -> None:
        monkeypatch.setattr(wording, "catalog", lambda language: words if language == "en" else {})
        forget()

    with speaking("en"):
        yield give
    forget()


def rendered(source: str, words: Words, given: Mapping[str, str], **values: object) -> str:
    """Render a template in English."""
    words(given)
    env = Environment(loader=DictLoader({"page": source}), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    env.extend(page_language="en")
    env.add_extension(Sentences)
    env.globals["say"] = say
    return env.get_template("page").render(values)


# --- templates ------------------------------------------------------------------------------------------------------


def test_a_sentence_is_found_with_its_values_in_any_order(english: Words) -> None:
    """What stands between two marks is one sentence, and its values go where the other language wants them."""
    source = "<p>{{ who }}が{{ at }}に頼みました。</p>"
    assert list(template_sentences(source)) == [(1, "{1}が{2}に頼みました。")]
    said = rendered(source, english, {"{1}が{2}に頼みました。": "At {2} {1} asked."}, who="たなか", at="02:10")
    assert said == "<p>At 02:10 たなか asked.</p>"


@pytest.mark.parametrize(("count", "told"), [(1, "1 case"), (3, "3 cases"), ("1", "1 case")])
def test_one_or_many(english: Words, count: object, told: str) -> None:
    """A number chooses its word."""
    words = {"{1}件": "{1} {1|case|cases}"}
    assert rendered("<p>{{ rows | length }}件</p>", english, words, rows=range(int(str(count)))).endswith(f"{told}</p>")
    assert rendered("<b>{{ n }}件</b>", english, words, n=count) == f"<b>{told}</b>"


def test_strings_of_expressions_are_worded(english: Words) -> None:
    """A Japanese string inside {{ }} or {% %} is a sentence of its own, also inside another sentence."""
    source = (
        '<p title="閉じる">{{ "はい" if yes else "いいえ" }}、{% for x in ("赤", "青") %}<i>{{ x }}</i>{% endfor %}</p>'
    )
    assert [key for _line, key in template_sentences(source)] == ["閉じる", "{1}、", "はい", "いいえ", "赤", "青"]
    words = {"閉じる": "Close", "{1}、": "{1}: ", "はい": "Yes", "いいえ": "No", "赤": "red", "青": "blue"}
    said = rendered(source, english, words, yes=True)
    assert said == '<p title="Close">Yes: <i>red</i><i>blue</i></p>'


def test_a_translation_is_escaped(english: Words) -> None:
    """Whatever a catalog says, it is text; and what it lacks stays Japanese."""
    words = {"消す": '<b onclick="x">"', "{1}さん": "<{1}>"}
    said = rendered("<p>消す</p><p>{{ name }}さん</p><p>ない</p>", english, words, name="<i>")
    assert said == "<p>&lt;b onclick=&quot;x&quot;&gt;&quot;</p><p>&lt;&lt;i&gt;&gt;</p><p>ない</p>"


def test_entities_and_white_space_are_no_part_of_a_key(english: Words) -> None:
    """A key is what one reads; the space around it stays."""
    assert rendered("<p> AとB &amp; C </p>", english, {"AとB & C": "A & B, C"}) == "<p> A &amp; B, C </p>"


# --- code -----------------------------------------------------------------------------------------------------------


def test_values_are_filled(english: Words) -> None:
    """A sentence keeps its values by name; Japanese takes them as they stand."""
    english({"{count}件、{who}": "{who}: {count} {count|case|cases}"})
    assert say("{count}件、{who}", count=1, who="たなか") == "たなか: 1 case"
    assert say("{count}件、{who}", count=2, who="{count}") == "{count}: 2 cases"
    assert say("ない") == "ない"
    with speaking("ja"):
        assert say("{count}件、{who}", count=2, who="たなか") == "2件、たなか"


def test_a_table_follows_the_language(english: Words) -> None:
    """A label is worded when it is read, by key, by item, and in two tables joined."""
    english({"はい": "Yes"})
    table = Table({"yes": "はい"}) | Table({"no": "いいえ"})
    assert (table["yes"], table.get("no"), dict(table.items())) == ("Yes", "いいえ", {"yes": "Yes", "no": "いいえ"})
    speak("ja")
    assert list(table.values()) == ["はい", "いいえ"]
    assert HOWS["phone"] == "電話で"


def test_refusals_are_worded_at_the_door(english: Words) -> None:
    """A refusal is Japanese in logs and tests, and the reader's language on the page, its reasons too."""
    english({"長すぎます（{most}字まで）": "At most {most}", "動きました": "Moved", "、": ", "})
    error = CaseMovedError("長すぎます（{most}字まで）", most=200)
    assert str(error) == "長すぎます（200字まで）"
    assert refused(error) == "At most 200"
    wrong = FieldsRefusedError({"name": Fault("長すぎます（{most}字まで）", most=80), "kind": Fault("動きました")})
    assert (str(wrong), refused(wrong)) == ("長すぎます（80字まで）、動きました", "At most 80, Moved")
    assert refused(RefusedError("{ある}ことば")) == "{ある}ことば"


def test_days_are_written_as_the_language_writes_them(english: Words) -> None:
    """Days, months and times need no catalog."""
    english({})
    on, at = date(2026, 11, 21), datetime(2026, 11, 20, 17, 10, tzinfo=UTC)
    assert (wording.day(on), wording.calendar(on)) == ("Sat 21 Nov", "21 Nov 2026")
    assert (wording.month_of(2026, 3), wording.weekday(0)) == ("Mar 2026", "Mon")
    assert labels.moment(at) == "Sat 21 Nov 02:10"
    speak("ja")
    assert (wording.day(on), wording.weekday(6), labels.moment(at)) == ("11月21日（土）", "日", "11月21日（土）02:10")


def test_what_code_says_is_found() -> None:
    """Sentences are found in calls, also across lines; what is no call of ours is not."""
    source = 'say("はい", n=1)\nraise RefusedError(\n  "長"\n  "い"\n)\nother("無")\nTable({"a": "赤"})\nFault("青")'
    assert [key for _line, key in code_sentences(source)] == ["はい", "長い", "赤", "青"]


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in (*(ROOT / "bot").rglob("*.py"), *(ROOT / "handoff").rglob("*.py")):
        if not {"dialogs", "simulator"} & set(path.parts):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in wording.SAYING:
                    yield path, node


def test_no_sentence_is_put_together_before_it_is_said() -> None:
    """An f-string in a call of `say` or a refusal would be Japanese for good: its values have names instead."""
    found = [
        f"{path}:{node.lineno}"
        for path, call in _calls()
        for node in ast.walk(call)
        if isinstance(node, ast.JoinedStr) and JAPANESE.search(ast.unparse(node))
    ]
    assert not found


def test_what_scripts_say_is_a_literal() -> None:
    """Every call of `say` in a script begins with its sentence, by which it is found; no other Japanese is shown."""
    for path in scripts.STATIC.glob("*.js"):
        code = re.sub(r"(^|[^:])//.*", r"\1", path.read_text("utf-8"))
        if path.name != "words.js":
            assert not re.search(r'\bsay\((?!")', code), path
        if path.name != "readings.js":
            rest = re.sub(r'\bsay\("[^"\\]+"', "", code).replace("/[ぁ-ん][a-z]+$/", "")
            assert not JAPANESE.search(rest), path


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def world(sqlite_store: Store) -> World:
    """Give a console on an embedded store, whose units run in threads of their own."""
    return await build(sqlite_store)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser without cookies."""
    async with world.browser() as found:
        yield found


SOME = {
    "相談の列": "Queue",
    "サインイン": "Sign in",
    "ログイン名かパスワードが違います。": "Wrong name or password.",
    "いま待っている方はいません。": "Nobody is waiting.",
    "どれかを選んでください。": "Choose one.",
    "そのページはありません。": "There is no such page.",
    "ひらく": "Open",
}


async def test_before_anybody_is_known_the_browser_is_asked(
    world: World, browser: httpx.AsyncClient, english: Words
) -> None:
    """Signing in, and what is refused without a session, is in the language that the browser wants first."""
    english(SOME)
    asks = {"accept-language": "en-GB,ja;q=0.5"}
    assert '<button class="main-act">Sign in</button>' in (await browser.get("/sign-in", headers=asks)).text
    assert '<button class="main-act">サインイン</button>' in (await browser.get("/sign-in")).text
    wrong = await browser.post("/sign-in", data={"login": "x", "password": "y"}, headers=asks)
    assert "Wrong name or password." in wrong.text
    assert "There is no such page." in (await browser.get("/nowhere", headers=asks)).text
    await world.signed_in("specialist", browser)
    assert '<html lang="ja"' in (await browser.get("/", headers=asks)).text  # as she chose


async def test_a_page_is_in_the_language_of_its_reader(
    world: World, browser: httpx.AsyncClient, english: Words
) -> None:
    """What one chose counts for pages, refusals and scripts; two who share one reading read it in their languages."""
    english(SOME)
    csrf = await world.signed_in("specialist", browser)
    await browser.post("/me", data=form(csrf, look="system", language="en"))
    async with world.browser() as other:
        await world.signed_in("supervisor", other)
        for _time in range(2):
            hers, his = (await browser.get("/")).text, (await other.get("/")).text
            assert all(words in hers for words in ('<html lang="en"', "Queue", "Nobody is waiting."))
            assert all(words in his for words in ('<html lang="ja"', "相談の列", "いま待っている方はいません。"))
    assert "Choose one." in (await browser.post("/me", data=form(csrf, look="loud", language="en"))).text
    assert "夜の当番の紙" in (await browser.get("/night-sheet")).text  # printed, so always Japanese
    script = await browser.get("/words.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.text == 'export default {"ひらく":"Open"};\n'


async def test_a_unit_of_the_store_words_for_who_asks(world: World, english: Words) -> None:
    """Threads of the store speak the language of the request that they serve, reading and writing."""
    english({"はい": "Yes"})
    assert await world.store.read(lambda s: say("はい") if s.get(Staff, world.staff["officer"]) else "") == "Yes"
    assert await world.store.write(lambda _s: say("はい")) == "Yes"
    speak("ja")
    assert await world.store.write(lambda _s: say("はい")) == "はい"


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_english_says_all_that_the_console_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sentence that `make messages` takes out has its English, with its values and without Japanese."""
    monkeypatch.chdir(ROOT)
    found = tmp_path / "console.pot"
    CommandLineInterface().run(["pybabel", "-q", "extract", "-F", "locales/console.toml", "-o", str(found), "."])
    with found.open("rb") as file:
        sentences = {str(message.id) for message in read_po(file) if message.id}
    words = wording.catalog("en")
    assert len(sentences) > 1500
    assert sentences - {*words} == set()
    assert {*words} - sentences == set(), "make messages takes out what is said no more"
    for sentence, said in words.items():
        known = {*re.findall(r"\{(\w+)", sentence)}
        assert {*re.findall(r"\{(\w+)", said)} <= known, said
        assert not JAPANESE.search(said), said
        assert said == said.rstrip("\n")
