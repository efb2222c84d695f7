"""Contacts: the people a tenant talks to, keyed by our own id, known by a set of identities.

Deleting is soft for `UNDO_DAYS`; whoever comes back under the same identity (by hand, by
import, by writing to us) revives the same contact.
"""

from wa_app.services.contacts.bulk import count, delete, restore, tag, untag
from wa_app.services.contacts.exporting import export_csv
from wa_app.services.contacts.listing import UNDO_DAYS, attribute_keys, consents, get, list_, sources, views
from wa_app.services.contacts.purging import purge
from wa_app.services.contacts.writing import create, update, validate_phone

__all__ = [
    "UNDO_DAYS",
    "attribute_keys",
    "consents",
    "count",
    "create",
    "delete",
    "export_csv",
    "get",
    "list_",
    "purge",
    "restore",
    "sources",
    "tag",
    "untag",
    "update",
    "validate_phone",
    "views",
]
