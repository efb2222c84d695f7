"""Which of our languages an answer is written in."""

from starlette.requests import HTTPConnection

from wa_app.i18n import DEFAULT_LANGUAGE, LANGUAGES


def _quality(part: str) -> tuple[str, float]:
    name, _, rest = part.strip().partition(";")
    try:
        weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
    except ValueError:
        weight = 0.0
    return name.strip().lower().split("-")[0], weight


def preferred(header: str, fallback: str = DEFAULT_LANGUAGE) -> str:
    """The best language of an Accept-Language header that we have (RFC 9110 §12.5.4).

    >>> preferred("fr, en-GB;q=0.8, id;q=0.5")
    'en'
    """
    wanted = sorted((_quality(part) for part in header.split(",") if part.strip()), key=lambda pair: -pair[1])
    return next((name for name, weight in wanted if name in LANGUAGES and weight > 0), fallback)


def of_request(request: HTTPConnection) -> str:
    """Accept-Language, else the language of who is signed in, else Indonesian."""
    principal = getattr(request.state, "principal", None)
    fallback = principal.language if principal else request.cookies.get("sapa_lang", DEFAULT_LANGUAGE)
    return preferred(request.headers.get("accept-language", ""), fallback)
