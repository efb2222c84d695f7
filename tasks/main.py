"""What a worker process imports: the broker and every actor module beside this one."""

from importlib import import_module
from pkgutil import iter_modules

import tasks
from tasks.broker import broker

NOT_ACTORS = frozenset({"broker", "doorbell", "main", "scheduler"})

for _module in iter_modules(tasks.__path__):
    if _module.name not in NOT_ACTORS:
        import_module(f"tasks.{_module.name}")

__all__ = ["broker"]
