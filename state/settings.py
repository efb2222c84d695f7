"""State of the settings pages: profile, security, business, team, API keys."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import reflex as rx

from state.base import AppState, FormErrors, forget
from wa_app.components.feedback import toast
from wa_app.components.shell import set_language
from wa_app.db import system_unit_of_work
from wa_app.errors import FieldError, Invalid, NotFound, NotSignedIn
from wa_app.schemas.accounts import ApiKeyView, MemberView, SessionView
from wa_app.schemas.principal import Verb
from wa_app.services import accounts, api_keys, roles, sessions

EXPIRIES = {"30": 30, "90": 90, "365": 365}
"""Days a new key may live, by choice; anything else means without end."""


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error


def _text(form: dict[str, Any], name: str) -> str:
    return str(form.get(name) or "")[:1000]


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


class ProfileState(FormErrors, AppState):
    """One's own name and language."""

    busy: bool = False

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep name and language; the page changes its language at once."""
        with self.showing_errors():
            async with self.unit_of_work() as uow:
                await accounts.change_profile(uow, name=_text(form, "name"), language=_text(form, "language"))
        if self.errors:
            return None
        forget(self.router.headers.cookie)
        return [set_language(_text(form, "language")), AppState.on_load, toast("common.saved")]


class SecurityState(FormErrors, AppState):
    """Password and sign-ins."""

    rows: list[dict[str, Any]] = []
    asking: bool = False

    @rx.event
    async def load(self) -> None:
        """Read the living sign-ins."""
        found = await sessions.list_own(await self.principal())
        self.rows = [_session_row(one) for one in found]

    @rx.event(background=True)
    async def change_password(self, form: dict[str, Any]) -> Any:
        """Set a new password; other devices are signed out. bcrypt takes its time, so the state is not held."""
        principal = await self.principal()
        refused: tuple[FieldError, ...] = ()
        try:
            await accounts.change_password(
                principal, old=_text(form, "old_password"), new=_text(form, "new_password")
            )
        except Invalid as error:
            refused = error.fields
        async with self:
            self._show_errors(refused)
        if refused:
            return None
        clear = "for (const n of ['old_password', 'new_password']) document.getElementById(n).value = ''"
        return [rx.call_script(clear), SecurityState.load, toast("settings.password_saved")]

    @rx.event
    async def end_session(self, session_id: str) -> Any:
        """Sign one device out."""
        await sessions.end_own(await self.principal(), _id(session_id))
        return [SecurityState.load, toast("settings.session_ended")]

    @rx.event
    async def ask_everywhere(self, open_: bool) -> None:
        """Open or close the question before signing out everywhere."""
        await self.principal()
        self.asking = open_

    @rx.event
    async def sign_out_everywhere(self) -> Any:
        """End every sign-in, this one too."""
        principal = await self.principal()
        if principal.user_id is None:
            raise NotSignedIn
        async with system_unit_of_work() as uow:
            await sessions.end_every(uow, principal.user_id)
        self.asking = False
        return AppState.sign_out


def _session_row(view: SessionView) -> dict[str, Any]:
    return {
        "id": str(view.id), "device": _device(view.user_agent), "is_program": view.kind == "api", "ip": view.ip,
        "tenant": view.tenant_name, "seen_at": _iso(view.last_seen_at), "is_current": view.is_current,
    }  # fmt: skip


def _device(user_agent: str) -> str:
    """Browser and system in two words, as far as the header tells."""
    browsers = (("Edg/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"),
                ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
               ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
    parts = [next((name for mark, name in table if mark in user_agent), "") for table in (browsers, systems)]
    return " · ".join(part for part in parts if part) or user_agent.split("/")[0][:40]


class BusinessState(FormErrors, AppState):
    """What the tenant says about itself."""

    ready: bool = False
    name: str = ""
    time_zone: str = ""
    business_language: str = ""
    may_write: bool = False

    @rx.event
    async def load(self) -> None:
        """Read the business."""
        async with self.unit_of_work() as uow:
            found = await accounts.get_business(uow)
            self.may_write = uow.principal.may(Verb.SETTINGS_WRITE)
        self.name, self.time_zone, self.business_language = found.name, found.time_zone, found.language
        self.ready = True

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep name, zone and customers' language."""
        with self.showing_errors():
            async with self.unit_of_work() as uow:
                await accounts.change_business(
                    uow, name=_text(form, "business_name"), time_zone=_text(form, "time_zone"),
                    language=_text(form, "business_language"),
                )  # fmt: skip
        if self.errors:
            return None
        forget(self.router.headers.cookie)
        return [BusinessState.load, AppState.on_load, toast("common.saved")]


