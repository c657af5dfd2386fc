"""Sentences of the plan."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from relook.config.parts import NO_PARTS, Part, PartsConfig
from relook.data.coco.records import CocoIndex
from relook.data.semantics import SemanticChoice
from relook.runtime.cluster import Place
from relook.training.length import Length
from relook.training.plan import (
    PlanSection,
    data_lines,
    decay_sentence,
    few_steps_sentence,
    model_lines,
    process_lines,
    rate_sentence,
    saving_sentence,
)
from relook.training.recipe import Recipe
from relook.training.settings import Settings
from relook.training.sources import Sources, read_sources


def test_a_section_is_a_title_and_indented_lines_or_nothing() -> None:
    assert PlanSection("Data", ("a", "b")).text() == ["Data", "  a", "  b"]
    assert PlanSection("Processes", ()).text() == []


def test_the_rate_says_where_it_comes_from() -> None:
    scaled = rate_sentence(Recipe(batch=2))
    assert scaled.startswith("Learning rate of sgd: 0.0025, the recipe's 0.02 for steps of 16")
    assert "the 2 x 4 of this one" in rate_sentence(Recipe(batch=2, accumulate=4))
    assert rate_sentence(Recipe(lr=0.3)) == "Learning rate of sgd: 0.3 (train.lr)."


def test_the_change_of_the_rate_is_a_sentence() -> None:
    assert decay_sentence(Recipe()).endswith("drops to a tenth after epoch 8 and again after 11.")
    short = decay_sentence(Recipe(epochs=5))
    assert "of the training), then stays. Its drops after epoch 8 and 11 would come later" in short
    assert "than the 5 epochs of this training (train.step_epochs; " in short
    assert "after epoch 8. Its last drop after epoch 11 would" in decay_sentence(Recipe(epochs=10))
    assert decay_sentence(Recipe(schedule="cosine")).endswith("falls to zero along a cosine.")


def test_few_steps_are_named() -> None:
    assert few_steps_sentence(100, is_trained=False) is None
    assert few_steps_sentence(20, is_trained=True) is None
    few = few_steps_sentence(1, is_trained=True)
    assert few is not None and few.startswith("1 update of the weights: too few to learn from.")
    assert few_steps_sentence(99, is_trained=False) is not None


def test_the_state_is_saved_as_often_as_it_is_said() -> None:
    assert "saved every 0.5 minutes, at a signal" in saving_sentence(Recipe(save_minutes=0.5))


def test_parts_of_the_model_and_what_is_frozen_are_counted(small: Settings) -> None:
    frozen = nn.Linear(10, 10).requires_grad_(False)
    module = nn.ModuleDict(
        {"a": nn.Sequential(frozen, nn.Linear(10, 9)), "b": nn.Linear(2, 1), "c": nn.ReLU()}
    )
    sources = read_sources(small)[1]
    own = PartsConfig(neck=Part(target="mine.necks:Neck", args={"depth": 2}))
    whole, part, fixed, semantics = model_lines("tiny", own, module, sources)
    assert part == "Own part, neck: mine.necks:Neck(depth=2)"
    assert whole == "tiny, 0.00 M parameters: a 209, b 3."
    assert fixed == "Of a, 110 parameters are frozen."
    assert semantics.startswith("The semantic branch learns from the objects: ")
    without = replace(sources, semantics=SemanticChoice("none", None, "asked for"))
    assert (
        model_lines("tiny", NO_PARTS, module, without)[-1]
        == "No semantic branch is trained: asked for."
    )


def test_data_says_how_the_best_model_is_chosen(small: Settings) -> None:
    sources = read_sources(small)[1]
    assert isinstance(sources.train, CocoIndex) and sources.val is not None
    lines = data_lines(sources, Length(Recipe(validate_every=3, max_dets=70), 7))
    assert lines[0].startswith("Training: ") and lines[0].endswith(sources.train.summary()[0])
    assert lines[-1] == (
        "Validation: after every 3 epochs, 4 times; at most 70 detections of an image count."
    )
    blind = data_lines(Sources(sources.train, None, sources.semantics), Length(Recipe(), 7))
    assert "the last weights are kept and not the best" in blind[-1]


def test_processes_say_how_they_share(small: Settings) -> None:
    assert process_lines(small, Place()) == []
    (line,) = process_lines(small, Place(devices=4, nodes=2))
    assert line.startswith("8 processes on 2 machines share the 2 images of a step equally; ")
    assert "all processes count together" in line
    live = small.with_(model__backbone__norm="batch", train__normalise="process")
    shared, batch_norm = process_lines(live, Place(devices=2))
    assert "what it counts itself" in shared
    assert "not those of one process" in batch_norm
