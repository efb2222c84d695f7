"""Rules of a segment as SQL over `contacts c`.

Two kinds of rule: over columns of the contact itself, and over a set of contact ids (tags,
ledger, consents). At the top, where every part must hold, a set becomes a semi or an anti
join; below an `any` all sets become one, and a hashed lookup where other rules stand beside it, so
that no shape of rules leads to a query per contact. Every part is true or false, never NULL: "is not Malang" includes those
without a city. Values are bound; nothing a person typed becomes SQL.
"""

# ruff: noqa: S608 - queries are put together of parts of our own, values are bound

from typing import Any, Final

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
    day_of,
    number_of,
)

REPLY_WINDOW: Final = "3 days"
"""A message of a contact counts as a reply this long after ours."""
BLOCKED: Final = """
    SELECT DISTINCT i.contact_id AS id
    FROM suppressions s
    JOIN contact_identities i ON i.tenant_id = s.tenant_id AND i.hash = s.hash
    WHERE s.tenant_id = :tenant AND i.tenant_id = :tenant
"""
"""Contacts of whom any alias is suppressed: STOP binds the person, not one number."""
_OPTED_IN: Final = """
    SELECT k.id FROM (
        SELECT DISTINCT ON (n.contact_id) n.contact_id AS id, n.kind FROM consents n WHERE n.tenant_id = :tenant
        ORDER BY n.contact_id, n.created_at DESC, n.id DESC) k
    WHERE k.kind = 'opt_in'
"""
_ROWS: Final = (
    "SELECT o.contact_id AS id FROM outbound_messages o "
    "WHERE o.tenant_id = :tenant AND o.contact_id IS NOT NULL AND {}"
)
_TAGGED: Final = "SELECT t.contact_id AS id FROM contact_tags t WHERE t.tenant_id = :tenant AND t.tag_id = "
_REPLIED: Final = f"""
    SELECT o.contact_id AS id FROM outbound_messages o
    JOIN conversations v ON v.tenant_id = o.tenant_id AND v.contact_id = o.contact_id AND v.last_inbound_at >= o.sent_at
    WHERE o.tenant_id = :tenant AND v.tenant_id = :tenant AND o.sent_at IS NOT NULL AND {{}} AND EXISTS (
        SELECT 1 FROM messages m WHERE m.tenant_id = :tenant AND m.conversation_id = v.id
        AND m.direction = 'INBOUND' AND m.timestamp BETWEEN o.sent_at AND o.sent_at + interval '{REPLY_WINDOW}')
"""
_STATES: Final = {
    "any": "true", "sent": "o.sent_at IS NOT NULL", "delivered": "o.sent_at IS NOT NULL AND o.delivered_at IS NOT NULL",
    "read": "o.sent_at IS NOT NULL AND o.read_at IS NOT NULL", "failed": "o.state = 'failed'",
    "unknown": "o.state = 'unknown'",
}  # fmt: skip
"""By the times, which `ix_outbound_contact_sent` carries: what a set needs is read from the index alone."""
_CLICKED: Final = (
    "SELECT o.contact_id AS id FROM link_clicks o "
    "WHERE o.tenant_id = :tenant AND NOT o.is_bot AND o.contact_id IS NOT NULL AND {}"
)
"""Personal links only: a shared one does not tell who opened it."""
# What cannot be read as a number is none; neither are NaN and the infinities, which are beyond every limit.
_NUMBER: Final = (
    "CASE WHEN pg_input_is_valid(replace({x}, ',', '.'), 'float8') "
    "THEN CAST(replace({x}, ',', '.') AS float8) {op} {n} AND abs(CAST(replace({x}, ',', '.') AS float8)) < 1e18 "
    "ELSE false END"
)
# Days are compared as text in ISO order: no text can make a cast fail. `17/05/1990` is turned round.
_DAY: Final = (
    "CASE WHEN {x} = '' THEN NULL "
    "WHEN {x} LIKE '____-__-__%' AND translate(left({x}, 10), '0123456789', '') = '--' THEN left({x}, 10) "
    "WHEN {x} ~ '^\\d{{1,2}}[/.-]\\d{{1,2}}[/.-]\\d{{4}}$' THEN concat(right({x}, 4), '-', "
    "lpad(split_part(translate({x}, '/.', '--'), '-', 2), 2, '0'), '-', "
    "lpad(split_part(translate({x}, '/.', '--'), '-', 1), 2, '0')) END"
)
_COMPARE: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "before": "<", "after": ">"}


