"""What does reading cost beside the model? Seconds per A4 page at 200 dpi over the same model called directly.

Pages that were scanned (a leaning price list, a dense letter) are read out of one-page PDFs the whole way: child
process, drawing, model, direction, lines. The model alone gets the same page as pixels, with our settings. The two
take turns, so that whatever else runs on the machine meets both; medians are compared.

`paddle_s` is the model with PaddleOCR's own settings: text looked for at full size, six lines at a time.

    --set rounds=3     how often each page is read each way
"""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.harness import Bench, Result
from tests.fixtures import scans

NEEDS: tuple[str, ...] = ()
BAR = 1.15
WORDS = ["Kami", "melayani", "pesanan", "katering", "untuk", "kantor", "dan", "keluarga", "setiap", "hari", "kerja", "dengan", "pilihan", "menu", "nasi", "kotak", "tumpeng", "dan", "kue", "basah", "minimal", "pemesanan", "dua", "puluh", "kotak", "pembayaran", "melalui", "transfer", "atau", "tunai", "saat", "barang", "tiba"]


async def run(env: Bench) -> Result:
    """Read each page in turns and compare."""
    from wa_app.ai import ocr, reading

    rounds = env.option("rounds", 3)
    pages = {"list": scans.scanned(scans.price_list()), "letter": scans.scanned(letter(), lean=-0.7)}
    before = memory()
    started = time.perf_counter()
    engine = await asyncio.to_thread(ocr.loaded)
    load_s, loaded = time.perf_counter() - started, memory()
    ours: dict[str, list[float]] = {name: [] for name in pages}
    direct: dict[str, list[float]] = {name: [] for name in pages}
    for turn in range(rounds + 1):
        for name, page in pages.items():
            path = env.data / f"{name}.pdf"
            if not turn:
                path.write_bytes(scans.as_pdf(page))
            alone = await timed(lambda page=page: asyncio.to_thread(engine.predict, array(page)))
            whole = await timed(lambda path=path: reading.read(path, path.name, "application/pdf"))
            if turn:  # the first turn warms up
                direct[name].append(alone)
                ours[name].append(whole)
        env.say(f"turn {turn} of {rounds}")
    peak, after = memory("VmHWM"), memory()
    paddle = await timed(lambda: asyncio.to_thread(as_paddle_would, engine, array(pages["letter"])))
    seconds, alone_s = (sum(median(one) for one in found.values()) / len(pages) for found in (ours, direct))
    ratio = seconds / alone_s
    figures = {
        "seconds": seconds, "direct_s": alone_s, "letter_s": median(ours["letter"]), "list_s": median(ours["list"]),
        "paddle_letter_s": paddle, "load_s": load_s, "loaded_mb": loaded - before, "peak_mb": peak, "after_mb": after,
    }  # fmt: skip
    return Result("ocr", ratio, figures, holds=ratio <= BAR)


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Seconds a piece of work takes."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


def array(page: Any) -> Any:
    """A page as the model wants it, out of the JPEG that is in the PDF too."""
    import numpy
    from PIL import Image

    stored = Image.open(io.BytesIO(scans.as_jpeg(page, 80)))
    return numpy.ascontiguousarray(numpy.asarray(stored)[:, :, ::-1])


def as_paddle_would(engine: Any, page: Any) -> None:
    """The pipeline with what PaddleOCR sets itself, but for the models."""
    sampler = engine.pipeline.paddlex_pipeline
    recogniser = getattr(getattr(sampler, "_pipeline", sampler), "text_rec_model", None)
    if recogniser is not None:
        recogniser.batch_sampler.batch_size = 6
    engine.pipeline.predict(page, text_det_limit_side_len=64, text_det_limit_type="min")


def letter() -> Any:
    """A page full of text in 9 pt."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", scans.A4_200DPI, "white")
    draw, font, at = ImageDraw.Draw(page), scans.font(25), 0
    for y in range(150, 2200, 40):
        line = ""
        while draw.textlength(line + " kata panjang", font=font) < 1330:
            line = f"{line} {WORDS[at % len(WORDS)]}".strip()
            at += 1
        draw.text((150, y), line, font=font, fill="black")
    return page


def memory(kind: str = "VmRSS") -> float:
    """Memory of this process in MB: now, or at its peak with `VmHWM`."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{kind}:")[1].split()[0]) / 1024
