"""What the daemon is measured against: one POST in, one POST out, and nothing else.

Started as `python -m pointsman.bench.proxy PORT`, it prints its own port, passes what comes to `POST /messages` on to
the provider of the measurement at `PORT`, and serves until its standard input is closed.
"""

import asyncio
import gc
import sys

import aiohttp
from aiohttp import web

from pointsman.bench.traffic import CONCURRENCY, fields_of

_ACCEPTED = 202


async def _serve(provider: int) -> None:
    url = f"http://127.0.0.1:{provider}/rest/Sms/Send"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONCURRENCY)) as session:

        async def pass_on(request: web.Request) -> web.Response:
            message = await request.json()
            async with session.post(url, data=fields_of(message["to"], message["text"])) as answer:
                ids = await answer.json()
            return web.json_response({"ids": ids}, status=_ACCEPTED)

        app = web.Application()
        app.router.add_post("/messages", pass_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            sys.stdout.write(f"{runner.addresses[0][1]}\n")
            sys.stdout.flush()
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    # What the package has imported is not the proxy's: the garbage collector does not go through it.
    gc.freeze()
    asyncio.run(_serve(int(sys.argv[1])))