class TeamState(AppState):
    """The people of the tenant and their roles."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    grantable: list[list[str]] = []
    may_write: bool = False
    leaving_id: str = ""
    leaving_name: str = ""

    @rx.event
    async def load(self) -> None:
        """Read members and roles."""
        async with self.unit_of_work() as uow:
            members, found = await roles.list_members(uow), await roles.list_roles(uow)
            self.may_write = uow.principal.may(Verb.TEAM_WRITE)
        grantable = {role.id for role in found if role.may_grant}
        self.grantable = [[str(role.id), role.key] for role in found if role.may_grant]
        self.rows = [_member_row(one, one.role_id in grantable and not one.is_self) for one in members]
        self.ready = True

    @rx.event
    async def change_role(self, user_id: str, role_id: str) -> Any:
        """Give a member another role."""
        async with self.unit_of_work() as uow:
            await roles.change_role(uow, _id(user_id), _id(role_id))
        return [TeamState.load, toast("common.saved")]

    @rx.event
    async def ask_remove(self, user_id: str, name: str) -> None:
        """Open the question before a person leaves."""
        await self.principal()
        self.leaving_id, self.leaving_name = user_id, name

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave the question without an answer."""
        await self.principal()
        self.leaving_id = ""

    @rx.event
    async def remove(self) -> Any:
        """Take the person out of the business."""
        leaving, self.leaving_id = self.leaving_id, ""
        async with self.unit_of_work() as uow:
            await roles.remove_member(uow, _id(leaving))
        return [TeamState.load, toast("settings.member_removed", name=self.leaving_name)]


def _member_row(view: MemberView, may_change: bool) -> dict[str, Any]:
    return {
        "id": str(view.user_id), "name": view.name, "email": view.email, "role_id": str(view.role_id),
        "role": view.role_key, "is_self": view.is_self, "may_change": may_change,
    }  # fmt: skip


class ApiKeysState(FormErrors, AppState):
    """Keys for programs."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    may_write: bool = False
    scopes: list[str] = []
    """What the person may hand out."""
    picked: list[str] = []
    making: bool = False
    made: str = ""
    """The new key, until its dialog closes: it can be read this once."""
    revoking_id: str = ""
    revoking_name: str = ""

    @rx.event
    async def load(self) -> None:
        """Read the keys."""
        async with self.unit_of_work() as uow:
            self.rows = [_key_row(one) for one in await api_keys.list_keys(uow)]
            self.may_write = uow.principal.may(Verb.SETTINGS_WRITE)
            self.scopes = sorted(uow.principal.verbs)
        self.ready = True

    @rx.event
    async def ask_new(self, open_: bool) -> None:
        """Open or close the dialog that makes a key; closing forgets the key."""
        principal = await self.principal()
        self.making, self.made, self.errors = open_, "", {}
        self.picked = sorted(verb for verb in principal.verbs if verb.endswith(".read")) if open_ else []

    @rx.event
    async def toggle_scope(self, scope: str) -> None:
        """Pick a permission, or drop it."""
        await self.principal()
        self.picked = [one for one in self.picked if one != scope] if scope in self.picked else [*self.picked, scope]

    @rx.event
    async def create(self, form: dict[str, Any]) -> Any:
        """Make the key and show it."""
        days = EXPIRIES.get(_text(form, "expiry"))
        expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
        with self.showing_errors():
            async with self.unit_of_work() as uow:
                _, self.made = await api_keys.create(uow, _text(form, "key_name"), self.picked, expires_at)
        self.errors = {"key_name" if field == "name" else field: one for field, one in self.errors.items()}
        return ApiKeysState.load if self.made else None

    @rx.event
    async def ask_revoke(self, key_id: str, name: str) -> None:
        """Open the question before a key ends."""
        await self.principal()
        self.revoking_id, self.revoking_name = key_id, name

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave the question without an answer."""
        await self.principal()
        self.revoking_id = ""

    @rx.event
    async def revoke(self) -> Any:
        """End the key."""
        ending, self.revoking_id = self.revoking_id, ""
        async with self.unit_of_work() as uow:
            await api_keys.revoke(uow, _id(ending))
        return [ApiKeysState.load, toast("settings.key_revoked", name=self.revoking_name)]


def _key_row(view: ApiKeyView) -> dict[str, Any]:
    return {
        "id": str(view.id), "name": view.name, "masked": view.masked, "scopes": list(view.scopes),
        "created_at": _iso(view.created_at), "expires_at": _iso(view.expires_at),
        "used_at": _iso(view.last_used_at), "is_expired": view.is_expired,
    }  # fmt: skip
