"""Base state: who is signed in and in which tenant. Placeholder until sign-in exists."""

import reflex as rx


class AppState(rx.State):
    """What the frame shows of the signed-in person."""

    user_name: str = ""
    user_email: str = ""
    role_name: str = ""
    tenant_name: str = ""
    tenant_id: str = ""
    tenant_zone: str = "Asia/Jakarta"
    language: str = ""
    memberships: list[dict[str, str]] = []

    @rx.event
    def sign_out(self) -> None:
        """Signs out."""

    @rx.event
    def switch_tenant(self, tenant_id: str) -> None:
        """Changes to another of the person's tenants."""