def sql(rules: Rules, values: dict[str, Any], *, without: bool = False) -> str:
    """A condition on `contacts c`; its parameters are added to `values`, which holds `tenant`.

    With `without` it holds for those whom the rules do not mean.
    """
    if without:
        return f"(NOT {_Writer(values).group(rules, top=False)})"
    return _Writer(values).group(rules, top=True)


class _Writer:
    """Collects parameters under names nobody else has."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def bind(self, value: Any, kind: str) -> str:
        name = f"r{len(self.values)}"
        self.values[name] = value
        return f"CAST(:{name} AS {kind})"

    def group(self, rules: Rules, *, top: bool) -> str:
        every = rules.match == "all" or len(rules.rules) == 1
        parts, together = list[str](), list[str]()
        for rule in rules.rules:
            if isinstance(rule, Rules):
                parts.append(self.group(rule, top=top and every))
            elif not every and (found := self.ids(rule)):
                together.append(found)
            else:
                parts.append(self.rule(rule, top=top and every))
        if together:
            # One set instead of several: alone in its group it can be a semi join, which all processes of a query share.
            parts.append(_member(" UNION ALL ".join(f"({one})" for one in together), True, top=False))
        if not parts:
            return "false"
        return f"({(' AND ' if every else ' OR ').join(parts)})"

    def rule(self, rule: AnyRule, *, top: bool) -> str:
        if isinstance(rule, TagRule):
            return self.tags(rule, top=top)
        if isinstance(rule, TextRule):
            column = "COALESCE(c.time_zone, '')" if rule.field == "time_zone" else f"c.{rule.field}"
            return self.words(column, rule.op, rule.value)
        if isinstance(rule, AttributeRule):
            return self.attribute(rule)
        if isinstance(rule, CreatedRule):
            return self.created(rule)
        if isinstance(rule, ActivityRule):
            return self.activity(rule, top=top)
        if isinstance(rule, CampaignRule):
            return self.campaign(rule, top=top)
        if isinstance(rule, ConsentRule):
            found = _OPTED_IN if rule.op.endswith("opted_in") else BLOCKED
            return _member(found, not rule.op.startswith("not_"), top=top)
        return self.device(rule)

    def ids(self, rule: AnyRule) -> str | None:
        """Ids of those whom the rule means, where that is one set; None where it is a condition or the rest of a set."""
        if isinstance(rule, TagRule) and rule.op == "any":
            return self.tagged(rule)
        if isinstance(rule, ActivityRule) and rule.did and rule.what in ("received", "read"):
            return self.heard(rule)
        if isinstance(rule, CampaignRule) and rule.did:
            return self.of_campaigns(rule)
        if isinstance(rule, ConsentRule) and not rule.op.startswith("not_"):
            return _OPTED_IN if rule.op.endswith("opted_in") else BLOCKED
        return None

    def tagged(self, rule: TagRule) -> str:
        return f"{_TAGGED}ANY({self.bind(rule.tag_ids, 'uuid[]')})"

    def tags(self, rule: TagRule, *, top: bool) -> str:
        if rule.op == "all":
            each = [_member(_TAGGED + self.bind(one, "uuid"), True, top=top) for one in rule.tag_ids]
            return f"({' AND '.join(each) or 'false'})"
        return _member(self.tagged(rule), rule.op == "any", top=top)

    def words(self, column: str, op: str, value: str) -> str:
        if op in ("is_set", "not_set"):
            return f"({column} {'<>' if op == 'is_set' else '='} '')"
        given = f"lower({self.bind(value, 'text')})"
        if op in ("is", "is_not"):
            return f"(lower({column}) {'=' if op == 'is' else '<>'} {given})"
        if op == "starts_with":
            return f"starts_with(lower({column}), {given})"
        return f"(strpos(lower({column}), {given}) {'>' if op == 'contains' else '='} 0)"

    def attribute(self, rule: AttributeRule) -> str:
        text = f"COALESCE(c.attributes ->> {self.bind(rule.key, 'text')}, '')"
        if rule.op in ("before", "after"):
            given = self.bind(str(day_of(rule.value) or ""), "text")
            day = _DAY.format(x=text)
            return f'(COALESCE({day}, {given}) COLLATE "C" {_COMPARE[rule.op]} {given} COLLATE "C")'
        if rule.op in _COMPARE:
            given = self.bind(number_of(rule.value) or 0.0, "float8")
            return _NUMBER.format(x=text, op=_COMPARE[rule.op], n=given)
        return self.words(text, rule.op, rule.value)

    def created(self, rule: CreatedRule) -> str:
        if rule.op in ("within", "older"):
            return f"(c.created_at {'>=' if rule.op == 'within' else '<'} {self.since(rule.days)})"
        zone = "(SELECT n.time_zone FROM tenants n WHERE n.id = :tenant)"
        # "After the 3rd" begins with the 4th.
        day = f"{self.bind(rule.day, 'date')}{' + 1' if rule.op == 'after' else ''}"
        return f"(c.created_at {'<' if rule.op == 'before' else '>='} CAST({day} AS timestamp) AT TIME ZONE {zone})"

    def activity(self, rule: ActivityRule, *, top: bool) -> str:
        if rule.what in ("received", "read"):
            return _member(self.heard(rule), rule.did, top=top)
        column = "c.last_inbound_at" if rule.what == "wrote" else "c.last_replied_at"
        if rule.days is None:
            return f"({column} IS {'NOT ' if rule.did else ''}NULL)"
        since = self.since(rule.days)
        return f"({column} IS NOT NULL AND {column} >= {since})" if rule.did else f"({column} IS NULL OR {column} < {since})"

    def heard(self, rule: ActivityRule) -> str:
        """Contacts who received or read something."""
        column = "o.sent_at" if rule.what == "received" else "o.read_at"
        found = _ROWS.format(f"o.sent_at IS NOT NULL AND {column} IS NOT NULL")
        return found if rule.days is None else f"{found} AND {column} >= {self.since(rule.days)}"

    def campaign(self, rule: CampaignRule, *, top: bool) -> str:
        found = self.of_campaigns(rule)
        if found is None:
            sent = _member(self.rows(rule, "sent"), True, top=top and rule.did)
            did = _member(self.rows(rule, rule.state.removeprefix("not_")), False, top=top and rule.did)
            return f"({sent} AND {did})" if rule.did else f"(NOT ({sent} AND {did}))"
        return _member(found, rule.did, top=top)

    def of_campaigns(self, rule: CampaignRule) -> str | None:
        """Contacts whom the rule means as one set; None where it takes two."""
        if not rule.state.startswith("not_"):
            return self.rows(rule, rule.state)
        state = rule.state.removeprefix("not_")
        if state not in _STATES:
            return None
        # Who got it and did not do it, in one look at the ledger instead of two.
        return f"{self.rows(rule, 'sent')} GROUP BY o.contact_id HAVING NOT bool_or({_STATES[state]})"

    def rows(self, rule: CampaignRule, state: str) -> str:
        """Contacts of these campaigns in a state."""
        which = "o.campaign_id IS NOT NULL"
        if rule.campaign_ids:
            which = f"o.campaign_id = ANY({self.bind(rule.campaign_ids, 'uuid[]')})"
        elif rule.days is not None:
            which = (
                "o.campaign_id IN (SELECT g.id FROM campaigns g WHERE g.tenant_id = :tenant "
                f"AND g.started_at >= {self.since(rule.days)})"
            )
        if state == "replied":
            return _REPLIED.format(which)
        if state == "clicked":
            return _CLICKED.format(which)
        return _ROWS.format(f"{which} AND {_STATES[state]}")

    def device(self, rule: DeviceRule) -> str:
        if rule.op in ("is_set", "not_set"):
            return f"(c.preferred_device_id IS {'NOT ' if rule.op == 'is_set' else ''}NULL)"
        given = self.bind(rule.device_id, "uuid")
        return f"(c.preferred_device_id IS {'NOT ' if rule.op == 'is' else ''}DISTINCT FROM {given})"

    def since(self, days: int | None) -> str:
        return f"(now() - make_interval(days => {self.bind(days or 0, 'int')}))"


def _member(found: str, inside: bool, *, top: bool) -> str:
    """Whether `c` is in a set of ids. NULL is in none of our sets, so NOT IN is safe."""
    if inside:
        return f"(c.id IN ({found}))"
    if top:
        return f"(NOT EXISTS (SELECT 1 FROM ({found}) z WHERE z.id = c.id))"
    return f"(c.id NOT IN ({found}))"
