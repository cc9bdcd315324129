"""Each translation service is asked as its API wants it, and whatever it answers, nobody waits for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot import library
from bot.errors import TranslatorError
from bot.i18n import EASY, OWN_NAMES, SOURCE
from bot.settings import Settings
from handoff import translators
from handoff.terms import Lost, Terms, lost
from handoff.translator import Breaker, Patience, Piece, Translator
from tests.translation_stand_ins import PATIENT, Service, client_of, opened

APIS = ("deepl", "libretranslate", "textra")
TABLE = {"の申請は": " đăng ký ở ", "窓口で": "quầy", "です": "."}
Open = Callable[..., Any]


@pytest.fixture
async def stands() -> AsyncIterator[Open]:
    """Open a stand-in and our adapter for it; both are closed in the end."""
    async with AsyncExitStack() as stack:

        async def start(api: str, **how: Any) -> tuple[Service, Translator]:
            patience, breaker = how.pop("patience", PATIENT), how.pop("breaker", Breaker(99))
            service = await stack.enter_async_context(opened(Service(api, **how)))
            client = client_of(service, patience=patience, breaker=breaker)
            stack.push_async_callback(client.close)
            return service, client

        yield start


async def failing(client: Translator, text: str = "はい") -> TranslatorError:
    with pytest.raises(TranslatorError) as raised:
        await client.translate((Piece(text),), "ja", "vi")
    return raised.value


@pytest.mark.parametrize("api", APIS)
async def test_a_text_is_translated_and_its_terms_come_through(stands: Open, api: str) -> None:
    """Letters that markup would swallow stay, lines stay, the fixed term stands where the engine left it."""
    service, client = await stands(api, table=TABLE)
    pieces = Terms(library.terms(), {}).pieces("児童手当の申請は窓口で\n\nA & B <3", "ja", "vi")
    assert await client.translate(pieces, "ja", "vi") == "trợ cấp nhi đồng đăng ký ở quầy\n\nA & B <3"
    assert lost(pieces, "không có gì") == (Lost("児童手当", "trợ cấp nhi đồng"),)
    sent = service.asked[-1]
    if api == "deepl":
        assert sent.path == "/v2/translate"
        assert sent.headers["authorization"] == "deepl-auth-key deepl-key"
        assert (sent.body["source_lang"], sent.body["target_lang"]) == ("JA", "VI")
        assert sent.body["ignore_tags"] == ["keep"]
    elif api == "libretranslate":
        assert sent.path == "/translate"
        assert (sent.body["source"], sent.body["target"], sent.body["api_key"]) == ("ja", "vi", "libre-key")
    else:
        assert [one.path for one in service.asked] == ["/oauth2/token.php", "/api/"]
        assert sent.body["api_param"] == "generalNT_ja_vi"
        assert sent.body["access_token"] == "token-1"


@pytest.mark.parametrize("api", APIS)
async def test_what_repeating_heals_is_repeated_and_nothing_else(stands: Open, api: str) -> None:
    service, client = await stands(api, table={"はい": "vâng"}, fails=[(503, {}), (429, {"retry-after": "1"})])
    assert await client.translate((Piece("はい"),), "ja", "vi") == "vâng"
    before = len(service.asked)
    for status, why in ((403, "not_allowed"), (400, "refused"), (413, "too_long"), (301, "refused")):
        service.fails = [(status, {"location": "http://127.0.0.1:1/"})]
        error = await failing(client)
        assert (error.why, error.again) == (why, False)
        before += 1
        assert len(service.asked) == before, "asked once, and no redirect followed"


async def test_a_quota_that_is_used_up_is_no_reason_to_ask_again(stands: Open) -> None:
    _service, client = await stands("deepl", fails=[(456, {})])
    assert ((error := await failing(client)).why, error.again) == ("quota", False)
    _service, client = await stands("textra", codes=[10002])
    assert ((error := await failing(client)).why, error.again) == ("quota", False)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("garbage", [b"<html>", b"[]", b"{}", b'{"translations": 3, "translatedText": 3}', b"\xff"])
async def test_an_answer_that_is_none_is_refused(stands: Open, api: str, garbage: bytes) -> None:
    _service, client = await stands(api, garbage=garbage)
    error = await failing(client)
    assert error.why == "garbage"
    assert error.__cause__ is None, "a cause would quote what came back"


@pytest.mark.parametrize("api", APIS)
async def test_a_slow_one_is_left_after_the_set_time_and_gets_the_text_once(stands: Open, api: str) -> None:
    service, client = await stands(api, holds=asyncio.Event(), patience=Patience(30.0, 0.05, 60.0, 3))
    assert (await failing(client)).why == "slow"
    assert len(service.asked) <= 1


async def test_one_that_drips_is_left_when_the_whole_time_is_over(stands: Open) -> None:
    _service, client = await stands("deepl", holds=asyncio.Event(), patience=Patience(30.0, 60.0, 0.05, 3))
    assert (await failing(client)).why == "slow"


async def test_nobody_there_is_unreachable() -> None:
    client = client_of(Service("deepl", port=1))
    error = await failing(client)
    assert (error.why, error.again) == ("unreachable", True)
    await client.close()


async def test_a_token_is_kept_and_renewed_when_the_service_forgot_it(stands: Open) -> None:
    service, client = await stands("textra", table={"はい": "vâng"}, codes=[0, 510, 0])
    for _ in range(2):
        assert await client.translate((Piece("はい"),), "ja", "vi") == "vâng"
    paths = [one.path for one in service.asked]
    assert paths == ["/oauth2/token.php", "/api/", "/api/", "/oauth2/token.php", "/api/"]
    service.codes = [510, 510]
    assert (await failing(client)).why == "not_allowed", "a key that is wrong is not tried for ever"


# --- the breaker -----------------------------------------------------------------------------------------------------


async def test_a_sick_service_rests_and_one_call_tries_it_again(stands: Open) -> None:
    now = [0.0]
    service, client = await stands(
        "deepl", table={"はい": "vâng"}, breaker=Breaker(3, 60.0, now=lambda: now[0]), fails=[(500, {})] * 12
    )
    for _ in range(3):
        assert (await failing(client)).why == "broken"
    assert len(service.asked) == 9
    assert (await failing(client)).why == "resting"
    assert len(service.asked) == 9, "nothing is sent while it rests"
    now[0] = 61.0
    assert (await failing(client)).why == "broken"
    assert (await failing(client)).why == "resting", "one call looked, and the rest begins anew"
    now[0], service.fails = 130.0, []
    assert await client.translate((Piece("はい"),), "ja", "vi") == "vâng"
    assert await client.translate((Piece("はい"),), "ja", "vi") == "vâng"


def test_only_one_looks_after_a_rest_even_if_it_never_says() -> None:
    now = [0.0]
    breaker = Breaker(1, 60.0, now=lambda: now[0])
    breaker.failed()
    now[0] = 61.0
    breaker.enter()  # and is cancelled
    with pytest.raises(TranslatorError):
        breaker.enter()
    now[0] = 122.0
    breaker.enter()
    breaker.succeeded()
    breaker.enter()


async def test_a_service_that_asks_to_be_left_alone_is(stands: Open) -> None:
    now = [0.0]
    service, client = await stands("deepl", breaker=Breaker(now=lambda: now[0]), fails=[(429, {"retry-after": "40"})])
    assert (await failing(client)).why == "busy"
    now[0] = 39.0
    assert (await failing(client)).why == "resting"
    assert len(service.asked) == 1
    now[0] = 41.0
    assert await client.translate((Piece("はい"),), "ja", "vi") == "はい"


# --- settings --------------------------------------------------------------------------------------------------------

GIVEN = {
    "DEEPL_URL": "https://api-jp.deepl.com", "DEEPL_KEY": "k", "LIBRETRANSLATE_URL": "http://mt.city.internal:5000",
    "TEXTRA_URL": "https://mt.example.jp", "TEXTRA_NAME": "n", "TEXTRA_KEY": "k", "TEXTRA_SECRET": "s",
}  # fmt: skip


def test_services_are_those_whose_settings_are_all_there() -> None:
    environ = {f"MADOGUCHI_TRANSLATE_{name}": value for name, value in GIVEN.items()}
    settings = Settings.from_environment(environ)
    assert settings.translate == GIVEN
    assert "'k'" not in repr(settings)
    assert set(translators.configured(GIVEN)) == set(APIS) == set(translators.ALL)
    assert translators.problems(GIVEN) == []
    assert translators.configured({}) == {}
    assert translators.problems({}) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"DEEPL_KEY": ""}, "DEEPL_KEY is missing"),
        ({"TEXTRA_SECRET": ""}, "TEXTRA_SECRET is missing"),
        ({"DEEPL_URL": "https://api-free.deepl.com"}, "free plan"),
        ({"DEEPL_URL": "http://api.deepl.com"}, "must be https"),
        ({"TEXTRA_URL": "https://mt-auto-minhon-mlt.ucri.jgn-x.jp"}, "public trial"),
        ({"LIBRETRANSLATE_URL": "", "LIBRETRANSLATE_KEY": "k"}, "LIBRETRANSLATE_URL is missing"),
        ({"LIBRETRANSLATE_URL": "mt"}, "must be https"),
        ({"DEEPLE_KEY": "k"}, "no setting of any translator"),
    ],
)
def test_what_is_half_given_or_wrong_is_named_and_not_asked(change: dict[str, str], word: str) -> None:
    given = {**GIVEN, **change}
    (problem,) = translators.problems(given)
    assert word in problem
    assert "MADOGUCHI_TRANSLATE_" in problem
    if "DEEPLE" not in problem:
        assert len(translators.configured(given)) == 2


def test_each_service_knows_only_languages_that_the_desk_has() -> None:
    for service in translators.configured(GIVEN).values():
        assert service.languages <= set(OWN_NAMES) - {SOURCE, EASY}
    assert translators.configured(GIVEN)["textra"].languages == set(OWN_NAMES) - {SOURCE, EASY}


# --- terms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source", "target", "terms"),
    [
        ("児童手当と病児・病後児保育、119へ", "ja", "en", ["Child Allowance", "sick-child care", "119"]),
        ("児童扶養手当です", "ja", "en", ["Child Rearing Allowance"]),
        ("Where is the CHILD ALLOWANCE desk? 一時預かり?", "en", "ja", ["児童手当", "一時預かり"]),
        ("Tôi hỏi về trợ cấp nhi đồng", "vi", "ja", ["児童手当"]),
        ("To\u0302i ho\u0309i ve\u0302\u0300 trơ\u0323 câ\u0301p nhi đô\u0300ng", "vi", "ja", ["児童手当"]),
        ("아동수당을 받고 싶어요", "ko", "ja", ["児童手当"]),
        ("children health checkpoints, tel 0119-1190", "en", "ja", []),
        ("ひなたパスを", "ja", "en", ["Hinata Pass"]),
        ("保健センターへ", "ja", "en", ["Sun Health House"]),
    ],
)
def test_terms_are_found_as_whole_words_the_longest_first(
    text: str, source: str, target: str, terms: list[str]
) -> None:
    own = {"ひなたパス": {"en": "Hinata Pass"}, "保健センター": {"en": "Sun Health House"}}
    pieces = Terms(library.terms(), own).pieces(text, source, target)
    assert [piece.becomes for piece in pieces if piece.becomes] == terms


def test_two_terms_that_are_called_alike_come_back_as_the_first() -> None:
    pieces = Terms(library.terms(), {}).pieces("the Boshi Techo handbook", "en", "ja")
    assert [piece.becomes for piece in pieces if piece.becomes] == ["母子健康手帳"]
