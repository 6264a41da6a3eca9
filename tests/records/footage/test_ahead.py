import threading

import pytest

from records.footage import one_ahead


def test_items_and_their_order_stay():
    assert list(one_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(one_ahead(iter([]))) == []


def test_next_item_is_made_while_one_is_used():
    made = threading.Event()

    def items():
        yield 0
        made.set()
        yield 1

    ahead = one_ahead(items())
    assert next(ahead) == 0
    assert made.wait(10)
    assert next(ahead) == 1


def test_error_comes_after_the_items_before_it():
    def items():
        yield 0
        raise ValueError("cut off")

    ahead = one_ahead(items())
    assert next(ahead) == 0
    with pytest.raises(ValueError, match="cut off"):
        next(ahead)


def test_thread_ends_when_the_rest_is_not_wanted():
    before = threading.active_count()
    ahead = one_ahead(iter(range(5)))
    next(ahead)
    ahead.close()
    assert threading.active_count() == before
