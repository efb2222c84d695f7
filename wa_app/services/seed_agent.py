"""The demo's AI agent: what it knows of the coffee shop, and how it answers on the demo's numbers."""

from collections.abc import Sequence
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.agent_views import AgentCreate, AgentPublish
from wa_app.schemas.knowledge import PairInput
from wa_app.services import agents, knowledge

NAME = "AI Lestari"
KNOWN = (
    ("Berapa harga Kopi Gayo?", "Kopi Gayo 250 gram harganya Rp85.000, 1 kilogram Rp310.000."),
    ("Berapa harga Robusta Lampung?", "Robusta Lampung 250 gram harganya Rp48.000, 1 kilogram Rp175.000."),
    ("Berapa ongkos kirim dan berapa lama sampai?",
     "Ongkos kirim ke seluruh Jawa Rp15.000 dan sampai dalam 2 sampai 3 hari kerja. Ke luar Jawa Rp35.000, 4 sampai 7 hari kerja."),
    ("Apakah bisa digiling?", "Bisa. Biji kopi digiling tanpa biaya: kasar untuk tubruk dan French press, halus untuk espresso."),
    ("Bagaimana cara memesan?", "Sebutkan jenis kopi, jumlah, nama, dan alamat. Tim kami mengirim total dan cara membayar."),
)  # fmt: skip


async def seed_agent(uow: TenantUnitOfWork, numbers: Sequence[UUID]) -> None:
    """Publish the demo's agent with delays of seconds, where there is no agent yet."""
    if (await agents.list_(uow, limit=1))[0]:
        return
    await knowledge.add_pairs(uow, [PairInput(question=question, answer=answer) for question, answer in KNOWN])
    config = {
        "name": NAME, "device_ids": [str(one) for one in numbers] or None,
        "facts": {
            "hours": "Senin sampai Sabtu 08.00 sampai 20.00, Minggu tutup", "address": "Jalan Kawi 12, Malang",
            "payment": "Transfer bank atau QRIS, dibayar sebelum dikirim",
        },
        "forbidden_topics": ["politik", "agama"],
        "behaviour": {"delay_min_s": 3, "delay_max_s": 8},
    }  # fmt: skip
    made = await agents.create(uow, AgentCreate(preset="sales", language="id", config=config))
    await agents.publish(uow, made.id, AgentPublish(note="Versi pertama"))
