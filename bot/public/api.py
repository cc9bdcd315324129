"""The directory for machines: HSDS 3 in JSON, read-only, described by OpenAPI.

The rule: one mapping serves export and API (`directory.exporting.hsds`); filters ask what the pages ask, but nothing is
set aside: what does not fit is not in the list. Every refusal is a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse

from bot import names
from bot.directory.exporting import hsds
from bot.directory.resources import Resource
from bot.directory.search import Directory
from bot.directory.search import Query as Wanted
from bot.messages import Language, Point
from bot.public.house import House, public

VERSION: Final = "1.0.0"
PER_PAGE: Final = 20
MOST: Final = 100  # services of one page
PAGES: Final = 100_000

#: parameter -> what it asks; for the description of machines and for the page that people read.
PARAMETERS: Final[Mapping[str, str]] = {
    "topic": "用件の番号（temporary_care など。/public/ja/ の用件のアドレスの終わり）",
    "area": "市町村か町の名前",
    "near": "緯度,経度（例 35.05,137.05）。近い順に、20kmまで",
    "age": "子どもの月齢（12 = 1歳）",
    "open": "now = いま開いている、mon〜sun = その曜日に開く",
    "free": "true = 無料と分かっているものだけ",
    "language": "話せることば（en, vi, pt-BR など）",
    "page": "何ページ目か（1から）",
    "per_page": f"1ページの件数（{MOST}まで）",
}

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Service(BaseModel):
    """Hold a service of HSDS 3; what belongs to it is nested as HSDS says."""

    model_config = ConfigDict(extra="allow")
    id: str
    name: str
    status: str


class ServicePage(BaseModel):
    """Hold one page of services, as HSDS 3 pages them."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[Service]


class Refusal(BaseModel):
    """Hold why nothing is given."""

    message: str = Field(description="日本語の一文")


REFUSALS: Final[Mapping[int | str, dict[str, Any]]] = {
    404: {"model": Refusal, "description": "ない"},
    422: {"model": Refusal, "description": "読めない指定"},
}


def create_api(house: House) -> FastAPI:
    """Return the application to mount at /public/api/v1."""
    app = FastAPI(
        title="子育ての場所とサービス",
        description="HSDS 3 による、読むだけの API。ならびは距離か五十音で、すすめる順ではありません。",
        version=VERSION,
        root_path_in_servers=False,
        servers=[{"url": f"{house.base_url}/public/api/v1"}],
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET"])],
        exception_handlers={RequestValidationError: _unreadable, HTTPException: _refused},
    )
    index = _Index()

    @app.get("/", summary="この API について")
    def about() -> dict[str, str]:
        """Return which HSDS this is, and where it is described."""
        return {
            "version": "3.0",
            "profile": "https://docs.openreferral.org/en/3.0/hsds/",
            "openapi_url": f"{house.base_url}/public/api/v1/openapi.json",
        }

    @app.get("/services", summary="場所とサービスの一覧", response_model=ServicePage, responses={422: REFUSALS[422]})
    def services(
        request: Request,
        topic: Annotated[str, Query(max_length=40, description=PARAMETERS["topic"])] = "",
        area: Annotated[str, Query(max_length=40, description=PARAMETERS["area"])] = "",
        near: Annotated[
            str, Query(pattern=r"^$|^-?\d{1,3}(\.\d{1,8})?,-?\d{1,3}(\.\d{1,8})?$", description=PARAMETERS["near"])
        ] = "",
        age: Annotated[int | None, Query(ge=0, le=240, description=PARAMETERS["age"])] = None,
        open: Annotated[
            Literal["", "now", "mon", "tue", "wed", "thu", "fri", "sat", "sun"], Query(description=PARAMETERS["open"])
        ] = "",
        free: Annotated[bool, Query(description=PARAMETERS["free"])] = False,
        language: Annotated[str, Query(max_length=10, description=PARAMETERS["language"])] = "",
        page: Annotated[int, Query(ge=1, le=PAGES, description=PARAMETERS["page"])] = 1,
        per_page: Annotated[int, Query(ge=1, le=MOST, description=PARAMETERS["per_page"])] = PER_PAGE,
    ) -> Response:
        """Return the services that fit every wish, in the order of distance or of kana."""
        if topic and topic not in names.TOPICS:
            raise HTTPException(422, f"topic「{topic}」という用件はありません。")
        point = [float(part) for part in near.split(",")] if near else []
        wanted = Wanted(
            topic=topic,
            area=area,
            near=Point(point[0], point[1]) if point else None,
            age_months=age,
            open_at=house.now() if open == "now" else None,
            open_weekday=DAYS.index(open) if open in DAYS else None,
            free=free,
            language=language,
            today=house.today(),
            limit=per_page,
            offset=(page - 1) * per_page,
        )
        found = house.directory().search(wanted)
        fits = found.area_known and not found.widened
        total = found.total if fits else 0
        contents = _services(house, [match.resource for match in found.matches] if fits else [])
        pages = ceil(total / per_page)
        body = {
            "total_items": total, "total_pages": pages, "page_number": page, "size": len(contents),
            "first_page": page == 1, "last_page": page >= pages, "empty": not contents, "contents": contents,
        }  # fmt: skip
        return public(request, JSONResponse(body))

    @app.get("/services/{id}", summary="1件", response_model=Service, responses=dict(REFUSALS))
    def service(request: Request, id: Annotated[str, Path(max_length=120, description="一覧の id")]) -> Response:
        """Return one service whole."""
        resource = index.find(house.directory(), id)
        found = _services(house, [resource] if resource is not None else [])
        if not found:
            raise HTTPException(404, "この番号のサービスはありません。")
        return public(request, JSONResponse(found[0]))

    return app


class _Index:
    """Find a place by the id that it has in HSDS; built anew when the directory is another one."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._ids: dict[str, str] = {}

    def find(self, directory: Directory, id: str) -> Resource | None:
        """Return the place, None when there is none."""
        if self._directory is not directory:
            self._ids = {hsds.service_id(resource.id): resource.id for resource in directory.resources}
            self._directory = directory
        return directory.get(self._ids.get(id, ""))


def _services(house: House, resources: list[Resource]) -> list[dict[str, Any]]:
    known = house.content.vocabulary["languages"]
    spoken = {id: house.words.value(Language(id), "ja") for id in known}
    return hsds.services(
        resources, names={"category": names.CATEGORIES, "topic": names.TOPICS, "language": spoken}
    )  # fmt: skip


async def _unreadable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = dict.fromkeys(str(each["loc"][-1]) for each in error.errors())
    told = "、".join(f"{name}（{PARAMETERS.get(name, '')}）" for name in wrong)
    return JSONResponse({"message": f"指定が読めません: {told}"}, 422)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "このアドレスはありません。", 405: "GET だけ使えます。"}
    told = error.detail if error.status_code not in words or "。" in error.detail else words[error.status_code]
    return JSONResponse({"message": told}, error.status_code, headers=error.headers)
