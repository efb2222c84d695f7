"""What does reading cost beside the model? Seconds per A4 page at 200 dpi over the same model called directly.

A scanned document of two pages (a leaning price list, a dense letter) is read the whole way: child process, drawing,
model, direction, lines. The model alone gets the same pages as pixels, with our settings. The two take turns, so that
whatever else runs on the machine meets both; medians are compared.

`cpu_ratio` compares processor time (the child's included) and says more than `ratio` where others use the machine.
`paddle_s` is the model with PaddleOCR's own settings: text looked for at full size, six lines at a time.

    --set rounds=3     how often the document is read each way
    --set paddle=1     measure PaddleOCR's own settings too (0: leave it out)
"""

import asyncio
import io
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.harness import Bench, Result
from tests.fixtures import scans

Cost = tuple[float, float]

NEEDS: tuple[str, ...] = ()
BAR = 1.15
WORDS = ["Kami", "melayani", "pesanan", "katering", "untuk", "kantor", "dan", "keluarga", "setiap", "hari", "kerja", "dengan", "pilihan", "menu", "nasi", "kotak", "tumpeng", "dan", "kue", "basah", "minimal", "pemesanan", "dua", "puluh", "kotak", "pembayaran", "melalui", "transfer", "atau", "tunai", "saat", "barang", "tiba"]


async def run(env: Bench) -> Result:
    """Read each page in turns and compare."""
    from wa_app.ai import ocr, reading

    rounds = env.option("rounds", 3)
    pages = [scans.scanned(scans.price_list()), scans.scanned(letter(), lean=-0.7)]
    pixels = [array(page) for page in pages]
    path = env.data / "two pages.pdf"
    path.write_bytes(scans.as_pdf(*pages))
    before = memory()
    started = time.perf_counter()
    engine = await asyncio.to_thread(ocr.loaded)
    load_s, loaded = time.perf_counter() - started, memory()
    ours: list[Cost] = []
    direct: list[Cost] = []
    for turn in range(rounds + 1):
        alone = await timed(lambda: asyncio.to_thread(lambda: [engine.predict(page) for page in pixels]))
        whole = await timed(lambda: reading.read(path, path.name, "application/pdf"))
        if turn:  # the first turn warms up
            direct.append(alone)
            ours.append(whole)
        env.say(f"turn {turn} of {rounds}")
    peak, after = memory("VmHWM"), memory()
    (seconds, cpu_s), (alone_s, alone_cpu_s) = per_page(ours, len(pages)), per_page(direct, len(pages))
    figures = {
        "seconds": seconds, "direct_s": alone_s, "cpu_s": cpu_s, "cpu_ratio": cpu_s / alone_cpu_s,
        "load_s": load_s, "loaded_mb": loaded - before, "peak_mb": peak, "after_mb": after,
    }  # fmt: skip
    if env.option("paddle", 1):
        figures["paddle_s"], figures["paddle_cpu_s"] = per_page(
            [await timed(lambda: asyncio.to_thread(as_paddle_would, engine, pixels))], len(pages)
        )
    return Result("ocr", seconds / alone_s, figures, holds=seconds / alone_s <= BAR)


def per_page(costs: list[Cost], pages: int) -> Cost:
    """Medians over the rounds, for one page."""
    return median(one[0] for one in costs) / pages, median(one[1] for one in costs) / pages


async def timed(work: Callable[[], Awaitable[Any]]) -> Cost:
    """Seconds a piece of work takes, by the wall and of the processor, in this process and the children it ended."""
    started, spent = time.perf_counter(), processor_s()
    await work()
    return time.perf_counter() - started, processor_s() - spent


def processor_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def array(page: Any) -> Any:
    """A page as the model wants it, out of the JPEG that is in the PDF too."""
    import numpy
    from PIL import Image

    stored = Image.open(io.BytesIO(scans.as_jpeg(page, 80)))
    return numpy.ascontiguousarray(numpy.asarray(stored)[:, :, ::-1])


def as_paddle_would(engine: Any, pages: list[Any]) -> None:
    """The pipeline with what PaddleOCR sets itself, but for the models."""
    inner = engine.pipeline.paddlex_pipeline
    recogniser = getattr(getattr(inner, "_pipeline", inner), "text_rec_model", None)
    if recogniser is not None:
        recogniser.batch_sampler.batch_size = 6
    for page in pages:
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
