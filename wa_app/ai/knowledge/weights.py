"""Numbers fitted on questions of FacQA; ADR 0018 says how. The script of the fit is not in this repository yet."""

from typing import Final

ORDER: Final = {
    "bm25": -1.75, "coverage": 0.7, "surface": 0.69, "pairs": 0.86, "near": -0.47, "chars": 3.3, "cosine": 1.11,
    "cue": 1.65, "length": -2.37, "run": -0.64, "heading": 1.0, "rarest": 1.89, "relative": 4.4, "missing": 0.23,
    "acronym": 0.11,
}  # fmt: skip
"""What makes one passage better than another, for the same question. FacQA has no headings: theirs is set by hand."""
SURE: Final = {
    "bm25": 0.0, "coverage": 1.9, "surface": 2.4, "pairs": 2.13, "near": -0.65, "chars": -0.5, "cosine": 3.05, "cue": 0.0,
    "length": 0.0, "run": 0.0, "heading": 0.0, "rarest": 2.12, "relative": 0.0, "missing": 0.0, "acronym": 0.0,
}  # fmt: skip
"""What makes it likely that a passage holds the answer: only shares, so that questions can be compared. Fitted on
whole questions, on the same cut down to a few words, and on both with their passage taken away."""
SURE_BIAS: Final = -7.31
USUAL_COSINE: Final = 0.45
"""Closeness of a question and a passage that answers it, by the built-in model, as it mostly is. Set by hand."""
