"""Answers of the journal are told in turns of the event loop, in order, so that a large group holds nobody up."""

import asyncio

from pointsman.store.sqlite.threads import TOLD_AT_ONCE, Answer, Answering, Job


async def test_a_large_group_is_told_in_turns_and_in_order():
    """One turn tells so many; what is added meanwhile comes after what was there, and everything is told."""
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(2 * TOLD_AT_ONCE + 1)]
    order: list[int] = []
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: order.append(number))
    answering = Answering(loop)
    answers = [Answer(Job(lambda _: None, future), result=number) for number, future in enumerate(futures)]

    answering.add(answers[:-1])
    answering.add(answers[-1:])
    assert sum(future.done() for future in futures) == TOLD_AT_ONCE

    assert await asyncio.gather(*futures) == list(range(len(futures)))
    assert order == list(range(len(futures)))
