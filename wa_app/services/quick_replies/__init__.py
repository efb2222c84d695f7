"""Quick replies: the tenant's for everybody, and one's own. `fill` puts a customer's values into one."""

from wa_app.services.quick_replies.filling import fill, filled
from wa_app.services.quick_replies.reading import categories, get, list_
from wa_app.services.quick_replies.writing import create, remove, update

__all__ = ["categories", "create", "fill", "filled", "get", "list_", "remove", "update"]
