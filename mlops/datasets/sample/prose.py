"""Plain text of the sample's world for pretraining a small base model: talks and help pages, never a ticket.

The texts share words and phrasing with the sample, not its rows: they draw from another seed space, carry no
personal data and hold no ticket. In a talk the agent sums up in plain words what the sample's ticket says in fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from random import Random

from mlops.datasets.errors import DatasetError
from mlops.datasets.sample.conversation import prompt_messages
from mlops.datasets.sample.grammar import expand
from mlops.datasets.sample.scenario import Scenario, draw_scenario, reply_line
from mlops.datasets.sample.ticket import NO_AMOUNT, PRODUCTS

_TALK_SHARE = 0.65
_NOTED_SHARE = 0.7
_PRODUCT = re.compile(rf"\b({'|'.join(PRODUCTS)})\b")

_MATTERS: dict[str, str] = {
    "refund": "{you ask for a refund|it is about a refund|you gave it back}",
    "billing_error": "{there is a billing error|the billing went wrong|you found an error in the billing}",
    "late_delivery": "{the delivery is late|it is a late delivery|your parcel did not come}",
    "damaged_item": "{the item is damaged|it came damaged|you got a damaged item}",
    "technical_fault": "{there is a technical fault|it has a fault|it does not work as it should}",
    "cancellation": "{you want a cancellation|you cancel|the order should be cancelled}",
    "account_access": "{you have trouble with the access to your account|it is about account access}",
    "address_change": "{the address changes|you ask for an address change}",
    "invoice_copy": "{you need a copy of the invoice|an invoice copy is wanted}",
    "missing_part": "{a part is missing|you found a missing part}",
    "complaint": "{you have a complaint|this is a complaint}",
    "product_question": "{you have a question about the product|it is a product question}",
}
_SUMMARY = (
    "{I understand|I see|Let me sum up|So}: {the product is|this is about|we talk about} {the|your} <product>, "
    "and <matter>. "
    "<pressing> <sum>",
    "{Thank you|Thanks for the details}. <pressing> {The product|The subject} is the <product>; <matter>. <sum>",
    "<sum> <pressing> {It concerns|It is for} the <product>, {as <matter>|and <matter>}.",
)
_PRESSING = {
    "high": "{The urgency is high|This is urgent|It is a matter of high urgency}.",
    "normal": "{The urgency is normal|It has normal urgency|}.",
    "low": "{The urgency is low|There is no rush|It can wait, so the urgency is low}.",
}
_PAGES = (
    "How to {return|send back} a <product>. {Keep the box|Put the <product> in its box} and {print the return "
    "label|ask us for "
    "a return label}. {Bring it to the post|Hand it to the courier} within {14|30} days. We refund the price, "
    "for example "
    "<sum>, {as soon as|when} the parcel {arrives|has reached us}. {Shipping is free|You pay no shipping}.",
    "My <product> does not work. First {unplug|switch off} the <product> and wait {ten|twenty|thirty} seconds. "
    "Then {press|"
    "hold} the button {on the back|on the side} {until the light is green|for five seconds}. {If that does not "
    "help|If the fault "
    "stays}, {book a repair|ask a technician}. {Guides|The steps} for the <product> and the <other> are {in the "
    "app|on our "
    "help pages}.",
    "Where is my {order|parcel}? {A <product> takes|Most parcels take} {two|three|five} days. {You can track "
    "the parcel|The "
    "tracking page shows each step} with the order number <order>. {If the courier lost it|If it is lost}, we "
    "{ship|send} the "
    "<product> again. {If it is late by more than a week|When nothing moves}, {write to us|call us} {at once|"
    "and we look}.",
    "{About invoices|Your invoice}. Each {order|<product>} comes with an invoice. {If the total is wrong|If you "
    "were charged "
    "twice|If <sum> was taken two times}, {tell us the amount|send the order number <order>} and we {correct "
    "the invoice|refund "
    "the payment}. A copy of the invoice is {free|sent by mail}.",
    "{Account help|Your account}. {Forgot your password|Cannot log in}? {Ask for a new password|Reset the "
    "password} on the "
    "{first page|login page}. {If someone else used your account|If you see a <product> that you never "
    "ordered}, {we lock the "
    "account|ask us to lock the account} at once. {To change the address|If you moved}, update the address "
    "before the <product> "
    "{ships|leaves us}.",
    "What is in the box? The <product> comes with {a cable and a manual|a charger and a strap|a stand and "
    "screws}. {If a part is "
    "missing|When the box lacks a part}, we {send the part|post the part} {within two days|for free}. {If the "
    "<product> is "
    "damaged|If it arrived broken}, we send a {replacement|new one} or {give the money back|refund <sum>}.",
    "{Cancel an order|How to cancel}. {An order can be cancelled|You may cancel} until it {ships|leaves the "
    "warehouse}. {After "
    "that|Later}, {return the <product>|use the return label}. {A <product> at <sum> is|Sums up to <sum> are} "
    "paid back {to the "
    "same card|in three days}. {No reason is needed|We do not ask why}.",
    "{Unhappy with us|Not content}? {Ask for a manager|A manager will look at your case} or {ask for a call|let "
    "us call you back}. "
    "{Every complaint|Each complaint about a <product> or a <other>} gets {an answer|a number} {in a day|within "
    "two days}. {High|"
    "Urgent} matters {come first|are treated first}; {matters of low urgency|those that can wait} {come later|"
    "take a week}.",
)


def pretraining_texts(count: int, seed: int) -> Iterator[str]:
    """Yield `count` texts of some 30 to 150 words, two thirds of them talks; the same arguments give the same texts.

    Raises:
        DatasetError: DATASET-008 for a negative count.
    """
    if count < 0:
        raise DatasetError("DATASET-008", f"expected 0 texts or more, found {count}", todo="pass a positive count")
    return (_text(Random(f"support_prose:{seed}:{number}")) for number in range(count))


def reading_talks(count: int, seed: int, names: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield `count` talks for learning to read, most with a word of `names` in place of each product.

    Where a customer names the product as the agent does, seven talks of eight get other names, so that the answer can
    only be known by reading the question. In most English talks the agent first notes matter, item, haste and sum as
    JSON: a relative of the sample's ticket, with other keys, the matter in plain words, and no action.

    Yields:
        the talk, and the words that its answer takes from the question.
    """
    for number in range(count):
        rng = Random(f"reading_talks:{seed}:{number}")
        scenario = draw_scenario(rng, with_personal=False)
        text = _talk(scenario, rng)
        asked, _, answered = text.rpartition("\nAgent: ")
        noted = scenario.book.language == "en" and rng.random() < _NOTED_SHARE
        if noted:
            answered = f"{_note(scenario)} {answered}"
        text = f"{asked}\nAgent: {answered}"
        said = sorted(set(_PRODUCT.findall(answered)))
        words = [*said, *([] if scenario.ticket.amount == NO_AMOUNT else scenario.ticket.amount.split())]
        words += scenario.ticket.intent.split("_") if noted else []
        if set(said) <= set(_PRODUCT.findall(asked)) and number % 8:
            named = dict(zip(PRODUCTS, rng.sample(names, len(PRODUCTS)), strict=True))
            text = _PRODUCT.sub(lambda match, named=named: named[match[0]], text)  # type: ignore[misc]
            words = [named.get(word, word) for word in words]
        yield text, tuple(words)


