"""What the demo tenant's agents answer from: a price list, a page of questions, two answers typed by hand."""

from typing import Final

from wa_app.db import unit_of_work
from wa_app.files.port import one_chunk
from wa_app.schemas.knowledge import PairInput
from wa_app.schemas.principal import Principal
from wa_app.services import knowledge

PRICES: Final = """Menu,Ukuran,Harga,Keterangan
Kopi Susu Gula Aren,350 ml,Rp22.000,Es atau hangat
Americano,350 ml,Rp18.000,Es atau hangat
Cappuccino,300 ml,Rp26.000,Hangat
Cokelat Panas,300 ml,Rp24.000,Hangat
Wedang Jahe Merah,300 ml,Rp16.000,Hangat
Biji Arabika Gayo,250 gram,Rp85.000,Sangrai medium
Biji Arabika Gayo,1 kg,Rp320.000,Sangrai medium
Biji Robusta Lampung,250 gram,Rp55.000,Sangrai gelap
Roti Bakar Keju,1 porsi,Rp20.000,
"""
FAQ: Final = """# Jam buka dan alamat

Kopi Lestari buka setiap hari pukul 08.00 sampai 22.00 WIB. Pada hari libur nasional kami tutup pukul 20.00 WIB.
Alamat kami Jalan Melati Nomor 5, Bandung, dekat Taman Cibeunying. Parkir motor dan mobil gratis.

# Pemesanan dan pembayaran

Pesanan bisa diambil di toko atau diantar. Pembayaran lewat QRIS, transfer bank, atau tunai di kasir.
Bayar di tempat hanya untuk pengantaran di kota Bandung dengan belanja paling sedikit Rp50.000.

# Pengiriman

Biji kopi dikirim ke seluruh Indonesia setiap Senin sampai Sabtu. Pesanan sebelum pukul 14.00 WIB dikirim hari itu juga.
Ongkos kirim ke Jakarta Rp12.000 per kg, ke Surabaya Rp18.000 per kg, ke Malang Rp20.000 per kg.

# Keluhan

Bila barang rusak atau salah, kirim foto dalam 24 jam setelah diterima. Kami ganti atau kembalikan uang Anda.
"""
PAIRS: Final = (
    PairInput(question="Apakah bisa pesan untuk acara kantor?",
              answer="Bisa. Untuk 20 gelas ke atas, pesan paling lambat sehari sebelumnya dan dapat potongan 10%."),
    PairInput(question="Apakah kopinya halal?", answer="Semua menu Kopi Lestari bersertifikat halal MUI."),
)  # fmt: skip


async def seed_knowledge(owner: Principal) -> None:
    """Queue the documents; the workers read and index them."""
    await knowledge.upload(owner, "Daftar harga Kopi Lestari.csv", one_chunk(PRICES.encode()))
    await knowledge.upload(owner, "FAQ Kopi Lestari.md", one_chunk(FAQ.encode()))
    async with unit_of_work(owner) as uow:
        await knowledge.add_pairs(uow, PAIRS)
