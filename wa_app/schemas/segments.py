"""Saved audiences: rules over contacts, joined by all or any, in groups.

A rule that makes no sense is named by its number (`2`, or `3.1` inside the third rule's
group) with the way to mend it: `problems` is asked by every verb that takes rules, so the
page, the API and a campaign's target refuse the same things in the same words.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from wa_app.errors import FieldError

MAX_RULES: Final = 40
MAX_DEPTH: Final = 3
"""Groups inside groups, the outermost one included."""
MAX_DAYS: Final = 3650
MAX_NAME: Final = 80
MAX_VALUE: Final = 200
MAX_LISTED: Final = 50

TextOp = Literal["is", "is_not", "contains", "not_contains", "starts_with", "is_set", "not_set"]
NO_VALUE: Final = ("is_set", "not_set")


def _clean(value: str) -> str:
    return value.replace("\x00", "").strip()


Words = Annotated[str, Field(max_length=MAX_VALUE), AfterValidator(_clean)]


class Strict(BaseModel):
    """Refuses fields it does not know, so that a typing mistake is not silence."""

    model_config = ConfigDict(extra="forbid")


class TagRule(Strict):
    """Carries any, all or none of these tags."""

    field: Literal["tags"] = "tags"
    op: Literal["any", "all", "none"] = "any"
    tag_ids: list[UUID] = Field(default_factory=list, max_length=MAX_LISTED)


class TextRule(Strict):
    """A field of the contact itself. Case makes no difference; an empty field is not set."""

    field: Literal["name", "city", "source", "time_zone"]
    op: TextOp = "is"
    value: Words = ""


class AttributeRule(Strict):
    """An attribute of the tenant's own. Numbers and days are compared as such where they can be read."""

    field: Literal["attribute"] = "attribute"
    key: Annotated[str, Field(max_length=60), AfterValidator(_clean)] = ""
    op: Literal[
        "is", "is_not", "contains", "not_contains", "starts_with", "is_set", "not_set",
        "gt", "gte", "lt", "lte", "before", "after",
    ] = "is"  # fmt: skip
    value: Words = ""


class CreatedRule(Strict):
    """When the contact came in: in the last days, before that, or before and after a day in the tenant's zone."""

    field: Literal["created"] = "created"
    op: Literal["within", "older", "before", "after"] = "within"
    days: int | None = None
    day: date | None = None


class ActivityRule(Strict):
    """What happened between us and the contact, in the last days or ever.

    `received` is a message of ours that WhatsApp took, `replied` a message of theirs within
    three days after one of ours.
    """

    field: Literal["activity"] = "activity"
    what: Literal["wrote", "received", "read", "replied"] = "wrote"
    did: bool = True
    days: int | None = None
    """None is ever."""


CampaignState = Literal[
    "any", "sent", "delivered", "read", "replied", "clicked", "failed", "unknown", "not_read", "not_replied",
    "not_clicked",
]  # fmt: skip


class CampaignRule(Strict):
    """What a campaign was to the contact: one of these, or any of those begun in the last days, or any at all.

    `not_…` means: sent at least one of them, and did that with none of them.
    """

    field: Literal["campaign"] = "campaign"
    state: CampaignState = "any"
    did: bool = True
    campaign_ids: list[UUID] = Field(default_factory=list, max_length=MAX_LISTED)
    days: int | None = None


class ConsentRule(Strict):
    """The contact's last word about being written to, or whether one of its numbers is blocked."""

    field: Literal["consent"] = "consent"
    op: Literal["opted_in", "not_opted_in", "suppressed", "not_suppressed"] = "opted_in"


class DeviceRule(Strict):
    """The number that speaks with the contact."""

    field: Literal["device"] = "device"
    op: Literal["is", "is_not", "is_set", "not_set"] = "is"
    device_id: UUID | None = None


Rule = Annotated[
    TagRule | TextRule | AttributeRule | CreatedRule | ActivityRule | CampaignRule | ConsentRule | DeviceRule,
    Field(discriminator="field"),
]


def _kind(value: Any) -> str:
    given = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "group" if "rules" in given else "rule"


class Rules(Strict):
    """A group: all of its rules hold, or any of them."""

    match: Literal["all", "any"] = "all"
    rules: list[
        Annotated[Annotated[Rule, Tag("rule")] | Annotated["Rules", Tag("group")], Discriminator(_kind)]
    ] = Field(default_factory=list, max_length=MAX_RULES)


Rules.model_rebuild()
AnyRule = TagRule | TextRule | AttributeRule | CreatedRule | ActivityRule | CampaignRule | ConsentRule | DeviceRule


