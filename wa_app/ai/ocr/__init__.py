"""Reading text in pictures: PaddleOCR's models on onnxruntime, one engine per process (ADR 0016)."""

from wa_app.ai.ocr.engine import Engine, loaded, read
from wa_app.ai.ocr.layout import Seen
from wa_app.ai.ocr.shapes import Pixels

__all__ = ["Engine", "Pixels", "Seen", "loaded", "read"]
