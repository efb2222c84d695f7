"""Rules as rows of the builder, and back.

The builder shows rules and groups of rules, two levels. A row is flat and all its values are
texts, as inputs have them. What a program saved and the page cannot show (a deeper group, an
operator without a word) is kept as it is in a row of kind `raw`, which can only be removed.
"""

from typing import Any, Final
from uuid import UUID

from wa_app.schemas.segments import (
    ActivityRule,
    AnyRule,
    AttributeRule,
    CampaignRule,
    ConsentRule,
    CreatedRule,
    DeviceRule,
    Rules,
    TagRule,
    TextRule,
)

TEXT_OPS: Final = ("is", "is_not", "contains", "not_contains", "starts_with", "is_set", "not_set")
SINCE_OPS: Final = ("within", "not_within", "ever", "never")
STATES: Final = (
    "any", "never", "sent", "delivered", "read", "not_read", "replied", "not_replied", "clicked", "not_clicked", "failed",
    "unknown",
)  # fmt: skip
OPS: Final[dict[str, tuple[str, ...]]] = {
    "tags": ("any", "all", "none"),
    **dict.fromkeys(("name", "city", "source", "time_zone"), TEXT_OPS),
    "attribute": (*TEXT_OPS, "gt", "gte", "lt", "lte", "before", "after"),
    "created": ("within", "older", "before", "after"),
    **dict.fromkeys(("wrote", "replied", "received", "read"), SINCE_OPS),
    "campaign": STATES,
    "consent": ("opted_in", "not_opted_in", "suppressed", "not_suppressed"),
    "device": ("is", "is_not", "is_set", "not_set"),
}
"""Fields in the order of the page's list, each with its operators."""
ACTIVITY: Final = ("wrote", "replied", "received", "read")
PLAIN: Final = ("name", "city", "source", "time_zone")
FIRST: Final = {"created": "within", "campaign": "sent"}
UNFINISHED: Final = frozenset({
    "rule_tags_missing", "rule_value_missing", "rule_days_missing", "rule_day_missing", "rule_attribute_missing",
    "rule_device_missing", "rule_group_empty", "rules_missing",
})  # fmt: skip
"""What somebody who is still typing has not come to yet: said quietly until they save."""
Row = dict[str, Any]
BLANK: Final[Row] = {
    "key": "", "n": "", "field": "city", "op": "is", "value": "", "name": "", "days": "30", "day": "", "tag_ids": [],
    "campaign_ids": [], "device_id": "", "raw": {}, "error": "", "error_args": {}, "quiet": False,
}  # fmt: skip


def blank(key: str, field: str = "city") -> Row:
    """A new row, not filled in."""
    given = field if field in OPS else "city"
    return {**BLANK, "key": key, "field": given, "op": FIRST.get(given, OPS[given][0])}


def raw_of(row: Row) -> dict[str, Any]:
    """The rule a row means, as JSON; not checked."""
    field, op = str(row["field"]), str(row["op"])
    if field == "raw":
        return dict(row["raw"])
    if field == "tags":
        return {"field": field, "op": op, "tag_ids": row["tag_ids"]}
    if field in PLAIN:
        return {"field": field, "op": op, "value": row["value"]}
    if field == "attribute":
        value = row["day"] if op in ("before", "after") else row["value"]
        return {"field": field, "key": row["name"], "op": op, "value": value}
    if field == "created":
        if op in ("before", "after"):
            return {"field": field, "op": op, "day": row["day"] or None}
        return {"field": field, "op": op, "days": _days(row["days"])}
    if field in ACTIVITY:
        days = (_days(row["days"]) or 0) if op in ("within", "not_within") else None
        return {"field": "activity", "what": field, "did": op in ("within", "ever"), "days": days}
    if field == "campaign":
        state = {"state": "any", "did": False} if op == "never" else {"state": op, "did": True}
        # Days and campaigns exclude each other: chips of campaigns win.
        days = None if row["campaign_ids"] else _days(row["days"])
        return {"field": field, **state, "campaign_ids": row["campaign_ids"], "days": days}
    if field == "device":
        return {"field": field, "op": op, "device_id": row["device_id"] or None}
    return {"field": "consent", "op": op}


def _days(text: Any) -> int | None:
    digits = str(text).strip()
    return int(digits) if digits.isdecimal() and len(digits) < 7 else None


def row_of(rule: AnyRule, key: str) -> Row:
    """The row that shows a rule."""
    row = {**BLANK, "key": key, "field": rule.field}
    if isinstance(rule, TagRule):
        return row | {"op": rule.op, "tag_ids": _texts(rule.tag_ids)}
    if isinstance(rule, TextRule):
        return row | {"op": rule.op, "value": rule.value}
    if isinstance(rule, AttributeRule):
        where = "day" if rule.op in ("before", "after") else "value"
        return row | {"op": rule.op, "name": rule.key, where: rule.value}
    if isinstance(rule, CreatedRule):
        return row | {"op": rule.op, "days": str(rule.days or 30), "day": rule.day.isoformat() if rule.day else ""}
    if isinstance(rule, ActivityRule):
        op = {(True, True): "within", (False, True): "not_within", (True, False): "ever", (False, False): "never"}
        return row | {"field": rule.what, "op": op[rule.did, rule.days is not None], "days": str(rule.days or 30)}
    if isinstance(rule, CampaignRule):
        return _campaign_row(rule, row)
    if isinstance(rule, DeviceRule):
        return row | {"op": rule.op, "device_id": str(rule.device_id or "")}
    assert isinstance(rule, ConsentRule)
    return row | {"op": rule.op}


def _campaign_row(rule: CampaignRule, row: Row) -> Row:
    op: str = rule.state if rule.did else "never" if rule.state == "any" else ""
    if not op:
        return _kept(rule.model_dump(mode="json"), str(row["key"]))
    return row | {"op": op, "campaign_ids": _texts(rule.campaign_ids), "days": str(rule.days or "")}


def _kept(rule: dict[str, Any], key: str) -> Row:
    return {**BLANK, "key": key, "field": "raw", "raw": rule}


def _texts(ids: list[UUID]) -> list[str]:
    return [str(one) for one in ids]


def blocks_of(rules: Rules) -> list[dict[str, Any]]:
    """What stands below one another: a rule, or a group with its rules. Keys are places in the tree."""
    found = []
    for n, rule in enumerate(rules.rules):
        if not isinstance(rule, Rules):
            found.append(block(f"b{n}", [row_of(rule, f"b{n}r0")]))
            continue
        rows = [
            _kept(one.model_dump(mode="json"), f"b{n}r{m}") if isinstance(one, Rules) else row_of(one, f"b{n}r{m}")
            for m, one in enumerate(rule.rules)
        ]
        found.append(block(f"b{n}", rows, match=rule.match))
    return found


def block(key: str, rows: list[Row], match: str = "") -> dict[str, Any]:
    """A rule of its own (`match` empty), or a group."""
    return {"key": key, "match": match, "rows": rows, "n": "", "error": "", "error_args": {}, "quiet": False}


def tree_of(match: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """The rules of the page, as JSON."""
    rules: list[dict[str, Any]] = []
    for one in blocks:
        inside = [raw_of(row) for row in one["rows"]]
        rules += [{"match": one["match"], "rules": inside}] if one["match"] else inside[:1]
    return {"match": match, "rules": rules}
