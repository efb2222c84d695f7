"""What a worker process imports: the broker and every actor module."""

from tasks import devices, lanes
from tasks.broker import broker

__all__ = ["broker", "devices", "lanes"]
