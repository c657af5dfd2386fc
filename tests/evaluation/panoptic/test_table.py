from __future__ import annotations

from relook.evaluation.panoptic.scores import ClassQuality, PanopticScores
from relook.evaluation.panoptic.table import panoptic_table

SCORES = PanopticScores(
    (
        ClassQuality(1, "cat", True, 3, 1, 1, 2.4),
        ClassQuality(2, "a dog with a very long name", True, 0, 2, 0, 0.0),
        ClassQuality(3, "cow", True, 0, 0, 0, 0.0),
        ClassQuality(9, "[sky]", False, 1, 0, 0, 0.9),
    ),
    num_images=4,
)

EXPECTED = """\
                PQ      SQ      RQ   classes
all          0.500   0.567   0.583         3
things       0.300   0.400   0.375         2
stuff        0.900   0.900   1.000         1

class                                PQ      SQ      RQ  matched  wrong  missed
cat                     thing     0.600   0.800   0.750        3      1       1
a dog with a very lon...thing     0.000   0.000   0.000        0      2       0
[sky]                   stuff     0.900   0.900   1.000        1      0       0
neither there nor found, 1 class: cow"""


def test_the_table_as_it_is_read() -> None:
    assert panoptic_table(SCORES) == EXPECTED
    assert max(map(len, EXPECTED.splitlines())) <= 80
    assert panoptic_table(SCORES, per_class=False) == EXPECTED.partition("\n\n")[0]


def test_nothing_to_average() -> None:
    nothing = PanopticScores(tuple(ClassQuality(n, str(n), True, 0, 0, 0, 0) for n in range(6)), 1)
    table = panoptic_table(nothing)
    assert "all              -       -       -         0" in table
    assert table.endswith("neither there nor found, 6 classes: 0, 1, 2, 3, ...")
