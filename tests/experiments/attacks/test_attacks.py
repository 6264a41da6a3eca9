"""The driver of attacks reports known faults, and finds none in the project's readers."""

import pytest
from click.testing import CliRunner

from experiments.attacks.__main__ import attack_all, in_words, main
from experiments.attacks.on_records import ATTACKS
from experiments.attacks.outcomes import LONGEST_MESSAGE, refusal
from tests.experiments.attacks.planted import Planted

WAYS = tuple(Planted(None, 0).ways)


def planted(name, module="planted"):
    return {"records": f"tests.experiments.attacks.{module}:{name}"}


@pytest.fixture(scope="module")
def outcomes():
    return attack_all(3, {"records": range(len(WAYS) + 1)}, planted("Planted"))


@pytest.mark.slow  # for the one that hangs
def test_every_way_to_end_is_reported_and_the_next_attack_runs(outcomes):
    assert [verdict.result for _, _, verdict in outcomes] == [*WAYS, "harmless"]
    assert [verdict.attack for _, _, verdict in outcomes] == [f"ends with {way}" for way in (*WAYS, "harmless")]
    details = {verdict.result: verdict.detail for _, _, verdict in outcomes}
    assert details["silent"] == "seed 3"
    assert "IndexError: list index out of range" in details["traceback"]
    assert "exit code -11" in details["crash"]
    assert "no answer in 8 s" in details["hang"]


@pytest.mark.slow
def test_findings_are_listed_with_what_repeats_them(outcomes):
    lines = in_words(3, outcomes)
    assert lines[0].startswith(f"records: {len(WAYS) + 1} attacks: 2 harmless, 1 refused, ")
    assert lines[-1] == f"6 findings in {len(WAYS) + 1} attacks."
    for number in range(2, len(WAYS)):
        assert f"  python -m experiments.attacks --seed 3 --only records:{number}" in lines


def test_an_attack_that_cannot_be_made_stops_the_driver():
    with pytest.raises(ValueError, match="not made"):
        attack_all(0, {"records": [0]}, planted("Unmade"))


def test_a_refusal_must_name_what_is_wrong_and_hold_no_internals():
    assert refusal("a.png is cut off", ["a.png"])[0] == "refused"
    assert refusal("it is cut off", ["a.png"])[0] == "vague"
    assert refusal("a.png {{node Decode}}", ["a.png"])[0] == "vague"
    assert refusal("a.png" + LONGEST_MESSAGE * "x", ["a.png"])[0] == "vague"


def test_only_names_a_kind_and_a_number():
    result = CliRunner().invoke(main, ["--only", "record:x"])
    assert result.exit_code == 2
    assert "is not of the form records|files|requests:NUMBER" in result.output


# Most attacks read whole records, or find faces with MTCNN: a test takes more than 20 s. Which ones are made
# depends on the kind alone; `python -m experiments.attacks` makes hundreds.
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "step"), [("records", 5), ("files", 7), ("requests", 7)])
def test_nothing_is_found(kind, step):
    numbers = range(0, len(ATTACKS), step)
    outcomes = attack_all(7, {kind: numbers})
    number = len(outcomes)
    assert number == len(numbers)
    assert not any(verdict.finding for *_, verdict in outcomes), "\n".join(in_words(7, outcomes))
    results = [verdict.result for *_, verdict in outcomes]
    assert results.count("refused") > number // 3, "too few attacks do any damage"


@pytest.mark.slow
def test_a_reader_without_its_check_is_reported():
    number = next(number for number, attack in enumerate(ATTACKS) if attack.__name__ == "records_in_another_order")
    ((_, _, verdict),) = attack_all(0, {"records": [number]}, planted("Careless", "careless"))
    assert verdict.result == "silent"
    assert "/c23: [" in verdict.detail or "/c40: [" in verdict.detail
