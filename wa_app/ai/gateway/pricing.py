"""What tokens cost, by the price list that comes with `genai-prices`: no network is asked."""

import asyncio
from decimal import Decimal
from importlib import import_module

import structlog

from wa_app.ai.gateway.vendors import vendor_of
from wa_app.models.ai import ProviderKind
from wa_app.schemas.ai import Usage

log = structlog.get_logger(__name__)

_SIGNS_A_TOKEN = 3
"""Indonesian takes more tokens than English; this errs to the high side."""


def tokens_in(*texts: str) -> int:
    """About how many tokens texts take, rather too many than too few."""
    return sum(len(text.encode()) for text in texts) // _SIGNS_A_TOKEN + 4 * len(texts)


async def ready() -> None:
    """Load the list off the event loop: it takes a second."""
    await asyncio.to_thread(import_module, "genai_prices")


def cost_micros(kind: ProviderKind, base_url: str, model: str, usage: Usage) -> int | None:
    """Millionths of a US dollar, rounded up; 0 for what nobody is paid for, None where no price is known."""
    vendor = vendor_of(kind, base_url)
    if vendor.key in ("quote", "ollama"):
        return 0
    if not vendor.prices:
        return None
    import genai_prices

    counted = genai_prices.Usage(
        input_tokens=usage.input, cache_read_tokens=usage.cached_input or None, output_tokens=usage.output
    )
    try:
        price: Decimal = genai_prices.calc_price(counted, model, provider_id=vendor.prices).total_price
    except (LookupError, ValueError):
        log.info("ai.price_unknown", vendor=vendor.key, model=model)
        return None
    return int((price * 1_000_000).to_integral_value(rounding="ROUND_CEILING"))
