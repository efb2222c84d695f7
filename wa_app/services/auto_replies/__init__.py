"""Keyword rules: what answers a text before anything cleverer is asked.

    deciding   which rule fires for a text, and why the others do not
    counting   how often rules fired; holds the limits per contact
    compiled   a tenant's rules ready to be asked, kept per process
    reading    rules as they are shown: list_, get, sums
    writing    create, update, toggle, duplicate, remove, restore, reorder, purge
    trying     a text tried on the rules
    transfer   rules in files, out, and read into rows; `cells` is a rule as a row
    taking     rows become rules (`services.imports.rules` says whether at once or by a worker), by what is found of them
               in `weighing`, which needs no database, beside what there is (`standing`)
    examples   rules a shop can begin with
    checking   whether a rule makes sense, field by field
"""

from wa_app.services.auto_replies.counting import count_hit, figures, tidy
from wa_app.services.auto_replies.deciding import decide
from wa_app.services.auto_replies.examples import add_examples
from wa_app.services.auto_replies.reading import get, list_, sums
from wa_app.services.auto_replies.standing import look
from wa_app.services.auto_replies.taking import nothing, take, take_all, try_all, try_out
from wa_app.services.auto_replies.transfer import export, rows_of, rows_of_file
from wa_app.services.auto_replies.trying import try_text
from wa_app.services.auto_replies.writing import (
    create,
    duplicate,
    purge,
    remove,
    reorder,
    restore,
    toggle,
    update,
)

__all__ = [
    "add_examples",
    "count_hit",
    "create",
    "decide",
    "duplicate",
    "export",
    "figures",
    "get",
    "list_",
    "look",
    "nothing",
    "purge",
    "remove",
    "reorder",
    "restore",
    "rows_of",
    "rows_of_file",
    "sums",
    "take",
    "take_all",
    "tidy",
    "toggle",
    "try_all",
    "try_out",
    "try_text",
    "update",
]
