"""What the contact and tag forms do with what was typed: answers are error codes by field, empty when saved."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, Invalid, NotFound
from wa_app.schemas.contacts import ContactCreate, ContactUpdate, TagCreate, TagUpdate
from wa_app.services import contacts, tags


def parsed_id(text: str) -> UUID:
    """An id that came from a browser. Raises NotFound for anything else."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


async def save_contact(uow: TenantUnitOfWork, contact_id: str, form: dict[str, Any]) -> dict[str, str]:
    """Make or change a contact from the form's fields."""
    text = {key: str(form.get(key, "")).strip() for key in ("name", "phone", "city", "email", "labels")}
    values: dict[str, Any] = {
        "name": text["name"],
        "phone": text["phone"],
        "city": text["city"],
        "tags": [label.strip() for label in text["labels"].split(",") if label.strip()],
        "attributes": {"email": text["email"] or None},
    }
    try:
        if contact_id:
            await contacts.update(uow, parsed_id(contact_id), ContactUpdate(**values))
        else:
            await contacts.create(uow, ContactCreate(**values))
    except ValidationError as error:
        return {str(one["loc"][0]): "value_invalid" for one in error.errors()}
    except Invalid as error:
        return {field.field: field.code for field in error.fields}
    except Conflict as error:
        return {"phone": error.code}
    return {}


async def save_tag(uow: TenantUnitOfWork, tag_id: str, name: str, color: str) -> str:
    """Make or change a tag; the error's code, or nothing."""
    try:
        if tag_id:
            await tags.update(uow, parsed_id(tag_id), TagUpdate(name=name, color=color))
        else:
            await tags.create(uow, TagCreate(name=name, color=color))
    except ValidationError:
        return "value_invalid"
    except Conflict as error:
        return error.code
    return ""
