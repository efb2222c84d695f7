"""What is said without a model, and how a model's words are made fit for a chat."""

import re
import unicodedata
from typing import Final

from wa_app.i18n import translate
from wa_app.schemas.agents import AgentConfig, Mode, Outcome, Unsure

MAX_ANSWER: Final = 3500
_JOINER: Final = "\u200d"
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\((\S+?)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_TITLE = re.compile(r"^#{1,6}\s+", re.MULTILINE)


def tidy(text: str, config: AgentConfig) -> str:
    """A model's words as a chat shows them: no Markdown, nothing invisible, no emoji where none are wanted."""
    clean = "".join(char for char in text if char in "\n\t" + _JOINER or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs", "Cn"))
    clean = _LINK.sub(r"\1 \2", _PICTURE.sub(r"\1", clean))
    clean = _TITLE.sub("", _BOLD.sub(r"*\1*", clean))
    if config.emoji == "none":
        clean = re.sub(r" {2,}", " ", "".join(char for char in clean if not is_emoji(char)))
    return clean.strip()[:MAX_ANSWER]


def is_emoji(char: str) -> bool:
    """Pictures, and the signs that change them."""
    return unicodedata.category(char) in ("So", "Sk") or char in "\ufe0f\u20e3\u200d"


def unsure(config: AgentConfig, language: str) -> tuple[Outcome, str]:
    """What happens when an agent does not know."""
    if config.unsure is Unsure.STAY_SILENT:
        return Outcome.SILENT, ""
    if config.unsure is Unsure.HAND_OVER:
        return Outcome.HANDOVER, config.unsure_text or translate(language, "agent.say.handover_unsure")
    return Outcome.UNSURE, config.unsure_text or translate(language, "agent.say.unsure")


def handover(language: str, mode: Mode = Mode.FAQ) -> str:
    """The line that says that a person goes on."""
    if mode is Mode.COMPLAINT:
        return translate(language, "agent.say.complaint")
    return translate(language, "agent.say.order" if mode is Mode.ORDER else "agent.say.handover")


def refused(language: str) -> str:
    """Said instead of an answer that gave something away."""
    return translate(language, "agent.say.refused")


def forbidden(language: str) -> str:
    """Said to a topic that the tenant has ruled out."""
    return translate(language, "agent.say.forbidden")
