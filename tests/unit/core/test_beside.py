"""Work beside: the order of the items, what waits, and errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from synthaug.core.beside import beside


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    assert list(beside(lambda number: number**2, range(20), threads)) == [number**2 for number in range(20)]


def test_the_next_item_is_made_while_a_thread_works() -> None:
    begun, made = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert begun.wait(
            30
        )  # the work on the first item has begun, and cannot end before the second is made
        made.set()
        yield 1

    def work(number: int) -> int:
        begun.set()
        assert made.wait(30)
        return number

    assert list(beside(work, items(), 1)) == [0, 1]


def test_no_more_than_twice_the_threads_wait() -> None:
    done: list[int] = []
    ahead: list[int] = []

    def items() -> Iterator[int]:
        for number in range(30):
            ahead.append(number - len(done))
            yield number

    def work(number: int) -> int:
        return number

    for number in beside(work, items(), 2):
        done.append(number)
    assert max(ahead) <= 5


def test_an_error_is_raised_where_the_result_would_be() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("the fourth")
        return number

    found = []
    with pytest.raises(ValueError, match="the fourth"):
        for number in beside(work, range(100), 2):
            found.append(number)
    assert found == [0, 1, 2]
