"""The engine: one per process, loaded when first used, one picture at a time.

A picture is read by one thread of ours with a few threads of onnxruntime below it. More at once would not be
faster on the same cores, and each would hold its own memory.
"""

import asyncio
import ctypes
import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import structlog

from wa_app.ai.ocr import models
from wa_app.ai.ocr.layout import Seen, laid_out
from wa_app.ai.ocr.shapes import Pixels, Spot
from wa_app.ai.ocr.tiles import cut, without_doubles
from wa_app.ai.ocr.turning import better_turns
from wa_app.config import get_settings
from wa_app.errors import Unavailable

log = structlog.get_logger(__name__)

MIN_CONFIDENCE = 0.5
"""Below this a line is rather a pattern than text."""
LOOK_AT = 1280
"""Longest side in which text is looked for, in pixels: letters of 8 pt on A4 are found as well as at full size, for
half the time. What is found is read from the full picture."""


class Engine:
    """The models in memory. Not for several threads at a time: `read` sees to that."""

    def __init__(self) -> None:
        self.pipeline = _load()

    def see(self, pixels: Pixels) -> Seen:
        """What a picture says, however it is turned."""
        import numpy

        rows = numpy.frombuffer(pixels.data, numpy.uint8).reshape(pixels.height, pixels.width, 3)
        picture = numpy.ascontiguousarray(rows[:, :, ::-1])
        turn, spots = self._upright(picture)
        return laid_out([one for one in spots if one.confidence >= MIN_CONFIDENCE], turn, pixels)

    def _upright(self, picture: Any) -> tuple[int, list[Spot]]:
        """Quarter-turns (counter-clockwise) after which the text stands upright, and what is read then."""
        import numpy

        best, spots = 0, self._spots(picture)
        for turn in better_turns(spots):
            other = self._spots(numpy.ascontiguousarray(numpy.rot90(picture, turn)))
            if _worth(other) > _worth(spots) or turn == 1:
                best, spots = turn, other
            if not better_turns(spots):
                break
        return best, spots

    def _spots(self, picture: Any) -> list[Spot]:
        """What is read of a picture as it stands; a long strip piece by piece."""
        pieces = cut(picture)
        if len(pieces) == 1:
            return self.predict(picture)
        found: list[Spot] = []
        for left, top, piece in pieces:
            found += without_doubles(found, self.predict(piece), left, top)
        return found

    def predict(self, picture: Any) -> list[Spot]:
        """One run of both models over BGR pixels."""
        result = self.pipeline.predict(picture)[0]
        return [
            Spot(text, float(score), tuple((float(x), float(y)) for x, y in poly))  # type: ignore[arg-type]
            for text, score, poly in zip(result["rec_texts"], result["rec_scores"], result["rec_polys"], strict=True)
            if text.strip()
        ]


def _worth(spots: list[Spot]) -> float:
    """How much was read, weighed by how sure it is."""
    return sum(len(one.text) * one.confidence for one in spots if one.confidence >= MIN_CONFIDENCE)


def _load() -> Any:
    """The pipeline. Raises Unavailable("ocr_unavailable") where OpenCV's libraries (libgl1) or the wheels are missing."""
    try:
        made = models.prepare()
        with warnings.catch_warnings():
            # Old syntax in what paddlex imports; nothing we could mend.
            warnings.simplefilter("ignore")
            from paddleocr import PaddleOCR

            logging.getLogger("paddlex").setLevel(logging.WARNING)
            return PaddleOCR(
                text_detection_model_name=models.DETECTION, text_detection_model_dir=str(made.detection),
                text_recognition_model_name=models.RECOGNITION, text_recognition_model_dir=str(made.recognition),
                text_det_limit_side_len=LOOK_AT, text_det_limit_type="max", text_recognition_batch_size=1,
                use_doc_orientation_classify=False, use_doc_unwarping=False, use_textline_orientation=False,
                engine="onnxruntime", device="cpu", engine_config=_engine_config(),
            )  # fmt: skip
    except (ImportError, OSError) as error:
        log.error("ocr.unavailable", error=type(error).__name__, missing=str(error)[:200])
        raise Unavailable("ocr_unavailable") from error


def _engine_config() -> dict[str, Any]:
    # Without its arena onnxruntime gives memory back after a picture instead of keeping the largest it ever saw; and
    # line by line (a batch of one) a page takes 0.8 GB at its peak instead of 1.8, in the same time.
    return {"intra_op_num_threads": get_settings().ocr_threads, "inter_op_num_threads": 1, "enable_cpu_mem_arena": False}


_lock = threading.Lock()
_engines: list[Engine] = []


def loaded() -> Engine:
    """The engine of this process. Loading takes a second or more: not on an event loop."""
    with _lock:
        if not _engines:
            _engines.append(Engine())
        return _engines[0]


@lru_cache
def _reader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="ocr")


async def read(pixels: Pixels) -> Seen:
    """Read a picture in the one thread that reads; callers wait for each other. Raises Unavailable("ocr_unavailable")."""
    return await asyncio.get_running_loop().run_in_executor(_reader(), _see, pixels)


def _see(pixels: Pixels) -> Seen:
    try:
        return loaded().see(pixels)
    finally:
        _trim()


def _trim() -> None:
    """Give back to the system what a picture took: glibc would keep 300 MB for the next one."""
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


@lru_cache
def _libc() -> Any:
    try:
        found = ctypes.CDLL("libc.so.6")
        return found if hasattr(found, "malloc_trim") else None
    except OSError:  # another C library than glibc
        return None

