"""`/dev/outbox`: the mails of a development installation. Elsewhere these paths do not exist."""

from html import escape

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from wa_app.api.routing import ApiRoute, public
from wa_app.config import get_settings
from wa_app.errors import NotFound
from wa_app.mail.port import Mail
from wa_app.mail.registry import outbox

routes = APIRouter(route_class=ApiRoute)

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Outbox</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="stylesheet" href="/theme.css"><style>
body{{margin:0 auto;max-width:760px;padding:24px 16px;font:15px/22px system-ui;background:var(--ground,#fff);color:var(--text,#000)}}
article{{border:1px solid var(--line,#ccc);border-radius:12px;margin:0 0 16px;padding:16px;background:var(--surface,#fff)}}
h2{{font-size:15px;margin:0}} p{{margin:2px 0 10px}} iframe{{width:100%;height:480px;border:1px solid var(--line,#ccc);border-radius:8px}}
</style></head><body><h1>Outbox</h1><p>{count} mails, newest first. Nothing here has left this machine.</p>{mails}</body></html>"""


@routes.get("/dev/outbox", include_in_schema=False)
@public
async def show_outbox(request: Request) -> Response:
    """Newest mails, as a page or (`Accept: application/json`, `?format=json`) as JSON."""
    if not get_settings().is_dev:
        raise NotFound
    mails = outbox().newest()
    if request.query_params.get("format") == "json" or "json" in request.headers.get("accept", ""):
        return JSONResponse({"items": [_json(mail) for mail in mails]})
    return HTMLResponse(_PAGE.format(count=len(mails), mails="".join(map(_article, mails))))


def _json(mail: Mail) -> dict[str, str]:
    return {"to": mail.to, "subject": mail.subject, "text": mail.text, "html": mail.html}


def _article(mail: Mail) -> str:
    return (
        f"<article><h2>{escape(mail.subject)}</h2><p>{escape(mail.to)}</p>"
        f'<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="{escape(mail.subject)}" '
        f'srcdoc="{escape(mail.html)}"></iframe></article>'
    )
