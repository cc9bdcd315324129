"""Weigh features with plain arrays that were learned before: a small net over vectors, a softmax over letter groups.

The rule: nothing learns here, nothing is pickled; the arrays come from `bot.training` and are read by `bot.library`.
The two parts' scores are added before the softmax, as if two readers who err differently had multiplied their odds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bot.errors import ContentError
from bot.understanding.features import Vectors, grams

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """Hold what one model learned, for `n` labels.

    `encoders` name the vectors that are joined, in order, to one of size d (0: letters alone); `centre` (d) is taken
    off; `inner` (d, hidden), `inner_bias`, `outer` (hidden, n) are the net; `letters` (table, n) are int8 under a
    `scale` (n); `orders` says from how many to how many letters a group has; `settings` holds thresholds by name,
    `versions` says with which versions of the encoders all this was learned.
    """

    labels: tuple[str, ...]
    bias: Floats
    encoders: tuple[str, ...]
    centre: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    letters: NDArray[np.int8]
    scale: Floats
    orders: tuple[int, int]
    settings: Mapping[str, float]
    versions: tuple[str, ...]

    def probabilities(self, line: str, vectors: Vectors) -> Floats:
        """Return one probability for each label, for a line of `features.letters` and its vectors.

        Raises KeyError when a vector that was there when the weights were learned is missing.
        """
        total = self.bias.copy()
        if self.encoders:
            joined = np.concatenate([vectors[name] for name in self.encoders]) - self.centre
            total += np.maximum(joined @ self.inner + self.inner_bias, 0) @ self.outer
        found = grams(line, len(self.letters), *self.orders)
        if len(found.places):
            total += (found.weights @ self.letters[found.places].astype(np.float32)) * self.scale
        raised = np.exp(total - total.max())
        return np.asarray(raised / raised.sum(), np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a file keeps of it."""
        kept: dict[str, NDArray[np.generic]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "settings":
                kept["settings"] = np.asarray(sorted(value))
                kept["settings_values"] = np.asarray([value[name] for name in sorted(value)], np.float64)
            elif isinstance(value, tuple):
                kept[field.name] = np.asarray(value)
            elif field.name == "inner":
                kept["inner"], kept["inner_scale"] = rounded(value)
            else:
                kept[field.name] = value.astype(np.float16) if field.name == "outer" else value
        return kept

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], name: str) -> Weights:
        """Read what `arrays` kept. Raises ContentError, naming the file, if something is missing."""
        try:
            floats = {
                field: arrays[field].astype(np.float32)
                for field in ("bias", "centre", "inner", "inner_bias", "outer", "scale")
            }
            floats["inner"] *= arrays["inner_scale"].astype(np.float32)
            return cls(
                labels=tuple(map(str, arrays["labels"])),
                encoders=tuple(map(str, arrays["encoders"])),
                versions=tuple(map(str, arrays["versions"])),
                letters=arrays["letters"].astype(np.int8),
                orders=(int(arrays["orders"][0]), int(arrays["orders"][1])),
                settings=dict(zip(map(str, arrays["settings"]), map(float, arrays["settings_values"]), strict=True)),
                **floats,
            )
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise ContentError(f"{name}: these are not learned weights ({error})") from error


def rounded(weights: NDArray[np.floating]) -> tuple[NDArray[np.int8], Floats]:
    """Return weights (rows, columns) as int8, and the scale of each column."""
    scale = np.maximum(np.abs(weights).max(axis=0, initial=0), 1e-9) / 127
    return np.rint(weights / scale).astype(np.int8), scale.astype(np.float32)