def leaves(rules: Rules, place: str = "", number: str = "", depth: int = 1) -> Iterator[tuple[str, str, int, AnyRule | None]]:
    """Every rule with its place (`rules.0`), its number (`1`, `3.2`) and its depth; None for an empty group."""
    if not rules.rules:
        yield place, number, depth, None
    for n, rule in enumerate(rules.rules):
        where = f"{place}.rules.{n}" if place else f"rules.{n}"
        name = f"{number}.{n + 1}" if number else str(n + 1)
        if isinstance(rule, Rules):
            yield from leaves(rule, where, name, depth + 1)
        else:
            yield where, name, depth, rule


def problems(rules: Rules) -> list[FieldError]:
    """What keeps these rules from being used, each named by the number of its rule."""
    found = list(leaves(rules))
    if len(found) > MAX_RULES:
        return [FieldError("rules", "rules_too_many", {"limit": MAX_RULES})]
    out: list[FieldError] = []
    for place, number, depth, rule in found:
        if depth > MAX_DEPTH:
            out.append(FieldError(place, "rules_too_deep", {"rule": number, "limit": MAX_DEPTH}))
        elif rule is None:
            code = "rule_group_empty" if number else "rules_missing"
            out.append(FieldError(place or "rules", code, {"rule": number}))
        elif (wrong := _problem(rule)) is not None:
            field, code, args = wrong
            out.append(FieldError(f"{place}.{field}", code, {"rule": number, **args}))
    return out


Wrong = tuple[str, str, dict[str, str | int]]


def _problem(rule: AnyRule) -> Wrong | None:
    if isinstance(rule, TagRule):
        return None if rule.tag_ids else ("tag_ids", "rule_tags_missing", {})
    if isinstance(rule, TextRule):
        return _missing(rule.op, rule.value)
    if isinstance(rule, AttributeRule):
        return _attribute_problem(rule)
    if isinstance(rule, CreatedRule):
        if rule.op in ("before", "after"):
            return None if rule.day else ("day", "rule_day_missing", {})
        return ("days", "rule_days_missing", {}) if rule.days is None else _days_problem(rule.days)
    if isinstance(rule, ActivityRule):
        return _days_problem(rule.days)
    if isinstance(rule, CampaignRule):
        if rule.days is not None and rule.campaign_ids:
            return ("days", "rule_campaigns_or_days", {})
        return _days_problem(rule.days)
    if isinstance(rule, DeviceRule) and rule.op not in NO_VALUE and rule.device_id is None:
        return ("device_id", "rule_device_missing", {})
    return None


def _missing(op: str, value: str) -> Wrong | None:
    return ("value", "rule_value_missing", {}) if op not in NO_VALUE and not value else None


def _days_problem(days: int | None) -> Wrong | None:
    if days is None or 1 <= days <= MAX_DAYS:
        return None
    return ("days", "rule_days_out_of_range", {"limit": MAX_DAYS})


def _attribute_problem(rule: AttributeRule) -> Wrong | None:
    if not rule.key:
        return ("key", "rule_attribute_missing", {})
    if (missing := _missing(rule.op, rule.value)) is not None:
        return missing
    if rule.op in ("gt", "gte", "lt", "lte") and number_of(rule.value) is None:
        return ("value", "rule_number_wrong", {"value": rule.value[:40]})
    if rule.op in ("before", "after") and day_of(rule.value) is None:
        return ("value", "rule_day_wrong", {"value": rule.value[:40]})
    return None


def number_of(text: str) -> float | None:
    """The number a rule's value means; a comma is a point."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None


def day_of(text: str) -> date | None:
    """The day a rule's value means, ISO."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class SegmentCreate(Strict):
    name: Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_clean)]
    description: Annotated[str, Field(max_length=400), AfterValidator(_clean)] = ""
    rules: Rules


class SegmentUpdate(Strict):
    """What is not set stays."""

    name: Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_clean)] | None = None
    description: Annotated[str, Field(max_length=400), AfterValidator(_clean)] | None = None
    rules: Rules | None = None


class SegmentView(BaseModel):
    id: UUID
    name: str
    description: str
    rules: Rules
    count: int | None
    """Contacts in it when it was counted last; None while it never was."""
    counted_at: datetime | None
    created_at: datetime
    updated_at: datetime | None
    campaigns: int = 0
    """Drafts, scheduled and running campaigns that use it."""


class PreviewRequest(Strict):
    rules: Rules
    sample: Annotated[int, Field(ge=0, le=50)] = 10


class SampleContact(BaseModel):
    id: UUID
    name: str
    phone: str | None
    city: str


class SegmentPreview(BaseModel):
    """How many contacts the rules mean now, and some of them, newest first."""

    count: int
    sample: list[SampleContact]
