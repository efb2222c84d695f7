"""Derived words of Indonesian meet the words they come from; amounts meet however they are written."""

import pytest

from wa_app.ai.knowledge.words import stem, terms

FAMILIES = """
    kirim: pengiriman pengirimannya mengirim mengirimkan dikirim dikirimkan kiriman pengirim
    bayar: pembayaran membayar dibayar bayarnya pembayarannya
    pesan: pemesanan memesan dipesan pesanan pemesan
    kembali: pengembalian mengembalikan dikembalikan kembalikan
    jual: penjualan menjual dijual penjual jualan
    beli: pembelian membeli dibeli pembeli
    ambil: pengambilan mengambil diambil ambilkan
    tukar: penukaran menukar ditukar menukarkan
    guna: penggunaan menggunakan digunakan pengguna
    kenal: perkenalan mengenal dikenal pengenalan
    alam: pengalaman mengalami dialami
    kata: mengatakan dikatakan perkataan
    kerja: mengerjakan dikerjakan pekerja pekerjaan
    kunjung: pengunjung mengunjungi kunjungan dikunjungi
    kumpul: pengumpulan mengumpulkan dikumpulkan
    kurang: pengurangan mengurangi kekurangan dikurangi
    cek: pengecekan mengecek dicek
    sewa: penyewaan menyewa disewa penyewa
    nyanyi: menyanyikan penyanyi dinyanyikan
    nyata: menyatakan pernyataan dinyatakan
    pakai: pemakaian memakai dipakai pemakai
    masak: memasak dimasak masakan pemasak
    makan: memakan dimakan makanan
    minta: meminta diminta permintaan peminta
    nilai: penilaian menilai dinilai
    nikah: pernikahan menikah dinikahi
    tulis: penulis menulis ditulis tulisan penulisan
    tawar: penawaran menawarkan ditawarkan tawaran
    milik: memiliki dimiliki pemilik
    kelola: mengelola pengelola pengelolaan dikelola
    konfirmasi: mengkonfirmasi konfirmasikan
    transaksi: bertransaksi transaksikan
    masuk: pemasukan memasukkan dimasukkan
    keluar: pengeluaran mengeluarkan dikeluarkan
    kemas: pengemasan mengemas dikemas kemasan
    baik: perbaikan diperbaiki memperbaiki
    daftar: pendaftaran mendaftar
    pasang: pemasangan dipasang
    cari: pencarian mencari
    ganti: penggantian mengganti diganti
    hubung: hubungi menghubungi dihubungi
"""
FORMS = [(form, root.strip()) for line in FAMILIES.strip().splitlines() for root, _, forms in [line.partition(":")] for form in forms.split()]


@pytest.mark.parametrize(("form", "root"), FORMS)
def test_a_form_meets_its_root(form: str, root: str) -> None:
    assert stem(form) == stem(root)


@pytest.mark.parametrize(("form", "root"), [("pengiriman", "kirim"), ("kirim", "kirim"), ("dicek", "cek"), ("masakan", "masak"), ("prices", "price")])
def test_a_root_is_a_word(form: str, root: str) -> None:
    assert stem(form) == root


@pytest.mark.parametrize("word", ["sekali", "kelas", "permen", "seminar", "merdeka", "keluarga", "presiden", "memang", "kepala"])
def test_words_that_only_look_derived_stay(word: str) -> None:
    assert stem(word) == word


@pytest.mark.parametrize("text", ["1,5 juta", "1,5juta", "1,5jt", "1.500.000", "1500000", "1500rb", "1.500 ribu"])
def test_an_amount_is_one_term(text: str) -> None:
    assert terms(text) == ["1500000"]


def test_a_unit_without_its_number_is_a_word() -> None:
    assert terms("juta rupiah, 2 juta rupiah") == ["juta", "rupiah", "2000000", "rupiah"]
