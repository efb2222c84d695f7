"""The one way to language models: which provider, whose key, what limits, what it took.

`chat` and `stream` choose among the providers a tenant may use, `embed` asks the one it is told. All of them
keep limits, circuits and the ledger in the database, so that any number of processes act as one (ADR 0017).
"""

from wa_app.ai.gateway.chatting import chat, stream
from wa_app.ai.gateway.clients import close
from wa_app.ai.gateway.embedding import embed

__all__ = ["chat", "close", "embed", "stream"]
