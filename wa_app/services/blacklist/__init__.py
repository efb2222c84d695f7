"""The suppression list as people and programs use it: add, take off, look through, bring in, take out."""

from wa_app.schemas.blacklist import BlacklistAdd, BlacklistEntry, IdentityInput
from wa_app.services.blacklist.entries import add, add_many, list_, remove
from wa_app.services.blacklist.exporting import export_csv
from wa_app.services.blacklist.unreachable import add_unreachable, unreachable

__all__ = [
    "BlacklistAdd",
    "BlacklistEntry",
    "IdentityInput",
    "add",
    "add_many",
    "add_unreachable",
    "export_csv",
    "list_",
    "remove",
    "unreachable",
]
