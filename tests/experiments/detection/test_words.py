"""Answers as lines."""

from pathlib import Path

from experiments.detection import lines, summary


def text(answer):
    return "\n".join(lines(answer))


def test_a_video(person, answer):
    printed = text(answer([person([0.5] * 20), person([0.0] * 3, 2)], encoding="h264, 64 x 64"))
    assert "clip.mp4: weak support that the face is manipulated. Person 1 of 2." in printed
    assert "Likelihood ratio 3.2 (95% interval over the clip's seconds: 3.2 to 3.2)" in printed
    assert "20 of 20 frames with a face of 104 pixels." in printed
    assert "Encoding: h264, 64 x 64." in printed


def test_a_picture_that_supports_the_other_claim(person, answer):
    printed = text(answer([person([-1.0])], kind="picture"))
    assert "moderate support that the face is not manipulated." in printed
    assert "Likelihood ratio 1/10; a face of 104 pixels." in printed


def test_large_ratios_are_capped(person, answer):
    assert "Likelihood ratio 1,000,000;" in text(answer([person([40.0])], kind="picture"))
    assert "Likelihood ratio 1/1,000,000;" in text(answer([person([-40.0])], kind="picture"))


def test_what_cannot_be_judged_says_why(answer):
    assert text(answer([], reason="no face was found")).endswith("clip.mp4: cannot be judged: no face was found.")


def test_hostile_names_are_escaped(person, answer):
    printed = list(lines(answer([person([0.0])], path=Path("a\x1b[31m\n.mp4"), notes=("b\x1b",))))
    assert not any(character in line for line in printed for character in "\x1b\n")
    assert "a\\x1b[31m\\n.mp4" in printed[0]


def test_the_summary_counts_words(person, answer):
    made = [answer([person([ratio])]) for ratio in (0.0, 0.1, 1.5)] + [answer([], reason="x")]
    assert list(summary(made)) == [
        "4 files: 1 cannot be judged; 1 moderate support that the face is manipulated; 2 no support for either claim."
    ]
