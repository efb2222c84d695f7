"""`/link/{slug}`: where short links lead. Anybody may call it; only addresses stored by a tenant are led to."""

from html import escape

from fastapi import APIRouter
from limits import RateLimitItemPerMinute
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from wa_app.api import languages, limits
from wa_app.errors import LimitReached
from wa_app.i18n import translate
from wa_app.services import clicks

routes = APIRouter(prefix="/link", tags=["links"])

COUNTED = RateLimitItemPerMinute(600)
"""Openings a minute from one address that are counted. A mobile network hides thousands behind one, so beyond
it people are still led on, only not counted."""
_HEADERS = {
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}  # fmt: skip
_PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:20vh auto 0;padding:0 1.25rem}}h1{{font-size:1.25rem}}</style>
<h1>{title}</h1><p>{words}</p></html>"""


@routes.head("/{slug}", include_in_schema=False)
@routes.get(
    "/{slug}", response_class=Response, status_code=302, summary="Follow a short link",
    responses={404: {"description": "a page for people: no such link", "content": {"text/html": {}}}},
)
async def follow(slug: str, request: Request) -> Response:
    """Leads on to the stored address and counts the opening; previews and crawlers are not counted."""
    ip, headers = limits.client_ip(request), request.headers
    counts = request.method == "GET" and await _may_count(ip)
    prefetched = "prefetch" in (headers.get("sec-purpose", "") + headers.get("purpose", "")).lower()
    url = await clicks.follow(slug, ip, headers.get("user-agent", ""), counts=counts, prefetched=prefetched)
    if url is None:
        return _missing(languages.of_request(request))
    return RedirectResponse(url, status_code=302, headers=_HEADERS)


async def _may_count(ip: str) -> bool:
    try:
        await limits.spend(COUNTED, "link", ip)
    except LimitReached:
        return False
    return True


def _missing(language: str) -> HTMLResponse:
    title, words = (escape(translate(language, key)) for key in ("links.missing.title", "links.missing.text"))
    return HTMLResponse(_PAGE.format(language=language, title=title, words=words), status_code=404, headers=_HEADERS)
