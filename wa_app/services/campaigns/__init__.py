"""Campaigns: broadcasts from draft to log.

    editing    create, update, duplicate, remove, restore
    reading    get, list_, status_counts
    running    start, schedule, start_now, pause, resume, cancel, retry_failed, resolve_unknown, settle, start_due
    checks     what keeps a campaign from starting
    advice     preflight: the checks and everything worth a look, from facts, estimates, addresses and risk
    lookups    numbers of the audience looked up in the background
    jobs       long work about one campaign: lookups, exports
    progress   stats, lanes, live, pulse
    logs       logs, export_page
    preview    count, sample, render
    states     which verb fits which state
    extras     variants, test, tracking and repetition of a draft
    variants   how each variant does, and which one wins: report, choose, decide_due, release
    links      what became of tracked links
    series     campaigns that come again: get, pause, resume, end, run_due
    single     send_to_contact: one message to one contact, for sequences
"""

from wa_app.services.campaigns.advice import of as preflight_of
from wa_app.services.campaigns.advice import preflight
from wa_app.services.campaigns.editing import create, duplicate, remove, restore, update
from wa_app.services.campaigns.logs import export_page, logs
from wa_app.services.campaigns.preview import count, render, sample, values_of_contact
from wa_app.services.campaigns.progress import lanes, live, pulse, stats
from wa_app.services.campaigns.reading import find, get, list_, names, status_counts
from wa_app.services.campaigns.running import (
    cancel,
    in_tenant_zone,
    pause,
    resolve_unknown,
    resume,
    retry_failed,
    schedule,
    settle,
    start,
    start_due,
    start_now,
    tenant_zone,
)
from wa_app.services.campaigns.single import send_to_contact
from wa_app.services.campaigns.states import may

__all__ = [
    "cancel", "count", "create", "duplicate", "export_page", "find", "get", "in_tenant_zone", "lanes", "list_", "live", "logs",
    "may", "names", "pause", "preflight", "preflight_of", "pulse", "remove", "render", "resolve_unknown", "restore", "resume", "retry_failed",
    "sample", "schedule", "send_to_contact", "settle", "start", "start_due", "start_now", "stats", "status_counts", "tenant_zone", "update", "values_of_contact",
]  # fmt: skip
