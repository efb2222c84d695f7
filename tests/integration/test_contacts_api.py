"""`/api/v1/contacts` over HTTP: shapes, errors in words, uploads, other tenants' ids."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fixtures.tenants import make_tenant
from wa_app import db
from wa_app.api.app import create_api
from wa_app.config import Settings
from wa_app.errors import NotSignedIn
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Principal
from wa_app.services import imports, sessions

CALLERS: dict[str, Principal] = {}


async def _caller(token: str) -> Principal:
    if token not in CALLERS:
        raise NotSignedIn
    return CALLERS[token]


@pytest.fixture
async def api(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a fresh tenant; `CALLERS` says which token is whose."""
    monkeypatch.setattr(sessions, "principal_from_jwt", _caller, raising=False)
    CALLERS.clear()
    CALLERS["mine"] = await make_tenant()
    CALLERS["stranger"] = await make_tenant()
    transport = httpx.ASGITransport(app=create_api())
    headers = {"Authorization": "Bearer mine", "Accept-Language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as client:
        yield client
    await db.dispose()


STRANGER = {"Authorization": "Bearer stranger"}


async def test_contacts_by_the_wire_shapes(api: httpx.AsyncClient) -> None:
    made = await api.post("/contacts", json={"phone": "0812-0000-3312", "name": "<b>Siti</b>", "tags": ["vip"]})
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["phone"] == "+6281200003312"
    assert body["identities"] == [{"kind": "phone", "value": "+6281200003312"}]
    assert body["tags"][0]["name"] == "vip"
    assert {"id", "name", "attributes", "source", "time_zone", "created_at"} <= body.keys()

    again = await api.post("/contacts", json={"phone": "081200003312"})
    assert (again.status_code, again.json()["code"]) == (409, "contact_exists")
    upserted = await api.post("/contacts", json={"phone": "081200003312", "name": "Siti R", "upsert": True})
    assert (upserted.status_code, upserted.json()["name"]) == (200, "Siti R")
    bad = await api.post("/contacts", json={"phone": "0812-00"})
    assert bad.status_code == 422
    assert bad.json()["errors"][0] | {"args": {}} == {
        "args": {},
        "field": "phone",
        "code": "phone_too_short",
        "message": "This number is too short. Write it in full, such as 0812-0000-3312.",
    }
    assert (await api.post("/contacts", json={"phone": "081200003313", "nme": "x"})).status_code == 422
    assert (await api.post("/contacts", json={"name": "\x00"})).status_code == 422

    listed = (await api.get("/contacts", params={"q": "siti", "tag": "vip", "limit": 1})).json()
    assert (len(listed["items"]), listed["next_cursor"], listed["total"]) == (1, None, 1)
    assert (await api.get("/contacts", params={"tag": "nobody"})).json()["items"] == []
    assert (await api.get("/contacts", params={"sort": "name"})).status_code == 422
    assert (await api.get("/contacts/search", params={"q": "3312"})).json()["total"] == 1
    changed = await api.patch(f"/contacts/{body['id']}", json={"city": "Malang", "attributes": {"poin": 3}})
    assert (changed.json()["city"], changed.json()["attributes"]) == ("Malang", {"poin": 3})
    assert len((await api.post(f"/contacts/{body['id']}/tags", json={"tags": ["b"]})).json()["tags"]) == 2
    assert len((await api.delete(f"/contacts/{body['id']}/tags", params={"tag": "b"})).json()["tags"]) == 1
    checked = await api.post("/contacts/validate-phone", json={"phone": "6.28E+12"})
    assert checked.json()["code"] == "phone_scientific"


async def test_pages_through_a_list(api: httpx.AsyncClient) -> None:
    for n in range(5):
        await api.post("/contacts", json={"phone": f"08120000331{n}", "name": f"N{n}"})
    seen, cursor = [], None
    while True:
        page = (await api.get("/contacts", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [row["name"] for row in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert seen == ["N4", "N3", "N2", "N1", "N0"]
    assert (await api.get("/contacts", params={"cursor": "abc"})).status_code == 422


async def test_bulk_and_undo_and_export(api: httpx.AsyncClient) -> None:
    for n in range(3):
        await api.post("/contacts", json={"phone": f"08120000331{n}", "name": f"=N{n}"})
    everybody = {"filter": {}}
    assert (await api.post("/contacts/bulk", json={"action": "tag", "tags": ["x"], **everybody})).json()[
        "affected"
    ] == 3
    whole = await api.get("/contacts/export", params={"tag": "x"})
    assert whole.headers["content-disposition"].startswith("attachment")
    assert whole.content.decode("utf-8-sig").splitlines()[1].startswith("'=N2,'+6281200003312,,x,")
    gone = (await api.post("/contacts/bulk", json={"action": "delete", **everybody})).json()
    assert gone["affected"] == 3
    assert (await api.get("/contacts")).json()["items"] == []
    back = await api.post("/contacts/bulk", json={"action": "restore", "moment": gone["moment"]})
    assert back.json()["affected"] == 3
    one = (await api.get("/contacts")).json()["items"][0]["id"]
    assert (await api.delete(f"/contacts/{one}")).status_code == 204
    assert (await api.get(f"/contacts/{one}")).status_code == 404


async def test_tags(api: httpx.AsyncClient) -> None:
    made = (await api.post("/contacts/tags", json={"name": "Reseller"})).json()
    assert (await api.post("/contacts/tags", json={"name": "reseller"})).status_code == 409
    changed = await api.patch(f"/contacts/tags/{made['id']}", json={"color": "teal"})
    assert changed.json()["color"] == "teal"
    assert (await api.get("/contacts/tags")).json()["items"][0]["contacts"] == 0
    assert (await api.delete(f"/contacts/tags/{made['id']}")).status_code == 204


CSV = b"nama,hp\nSiti,081200003312\nBudi,0812-00\n"


async def test_upload_runs_and_gives_the_errors_in_words(api: httpx.AsyncClient) -> None:
    fields = {"mapping": json.dumps({"nama": "name", "hp": "phone"}), "tags": '["Pameran"]', "on_duplicate": "update"}
    sent = await api.post("/contacts/upload", data=fields, files={"file": ("pelanggan.csv", CSV, "text/csv")})
    assert sent.status_code == 202, sent.text
    job = sent.json()
    assert (job["status"], job["errors_url"]) == ("queued", None)
    await imports.run(CALLERS["mine"], job["id"])
    done = (await api.get(f"/contacts/imports/{job['id']}")).json()
    assert (done["status"], done["total"], done["created"], done["failed"]) == ("done", 2, 1, 1)
    errors = await api.get(f"/contacts/imports/{job['id']}/errors")
    assert errors.content.decode("utf-8-sig").splitlines() == [
        "row,column,value,reason",
        '3,hp,0812-00,"This number is too short. Write it in full, such as 0812-0000-3312."',
    ]
    assert (await api.post(f"/contacts/imports/{job['id']}/cancel")).status_code == 409
    assert (await api.get("/contacts/imports")).json()["items"][0]["file_name"] == "pelanggan.csv"
    by_id = await api.post("/contacts/upload", json={"file_id": job["file_id"], "dry_run": True})
    assert (by_id.status_code, by_id.json()["dry_run"]) == (202, True)
    shown = (await api.post("/contacts/imports/analyse", json={"file_id": job["file_id"]})).json()
    assert [column["target"] for column in shown["columns"]] == ["name", "phone"]
    counted = (await api.post("/contacts/imports/preview", json={"file_id": job["file_id"]})).json()
    assert (counted["existing"], counted["failed"]) == (1, 1)


async def test_bad_uploads_are_refused_in_words(api: httpx.AsyncClient) -> None:
    picture = {"file": ("kontak.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "text/csv")}
    refused = await api.post("/contacts/upload", files=picture)
    assert (refused.status_code, refused.json()["code"]) == (422, "table_is_picture")
    assert refused.json()["detail"].startswith("This file holds a picture")
    assert (await api.post("/contacts/upload", data={"tags": "[]"}, files={"x": b""})).status_code == 422
    broken = await api.post("/contacts/upload", data={"mapping": "{"}, files={"file": ("a.csv", CSV)})
    assert broken.json()["errors"][0]["field"] == "mapping"
    odd = await api.post("/contacts/upload", data={"on_duplicate": "merge"}, files={"file": ("a.csv", CSV)})
    assert odd.json()["errors"][0]["field"] == "on_duplicate"
    assert (await api.post("/contacts/upload", content=b"x")).status_code == 422


async def test_what_is_not_yours_is_not_there(api: httpx.AsyncClient) -> None:
    contact = (await api.post("/contacts", json={"phone": "081200003312", "tags": ["vip"]})).json()
    job = (await api.post("/contacts/upload", files={"file": ("a.csv", CSV)})).json()
    tag = contact["tags"][0]["id"]
    calls = [
        ("GET", f"/contacts/{contact['id']}", None),
        ("PATCH", f"/contacts/{contact['id']}", {"name": "x"}),
        ("DELETE", f"/contacts/{contact['id']}", None),
        ("POST", f"/contacts/{contact['id']}/tags", {"tags": ["x"]}),
        ("DELETE", f"/contacts/{contact['id']}/tags?tag=x", None),
        ("PATCH", f"/contacts/tags/{tag}", {"name": "x"}),
        ("DELETE", f"/contacts/tags/{tag}", None),
        ("GET", f"/contacts/imports/{job['id']}", None),
        ("POST", f"/contacts/imports/{job['id']}/cancel", None),
        ("GET", f"/contacts/imports/{job['id']}/errors", None),
        ("POST", "/contacts/imports/analyse", {"file_id": job["file_id"]}),
        ("POST", "/contacts/imports/preview", {"file_id": job["file_id"]}),
        ("POST", "/contacts/upload", {"file_id": job["file_id"]}),
        ("GET", f"/contacts/{new_id()}", None),
    ]
    for method, path, body in calls:
        answer = await api.request(method, path, json=body, headers=STRANGER)
        assert answer.status_code == 404, (method, path, answer.text)
    assert (await api.get("/contacts", headers={"Authorization": "Bearer nobody"})).status_code == 401
    assert (await api.get(f"/contacts/{contact['id']}")).status_code == 200
