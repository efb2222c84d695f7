"""A tenant with as many conversations and messages as a busy business has after years.

Words follow Zipf's law, as those of people do: one is in every fifth message, most in a handful. Conversations are as
uneven: some have thousands of messages, most a few.
"""

import random
from collections.abc import Callable
from typing import Final

import asyncpg

from bench.seeding import World

VOCABULARY: Final = 20_000
BATCH: Final = 100_000
COMMON: Final = (
    "kak ya yang ada harga berapa bisa kirim mau untuk ini itu sudah belum dan di ke dari pesan kopi gula susu stok warna ukuran hari besok "
    "ongkir alamat transfer bayar lunas resi paket toko buka tutup jam diskon promo terima kasih tolong maaf tunggu sebentar tanya produk ready"
)
SYLLABLES: Final = [first + vowel for first in "bcdfghjklmnprstw" for vowel in "aiueo"]

_CONTACTS = """
INSERT INTO contacts (id, tenant_id, name, phone, search_text)
SELECT uuidv7(), $1, 'Orang ' || n, '+62813' || lpad(n::text, 8, '0'), 'orang ' || n || ' 62813' || lpad(n::text, 8, '0')
FROM generate_series($2::int, $3::int) n
"""
_CHATS = """
INSERT INTO conversations (tenant_id, contact_id, device_id, chat_id, unread, last_message_at, last_inbound_at, status, assigned_to,
  is_bot_active, needs_human_at, waiting_since)
SELECT $1, c.id, $2, substr(c.phone, 2) || '@c.us', (random() < 0.05)::int, now(), now(),
  CASE WHEN random() < 0.7 THEN 'closed' ELSE 'open' END, CASE WHEN random() < 0.1 THEN $3::uuid END, random() < 0.8,
  CASE WHEN random() < 0.01 THEN now() END, CASE WHEN random() < 0.02 THEN now() END
FROM contacts c WHERE c.tenant_id = $1 AND c.phone LIKE '+62813%'
"""
_NUMBERED = """
CREATE UNLOGGED TABLE bench_chats AS
SELECT row_number() OVER (ORDER BY id)::int AS n, id, contact_id, device_id FROM conversations WHERE tenant_id = $1
"""
_MESSAGES = """
INSERT INTO messages (tenant_id, conversation_id, device_id, contact_id, direction, sender, type, text, status, provider_message_id, timestamp)
SELECT $1, b.id, b.device_id, b.contact_id, CASE WHEN g.n % 2 = 0 THEN 'INBOUND' ELSE 'OUTBOUND' END,
  CASE WHEN g.n % 2 = 0 THEN 'contact' WHEN g.n % 4 = 1 THEN 'human' ELSE 'rule' END, 'text', w.said,
  CASE WHEN g.n % 2 = 1 THEN 'read' END, 'bench' || g.n, now() - (($4::int - g.n) * interval '8 seconds')
FROM (SELECT n, 1 + CASE WHEN n <= $5 THEN n - 1 ELSE floor($5 * power(random(), 3))::int END AS chat
      FROM generate_series($2::int, $3::int) n) g
JOIN bench_chats b ON b.n = g.chat
CROSS JOIN LATERAL (
  SELECT string_agg(($6::text[])[floor(power($7::float8, random()))::int], ' ') AS said
  FROM generate_series(1, 4 + (g.n % 9)) WHERE g.n > 0) w
"""
_LATEST = """
UPDATE conversations c SET last_message_at = l.at, last_inbound_at = l.heard, unread = CASE WHEN c.status = 'open' THEN c.unread ELSE 0 END,
  needs_human_at = CASE WHEN c.needs_human_at IS NOT NULL THEN l.at END, waiting_since = CASE WHEN c.waiting_since IS NOT NULL THEN l.at END
FROM (SELECT conversation_id, max(timestamp) AS at, max(timestamp) FILTER (WHERE direction = 'INBOUND') AS heard
      FROM messages WHERE tenant_id = $1 GROUP BY 1) l
WHERE c.tenant_id = $1 AND c.id = l.conversation_id
"""


def vocabulary() -> list[str]:
    """Words by how common they are, the most common first; the same ones at every run."""
    dice = random.Random(7)
    words = COMMON.split()
    known = set(words)
    while len(words) < VOCABULARY:
        word = "".join(dice.choices(SYLLABLES, k=dice.randint(2, 4)))
        if word not in known:
            known.add(word)
            words.append(word)
    return words


async def fill(
    superuser_url: str, world: World, *, chats: int, messages: int, say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Put conversations of `world`'s first device into its tenant. Returns the vocabulary."""
    connection = await asyncpg.connect(superuser_url)
    words = vocabulary()
    try:
        owner = await connection.fetchval("SELECT user_id FROM memberships WHERE tenant_id = $1 LIMIT 1", world.tenant_id)
        await connection.execute(_CONTACTS, world.tenant_id, 1, chats)
        await connection.execute(_CHATS, world.tenant_id, world.devices[0].id, owner)
        await connection.execute("DROP TABLE IF EXISTS bench_chats")
        await connection.execute(_NUMBERED.replace("$1", f"'{world.tenant_id}'::uuid"))
        await connection.execute("CREATE INDEX ON bench_chats (n)")
        for first in range(1, messages + 1, BATCH):
            last = min(messages, first + BATCH - 1)
            await connection.execute(_MESSAGES, world.tenant_id, first, last, messages, chats, words, float(len(words)), timeout=600)
            say(f"{last:,} messages")
        await connection.execute(_LATEST, world.tenant_id, timeout=600)
        await connection.execute("DROP TABLE bench_chats")
        await connection.execute("VACUUM (ANALYZE) messages", timeout=600)
        await connection.execute("VACUUM (ANALYZE) conversations", timeout=600)
        await connection.execute("VACUUM (ANALYZE) contacts", timeout=600)
    finally:
        await connection.close()
    return words
