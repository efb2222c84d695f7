"""The state every page's state inherits: who is signed in, and the door to their data.

Every event handler is a public endpoint: anybody with a websocket may call it, whatever
the page shows. So each handler goes through `principal()` or `unit_of_work()`, which look
the HttpOnly cookie's session up in the database (REFLEX §6, §13).
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar
from urllib.parse import quote

import reflex as rx
from reflex.event import EventSpec

from wa_app import db
from wa_app.errors import FieldError, Invalid, NotSignedIn
from wa_app.schemas.principal import Principal
from wa_app.services import admin, sessions

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


def forget(cookie_header: str) -> None:
    """Look this sign-in up anew next time: what it shows of itself has just changed."""
    _cache.pop(_token(cookie_header), None)


Helper = TypeVar("Helper", bound=Callable[..., Any])


def not_an_event(helper: Helper) -> Helper:
    """Keep a public method of a state from being callable by every websocket: Reflex makes handlers of them all."""
    helper.__dict__["__override_base_method__"] = True
    return helper


class FormErrors(rx.State, mixin=True):
    """For states with a form: refused fields, shown in their place by `components.forms`.

    A page reads them by `forms.text_field(…, **field_errors(State.errors, "name"))`. Usage::

        class ProfileState(FormErrors, AppState):
            @rx.event
            async def save(self, form: dict[str, Any]) -> EventSpec | None:
                with self.showing_errors():
                    async with self.unit_of_work() as uow:
                        await accounts.change_profile(uow, name=form["name"])
                return None if self.errors else toast("common.saved")
    """

    errors: dict[str, dict[str, Any]] = {}
    """Field → `{code, args}`."""

    @not_an_event
    @contextmanager
    def showing_errors(self) -> Iterator[None]:
        """Catch `Invalid` and show its fields; other errors go on to the toast. Forgets earlier ones."""
        self.errors = {}
        try:
            yield
        except Invalid as error:
            if not error.fields:
                raise
            self._show_errors(error.fields)

    def _show_errors(self, fields: tuple[FieldError, ...]) -> None:
        self.errors = {each.field: {"code": each.code, "args": dict(each.args)} for each in reversed(fields)}


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

    @not_an_event
    async def principal(self) -> Principal:
        """Who calls this handler. Raises `NotSignedIn`."""
        return (await signed_in(self.router.headers.cookie)).principal

    @not_an_event
    async def admin(self) -> admin.Admin:
        """Who calls this handler, as a platform admin. Raises `NotSignedIn`, `Forbidden("admin_only")`."""
        return await admin.enter(await self.principal())

    @not_an_event
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
            return rx.redirect(f"/login?next={quote(self.router.url.path)}")
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
    # Without its token the tab gets a fresh state: nothing of this person stays for the next one.
    return (
        f"fetch('/api/v1/auth/{verb}', {{method: 'POST', credentials: 'same-origin', "
        f"headers: {{'Content-Type': 'application/json'}}, body: {json.dumps(body)}}})"
        f".finally(() => {{ sessionStorage.removeItem('token'); location.assign({json.dumps(then)}); }})"
    )
