"""A pause that news cut short."""

import asyncio

from pointsman.clock import Clock


async def pause(clock: Clock, seconds: float, news: asyncio.Event) -> None:
    """Wait so many seconds, or until there is news."""
    waiting: set[asyncio.Future[object]] = {
        asyncio.ensure_future(clock.sleep(seconds)),
        asyncio.ensure_future(news.wait()),
    }
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
