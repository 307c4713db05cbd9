from __future__ import annotations

import gc
import json
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim_dataset.errors import ConfigError
from artsim_dataset.schema import Painting
from builder.model_config import LlmPrompt
from builder.models import PromptTask, instructions
from builder.models.grammar import CHANGES
from builder.models.hub_prompt import BUCKET, WINDOW, ChatWriter, SeededDraw, _Chat, open_chat, uniform_numbers
from builder.models.weights import Weights, resolve
from builder.stage import Reject
from tests.builder.models.tiny import PROMPTS, one_thread, tiny_llama

BATCH = 4
REFUSAL = "I'm sorry, but I can't help with that."


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with one_thread():
        yield


def tasks(number: int) -> list[PromptTask]:
    """Tasks of both levels whose chats differ in length."""
    made = []
    for index in range(number):
        painting = Painting(f"a/{index}", "Realism", "Winslow Homer", f"The Gulf {'Stream ' * (index % 5)}")
        change = CHANGES[index % 10] if index % 3 else ""
        level = "radical" if change else "moderate"
        made.append(PromptTask(painting, "a boat " * (index % 7), level, change, 1000 + index))  # type: ignore[arg-type]
    return made


def opened(folder: Path, **options: float) -> ChatWriter:
    config = LlmPrompt.model_validate({"model": str(folder), "batch": BATCH, **options})
    return ChatWriter(resolve(str(folder), "", folder), config)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def writer(folder: Path) -> ChatWriter:
    return opened(folder)


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> ChatWriter:
    """Random weights: what it says depends on every token of the chat."""
    return opened(tiny_llama(tmp_path_factory.mktemp("babbler"), says=None), max_new_tokens=16, temperature=1.5)


def test_each_task_gets_a_prompt_and_the_seed_chooses(writer: ChatWriter) -> None:
    prompts = writer.write(tasks(12))
    assert set(prompts) == set(PROMPTS)
    assert writer.batch == BATCH * WINDOW


@pytest.mark.parametrize("name", ["writer", "babbler"])
def test_a_prompt_does_not_depend_on_the_batch(name: str, request: pytest.FixtureRequest) -> None:
    model: ChatWriter = request.getfixturevalue(name)
    all_tasks = tasks(BATCH + 3)
    together = model.write(all_tasks)
    assert len({len(model._tokens(instructions.messages(task))) // BUCKET for task in all_tasks}) > 1
    assert [model.write([task])[0] for task in all_tasks] == together
    assert model.write(all_tasks[::-1])[::-1] == together
    assert model.write([all_tasks[5], all_tasks[0]]) == [together[5], together[0]]
    assert len(set(map(str, together))) > 1


def test_no_tasks_no_prompts(writer: ChatWriter) -> None:
    assert writer.write([]) == []


def test_at_temperature_0_the_likeliest_answer_is_given_whatever_the_seed(folder: Path) -> None:
    model = opened(folder, temperature=0)
    task = tasks(2)[1]
    prompts = model.write([PromptTask(task.painting, task.caption, task.level, task.change, seed) for seed in range(8)])
    assert len(set(prompts)) == 1 and prompts[0] in PROMPTS


def test_answers_are_what_the_arithmetic_says(babbler: ChatWriter) -> None:
    """The definition: no padding, no cache, one chat at a time."""
    chats = [_Chat(babbler._tokens(instructions.messages(task)), task.seed) for task in tasks(4)]
    for chat, (answer, finished) in zip(chats, babbler._answers(chats), strict=True):
        said: list[int] = []
        numbers = uniform_numbers([chat.seed], 16)
        for number in numbers[0].tolist():
            with torch.no_grad():
                scores = babbler._model(torch.tensor([[*chat.tokens, *said]])).logits[0, -1]
            said.append(naive_draw(scores, number, 1.5, 0.9))
            if said[-1] in (1, 2):
                break
        assert answer == babbler._tokenizer.decode(said, skip_special_tokens=True)
        assert finished == (said[-1] in (1, 2))


def naive_draw(scores: torch.Tensor, number: float, temperature: float, top_p: float) -> int:
    """Token by token, likeliest first, until enough probability is passed."""
    shares = (scores / temperature).softmax(-1).tolist()
    ranked = sorted(range(len(shares)), key=lambda token: (-shares[token], token))
    kept, total = [], 0.0
    while total < top_p and len(kept) < len(ranked):
        kept.append(ranked[len(kept)])
        total += shares[kept[-1]]
    passed = 0.0
    for token in kept:
        passed += shares[token]
        if passed > number * total:
            return token
    return kept[-1]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=12),
    st.integers(0, 999).map(lambda n: (n + 0.5) / 1000),
    st.sampled_from([0.3, 1.0, 2.0]),
    st.sampled_from([0.25, 0.9, 1.0]),
)
def test_the_draw_is_that_of_the_definition(scores: list[float], number: float, heat: float, top_p: float) -> None:
    row = torch.tensor([scores, scores[::-1]], dtype=torch.float64)
    draw = SeededDraw(torch.tensor([[0.0, number], [0.0, number]]), 3, heat, top_p)
    drawn = draw(torch.zeros(2, 4, dtype=torch.long), row.float())
    assert (drawn == 0).sum(-1).tolist() == [1, 1]
    expected = [naive_draw(of_row, number, heat, top_p) for of_row in row]
    for of_row, token, wanted in zip(row, drawn.argmax(-1).tolist(), expected, strict=True):
        shares = (of_row / heat).softmax(-1)
        close = abs(float(shares[token] - shares[wanted])) < 1e-9 or borderline(of_row, number, heat, top_p)
        assert token == wanted or close


