"""Quick replies: texts that a person puts into an answer by a word after `/`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from wa_app.schemas.contacts import Input, Words
from wa_app.schemas.conversations import ChatMedia

MAX_SHORTCUT = 40
MAX_TITLE = 120
MAX_CATEGORY = 40
MAX_BODY = 4_096
MAX_SHARED = 500
MAX_OWN = 200
"""How many a tenant has for everybody, and one person for themselves."""

Shortcut = Annotated[Words, Field(max_length=MAX_SHORTCUT + 1)]
Title = Annotated[Words, Field(max_length=MAX_TITLE)]
Category = Annotated[Words, Field(max_length=MAX_CATEGORY)]
Body = Annotated[str, Field(max_length=MAX_BODY)]


class QuickReplyView(BaseModel):
    """A text by its word. `personal`: only the person who asks has it."""

    id: UUID
    shortcut: str
    title: str
    category: str
    body: str
    personal: bool
    file: ChatMedia | None = None
    created_at: datetime
    updated_at: datetime | None = None


class QuickReplyCreate(Input):
    """A word without `/`, and a text, a file, or both; `{{name}}` and the like stand for the customer's."""

    shortcut: Shortcut
    body: Body = ""
    title: Title = ""
    category: Category = ""
    file_id: UUID | None = None
    personal: bool = False


class QuickReplyUpdate(Input):
    """Changes; what is not given stays, a `file_id` of null takes the file away."""

    shortcut: Shortcut | None = None
    body: Body | None = None
    title: Title | None = None
    category: Category | None = None
    file_id: UUID | None = None
    personal: bool | None = None


class QuickReplyFilled(BaseModel):
    """What goes into the answer."""

    text: str
    file: ChatMedia | None = None
