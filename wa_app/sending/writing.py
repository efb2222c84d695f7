"""The text of a campaign's row when one template is not all there is: variants, tags in conditions, short links.

A campaign with one text, no tags in conditions and no tracking has no `Writer`, and pays nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from wa_app.sending.links import LinkBook
from wa_app.sending.rendering import Template, parse

_VARIANTS = """
SELECT position, message_template, file_id FROM campaign_variants WHERE tenant_id = $1 AND campaign_id = $2
"""
_TAGS = """
SELECT x.contact_id, array_agg(t.folded) AS tags FROM contact_tags x
JOIN tags t ON t.tenant_id = x.tenant_id AND t.id = x.tag_id
WHERE x.tenant_id = $1 AND x.contact_id = ANY($2::uuid[]) GROUP BY x.contact_id
"""


class Written(NamedTuple):
    """What one row says: its text, its file, and the token of its links."""

    text: str
    file_id: UUID | None
    token: str | None


class Content(NamedTuple):
    """A text and the file with it."""

    template: Template
    file_id: UUID | None


@dataclass(slots=True)
class Writer:
    """Writes the rows of one campaign for one lane."""

    tenant_id: UUID
    plain: Content
    variants: Mapping[int, Content]
    links: LinkBook | None

    @property
    def asks_tags(self) -> bool:
        return any(one.template.asks_tags for one in (self.plain, *self.variants.values()))

    async def write(
        self, conn: Any, rows: Sequence[Mapping[str, Any]], values: Mapping[UUID, Mapping[str, str]]
    ) -> dict[UUID, Written]:
        """The text of each row, by its id; `values` are those of its contact, by the row's id."""
        tags = await self._tags(conn, rows) if self.asks_tags else {}
        written: dict[UUID, Written] = {}
        for row in rows:
            content = self.variants.get(row["variant"], self.plain)
            text = content.template.render(values[row["id"]], row["id"].bytes, tags.get(row["contact_id"], ()))
            written[row["id"]] = Written(text, content.file_id, None)
        if self.links is not None:
            await self.links.prepare(conn, [one.text for one in written.values()])
            for row_id, one in written.items():
                text, token = self.links.replace(one.text, row_id)
                written[row_id] = Written(text, one.file_id, token)
        return written

    async def _tags(self, conn: Any, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, frozenset[str]]:
        ids = [row["contact_id"] for row in rows if row["contact_id"] is not None]
        found = await conn.fetch(_TAGS, self.tenant_id, ids)
        return {row["contact_id"]: frozenset(row["tags"]) for row in found}


async def writer_of(
    conn: Any, tenant_id: UUID, campaign: Mapping[str, Any], base: str, key: bytes
) -> Writer | None:
    """The writer of a campaign (`id, message_template, file_id, variant_count, track_links`), None when it needs none.

    Args:
        base: begin of the short links, such as `https://sapa.example`.
        key: the tenant's key, which makes their tokens.
    """
    plain = Content(parse(campaign["message_template"]), campaign["file_id"])
    if not (campaign["variant_count"] or campaign["track_links"] or plain.template.asks_tags):
        return None
    rows = await conn.fetch(_VARIANTS, tenant_id, campaign["id"]) if campaign["variant_count"] else []
    variants = {row["position"]: Content(parse(row["message_template"]), row["file_id"]) for row in rows}
    links = LinkBook(tenant_id, campaign["id"], base, key) if campaign["track_links"] else None
    return Writer(tenant_id, plain, variants, links)
