"""Time zones of people in Indonesia, from what is known of them: a zone, or the name of a city, regency or province.

WIB is UTC+7 (Sumatra, Java, West and Central Kalimantan), WITA UTC+8 (Bali, Nusa Tenggara, the rest of
Kalimantan, Sulawesi), WIT UTC+9 (Maluku, Papua), as Presidential Decree 41/1987 says. Names are
compared in lower case without "kota", "kabupaten" and the like.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

WIB: Final = "Asia/Jakarta"
WITA: Final = "Asia/Makassar"
WIT: Final = "Asia/Jayapura"

_WIB: Final = """
wib, indonesia barat, aceh, nanggroe aceh darussalam, nad, sumatera utara, sumut, sumatera barat, sumbar, riau,
kepulauan riau, kepri, jambi, sumatera selatan, sumsel, bangka belitung, kepulauan bangka belitung, babel, bengkulu,
lampung, dki jakarta, dki, jakarta, jawa barat, jabar, jawa tengah, jateng, daerah istimewa yogyakarta,
di yogyakarta, diy, yogyakarta, jogja, jogjakarta, yogya, jawa timur, jatim, banten, kalimantan barat, kalbar,
kalimantan tengah, kalteng, sumatera, sumatra, jawa, java, jabodetabek,
banda aceh, sabang, langsa, lhokseumawe, subulussalam, meulaboh, bireuen, pidie, sigli, takengon, aceh besar,
aceh utara, aceh timur, aceh barat, aceh selatan, aceh tengah, aceh tenggara, aceh tamiang, aceh jaya, nagan raya,
gayo lues, bener meriah, simeulue, aceh singkil, pidie jaya, aceh barat daya,
medan, binjai, pematangsiantar, pematang siantar, siantar, tebing tinggi, tanjungbalai, tanjung balai, sibolga,
padangsidimpuan, padang sidempuan, gunungsitoli, deli serdang, lubuk pakam, langkat, stabat, karo, kabanjahe,
berastagi, simalungun, asahan, kisaran, labuhanbatu, labuhan batu, rantau prapat, rantauprapat, tapanuli utara,
tapanuli tengah, tapanuli selatan, toba, toba samosir, samosir, dairi, nias, nias selatan, nias utara, nias barat,
mandailing natal, serdang bedagai, batu bara, batubara, padang lawas, padang lawas utara, humbang hasundutan, pakpak bharat,
padang, bukittinggi, bukit tinggi, payakumbuh, padang panjang, pariaman, sawahlunto, solok, agam, tanah datar,
padang pariaman, pasaman, pasaman barat, pesisir selatan, lima puluh kota, sijunjung, dharmasraya, solok selatan,
kepulauan mentawai, mentawai, batusangkar,
pekanbaru, dumai, kampar, bangkinang, bengkalis, duri, rokan hulu, rokan hilir, siak, pelalawan, indragiri hulu,
indragiri hilir, tembilahan, kuantan singingi, kepulauan meranti, batam, tanjungpinang, tanjung pinang, bintan,
karimun, natuna, lingga, kepulauan anambas, anambas,
sungai penuh, muaro jambi, batanghari, batang hari, bungo, muara bungo, tebo, merangin, bangko, sarolangun, kerinci,
tanjung jabung barat, tanjung jabung timur, palembang, prabumulih, lubuklinggau, lubuk linggau, pagar alam,
banyuasin, musi banyuasin, sekayu, musi rawas, musi rawas utara, muara enim, lahat, ogan ilir, ogan komering ilir,
ogan komering ulu, oku, oki, baturaja, empat lawang, penukal abab lematang ilir, pali,
pangkalpinang, pangkal pinang, bangka, belitung, belitung timur, bangka barat, bangka tengah, bangka selatan,
sungailiat, tanjung pandan, rejang lebong, curup, bengkulu utara, bengkulu selatan, mukomuko, seluma, kaur, lebong, kepahiang,
bandar lampung, metro, lampung selatan, lampung tengah, lampung utara, lampung timur, lampung barat, pringsewu,
pesawaran, tanggamus, tulang bawang, tulang bawang barat, way kanan, mesuji, pesisir barat, kotabumi,
jakarta pusat, jakarta selatan, jakarta barat, jakarta timur, jakarta utara, kepulauan seribu, jakpus, jaksel,
jakbar, jaktim, jakut, bogor, depok, tangerang, tangerang selatan, tangsel, bekasi, serang, cilegon, lebak,
rangkasbitung, pandeglang, bsd, serpong, cikarang, cibinong,
bandung, bandung barat, cimahi, cirebon, sukabumi, tasikmalaya, banjar jawa barat, garut, cianjur, purwakarta,
karawang, subang, sumedang, majalengka, kuningan, indramayu, ciamis, pangandaran, lembang, soreang,
semarang, surakarta, solo, salatiga, magelang, pekalongan, tegal, banyumas, purwokerto, cilacap, kebumen, purworejo,
wonosobo, temanggung, boyolali, klaten, sukoharjo, wonogiri, karanganyar, sragen, grobogan, purwodadi, blora, cepu,
rembang, pati, kudus, jepara, demak, kendal, batang, pemalang, brebes, purbalingga, banjarnegara, ungaran,
sleman, bantul, gunungkidul, gunung kidul, wonosari, kulon progo, kulonprogo, wates,
surabaya, malang, batu, kediri, blitar, madiun, mojokerto, pasuruan, probolinggo, sidoarjo, gresik, lamongan, tuban,
bojonegoro, ngawi, magetan, ponorogo, pacitan, trenggalek, tulungagung, nganjuk, jombang, lumajang, jember,
bondowoso, situbondo, banyuwangi, bangkalan, sampang, pamekasan, sumenep, madura, kepanjen,
pontianak, singkawang, sambas, mempawah, kubu raya, landak, sanggau, sekadau, sintang, melawi, kapuas hulu,
putussibau, ketapang, kayong utara, bengkayang, palangkaraya, palangka raya, kotawaringin barat, pangkalan bun,
kotawaringin timur, sampit, kapuas, kuala kapuas, katingan, kasongan, seruyan, lamandau, sukamara, pulang pisau,
gunung mas, barito utara, barito selatan, barito timur, murung raya, muara teweh, buntok
"""
_WITA: Final = """
wita, indonesia tengah, bali, nusa tenggara barat, ntb, nusa tenggara timur, ntt, kalimantan selatan, kalsel,
kalimantan timur, kaltim, kalimantan utara, kaltara, sulawesi utara, sulut, sulawesi tengah, sulteng,
sulawesi selatan, sulsel, sulawesi tenggara, sultra, gorontalo, sulawesi barat, sulbar, sulawesi, lombok, sumbawa,
flores, sumba, timor,
denpasar, badung, kuta, seminyak, canggu, ubud, gianyar, tabanan, buleleng, singaraja, jembrana, negara, klungkung,
semarapura, bangli, karangasem, amlapura, sanur, jimbaran, nusa dua, nusa penida, legian,
mataram, bima, lombok barat, lombok tengah, lombok timur, lombok utara, praya, selong, gerung, tanjung lombok,
sumbawa barat, sumbawa besar, dompu, taliwang,
kupang, ende, maumere, sikka, flores timur, larantuka, lembata, alor, kalabahi, belu, atambua, malaka, timor tengah utara,
kefamenanu, timor tengah selatan, soe, rote ndao, sabu raijua, manggarai, ruteng, manggarai barat, labuan bajo,
manggarai timur, ngada, bajawa, nagekeo, mbay, sumba timur, waingapu, sumba barat, waikabubak, sumba tengah,
sumba barat daya, tambolaka,
banjarmasin, banjarbaru, banjar baru, banjar, martapura, barito kuala, marabahan, tapin, rantau, hulu sungai selatan,
kandangan, hulu sungai tengah, barabai, hulu sungai utara, amuntai, balangan, paringin, tabalong, tanjung tabalong,
tanah laut, pelaihari, tanah bumbu, batulicin, kotabaru, kota baru,
samarinda, balikpapan, bontang, kutai kartanegara, tenggarong, kutai timur, sangatta, kutai barat, sendawar, paser,
tanah grogot, penajam paser utara, penajam, nusantara, ikn, ibu kota nusantara, berau, tanjung redeb, mahakam ulu,
tarakan, nunukan, bulungan, tanjung selor, malinau, tana tidung,
manado, bitung, tomohon, kotamobagu, minahasa, tondano, minahasa utara, airmadidi, minahasa selatan, amurang,
minahasa tenggara, bolaang mongondow, bolaang mongondow utara, bolaang mongondow selatan, bolaang mongondow timur,
kepulauan sangihe, sangihe, tahuna, kepulauan talaud, talaud, sitaro,
palu, donggala, sigi, poso, parigi moutong, parigi, toli-toli, tolitoli, buol, banggai, luwuk, banggai kepulauan,
banggai laut, morowali, bungku, morowali utara, tojo una-una, tojo una una, ampana,
makassar, ujung pandang, parepare, pare-pare, palopo, gowa, sungguminasa, maros, pangkep, pangkajene dan kepulauan,
barru, bone, watampone, soppeng, watansoppeng, wajo, sengkang, sidrap, sidenreng rappang, pinrang, enrekang, luwu,
belopa, luwu utara, masamba, luwu timur, malili, sorowako, tana toraja, toraja, makale, toraja utara, rantepao, takalar, jeneponto,
bantaeng, bulukumba, sinjai, selayar, kepulauan selayar,
kendari, baubau, bau-bau, konawe, unaaha, konawe selatan, konawe utara, konawe kepulauan, kolaka, kolaka utara,
kolaka timur, muna, raha, muna barat, buton, buton utara, buton selatan, buton tengah, bombana, wakatobi,
limboto, bone bolango, pohuwato, boalemo, gorontalo utara, mamuju, mamuju tengah, pasangkayu, mamuju utara,
majene, polewali mandar, polewali, polman, mamasa
"""
_WIT: Final = """
wit, indonesia timur, maluku, maluku utara, malut, papua, papua barat, papua barat daya, papua selatan, papua tengah,
papua pegunungan, irian jaya,
ambon, tual, maluku tengah, masohi, maluku tenggara, langgur, seram bagian barat, piru, seram bagian timur, bula, buru, namlea,
buru selatan, kepulauan aru, dobo, kepulauan tanimbar, tanimbar, saumlaki, maluku tenggara barat, maluku barat daya,
ternate, tidore, tidore kepulauan, sofifi, halmahera, halmahera utara, tobelo, halmahera barat, jailolo,
halmahera selatan, labuha, halmahera tengah, weda, halmahera timur, maba, kepulauan sula, sanana, pulau taliabu,
taliabu, pulau morotai, morotai,
jayapura, sentani, keerom, sarmi, mamberamo raya, biak, biak numfor, supiori, kepulauan yapen, yapen, serui, waropen,
merauke, boven digoel, tanah merah, mappi, asmat, agats, mimika, timika, nabire, paniai, enarotali, puncak, puncak jaya, dogiyai,
deiyai, intan jaya, wamena, jayawijaya, lanny jaya, tolikara, yahukimo, pegunungan bintang, oksibil, yalimo, nduga,
mamberamo tengah, manokwari, manokwari selatan, pegunungan arfak, teluk wondama, teluk bintuni, bintuni, fakfak,
fak-fak, kaimana, sorong, sorong selatan, raja ampat, waisai, maybrat, tambrauw
"""

PREFIX: Final = r"^(kota administrasi|kota adm\.?|kota|kabupaten|kab\.?|provinsi|prov\.?|propinsi)\s+"
"""What stands before a name and says nothing; the same pattern is used in SQL."""
_PREFIX: Final = re.compile(PREFIX)


@lru_cache(maxsize=1)
def names() -> Mapping[str, str]:
    """Every known name, folded, and its zone: IANA names, WIB, WITA, WIT, cities, regencies, provinces."""
    found = {zone.lower(): zone for zone in available_timezones() if "/" in zone}
    for zone, listed in ((WIB, _WIB), (WITA, _WITA), (WIT, _WIT)):
        found.update({" ".join(name.split()): zone for name in listed.split(",")})
    return found


def folded(name: str) -> str:
    """A name as it is looked up."""
    return _PREFIX.sub("", " ".join(name.lower().split()))


def zone_name(time_zone: object, attribute: object, city: object) -> str | None:
    """Zone of a person by the first that is known: its own zone, its attribute `time_zone`, its city."""
    for given in (time_zone, attribute, city):
        if isinstance(given, str) and given and (found := names().get(folded(given))):
            return found
    return None


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone by a name out of `names`."""
    return ZoneInfo(name)


def stored_zone(name: str) -> ZoneInfo:
    """A tenant's zone as it is stored; UTC where this machine does not know the name."""
    try:
        return zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        return zone("UTC")
