"""Linked numbers: linking, watching, steering."""

from wa_app.services.devices.history import health_history
from wa_app.services.devices.linking import provision
from wa_app.services.devices.probing import probe
from wa_app.services.devices.scanning import pairing_code, qr
from wa_app.services.devices.status import apply_session_status
from wa_app.services.devices.verbs import (
    create,
    delete,
    disconnect,
    get,
    link,
    list_devices,
    list_events,
    restart,
    sync,
    toggle,
    update,
)

__all__ = [
    "apply_session_status",
    "create",
    "delete",
    "disconnect",
    "get",
    "health_history",
    "link",
    "list_devices",
    "list_events",
    "pairing_code",
    "probe",
    "provision",
    "qr",
    "restart",
    "sync",
    "toggle",
    "update",
]
