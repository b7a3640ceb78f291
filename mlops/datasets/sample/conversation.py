"""From the facts of a scenario to the messages of a talk."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from mlops.datasets.sample import noise
from mlops.datasets.sample.grammar import expand
from mlops.datasets.sample.phrasebook import Noun
from mlops.datasets.sample.scenario import Scenario, joined_articles, reply_line

Message = dict[str, str]
_EXTRAS = 2
_TYPO_RATES = {"neat": 0.006, "lower": 0.02, "sloppy": 0.045, "shout": 0.02}


class Voice:
    """One customer's way of writing: holds the generator, the facts and the style of a talk."""

    def __init__(self, scenario: Scenario, rng: Random) -> None:
        self.scenario = scenario
        self.rng = rng
        self.style = noise.draw_style(rng)
        self.noun: Noun = scenario.product

    def part(self, name: str, slots: Mapping[str, str] | None = None) -> str:
        """One sentence of a named part, unstyled."""
        return self.draw(self.rng.choice(self.scenario.book.parts[name]), slots)

    def draw(self, template: str, slots: Mapping[str, str] | None = None) -> str:
        """Expand a template with the facts of the scenario, unstyled."""
        facts = self.scenario
        known = {"p": self.noun.word, "q": facts.other_product.word, "amount": facts.amount, "other": facts.other}
        filled = expand(template, self.rng, {**self.noun.forms, **known, **(slots or {})}, facts.book.fragments)
        return joined_articles(filled)

    def say(self, text: str, value: str = "") -> str:
        """Style a sentence; `value` replaces the hidden mark afterwards, letter for letter."""
        styled = noise.sentence(text, self.style, self.rng)
        return noise.typos(styled, self.rng, _TYPO_RATES[self.style]).replace(noise.HIDDEN, value)

    def identity(self, kind: str, value: str) -> str:
        """A sentence that gives a piece of personal data."""
        template = self.rng.choice(self.scenario.book.identity[kind])
        return self.say(self.draw(template, {"value": noise.HIDDEN}), value)

    def order(self) -> str:
        """The answer to the question for an order number."""
        return self.say(self.part("order_answer", {"order": noise.HIDDEN}), self.scenario.order)


def talk(scenario: Scenario, rng: Random) -> list[Message]:
    """Two to six messages; the last one is the assistant's ticket and its one-line reply."""
    prompt = prompt_messages(scenario, rng)
    target = f"{scenario.ticket.line()}\n{reply_line(scenario.ticket, scenario.book)}"
    return [*prompt, {"role": "assistant", "content": target}]


def prompt_messages(scenario: Scenario, rng: Random) -> list[Message]:
    """Everything before the ticket: one, three or five messages that end with the customer."""
    voice = Voice(scenario, rng)
    shape = scenario.shape
    messages: list[Message] = []
    if shape.startswith("small_talk"):
        messages += [_user(voice.say(voice.part("small_talk"))), _agent(voice.part("small_talk_reply"))]
    held_back = list(scenario.personal)
    later = [held_back.pop()] if held_back and shape.endswith("order") else []
    messages.append(_user(_issue(voice, held_back)))
    if shape.endswith("order"):
        messages += [_agent(voice.part("order_question")), _user(_lines(voice, [voice.order()], later))]
    elif shape == "product":
        voice.noun = scenario.product
        messages += [_agent(voice.part("product_question")), _user(voice.say(voice.part("product_answer")))]
    elif shape == "amount":
        messages += [_agent(voice.part("amount_question")), _user(voice.say(voice.part("amount_answer")))]
    elif shape == "correction":
        voice.noun = scenario.product
        correction = voice.say(voice.part("correction"))
        messages += [_agent(voice.part("order_question")), _user(_lines(voice, [voice.order(), correction], []))]
    return messages


def _issue(voice: Voice, personal: list[tuple[str, str]]) -> str:
    """The message that tells the story, with what else the customer finds worth saying around it."""
    scenario, rng = voice.scenario, voice.rng
    if scenario.shape == "product":
        voice.noun = rng.choice(scenario.book.nouns["item"])
    elif scenario.shape == "correction":
        voice.noun = scenario.other_product
    stories = scenario.book.stories[scenario.ticket.intent, scenario.ticket.action]
    body = [voice.say(voice.draw(rng.choice(stories)))]
    extras = _extras(voice, personal)
    before = [text for text in extras if rng.random() < 0.25]
    after = [text for text in extras if text not in before]
    body = [*before, *body, *after]
    cues = _cues(voice)
    rng.shuffle(cues)
    for cue in cues:
        body.insert(rng.randrange(len(before) + 1, len(body) + 1) if rng.random() < 0.85 else 0, cue)
    return _dressed(voice, body)


def _cues(voice: Voice) -> list[str]:
    """What the ticket cannot be read without: the claimed sum and the urgency."""
    ticket, scenario = voice.scenario.ticket, voice.scenario
    cues = []
    if scenario.amount and scenario.shape != "amount":
        cues.append(voice.say(voice.part("claim_invoice" if ticket.action == "correct_invoice" else "claim")))
    if ticket.urgency != "normal":
        cues.append(voice.say(voice.part(f"urgency_{ticket.urgency}")))
    return cues


def _extras(voice: Voice, personal: list[tuple[str, str]]) -> list[str]:
    """What could be left out: asides, other products, other sums and personal data; two of them at most."""
    scenario, rng = voice.scenario, voice.rng
    extras = [voice.identity(kind, value) for kind, value in personal]
    if scenario.product_aside:
        extras.append(voice.say(voice.part("product_aside")))
    if scenario.past_matter:
        extras.append(voice.say(voice.part("past_matter")))
    if scenario.price_aside:
        extras.append(voice.say(voice.part("price_aside")))
    if rng.random() < 0.12:
        extras.append(voice.say(voice.part("aside")))
    return extras if len(extras) <= _EXTRAS else rng.sample(extras, _EXTRAS)


def _dressed(voice: Voice, body: list[str]) -> str:
    """Greeting, body, closing; sentences in one line, in lines of their own, or run together."""
    rng = voice.rng
    if rng.random() < 0.38:
        greeting = voice.part("greeting")
        first = body[0]
        greeting = greeting if voice.style != "neat" else greeting[:1].upper() + greeting[1:]
        body = [f"{greeting}, {first}", *body[1:]]
    if rng.random() < 0.25:
        body = [*body, voice.say(voice.part("closing"))]
        if rng.random() < 0.3 and voice.scenario.signed:
            body = [*body, voice.scenario.person]
    return rng.choice((" ", " ", " ", "\n")).join(body)


def _lines(voice: Voice, lines: list[str], personal: list[tuple[str, str]]) -> str:
    texts = [*lines, *(voice.identity(kind, value) for kind, value in personal)]
    voice.rng.shuffle(texts)
    return " ".join(texts)


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _agent(content: str) -> Message:
    return {"role": "assistant", "content": content}