def _note(scenario: Scenario) -> str:
    ticket = scenario.ticket
    matter = ticket.intent.replace("_", " ")
    note = {"matter": matter, "item": ticket.product, "haste": ticket.urgency, "sum": ticket.amount}
    return json.dumps(note, separators=(",", ":"))


def _text(rng: Random) -> str:
    scenario = draw_scenario(rng, with_personal=False)
    return _talk(scenario, rng) if rng.random() < _TALK_SHARE else _page(scenario, rng)


def _talk(scenario: Scenario, rng: Random) -> str:
    lines = []
    for message in prompt_messages(scenario, rng):
        lines.append(f"{'Customer' if message['role'] == 'user' else 'Agent'}: {message['content']}")
    summary = f"{_summary(scenario, rng)} " if scenario.book.language == "en" else ""
    lines.append(f"Agent: {summary}{reply_line(scenario.ticket, scenario.book)}")
    return "\n".join(lines)


def _summary(scenario: Scenario, rng: Random) -> str:
    ticket = scenario.ticket
    claimed = "{The amount is|The sum is|It is about} " + ticket.amount + "."
    fragments = {
        "matter": _MATTERS[ticket.intent],
        "pressing": _PRESSING[ticket.urgency],
        "sum": "{No amount is named|There is no amount}." if ticket.amount == NO_AMOUNT else claimed,
    }
    text = expand(rng.choice(_SUMMARY), rng, {"product": ticket.product}, fragments)
    return re.sub(r"\.(?: ?\.)+", ".", text).removeprefix(". ")  # an urgency without words leaves a bare full stop


def _page(scenario: Scenario, rng: Random) -> str:
    product, other = rng.sample(PRODUCTS, 2)
    slots = {"product": product, "other": other, "sum": scenario.other, "order": scenario.order}
    return expand(rng.choice(_PAGES), rng, slots, {})
