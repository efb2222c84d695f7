"""The models on this machine: weights out of an installed wheel, described the way PaddleOCR wants them.

PaddleOCR would download its models. The `rapidocr` wheel carries the same PP-OCRv6 weights as ONNX files,
the characters in the file itself; what is missing is the `inference.yml` beside them, which we write.
"""

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wa_app.config import get_settings

DETECTION: Final = "PP-OCRv6_small_det"
RECOGNITION: Final = "PP-OCRv6_small_rec"
_WEIGHTS: Final = {DETECTION: "PP-OCRv6_det_small.onnx", RECOGNITION: "PP-OCRv6_rec_small.onnx"}
OFFLINE: Final = {
    "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1", "PADDLE_PDX_EAGER_INIT": "False",
}  # fmt: skip
"""What keeps paddlex and what it imports from asking hosts for models, before it is imported."""


@dataclass(frozen=True, slots=True)
class Models:
    """Folders with a model each."""

    detection: Path
    recognition: Path


def prepare() -> Models:
    """Folders as PaddleOCR reads them, made anew when the wheel has changed. Raises ImportError without the wheel."""
    home = get_settings().data / "ocr"
    os.environ |= {**OFFLINE, "PADDLE_PDX_CACHE_HOME": str(home / "cache")}
    return Models(_folder(home, DETECTION, _detection()), _folder(home, RECOGNITION, _recognition()))


def weights(name: str) -> Path:
    """The ONNX file of a model."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or not found.submodule_search_locations:
        raise ImportError("rapidocr")
    return Path(found.submodule_search_locations[0]) / "models" / _WEIGHTS[name]


def _folder(home: Path, name: str, described: dict[str, Any]) -> Path:
    source = weights(name)
    folder = home / f"{name}-{source.stat().st_size}"
    folder.mkdir(parents=True, exist_ok=True)
    _placed(folder / "inference.onnx", lambda made: made.symlink_to(source))
    # JSON is YAML, and every character stays what it is.
    content = json.dumps({"Global": {"model_name": name}, **described}, ensure_ascii=False)
    _placed(folder / "inference.yml", lambda made: made.write_text(content, "utf-8"))
    return folder


def _placed(path: Path, write: Any) -> None:
    """Put a file in its place in one step: several workers start at once."""
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    write(made)
    made.replace(path)


def _detection() -> dict[str, Any]:
    steps: list[dict[str, Any]] = [
        {"DetResizeForTest": None},
        {"NormalizeImage": {
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "1./255.", "order": "hwc",
        }},
        {"ToCHWImage": None},
    ]  # fmt: skip
    after = {"name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "max_candidates": 3000, "unclip_ratio": 1.5}
    return {"PreProcess": {"transform_ops": steps}, "PostProcess": after}


def _recognition() -> dict[str, Any]:
    return {
        "PreProcess": {"transform_ops": [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": _characters()},
    }


def _characters() -> list[str]:
    """The characters a recogniser knows, as its file tells them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights(RECOGNITION)), providers=["CPUExecutionProvider"])
    return str(session.get_modelmeta().custom_metadata_map["character"]).split("\n")
