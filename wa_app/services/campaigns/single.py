"""One message of a campaign to one contact, at a time: what sequences and other programs send by."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import NIL, new_id
from wa_app.models.outbound import Campaign, CampaignStatus
from wa_app.sending import audience, ledger, planning, variants
from wa_app.services.campaigns import checks, reading, running

OPEN = frozenset({CampaignStatus.DRAFT, CampaignStatus.PROCESSING, CampaignStatus.COMPLETED})
DRIP_PRIORITY = 9

_IDENTITY = text(f"""
    SELECT i.kind, i.value FROM contacts c
    LEFT JOIN LATERAL (
        SELECT i.kind, i.value FROM contact_identities i
        WHERE i.tenant_id = c.tenant_id AND i.contact_id = c.id AND i.kind IN {audience.USABLE}
        ORDER BY i.kind = 'phone' DESC, i.id LIMIT 1) i ON true
    WHERE c.tenant_id = :t AND c.id = :c AND c.deleted_at IS NULL
""")  # noqa: S608
_INSERT = """
INSERT INTO outbound_messages (id, tenant_id, kind, state, error_code, priority, dedupe_key, campaign_id, contact_id,
  identity_kind, identity_value, due_at, expires_at, file_id, variant, created_by)
VALUES ($1, $2, 'campaign', $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($11, now()) + interval '7 days', $12, $13, $14)
ON CONFLICT (tenant_id, dedupe_key) DO NOTHING RETURNING id
"""


async def send_to_contact(
    uow: TenantUnitOfWork, campaign_id: UUID, contact_id: UUID, *, due_at: datetime | None = None, once: str = ""
) -> UUID:
    """Put one message of the campaign for one contact into the ledger; returns its id.

    Text, variant, footer and links are the campaign's; pacing, quiet hours, suppression and caps hold as for
    every other row. The campaign needs no audience of its own: a draft is opened, one that had ended goes on.

    Args:
        due_at: not before this time; now when None.
        once: the same word gives the first message's id again. Without one a contact gets a campaign once.

    Raises:
        NotFound: campaign or contact. Invalid: a time beyond a hundred years. Conflict: `campaign_cannot_send` while it is planned, paused or cancelled.
    """
    uow.require("campaigns.send")
    campaign = await reading.find(uow, campaign_id, lock=True)
    if campaign.status not in OPEN:
        raise Conflict("campaign_cannot_send", status=campaign.status.value)
    identity = (await uow.session.execute(_IDENTITY, {"t": uow.tenant_id, "c": contact_id})).one_or_none()
    if identity is None:
        raise NotFound
    due = await _due(uow, due_at)
    await _open(uow, campaign)
    return await _insert(uow, campaign, contact_id, (identity.kind, identity.value), due, once)


async def _due(uow: TenantUnitOfWork, when: datetime | None) -> datetime | None:
    """The time as it is kept: one without a zone is the tenant's own, one that has passed is now."""
    if when is None:
        return None
    aware, now = await running.in_tenant_zone(uow, when), utc_now()
    if aware > now + checks.FURTHEST:
        raise Invalid(FieldError("due_at", "schedule_too_far"))
    return max(aware, now)


async def _open(uow: TenantUnitOfWork, campaign: Campaign) -> None:
    """Let lanes take rows of the campaign, as if it had been planned for nobody."""
    if campaign.status == CampaignStatus.DRAFT:
        campaign.started_at = campaign.planned_at = func.now()  # type: ignore[assignment]
        campaign.plan_total = 0
        await planning.default_devices(uow, campaign.id)
    campaign.status, campaign.finished_at, campaign.updated_at = CampaignStatus.PROCESSING, None, utc_now()
    await uow.session.flush()


async def _insert(
    uow: TenantUnitOfWork, campaign: Campaign, contact_id: UUID, identity: tuple[str | None, str | None],
    due_at: datetime | None, once: str,
) -> UUID:  # fmt: skip
    kind, value = identity
    key = f"c:{campaign.id}:{kind}:{value}" if kind else f"c:{campaign.id}:none:{contact_id}"
    key += f"#{once}" if once else ""
    state = "planned" if kind else "skipped"
    parts = await variants.shares(uow, campaign.id) if campaign.variant_count else []
    variant = (variants.drawn(campaign.id, contact_id, parts) if campaign.winner is None else campaign.winner) if parts else None
    conn = await uow.driver()
    made: UUID | None = await conn.fetchval(
        _INSERT, new_id(), uow.tenant_id, state, None if kind else "no_identity", DRIP_PRIORITY, key, campaign.id,
        contact_id, kind, value or "", due_at, None if parts else campaign.file_id, variant, uow.principal.user_id,
    )  # fmt: skip
    if made is None:
        found: UUID = await conn.fetchval(
            "SELECT id FROM outbound_messages WHERE tenant_id = $1 AND dedupe_key = $2", uow.tenant_id, key
        )
        return found
    await ledger.book(conn, uow.tenant_id, ledger.Deltas({(campaign.id, NIL, state): 1}))
    await planning.wake_lanes(uow, campaign.id)
    return made
