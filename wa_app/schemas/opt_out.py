"""How people stop and start: the words, the answers, the line under broadcasts."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_LISTED = 200
MAX_WORD = 60
MAX_ANSWER = 500

Words = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=500)]


class OptOutSettings(BaseModel):
    """What is in force, defaults filled in."""

    opt_out_words: list[str]
    opt_in_words: list[str]
    footer: str
    confirms: bool
    """Whether one message confirms that somebody stopped or started."""
    opt_out_reply: str
    opt_in_reply: str


class OptOutChange(BaseModel):
    """Changes; what is not given stays. An empty text or list puts the default back."""

    model_config = ConfigDict(extra="forbid")

    opt_out_words: Words | None = None
    opt_in_words: Words | None = None
    footer: Annotated[str, Field(max_length=2000)] | None = None
    confirms: bool | None = None
    opt_out_reply: Annotated[str, Field(max_length=2000)] | None = None
    opt_in_reply: Annotated[str, Field(max_length=2000)] | None = None
