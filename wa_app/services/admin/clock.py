"""The scheduler's jobs: when they ran, how long it took, what went wrong."""

from sqlalchemy import text

from wa_app.db import system_unit_of_work
from wa_app.errors import NotFound
from wa_app.schemas.admin import JobLine
from wa_app.services.admin.door import Admin

_JOBS = text(
    "SELECT name, every_s, last_run_at, last_ms, last_ok_at, next_at, last_error, errors, "
    "greatest(0, extract(epoch FROM now() - next_at))::float AS late_s FROM scheduled_jobs ORDER BY name"
)
_NOW = text("UPDATE scheduled_jobs SET next_at = now() WHERE name = :name RETURNING name")


async def jobs(admin: Admin) -> list[JobLine]:
    """Every recurring job, by name."""
    async with system_unit_of_work() as uow:
        rows = (await uow.session.execute(_JOBS)).mappings().all()
    return [JobLine(**row) for row in rows]


async def run_now(admin: Admin, name: str) -> None:
    """Let a job run at the scheduler's next look, a quarter of a second away. Raises NotFound."""
    async with system_unit_of_work() as uow:
        if (await uow.session.execute(_NOW, {"name": name})).first() is None:
            raise NotFound
        admin.note(uow, "job.run", "scheduled_job", name=name)
