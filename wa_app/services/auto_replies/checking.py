"""Whether a rule makes sense, field by field."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit import keywords
from wa_app.kit.chat_words import plain, words
from wa_app.kit.folding import fold
from wa_app.kit.patterns import PatternRefused
from wa_app.models.auto_replies import AutoReply, MatchType
from wa_app.models.devices import Device
from wa_app.schemas.auto_replies import (
    MAX_ALL_KEYWORDS,
    MAX_ALL_PATTERNS,
    MAX_KEYWORD,
    MAX_KEYWORDS,
    MAX_NAME,
    MAX_WINDOWS,
)
from wa_app.sending.rendering import parse
from wa_app.sending.spintax import MAX_LENGTH
from wa_app.services.campaigns import checks

MAX_WORDS: Final = 20
# PostgreSQL text holds no NUL and UTF-8 no lone surrogate; both come in by pasted text.
_KEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")

_ALL = text("""
    SELECT coalesce(sum(jsonb_array_length(keywords)), 0) AS keywords,
      coalesce(sum(jsonb_array_length(keywords)) FILTER (WHERE match_type = 'REGEX'), 0) AS patterns
    FROM auto_replies WHERE tenant_id = :t AND deleted_at IS NULL AND id <> :id
""")


def tidied(listed: Sequence[str], match_type: MatchType) -> list[str]:
    """Keywords without blanks around them, each once; what folds the same is the same, except for patterns."""
    found: dict[str, str] = {}
    for one in listed:
        clean = _KEEPABLE.sub("", one).strip()
        if clean:
            found.setdefault(clean if match_type == MatchType.REGEX else plain(clean) or clean, clean)
    return list(found.values())


async def validate(uow: TenantUnitOfWork, row: AutoReply, device_ids: Sequence[UUID] | None, *, silent: bool) -> None:
    """Put a rule in order, or raise Invalid with all that is wrong. `device_ids` None means that they stay."""
    found = put_in_order(row, silent=silent)
    with uow.session.no_autoflush:
        if (refused := await checks.media_problem(uow, row.file_id)) is not None:
            found.append(refused)
        if device_ids and not await are_ours(uow, device_ids):
            found.append(FieldError("device_ids", "device_not_found"))
        if not found:
            others = (await uow.session.execute(_ALL, {"t": uow.tenant_id, "id": row.id})).one()
            found += too_many(row, others.keywords, others.patterns)
    if found:
        raise Invalid(*found, code="auto_reply_invalid")


def put_in_order(row: AutoReply, *, silent: bool) -> list[FieldError]:
    """Tidy a rule, and say what is wrong with it by itself: no other row is asked."""
    row.response_text = _KEEPABLE.sub("", row.response_text)
    row.keywords = tidied(row.keywords, row.match_type)
    row.name = _KEEPABLE.sub("", row.name).strip() or (row.keywords[0][:MAX_NAME] if row.keywords else "")
    if silent:
        row.response_text, row.file_id = "", None
    found = [*_keyword_problems(row), *_text_problems(row, silent=silent), *_time_problems(row)]
    if len(row.name) > MAX_NAME:
        found.append(FieldError("name", "value_too_long", {"limit": MAX_NAME}))
    row.search_text = fold(" ".join((row.name, *row.keywords, row.response_text)))
    return found


def too_many(row: AutoReply, keywords_of_others: int, patterns_of_others: int) -> list[FieldError]:
    """Whether the tenant's rules together would ask too much of every message."""
    if keywords_of_others + len(row.keywords) > MAX_ALL_KEYWORDS:
        return [FieldError("keywords", "keywords_too_many_in_all", {"limit": MAX_ALL_KEYWORDS})]
    if row.match_type == MatchType.REGEX and patterns_of_others + len(row.keywords) > MAX_ALL_PATTERNS:
        return [FieldError("keywords", "patterns_too_many_in_all", {"limit": MAX_ALL_PATTERNS})]
    return []


def keyword_problem(keyword: str, match_type: MatchType) -> FieldError | None:
    """What is wrong with one keyword or pattern; `args` say which."""
    shown = keyword[:40]
    if match_type == MatchType.REGEX:
        try:
            keywords.keyword(keyword, match_type)
        except PatternRefused as error:
            return FieldError("keywords", error.code, {"keyword": shown, "part": error.part, "limit": error.limit})
        return None
    if len(keyword) > MAX_KEYWORD:
        return FieldError("keywords", "keyword_too_long", {"keyword": shown, "limit": MAX_KEYWORD})
    said = words(keyword)
    if not said:
        return FieldError("keywords", "keyword_without_words", {"keyword": shown})
    return FieldError("keywords", "keyword_too_many_words", {"keyword": shown, "limit": MAX_WORDS}) if len(said) > MAX_WORDS else None


def _keyword_problems(row: AutoReply) -> list[FieldError]:
    if not row.keywords:
        return [FieldError("keywords", "keywords_missing")]
    if len(row.keywords) > MAX_KEYWORDS:
        return [FieldError("keywords", "keywords_too_many", {"limit": MAX_KEYWORDS})]
    found = (keyword_problem(one, row.match_type) for one in row.keywords)
    return [one for one in found if one is not None][:5]


def _text_problems(row: AutoReply, *, silent: bool) -> list[FieldError]:
    if silent:
        return [] if row.stops_here or row.hand_over else [FieldError("stops_here", "rule_does_nothing")]
    if not row.response_text.strip() and row.file_id is None:
        return [FieldError("response_text", "rule_answer_missing")]
    if len(row.response_text) > MAX_LENGTH:
        return [FieldError("response_text", "template_too_long", {"limit": MAX_LENGTH})]
    return [
        FieldError("response_text", problem.code, checks.problem_args(problem))
        for problem in parse(row.response_text).errors[:3]
    ]


def _time_problems(row: AutoReply) -> list[FieldError]:
    found: list[FieldError] = []
    if len(row.windows) > MAX_WINDOWS:
        found.append(FieldError("windows", "windows_too_many", {"limit": MAX_WINDOWS}))
    if row.from_date is not None and row.until_date is not None and row.until_date < row.from_date:
        found.append(FieldError("until_date", "rule_ends_before_start"))
    return found


async def are_ours(uow: TenantUnitOfWork, device_ids: Sequence[UUID]) -> bool:
    """Whether all these devices are there, and this tenant's."""
    wanted = set(device_ids)
    query = select(func.count()).select_from(Device).where(col(Device.id).in_(wanted), col(Device.deleted_at).is_(None))
    return bool((await uow.session.execute(query)).scalar_one() == len(wanted))
