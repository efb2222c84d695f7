"""One module per SDK; imported when a provider of its kind is first asked."""

import asyncio
from importlib import import_module
from typing import Final

from wa_app.ai.gateway.shapes import Adapter, Endpoint
from wa_app.models.ai import ProviderKind

_MODULES: Final = {
    ProviderKind.OPENAI: "openai_like", ProviderKind.GEMINI: "gemini", ProviderKind.ANTHROPIC: "anthropic_messages",
    ProviderKind.QUOTE: "quoting",
}  # fmt: skip


async def make(endpoint: Endpoint) -> Adapter:
    """An adapter with a client of its own, for the running event loop. Importing an SDK takes a second, off the loop."""
    module = await asyncio.to_thread(import_module, f"{__name__}.{_MODULES[endpoint.kind]}")
    made: Adapter = module.make(endpoint)
    return made
