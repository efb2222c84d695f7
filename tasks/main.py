"""What a worker process imports: the broker and every actor module."""

from tasks import devices, imports, lanes
from tasks.broker import broker

__all__ = ["broker", "devices", "imports", "lanes"]
