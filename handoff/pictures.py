"""Pictures that staff send to a family: read, turned upright, made small, and written anew.

The rule: what leaves is drawn again from its pixels, so that nothing of where, when and with what it was taken goes
along, and nothing that only looks like a picture.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from bot.errors import RefusedError
from handoff.wording import later

LARGEST: Final = 10 * 1024 * 1024  # bytes of what is uploaded
SIDE: Final = 1_600  # pixels of the longer side of what is sent
PIXELS: Final = 50_000_000  # that are decoded at most: a telephone's camera has 12 to 50 million
FORMATS: Final = ("JPEG", "PNG", "WEBP")
QUALITY: Final = 82  # of the JPEG

_NO_PICTURE: Final = later("この画像は送れません。JPEG・PNG・WebP の画像を選んでください。")


def redrawn(body: bytes) -> bytes:
    """Return the picture as a JPEG of at most `SIDE` pixels, without any other data.

    Raise RefusedError when it is no picture of these formats, is too large, or is broken.
    """
    if len(body) > LARGEST:
        raise RefusedError("画像が大きすぎます（{most}MBまで）。", most=LARGEST // 1024 // 1024)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(body), formats=FORMATS) as found:
                if found.width * found.height > PIXELS:
                    raise RefusedError("画像が大きすぎます。小さくしてから選んでください。")
                found.draft("RGB", (SIDE, SIDE))
                upright = ImageOps.exif_transpose(found)
                upright.thumbnail((SIDE, SIDE))
                paper = Image.new("RGB", upright.size, "white")
                clear = upright.convert("RGBA")
                paper.paste(clear, mask=clear.getchannel("A"))
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise RefusedError(_NO_PICTURE) from None
    except (OSError, ValueError, SyntaxError, TypeError, IndexError, EOFError):  # what a broken file makes Pillow raise
        raise RefusedError(_NO_PICTURE) from None
    drawn = io.BytesIO()
    paper.save(drawn, "JPEG", quality=QUALITY, optimize=True)
    return drawn.getvalue()
