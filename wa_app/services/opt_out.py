"""How the people of a tenant stop and start: words, confirmations, the line under broadcasts.

Kept in `tenants.settings` (`opt_out_words, opt_in_words, footer, opt_out_confirms, opt_out_reply,
opt_in_reply`); a key that is absent means the default of the language the tenant writes in.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.opt_words import OPT_IN, OPT_OUT, Meaning, WordList, fold_message, word_list
from wa_app.models.outbound import Campaign
from wa_app.schemas.opt_out import MAX_ANSWER, MAX_LISTED, MAX_WORD, OptOutChange, OptOutSettings
from wa_app.sending.footers import MAX_LENGTH, footer_of
from wa_app.services import audit

REPLIES: Final[Mapping[Meaning, Mapping[str, str]]] = {
    Meaning.STOP: {
        "id": "Baik, Anda tidak akan menerima promosi dari kami lagi. Balas MULAI bila ingin menerimanya kembali.",
        "en": "Done, you will not receive promotions from us any more. Reply START to receive them again.",
    },
    Meaning.START: {
        "id": "Anda akan menerima info dari kami lagi. Balas STOP kapan saja untuk berhenti.",
        "en": "You will receive our messages again. Reply STOP at any time to stop.",
    },
}
_READ = text("SELECT settings, language FROM tenants WHERE id = :t")
_WRITE = text(
    "UPDATE tenants SET settings = (settings - CAST(:gone AS text[])) || CAST(:change AS jsonb) WHERE id = :t"
)


async def get(uow: TenantUnitOfWork) -> OptOutSettings:
    """What is in force."""
    uow.require("settings.read")
    return await in_force(uow)


async def in_force(uow: TenantUnitOfWork) -> OptOutSettings:
    """The same for our own engines and pages that only show it."""
    row = (await uow.session.execute(_READ, {"t": uow.tenant_id})).one_or_none()
    if row is None:
        raise NotFound
    return read(row.settings, row.language)


def read(settings: Mapping[str, Any], language: str) -> OptOutSettings:
    """A tenant's settings with the defaults filled in."""
    spoken = language if language in REPLIES[Meaning.STOP] else "en"
    return OptOutSettings(
        opt_out_words=list(settings.get("opt_out_words") or OPT_OUT),
        opt_in_words=list(settings.get("opt_in_words") or OPT_IN),
        footer=footer_of(settings.get("footer"), language),
        confirms=settings.get("opt_out_confirms") is not False,
        opt_out_reply=str(settings.get("opt_out_reply") or REPLIES[Meaning.STOP][spoken]),
        opt_in_reply=str(settings.get("opt_in_reply") or REPLIES[Meaning.START][spoken]),
    )


async def words(uow: TenantUnitOfWork) -> tuple[WordList, OptOutSettings]:
    """The tenant's words ready to compare, and what else is in force."""
    found = await in_force(uow)
    return word_list(found.opt_out_words, found.opt_in_words), found


async def change(uow: TenantUnitOfWork, data: OptOutChange) -> OptOutSettings:
    """Change what is given. Raises Invalid by field: a word that folds to nothing, in both lists, too long."""
    uow.require("settings.write")
    before = await in_force(uow)
    given = data.model_dump(exclude_unset=True, exclude_none=True)
    problems = _problems(given, before)
    if problems:
        raise Invalid(*problems, code="opt_out_invalid")
    gone, kept = _stored(given)
    await uow.session.execute(_WRITE, {"t": uow.tenant_id, "gone": gone, "change": orjson.dumps(kept).decode()})
    audit.record(uow, "opt_out.change", "tenant", uow.tenant_id, fields=sorted(given))
    return await in_force(uow)


async def footer_missing(uow: TenantUnitOfWork, campaign: Campaign, texts: Sequence[str] = ()) -> bool:
    """Whether some people are not told how to stop: no line under the message, and no word that stops in its own text.

    `texts` are the ways the campaign is written, where there is more than its own. One without words says nothing
    that a word could be missing from.
    """
    if campaign.footer:
        return False
    listed = [f" {word} " for word in map(fold_message, (await in_force(uow)).opt_out_words) if word]
    shown = [f" {fold_message(one)} " for one in texts or [campaign.message_template] if one.strip()]
    return not all(any(word in one for word in listed) for one in shown)


def _problems(given: Mapping[str, Any], before: OptOutSettings) -> list[FieldError]:
    found: list[FieldError] = []
    for field in ("opt_out_words", "opt_in_words"):
        found += _word_problems(field, given.get(field) or [])
    stops = {fold_message(one) for one in given.get("opt_out_words", before.opt_out_words) or OPT_OUT}
    starts = given.get("opt_in_words", before.opt_in_words) or OPT_IN
    if both := next((one for one in starts if fold_message(one) in stops), None):
        found.append(FieldError("opt_in_words", "opt_word_in_both", {"word": both[:MAX_WORD]}))
    for field, most in (("footer", MAX_LENGTH), ("opt_out_reply", MAX_ANSWER), ("opt_in_reply", MAX_ANSWER)):
        if len(str(given.get(field, "")).strip()) > most:
            found.append(FieldError(field, "value_too_long", {"limit": most}))
    return found


def _word_problems(field: str, listed: Sequence[str]) -> list[FieldError]:
    clean = [one.strip() for one in listed if one.strip()]
    if len(clean) > MAX_LISTED:
        return [FieldError(field, "opt_words_too_many", {"limit": MAX_LISTED})]
    for one in clean:
        folded = fold_message(one)
        if len(folded) < 2:
            return [FieldError(field, "opt_word_too_short", {"word": one[:MAX_WORD]})]
        if len(one) > MAX_WORD:
            return [FieldError(field, "opt_word_too_long", {"word": one[:MAX_WORD], "limit": MAX_WORD})]
    return []


def _stored(given: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Keys to forget, so that their default comes back, and values to keep."""
    kept: dict[str, Any] = {}
    for field, value in given.items():
        key = "opt_out_confirms" if field == "confirms" else field
        if isinstance(value, list):
            value = list({fold_message(one): one.strip() for one in reversed(value) if one.strip()}.values())[::-1]
        kept[key] = value.replace("\x00", "").strip() if isinstance(value, str) else value
    gone = [key for key, value in kept.items() if value in ("", [])]
    return gone, {key: value for key, value in kept.items() if key not in gone}
