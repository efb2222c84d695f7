"""What is different between the vendors that all speak "OpenAI": told by the host of their address."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from wa_app.models.ai import ProviderKind


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor. `prices` is its name in genai-prices, empty where nobody is paid."""

    key: str
    name: str
    base_url: str
    prices: str
    kind: ProviderKind = ProviderKind.OPENAI
    json_mode: str = "schema"
    """`schema`: takes a JSON schema; `object`: only "answer in JSON", the schema goes into the prompt."""
    strict: bool = False
    """Holds the model to the schema, if every property is required in it."""
    limit_word: str = "max_tokens"
    needs_key: bool = True
    hosts: tuple[str, ...] = ()
    example: str = ""
    """A model to begin with."""


VENDORS: dict[str, Vendor] = {
    vendor.key: vendor
    for vendor in (
        Vendor("gemini", "Google Gemini", "https://generativelanguage.googleapis.com", "google", ProviderKind.GEMINI,
               hosts=("generativelanguage.googleapis.com",), example="gemini-2.5-flash"),
        Vendor("openai", "OpenAI", "https://api.openai.com/v1", "openai", strict=True,
               limit_word="max_completion_tokens", hosts=("api.openai.com",), example="gpt-4.1-mini"),
        Vendor("anthropic", "Anthropic", "https://api.anthropic.com", "anthropic", ProviderKind.ANTHROPIC,
               hosts=("api.anthropic.com",), example="claude-haiku-4-5"),
        Vendor("groq", "Groq", "https://api.groq.com/openai/v1", "groq", limit_word="max_completion_tokens",
               hosts=("api.groq.com",), example="llama-3.3-70b-versatile"),
        Vendor("deepseek", "DeepSeek", "https://api.deepseek.com", "deepseek", json_mode="object",
               hosts=("api.deepseek.com",), example="deepseek-chat"),
        Vendor("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "openrouter",
               hosts=("openrouter.ai",), example="google/gemini-2.5-flash"),
        Vendor("ollama", "Ollama", "http://127.0.0.1:11434/v1", "", needs_key=False, example="qwen2.5:7b"),
        Vendor("custom", "OpenAI", "", "", needs_key=False),
        Vendor("quote", "Sapa", "", "", ProviderKind.QUOTE, needs_key=False, example="quote"),
    )
}  # fmt: skip
_OLLAMA_PORT = 11434


def vendor_of(kind: ProviderKind | str, base_url: str) -> Vendor:
    """The vendor behind a kind and an address; without an address the kind's own.

    >>> vendor_of("openai", "https://api.groq.com/openai/v1").key
    'groq'
    >>> vendor_of("openai", "").key
    'openai'
    """
    if kind != ProviderKind.OPENAI:
        return VENDORS[str(kind)]
    if not base_url:
        return VENDORS["openai"]
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return VENDORS["custom"]
    for vendor in VENDORS.values():
        if host in vendor.hosts:
            return vendor
    return VENDORS["ollama" if port == _OLLAMA_PORT else "custom"]
