"""The state every page's state inherits: who is signed in, and the door to their data.

Every event handler is a public endpoint: anybody with a websocket may call it, whatever
the page shows. So each handler goes through `principal()` or `unit_of_work()`, which look
the HttpOnly cookie's session up in the database (REFLEX §6, §13).
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import CookieError, SimpleCookie

import reflex as rx
from reflex.event import EventSpec

from wa_app import db
from wa_app.errors import NotSignedIn
from wa_app.schemas.principal import Principal
from wa_app.services import sessions

CACHE_S = 3.0
"""How long a looked-up session is believed, in seconds: revoking acts within it."""
CACHE_MAX = 2_000
_cache: dict[str, tuple[float, sessions.SignedIn]] = {}


async def signed_in(cookie_header: str) -> sessions.SignedIn:
    """The sign-in named by a Cookie header. Raises `NotSignedIn`."""
    token = _token(cookie_header)
    known = _cache.get(token)
    if known and known[0] > time.monotonic():
        return known[1]
    found = await sessions.find_by_cookie(token)
    if len(_cache) >= CACHE_MAX:
        _cache.clear()
    _cache[token] = (time.monotonic() + CACHE_S, found)
    return found


def _token(cookie_header: str) -> str:
    try:
        morsel = SimpleCookie(cookie_header).get(sessions.COOKIE)
    except CookieError:
        morsel = None
    if morsel is None or not morsel.value:
        raise NotSignedIn
    return morsel.value


class AppState(rx.State):
    """What the frame shows of the signed-in person, and the helpers of every handler."""

    user_name: str = ""
    user_email: str = ""
    role_name: str = ""
    tenant_name: str = ""
    tenant_id: str = ""
    tenant_zone: str = "Asia/Jakarta"
    language: str = ""
    is_platform_admin: bool = False
    memberships: list[dict[str, str]] = []

    async def principal(self) -> Principal:
        """Who calls this handler. Raises `NotSignedIn`."""
        return (await signed_in(self.router.headers.cookie)).principal

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[db.TenantUnitOfWork]:
        """A transaction in the caller's tenant. Raises `NotSignedIn`."""
        async with db.unit_of_work(await self.principal()) as uow:
            yield uow

    @rx.event
    async def on_load(self) -> EventSpec | None:
        """First of every signed-in page's `on_load`: fills the frame, or leads to the sign-in page."""
        try:
            who = await signed_in(self.router.headers.cookie)
        except NotSignedIn:
            return rx.redirect(f"/login?next={self.router.url.path}")
        self.user_name, self.user_email = who.user_name, who.user_email
        self.role_name, self.tenant_name = who.role_key, who.tenant_name
        self.tenant_id, self.tenant_zone = str(who.principal.tenant_id), who.tenant_zone
        self.language, self.is_platform_admin = who.principal.language, who.is_platform_admin
        self.memberships = [{"id": str(key), "name": name} for key, name in who.memberships]
        return None

    @rx.event
    def sign_out(self) -> EventSpec:
        """Sign out: a plain route deletes the cookie, since scripts cannot."""
        return rx.call_script(_post("logout", "{}", "/login"))

    @rx.event
    def switch_tenant(self, tenant_id: str) -> EventSpec:
        """Change to another of the person's tenants; the route checks the membership."""
        return rx.call_script(_post("switch", json.dumps({"tenant_id": tenant_id}), "/"))


def _post(verb: str, body: str, then: str) -> str:
    return (
        f"fetch('/api/v1/auth/{verb}', {{method: 'POST', credentials: 'same-origin', "
        f"headers: {{'Content-Type': 'application/json'}}, body: {json.dumps(body)}}})"
        f".finally(() => location.assign({json.dumps(then)}))"
    )
