"""Numbers fitted on questions of FacQA by `bench/rag_fit.py`; see ADR 0018 for how."""

from typing import Final

ORDER: Final = {
    "bm25": -0.6, "coverage": 0.25, "surface": 0.57, "pairs": 1.12, "near": 0.37, "chars": 2.82, "cosine": 0.79,
    "cue": 1.9, "length": -1.73, "run": -1.2, "heading": 1.0, "rarest": 3.04, "relative": 4.08, "missing": 0.53,
    "acronym": 0.3,
}  # fmt: skip
"""What makes one passage better than another, for the same question."""
SURE: Final = {
    "bm25": 0.0, "coverage": 3.0, "surface": 0.5, "pairs": 0.5, "near": 1.0, "chars": 2.0, "cosine": 1.5, "cue": 0.3,
    "length": 0.0, "run": 0.0, "heading": 0.5, "rarest": 1.0, "relative": 0.0, "missing": -1.0, "acronym": 0.0,
}  # fmt: skip
"""What makes it likely that a passage holds the answer, comparable between questions."""
SURE_BIAS: Final = -4.0
