"""What a worker process imports: the broker and every actor module."""

from tasks import campaigns, devices, imports, lanes
from tasks.broker import broker

__all__ = ["broker", "campaigns", "devices", "imports", "lanes"]
