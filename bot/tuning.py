"""Teach the upper layers of e5 to tell grave words from harmless ones and questions apart: `madoguchi train encoder`.

The rule: the lowest layers, the vocabulary and the four bits of every weight stay as the package ships them; the upper
eight learn the labels of content/heard and the topics of content/topics together, held near the vectors that they gave
before so that sentences which are about neither keep their places. Lines that choose thresholds are not learned
(`training.APART`). In the last rounds weights are packed while they are learned, so that little accuracy is lost
afterwards. torch is needed here and nowhere else (`pip install torch`); on two cores it takes about an hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from bot.encoders.engines import shipped_model, shortened
from bot.encoders.model_file import ModelFile, Shape, packed
from bot.training import Line
from bot.understanding.features import spoken

Tensor = Any  # torch is not there when types are checked
Progress = Callable[[str, int, int], None]

FIRST = 4  # the layers below are not learned
ROUNDS, BATCH, PACE, HEAD_PACE = 3, 96, 3e-4, 1e-3
SLOWER = 0.85  # the pace of a layer, as a share of that of the one above it
PACK_FROM = 0.6  # of all steps: from here on the weights are used as four bits hold them
DROP, NEAR, TOPICS = 0.1, 0.5, 0.5  # what is dropped; weights of staying near and of the topics in the loss
_SCALE = 12.0  # of vectors of length 1, before the heads
_SHUFFLED = 50  # batches whose lines are put in order of length together
_MATRICES = ("q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w")
_VECTORS = ("q.b", "k.b", "v.b", "ao.b", "fi.b", "fo.b", "aln.w", "aln.b", "oln.w", "oln.b")


class _Packed(torch.autograd.Function):  # type: ignore[misc]  # torch is not there when types are checked
    """Weights as four bits will hold them; slopes pass through (straight-through estimator, Bengio et al. 2013)."""

    @staticmethod
    def forward(_context: Any, weights: Tensor) -> Tensor:
        blocks = weights.reshape(-1, 32)
        largest = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
        scale = (largest / -8).half().float()
        steps = torch.where(scale == 0, torch.zeros_like(blocks), blocks / scale)
        return ((torch.clamp(torch.floor(steps + 8.5), 0, 15) - 8) * scale).reshape(weights.shape)

    @staticmethod
    def backward(_context: Any, slope: Tensor) -> Tensor:
        return slope


def _layer(x: Tensor, mask: Tensor, own: Mapping[str, Tensor], shape: Shape, drop: float = 0.0) -> Tensor:
    """Return what one layer makes of hidden states (texts, tokens, width); `own` are its weights by name."""
    bits = torch.bfloat16
    texts, length, width = x.shape

    def times(given: Tensor, name: str) -> Tensor:
        return F.linear(given.to(bits), own[f"{name}.w"].to(bits), own[f"{name}.b"].to(bits))

    def heads(given: Tensor) -> Tensor:
        return given.view(texts, length, shape.heads, -1).transpose(1, 2)

    seen = F.scaled_dot_product_attention(
        heads(times(x, "q")), heads(times(x, "k")), heads(times(x, "v")), attn_mask=mask
    )
    added = F.dropout(times(seen.transpose(1, 2).reshape(texts, length, width), "ao"), drop, drop > 0)
    x = F.layer_norm(x + added.float(), (width,), own["aln.w"], own["aln.b"], shape.epsilon)
    added = F.dropout(times(F.gelu(times(x, "fi")), "fo"), drop, drop > 0)
    return F.layer_norm(x + added.float(), (width,), own["oln.w"], own["oln.b"], shape.epsilon)


def _own(model: ModelFile, number: int) -> dict[str, Tensor]:
    width, inner = model.shape.width, model.shape.inner
    sizes = {"fi.w": (inner, width), "fo.w": (width, inner)}
    found = {}
    for name in (*_MATRICES, *_VECTORS):
        flat = torch.from_numpy(model.floats(f"l{number}.{name}"))
        found[name] = flat.reshape(sizes.get(name, (width, width))) if name in _MATRICES else flat
    return found


def _mask(present: Tensor) -> Tensor:
    return torch.zeros(present.shape, dtype=torch.bfloat16).masked_fill(~present, -1e9)[:, None, None, :]


def _pooled(x: Tensor, present: Tensor) -> Tensor:
    return F.normalize((x * present[..., None]).sum(1) / present.sum(1, keepdim=True))


class _Lower:
    """Hold the hidden states of texts below the learned layers (half precision: some 14 KB a text).

    `before` (texts, width) are the vectors that the layers gave before anything was learned.
    """

    def __init__(self, model: ModelFile, given: Sequence[Sequence[int]], progress: Progress) -> None:
        shape = model.shape
        self.lengths = np.asarray([len(ids) for ids in given])
        self._at = np.concatenate([[0], np.cumsum(self.lengths)])
        self._held: NDArray[np.float16] = np.zeros((int(self._at[-1]), shape.width), np.float16)
        words = torch.from_numpy(model.floats("emb.word")).reshape(shape.words, shape.width)
        places = torch.from_numpy(model.floats("emb.pos")).reshape(shape.longest, shape.width)
        kind = torch.from_numpy(model.floats("emb.type"))[: shape.width]
        norm = [torch.from_numpy(model.floats(f"emb.ln.{name}")) for name in "wb"]
        layers = [_own(model, number) for number in range(shape.layers)]
        self.before = np.zeros((len(given), shape.width), np.float32)
        order = np.argsort(self.lengths, kind="stable")
        with torch.no_grad():
            for begin in range(0, len(order), BATCH):
                part = order[begin : begin + BATCH]
                longest = int(self.lengths[part].max())
                ids = np.zeros((len(part), longest), np.int64)
                for row, text in enumerate(part):
                    ids[row, : self.lengths[text]] = given[text]
                present = torch.from_numpy(np.arange(longest)[None] < self.lengths[part][:, None])
                x = words[torch.from_numpy(ids)] + places[:longest] + kind
                x = F.layer_norm(x, (shape.width,), norm[0], norm[1], shape.epsilon)
                mask = _mask(present)
                for own in layers[:FIRST]:
                    x = _layer(x, mask, own, shape)
                for row, text in enumerate(part):
                    held = x[row, : self.lengths[text]].half().numpy()
                    self._held[self._at[text] : self._at[text + 1]] = held
                for own in layers[FIRST:]:
                    x = _layer(x, mask, own, shape)
                self.before[part] = _pooled(x, present).numpy()
                progress("lower layers", begin + len(part), len(order))

    def batch(self, texts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return hidden states (texts, tokens, width), and which tokens are there."""
        longest = int(self.lengths[texts].max())
        x = np.zeros((len(texts), longest, self._held.shape[1]), np.float32)
        present = np.zeros((len(texts), longest), bool)
        for row, text in enumerate(texts):
            x[row, : self.lengths[text]] = self._held[self._at[text] : self._at[text + 1]]
            present[row, : self.lengths[text]] = True
        return torch.from_numpy(x), torch.from_numpy(present)


