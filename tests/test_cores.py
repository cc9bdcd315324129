"""One job for many things, on every core: in order, and with what goes wrong there raised here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bot.cores import on_every_core
from bot.errors import ContentError


@pytest.fixture(params=[1, 2])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine with one core, and one with two."""
    monkeypatch.setattr(os, "cpu_count", lambda: request.param)
    return int(request.param)


def test_each_is_done_once_and_in_order(cores: int) -> None:
    """What is loaded here is there in every process; with two cores the work leaves this one."""
    loaded = {number: str(number) for number in range(100)}
    found = list(on_every_core(lambda number: (loaded[number], os.getpid()), range(100), at_once=7))
    assert [text for text, _process in found] == [str(number) for number in range(100)]
    assert (os.getpid() in {process for _text, process in found}) == (cores == 1)


@pytest.mark.usefixtures("cores")
def test_what_goes_wrong_is_raised_here() -> None:
    """Whether it is the job that fails or what is given: results before it still come."""

    def job(number: int) -> int:
        if number == 3:
            raise ContentError("three")
        return number

    def given() -> Iterator[int]:
        yield 1
        raise ContentError("no more")

    found = on_every_core(job, [1, 2, 3, 4])
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(ContentError, match="three"):
        next(found)
    with pytest.raises(ContentError, match="no more"):
        list(on_every_core(job, given()))
