"""Beats of workers that have no process."""

from bus.broker import BusChannelLayer
from bus.broker.stream import FORGET_MS


async def beat(
    layer: BusChannelLayer, worker: str, *, channel: str = "jobs", about: str = "{}"
) -> None:
    """Have a worker live for the next seconds, on a machine of its own."""
    base = layer.stream(channel).base
    await layer.connection(channel).run("beat", base, worker, about, FORGET_MS, 2000, worker)