@dataclass(frozen=True, slots=True)
class _Task:
    """Hold one line to learn: which text, and its label's place among the signals or among the topics (-1: none)."""

    text: int
    signal: int = -1
    topic: int = -1


def _head(width: int, hidden: int, labels: int) -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(width, hidden), torch.nn.GELU(), torch.nn.Dropout(0.2), torch.nn.Linear(hidden, labels)
    )


def tune(signals: Sequence[Line], topics: Sequence[Line], progress: Progress) -> dict[int, Any]:
    """Return for each learned layer its tensors as the file holds them, by name. Raises EncoderError."""
    torch.manual_seed(0)
    model = ModelFile(shipped_model())
    texts: dict[str, int] = {}
    tasks: list[_Task] = []
    for lines, subject in ((signals, "signal"), (topics, "topic")):
        labels = sorted({line.label for line in lines})
        for line in lines:
            ready = shortened(spoken(line.text)) or " "
            tasks.append(_Task(texts.setdefault(ready, len(texts)), **{subject: labels.index(line.label)}))
    vocabulary = model.pieces()
    lower = _Lower(model, [vocabulary.tokens(text) for text in texts], progress)
    upper = [_own(model, number) for number in range(FIRST, model.shape.layers)]
    learned = [{name: one.requires_grad_() for name, one in own.items()} for own in upper]
    heads = {
        "signal": _head(model.shape.width, 512, len({line.label for line in signals})),
        "topic": torch.nn.Linear(model.shape.width, len({line.label for line in topics})),
    }
    weights = [one for own in learned for one in own.values()]
    paces = [PACE * SLOWER**below for below in reversed(range(len(learned)))] + [HEAD_PACE]
    groups = [list(own.values()) for own in learned] + [[p for head in heads.values() for p in head.parameters()]]
    optimiser = torch.optim.AdamW([{"params": group} for group in groups], weight_decay=0.01)
    steps = ROUNDS * math.ceil(len(tasks) / BATCH)
    for step, part in enumerate(_batches(tasks, lower.lengths)):
        for group, pace in zip(optimiser.param_groups, paces, strict=True):
            group["lr"] = pace * min(1.0, step / (0.06 * steps)) * max(0.02, 1 - step / steps)
        used = _as_packed(learned) if step >= PACK_FROM * steps else learned
        loss = _loss(part, lower, used, heads, model.shape)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        progress("upper layers", step + 1, steps)
    return {
        number: {f"l{number}.{name}": _kept(name, one) for name, one in own.items()}
        for number, own in zip(range(FIRST, model.shape.layers), learned, strict=True)
    }