def borderline(scores: torch.Tensor, number: float, heat: float, top_p: float) -> bool:
    """Whether rounding could decide: the number, or top_p, falls on the edge of a token's share."""
    reached = (scores / heat).softmax(-1).sort(descending=True).values.cumsum(-1)
    total = float(reached[(reached < top_p - 1e-6).sum().clamp(max=len(reached) - 1)])
    return bool(((reached - number * total).abs() < 1e-5).any() or ((reached - top_p).abs() < 1e-5).any())


def test_drawn_tokens_are_as_frequent_as_the_library_makes_them() -> None:
    from transformers import TemperatureLogitsWarper, TopPLogitsWarper

    scores = torch.tensor([[2.0, 1.0, 0.5, 0.0, -1.0, -3.0]])
    warped = TopPLogitsWarper(0.9)(None, TemperatureLogitsWarper(0.7)(None, scores))
    expected = warped.softmax(-1)[0].tolist()
    numbers = uniform_numbers(range(4000), 1)
    drawn = SeededDraw(numbers, 1, 0.7, 0.9)(torch.zeros(4000, 1), scores.expand(4000, -1)).argmax(-1).tolist()
    counts = Counter(drawn)
    assert expected[4:] == [0, 0] and set(counts) == {token for token, share in enumerate(expected) if share}
    for token, share in enumerate(expected):
        assert abs(counts[token] / 4000 - share) < 4 * (share * (1 - share) / 4000) ** 0.5 + 1e-9


@pytest.mark.parametrize(
    ("says", "reason"), [("", "empty_prompt"), (REFUSAL, "refusal"), ("w " * 99, "prompt_too_long")]
)
def test_what_cannot_be_used_is_tried_again_and_then_rejected(tmp_path: Path, says: str, reason: str) -> None:
    text = " ".join(f"w{n}" for n in range(99)) if reason == "prompt_too_long" else says
    mixed = opened(tiny_llama(tmp_path, says=[text, PROMPTS[0]]), temperature=2)
    some = tasks(10)
    chats = [_Chat(mixed._tokens(instructions.messages(task)), task.seed) for task in some]
    first = [answer.strip() for answer, _ in mixed._answers(chats)]
    prompts = mixed.write(some)
    assert text in first
    rejects = [prompt for prompt in prompts if isinstance(prompt, Reject)]
    assert len(rejects) < first.count(text) and {reject.reason for reject in rejects} <= {reason}
    assert {prompt for prompt in prompts if isinstance(prompt, str)} == {PROMPTS[0]}


def test_a_model_that_always_refuses_gives_rejects_with_the_reason(tmp_path: Path) -> None:
    model = opened(tiny_llama(tmp_path, says=[REFUSAL]))
    prompts = model.write(tasks(2))
    assert [prompt.reason for prompt in prompts if isinstance(prompt, Reject)] == ["refusal"] * 2


def test_a_prompt_that_names_the_artist_is_rejected(tmp_path: Path) -> None:
    (prompt,) = opened(tiny_llama(tmp_path, says=["Paint the sea as Homer did."])).write(tasks(1))
    assert isinstance(prompt, Reject) and prompt.reason == "prompt_names_painting"


def test_an_answer_that_meets_the_limit_loses_its_broken_sentence(folder: Path, tmp_path: Path) -> None:
    model = opened(tiny_llama(tmp_path, says=[PROMPTS[1]]), max_new_tokens=16)
    assert len(PROMPTS[1].split()) < 4 * 16
    assert model.write(tasks(1)) == [PROMPTS[1]]  # 13 pieces and the end
    text = "A short beginning stands here. Then " + " ".join(map(str, range(90))) + "."
    long = tiny_llama(tmp_path / "long", says=[text])
    assert opened(long, max_new_tokens=16).write(tasks(1)) == ["A short beginning stands here."]


def test_a_template_without_system_role_gets_all_in_the_users_turn(tmp_path: Path, writer: ChatWriter) -> None:
    model = opened(tiny_llama(tmp_path, knows_system=False))
    messages = instructions.messages(tasks(1)[0])
    text = model._tokenizer.decode(model._tokens(messages))
    assert text == f"<|user|>{messages[0]['content']}\n\n{messages[1]['content']}<|end|><|assistant|>"
    text = writer._tokenizer.decode(writer._tokens(messages))
    assert text == f"<|system|>{messages[0]['content']}<|end|><|user|>{messages[1]['content']}<|end|><|assistant|>"
    assert set(model.write(tasks(3))) <= set(PROMPTS)


def test_the_end_of_a_turn_ends_the_answer_even_when_the_checkpoint_forgot_it(tmp_path: Path) -> None:
    tiny_llama(tmp_path)
    config = tmp_path / "generation_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"eos_token_id": 1}))
    model = opened(tmp_path)
    assert model._ends == [1, 2]
    assert set(model.write(tasks(3))) <= set(PROMPTS)


def test_a_model_without_chat_template_is_told_in_one_sentence(tmp_path: Path) -> None:
    tiny_llama(tmp_path, template=False)
    with pytest.raises(ConfigError, match="base has no chat template.*--set prompt.model"):
        ChatWriter(Weights("base", "local", str(tmp_path)), LlmPrompt(model="base"))


def test_a_folder_without_a_model_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="empty cannot be loaded"):
        ChatWriter(Weights("empty", "local", str(tmp_path)), LlmPrompt(model="empty"))


def test_the_model_is_freed(folder: Path) -> None:
    with open_chat(resolve(str(folder), "", folder), LlmPrompt(model=str(folder))) as writer:
        assert isinstance(writer, ChatWriter)
        held = weakref.ref(writer._model)
    gc.collect()
    assert held() is None
