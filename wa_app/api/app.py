"""The HTTP application beside Reflex: `/api`, `/webhooks`, `/dev`, health. It imports no Reflex.

Its own lifespan never runs when Reflex mounts it, so everything it needs is made when it is
first used (engines, Redis) and closed by the process.
"""

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from wa_app.api import dev, health, links, openapi, problems, webhooks
from wa_app.api.middleware import BodyCap, Envelope
from wa_app.api.v1 import (
    admin,
    admin_ai,
    agent,
    agent_chat,
    agent_trials,
    ai_providers,
    api_keys,
    auth,
    auto_replies,
    blacklist,
    campaign_jobs,
    campaign_parts,
    campaign_series,
    campaigns,
    chat_jobs,
    chat_team,
    chats,
    contacts,
    devices,
    events,
    files,
    groups,
    imports,
    knowledge,
    message_templates,
    messages,
    ocr,
    quick_replies,
    segments,
    settings,
    teams,
)

VERSION = "1.0.0"

V1: tuple[APIRouter, ...] = (
    auth.routes, api_keys.routes,
    devices.routes, files.routes, imports.routes, groups.routes, messages.check_routes, contacts.routes,
    events.routes,
    campaigns.routes, campaign_jobs.routes, messages.routes, blacklist.routes, segments.routes, settings.routes,
    admin.routes, campaign_parts.routes, campaign_series.routes, message_templates.routes, auto_replies.routes,
    agent.default_routes, agent_chat.routes, agent.routes,
    ocr.routes,
    chat_jobs.routes, chats.routes, chat_team.routes, teams.routes, quick_replies.routes,
    knowledge.routes,
    ai_providers.routes, ai_providers.settings_routes, ai_providers.usage_routes, admin_ai.routes,
    agent_trials.routes,
)
"""Routers under `/api/v1`. Add yours here."""
TOP: tuple[APIRouter, ...] = (openapi.routes, health.routes, webhooks.routes, links.routes, dev.routes)
"""Routers at the root: webhooks, development pages, health."""


class Api(FastAPI):
    """FastAPI behind the door of the webhooks, which stands before every other layer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await webhooks.Door(super().__call__)(scope, receive, send)


def create_api() -> FastAPI:
    """A fresh application with every route of ours."""
    app = Api(
        title="Sapa API", version=VERSION, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        description="Contacts, devices, broadcasts and messages of a WhatsApp tenant.",
    )
    problems.install(app)
    for one in V1:
        app.include_router(one, prefix="/api/v1")
    for one in TOP:
        app.include_router(one)
    openapi.install(app)
    app.add_middleware(BodyCap)
    app.add_middleware(Envelope)
    return app