def _as_packed(layers: Sequence[Mapping[str, Tensor]]) -> list[dict[str, Tensor]]:
    return [{name: _Packed.apply(one) if name in _MATRICES else one for name, one in own.items()} for own in layers]


def _kept(name: str, weights: Tensor) -> NDArray[np.uint8]:
    flat = np.ascontiguousarray(weights.detach().numpy().reshape(-1))
    return packed(flat) if name in _MATRICES else flat.view(np.uint8)


def _batches(tasks: Sequence[_Task], lengths: NDArray[np.int_]) -> Iterator[list[_Task]]:
    """Yield batches of lines that are about as long as one another, in random order, ROUNDS times through all."""
    chance = np.random.default_rng(0)
    for _round in range(ROUNDS):
        order = chance.permutation(len(tasks))
        found: list[list[_Task]] = []
        for begin in range(0, len(order), BATCH * _SHUFFLED):
            chunk = sorted(
                (tasks[at] for at in order[begin : begin + BATCH * _SHUFFLED]), key=lambda t: lengths[t.text]
            )
            found += [chunk[at : at + BATCH] for at in range(0, len(chunk), BATCH)]
        for at in chance.permutation(len(found)):
            yield found[at]


def _loss(
    part: Sequence[_Task],
    lower: _Lower,
    layers: Sequence[Mapping[str, Tensor]],
    heads: Mapping[str, Any],
    shape: Shape,
) -> Tensor:
    texts = [task.text for task in part]
    x, present = lower.batch(texts)
    mask = _mask(present)
    for own in layers:
        x = _layer(x, mask, own, shape, DROP)
    vectors = _pooled(x, present)
    total = NEAR * (1 - (vectors * torch.from_numpy(lower.before[texts])).sum(1)).mean()
    for subject, weight, smoothing in (("signal", 1.0, 0.02), ("topic", TOPICS, 0.0)):
        labels = torch.tensor([getattr(task, subject) for task in part])
        known = labels >= 0
        if known.any():
            scores = heads[subject](vectors[known] * _SCALE)
            share = known.float().mean()
            total = total + weight * share * F.cross_entropy(scores, labels[known], label_smoothing=smoothing)
    return total


def keep(layers: Mapping[int, Mapping[str, NDArray[np.uint8]]], folder: Path) -> None:
    """Keep learned layers, one file each, in place of those that were there."""
    for old in folder.glob("e5.*.npz"):
        old.unlink()
    for number, tensors in layers.items():
        np.savez(folder / f"e5.{number:02}.npz", **dict[str, Any](tensors))
