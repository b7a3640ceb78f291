"""The target of the sample task: the ticket, its legal values and the one-line reply that follows it."""

from __future__ import annotations

import json
from dataclasses import dataclass

CASES: tuple[tuple[str, str], ...] = (
    ("refund", "refund_payment"),
    ("refund", "send_return_label"),
    ("billing_error", "refund_payment"),
    ("billing_error", "correct_invoice"),
    ("late_delivery", "track_parcel"),
    ("late_delivery", "resend_order"),
    ("damaged_item", "send_replacement"),
    ("damaged_item", "refund_payment"),
    ("technical_fault", "send_guide"),
    ("technical_fault", "book_repair"),
    ("cancellation", "cancel_order"),
    ("account_access", "reset_password"),
    ("account_access", "lock_account"),
    ("address_change", "update_address"),
    ("invoice_copy", "send_invoice"),
    ("missing_part", "send_part"),
    ("complaint", "escalate_manager"),
    ("complaint", "call_back"),
    ("product_question", "answer_question"),
)
INTENTS: tuple[str, ...] = tuple(dict.fromkeys(intent for intent, _ in CASES))
ACTIONS: tuple[str, ...] = tuple(dict.fromkeys(action for _, action in CASES))
URGENCIES: tuple[str, ...] = ("high", "normal", "low")
PRODUCTS: tuple[str, ...] = (
    "router", "headset", "kettle", "laptop", "tablet", "camera", "printer", "keyboard", "monitor",
    "blender", "vacuum", "speaker", "watch", "toaster", "lamp", "backpack", "heater", "scale",
)  # fmt: skip
CURRENCIES: tuple[str, ...] = ("EUR", "USD", "GBP", "CHF")
MONEY_ACTIONS: frozenset[str] = frozenset({"refund_payment", "correct_invoice", "send_return_label"})
NO_AMOUNT = "none"


@dataclass(frozen=True)
class Ticket:
    """What the desk must do. `amount` is the disputed or claimed sum, `"49.90 EUR"`, or `"none"`."""

    intent: str
    product: str
    urgency: str
    amount: str
    action: str

    def line(self) -> str:
        """Compact JSON with the keys in the order of the fields."""
        return json.dumps(self.__dict__, separators=(",", ":"), ensure_ascii=False)
