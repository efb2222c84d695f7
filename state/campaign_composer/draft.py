"""The draft the composer works on: it saves itself, shows what one person would read and what is wrong.

Each step of the composer is a mixin over `ComposerDraft`, in a module of its own; `__init__` puts them together.
"""

from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaign_composer import advice
from state.campaigns import id_of
from wa_app.components.feedback import error_toast
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.schemas.broadcasts import VariantInput, letter
from wa_app.schemas.campaigns import (
    AudienceCount,
    CampaignCreate,
    CampaignUpdate,
    CampaignView,
    Check,
    Preflight,
    Target,
)
from wa_app.sending.footers import with_footer
from wa_app.sending.links import find_urls, short_url
from wa_app.services import campaigns, files

Shown = EventSpec | list[EventSpec] | None
"""What a handler that saves may give back: nothing, a word to the person, a way to another page."""
STEPS = ("people", "message", "timing", "check")
FIELD_STEP = {"target": "people", "message_template": "message", "file_id": "message", "name": "message",
              "variants": "message"}  # fmt: skip


def example_link() -> str:
    """What a short link looks like; its signs are made up."""
    return short_url(get_settings().base_url, "k7Qm2", "aX9pLw3f")


class ComposerDraft(AppState, mixin=True):
    """What every step needs: the vars of the page, storing a change, counting, samples, checks."""

    ready: bool = False
    missing: bool = False
    step: str = "people"
    draft_id: str = ""
    name: str = ""
    name_error: str = ""
    status: str = "DRAFT"
    message: str = ""
    saved_at: str = ""
    footer: bool = True
    """Whether the tenant's opt-out line stands under the message; on for new drafts."""
    footer_line: str = ""
    everyone: bool = False
    tag_options: list[dict[str, str]] = []
    wanted: list[str] = []
    unwanted: list[str] = []
    scope: str = "all"
    """`all`, `tags`, `segment`, or `filter` for what a report or a program chose."""
    segment_id: str = ""
    segment_options: list[dict[str, str]] = []
    other_segments: list[dict[str, str]] = []
    """Those that may be left out: all but the chosen one."""
    without: list[str] = []
    """Segments that are left out, by id."""
    frozen: bool = False
    people: int = 0
    suppressed: int = 0
    unreachable: int = 0
    sendable: int = 0
    device_rows: list[dict[str, Any]] = []
    chosen: list[str] = []
    connected: int = 0
    delay_min: str = ""
    delay_max: str = ""
    delay_error: str = ""
    when: str = "now"
    when_local: str = ""
    when_error: str = ""
    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    file_kind: str = ""
    file_url: str = ""
    file_error: str = ""
    file_error_args: dict[str, str] = {}
    variables: list[str] = []
    variants: int = 1
    ab: list[dict[str, Any]] = []
    """Variants as tabs: letter, share, whether anything is written. Empty: one text."""
    ab_at: int = 0
    """The variant that the editor and the preview show."""
    ab_error: str = ""
    ab_error_args: dict[str, str] = {}
    track: bool = False
    repeat_error: str = ""
    letters: int = 0
    sample_at: int = 0
    sample_names: list[str] = []
    sample_options: list[list[str]] = []
    preview: str = ""
    preview_name: str = ""
    checks: list[dict[str, Any]] = []
    errors: int = 0
    warnings: int = 0
    seconds: int = 0
    step_state: dict[str, str] = {}
    has_advice: bool = False
    risk_score: int = 0
    risk_level: str = "low"
    risk_reasons: list[dict[str, Any]] = []
    early: str = ""
    late: str = ""
    limits: list[str] = []
    device_shares: list[dict[str, Any]] = []
    people_per_text: int = 0
    links: list[dict[str, str]] = []
    lookup: dict[str, Any] = {}
    numbers_known: int = 0
    strangers: int = 0
    trying: bool = False
    trial_phone: str = ""
    trial_error: str = ""
    busy: bool = False
    asked: bool = False
    _samples: list[dict[str, Any]] = []
    _zone: str = "Asia/Jakarta"
    _special: dict[str, Any] = {}
    """What a report or a program chose: rules of its own, or a segment and tags together."""
    _texts: list[dict[str, Any]] = []
    """Message, file and share of each variant."""
    _asked: dict[str, Any] = {}
    """What the address of a new broadcast brought; stored with the first change."""

    def _target(self) -> Target:
        off = {"exclude_tags": self.unwanted, "exclude_segment_ids": [id_of(one) for one in self.without], "frozen": self.frozen}
        if self.scope == "filter" and self._special:
            return Target.model_validate({**self._special, **off})
        segment = id_of(self.segment_id) if self.scope == "segment" and self.segment_id else None
        return Target(all=self.everyone, tags=self.wanted if self.scope == "tags" else [], segment_id=segment, **off)

    def _show_others(self) -> None:
        chosen = self.segment_id if self.scope == "segment" else ""
        self.other_segments = [one for one in self.segment_options if one["id"] != chosen]
        self.without = [one for one in self.without if one != chosen]

    def _show_target(self, target: Target) -> None:
        """What the step "recipients" shows of a target; what it cannot show is kept as it came."""
        self.everyone, self.wanted, self.unwanted = target.all, target.tags, target.exclude_tags
        self.segment_id, self.frozen = str(target.segment_id or ""), target.frozen
        self.without = [str(one) for one in target.exclude_segment_ids]
        self.scope = "segment" if target.segment_id else "all" if target.all else "tags"
        if target.filter or (target.segment_id and (target.tags or target.all)):
            self._special = target.model_dump(mode="json", include={"all", "tags", "segment_id", "filter"})
            self.scope, self.everyone = "filter", False

    async def _save(self, **changes: Any) -> Shown:
        """Store what changed; the first change makes the draft and gives the page its address."""
        self.name_error = self.delay_error = self.when_error = self.file_error = self.ab_error = self.repeat_error = ""
        is_new = not self.draft_id
        try:
            async with self.unit_of_work() as uow:
                view = await self._store(uow, is_new, changes)
                self.draft_id, self.status = str(view.id), view.status.value
                self.saved_at = (view.updated_at or view.created_at).isoformat()
                await self._look(uow)
        except Invalid as error:
            return self._refuse(error)
        except Conflict as error:
            # It was started, or it ended, in another tab: nothing typed here would be sent any more.
            self.draft_id, gone = "", routes.campaign(self.draft_id)
            return [error_toast(error.code, **error.args_), rx.redirect(gone)]
        except NotFound:
            self.missing = True
            return None
        if not is_new:
            return None
        place = routes.campaign_edit(self.draft_id)
        return rx.call_script(f"window.history.replaceState(window.history.state, '', '{place}')")

    async def _store(self, uow: TenantUnitOfWork, is_new: bool, changes: dict[str, Any]) -> CampaignView:
        if is_new:
            return await campaigns.create(
                uow,
                CampaignCreate(
                    **{"name": self.name, "target": self._target(), "footer": self.footer, **self._asked, **changes}
                ),
            )
        return await campaigns.update(uow, id_of(self.draft_id), CampaignUpdate(**changes))

    def _text_changes(self, **changes: Any) -> dict[str, Any]:
        """A changed text or file as it is stored: the campaign's own, or that of the variant on show."""
        if not self._texts:
            return changes
        self._texts[self.ab_at] = {**self._texts[self.ab_at], **changes}
        return self._variant_changes()

    def _variant_changes(self) -> dict[str, Any]:
        """All variants as they are stored; the tabs follow."""
        self.ab = [
            {
                "letter": letter(at),
                "share": one["share"],
                "filled": bool(one["message_template"].strip() or one["file_id"]),
            }
            for at, one in enumerate(self._texts)
        ]
        return {"variants": [VariantInput(**one) for one in self._texts]}

    def _refuse(self, error: Invalid) -> EventSpec | None:
        """Each error at its field; the first one that has no field on the page is told in a toast."""
        homeless: list[FieldError] = []
        for one in error.fields:
            if one.field == "name":
                self.name_error = one.code
            elif one.field.startswith("delay"):
                self.delay_error = one.code
            elif one.field == "scheduled_at":
                self.when_error = one.code
            elif one.field == "variants":
                self.ab_error, self.ab_error_args = one.code, {key: str(value) for key, value in one.args.items()}
            elif one.field == "repeat":
                self.repeat_error = one.code
            elif one.field.endswith("file_id"):
                self.file_error = one.code
                self.file_error_args = {key: str(value) for key, value in one.args.items()}
            else:
                homeless.append(one)
        return error_toast(homeless[0].code, **homeless[0].args) if homeless else None

    async def _show_file(self, uow: TenantUnitOfWork, file_id: UUID | None) -> None:
        if file_id is None:
            self.file_id = self.file_name = self.file_url = self.file_kind = ""
            return
        try:
            shown = await files.show(uow, file_id)
        except NotFound:
            return
        self.file_id, self.file_name, self.file_size = str(shown.id), shown.name, shown.size
        self.file_url, self.file_kind = shown.url, shown.kind

    async def _look(self, uow: TenantUnitOfWork) -> None:
        """Count the audience, draw samples, run the checks."""
        target = self._target()
        if not self._samples or self.draft_id:
            found = await campaigns.sample(uow, target)
            self._samples = [{"name": one.name or one.phone, "id": str(one.id), "city": one.city, "values": one.values,
                              "tags": one.tags}
                             for one in found]  # fmt: skip
            self.sample_names = [" · ".join(filter(None, (one["name"], one["city"]))) for one in self._samples]
            self.sample_options = [[str(at), name] for at, name in enumerate(self.sample_names)]
        self._show_sample(min(self.sample_at, max(len(self._samples) - 1, 0)))
        if not self.draft_id:
            self._show_people(await campaigns.count(uow, target))
        else:
            self._show_checks(await campaigns.preflight(uow, await campaigns.find(uow, id_of(self.draft_id))))

    def _show_sample(self, at: int) -> None:
        if not self._samples:
            self.preview = self._as_written(campaigns.render(self.message, {}, "sample").text)
            self.preview_name = ""
            return
        self.sample_at = at % len(self._samples)
        person = self._samples[self.sample_at]
        shown = campaigns.render(self.message, person["values"], person["id"], person["tags"])
        self.preview = self._as_written(shown.text)
        self.variants, self.preview_name = shown.variants, person["name"]

    def _as_written(self, text: str) -> str:
        """As the lane writes it: with the opt-out line, and short links while they are tracked."""
        linked = self._with_links(text)
        return with_footer(linked, self.footer_line) if self.footer and (text.strip() or self.file_id) else linked

    def _with_links(self, text: str) -> str:
        """What people see of addresses while links are tracked."""
        if not self.track:
            return text
        out, at = "", 0
        for start, end in find_urls(text):
            out, at = out + text[at:start] + example_link(), end
        return out + text[at:]

    def _show_people(self, audience: AudienceCount) -> None:
        self.people, self.suppressed = audience.total, audience.suppressed
        self.unreachable, self.sendable = audience.no_identity, audience.sendable

    def _show_checks(self, result: Preflight) -> None:
        self._show_people(result.audience)
        for name, value in advice.rows(result).items():
            setattr(self, name, value)
        self.connected, self.variants, self.seconds = result.devices_connected, result.variants, result.seconds or 0
        self.checks = [_check_row(check) for check in result.checks if check.level != "ok"]
        self.errors = len(result.errors)
        self.warnings = sum(check.level == "warning" for check in result.checks)
        levels = dict.fromkeys(STEPS, "ok")
        for check in result.checks:
            step = FIELD_STEP.get(check.field, "timing")
            if check.level == "error" or (check.level == "warning" and levels[step] == "ok"):
                levels[step] = check.level
        levels["check"] = "error" if self.errors else "warning" if self.warnings else "ok"
        self.step_state = levels


def _check_row(check: Check) -> dict[str, Any]:
    return {"level": check.level, "code": check.code, "args": {key: str(value) for key, value in check.args.items()},
            "step": FIELD_STEP.get(check.field, "timing")}  # fmt: skip


def digits(value: object) -> str:
    """What a number field of the browser sends, as text or as a number; "" for anything else."""
    text = str(value).removesuffix(".0")
    return text if text.isdecimal() and len(text) < 10 else ""


def flipped(chosen: list[str], one: str) -> list[str]:
    """`chosen` with `one` taken out or put in."""
    return [kept for kept in chosen if kept != one] if one in chosen else [*chosen, one]


def whole(text: str) -> int:
    """A whole number a browser sent; 0 for what is none, or too long to be meant."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0
