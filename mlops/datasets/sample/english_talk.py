"""The rest of the English phrasebook: small talk, claims, cues, asides, personal data, nouns and replies."""

from __future__ import annotations

from mlops.datasets.sample.english import FRAGMENTS, STORIES
from mlops.datasets.sample.phrasebook import Noun, Phrasebook

_PARTS: dict[str, tuple[str, ...]] = {
    "greeting": (
        "{hi|hello|hey|good morning|good evening|hi there|hello again|dear team|dear support|to whom it may concern"
        "|good day|morning|afternoon all|hiya|hello support}",
    ),
    "small_talk": (
        "{hi|hello|hey|good morning|hi there|yo} [is {anyone|somebody} there|is this {support|the right place}|"
        "{quick|short} "
        "question|can you help me|{me|it is me} again|I need {some|a bit of} help]",
        "{anyone|someone} {there|online|awake}",
        "are you a {robot|person|real human}[, I {hope|want} a human]",
        "{I have|there is} {a problem|an issue|a small matter|a question}[ and {I am not happy|need advice}]",
        "{lovely|awful|strange} {weather|day} {today|here}, {isn't it|anyway}. {I need help|Can you help}",
    ),
    "small_talk_reply": (
        "{Hello|Hi|Good day}, {how can I help|what can I do for you|what is the matter|tell me what happened}?",
        "{Sure|Of course|Yes}, {I am here|go ahead|what is it about|please describe it}.",
        "Thank you for {waiting|writing|your patience}. {What is wrong|What happened|How may I help}?",
    ),
    "aside": (
        "{I am a customer since {2015|2018|2021}|I have bought from you for years|a friend recommended your shop}",
        "{sorry for the long text|sorry, writing from my phone|excuse my spelling|I hope this is the right channel}",
        "{I already wrote to you <when>|I filled in the form <when>|the phone line was busy}",
        "{the colour is great by the way|your packaging is nice|the courier was friendly}",
        "{I work nights|we have a new baby|I am abroad until Sunday|my knee hurts and I cannot come to the shop}",
    ),
    "claim": (
        "{it is about|we talk about|that makes|the sum is|in total} <amount>",
        "{I want|please return|please transfer|give me back|I expect} {my |the |}<amount>[ back]",
        "you owe me <amount>",
        "I am {out|short of|missing} <amount>",
        "<amount> {should come back|must be returned|is what you have to pay back|is still with you}",
        "{the price was|I paid} <amount> and {I want it back|that is the sum to return}",
    ),
    "claim_invoice": (
        "{the bill says|the invoice shows|you billed|it states} <amount>[ {instead of|but we agreed|not} <other>]",
        "<amount> {is on the invoice|was billed|is printed there}, {which is wrong|that is not right|far too much}",
        "{the offer was|agreed were} <other>, {billed was|the invoice has} <amount>",
    ),
    "urgency_high": (
        "{this is|it is} {really |very |}{urgent|pressing}",
        "{I need it|it must be solved|please act} {today|by tomorrow|before Saturday|within the hour|right now|"
        "at once}",
        "{this cannot wait|it can't wait|every hour counts|asap please|hurry please|as fast as you can}",
        "{I cannot work|my shop stands still|the baby sleeps badly|I sit in the cold} {until this is solved|"
        "without it}",
        "{third|fourth|fifth} {mail|message|time I write}, {answer now|my lawyer is next|I lose patience}",
    ),
    "urgency_low": (
        "{no rush|no hurry|not urgent|take your time|there is no hurry at all}",
        "{whenever you can|when you have a minute|any time is fine|next week is fine|when it suits you}",
        "{it can wait|I can wait|this is not pressing|I do not need it soon|low priority}",
    ),
    "price_aside": (
        "{the case for it was|shipping was|the warranty cost|I also paid} <other>[ extra], {that is fine|no "
        "issue there}",
        "{my last order was|last year I spent} <other>[ with you] {and it went well|without trouble|, just so "
        "you know}",
        "I {have|got} a {voucher|gift card} of <other>, {keep it|that is another matter}",
        "{another shop asks|I saw it for} <other>, {but never mind|by the way}",
    ),
    "product_aside": (
        "{the|my} <q> {from the same order|that came with it|I bought before} {is fine|works well|is great|"
        "arrived in time}",
        "{this is not about|it is not about|forget} {the|my} <q>",
        "I {also have|own} {your|a} <q> {and love it|, no complaints there|, that one is good}",
        "{my|the} <q> {never made trouble|was fine}",
    ),
    "order_question": (
        "{Could you|Can you|Would you} {give|send|tell} me {the|your} order number{, please|}?",
        "{Which|What} is {the|your} order number?",
        "{I am sorry to hear that|I see|Thank you|Understood}. {I need the order number|What is the order number|"
        "Under which number was it ordered}?",
    ),
    "order_answer": (
        "{it is|sure,|yes,|order|number|that would be|here:|} <order>",
        "<order>[, {hope that helps|I think|it is on the box}]",
    ),
    "product_question": (
        "{Which|What} {product|item|device} {is it about|do you mean}?",
        "{Thank you|I see|Noted}. {Which product is it|What did you order|Which of our products do you mean}?",
    ),
    "product_answer": (
        "{it is|that is|I mean|it's} {the|my|a} <p>",
        "{the|my|a} <p>[, {of course|sorry|as I said|what else}]",
        "<p>[, {bought <when>|the newest one|the small one}]",
    ),
    "amount_question": (
        "{How much was it|What is the sum|Which amount is it about|How much do you mean}?",
        "{I see|Sorry about that|Understood}. {What sum is it|How much was taken|Please tell me the amount}.",
    ),
    "amount_answer": (
        "<amount>[, {exactly|as far as I see|on my statement}]",
        "{it was|it is|exactly|that was|the sum is} <amount>",
    ),
    "correction": (
        "{sorry|oops|wait}, {I mean|I meant|it is} the <p>, not the <q>",
        "{I wrote|I said} <q> but {it is|I mean} the <p>",
    ),
    "closing": (
        "{thanks|thank you|cheers|regards|kind regards|best wishes|many thanks|yours}",
        "{thanks|thank you} {in advance|for your help|a lot}",
        "{waiting for your answer|please answer soon|hope to hear from you|have a nice day}",
    ),
    "past_matter": (
        "{the|my} {refund|late parcel|wrong invoice|double charge|login trouble|missing cable|broken lid|address change"
        "|cancelled order|repair|complaint} {from last month|of last year|in May} {is settled|was solved|went fine}",
        "{last time|in spring|in {March|June}} {I asked for|it was about} {a refund|a repair|a new password|an invoice"
        "|a call back|a replacement|a new address|a manager|a return label}, "
        "{not now|this is something else|now it is not}",
        "{this is not about|forget} {the old complaint|the late delivery|the second charge|the stolen account"
        "|the receipt|the lost parcel|the reset|the missing part|the return}, {that is done|you solved it}",
    ),
    "urgent_note": ("We treat this first.",),
}

_IDENTITY: dict[str, tuple[str, ...]] = {
    "name": ("{my name is|this is|I am|name:|{ordered|booked} under} <value>", "<value> {here|speaking|writing}"),
    "email": (
        "{my mail is|write to|reach me at|e-mail:|answer to|contact:} <value>",
        "<value> {is my address|is my mail}",
    ),
    "phone": ("{call me on|my number is|phone|tel.|mobile:|ring|text me at} <value>",),
    "card": ("{card|paid with card|my card number is|it was card|visa} <value>", "{charge|use} card <value>"),
    "iban": ("{my iban is|iban|send it to|account:|pay to} <value>",),
    "ssn": ("{my ssn is|ssn|social security number:|social} <value>",),
    "ip": ("{my ip is|from ip|the router log shows|ip address} <value>",),
    "address": ("{I live at|my address is|address:|it is for|deliver to|home:} <value>",),
    "token": ("{the app shows the key|api key|my access token is|token:} <value>",),
    "password": ("{my password was|I used the password|password:} <value>",),
    "birth_date": ("{born on|date of birth|my birthday is|born} <value>",),
    "customer_number": ("{customer number|my customer no. is|client|customer id} <value>",),
}

_WORDS: dict[str, tuple[str, ...]] = {
    "router": ("router", "router", "wifi router", "wlan box", "internet box"),
    "headset": ("headset", "headset", "pair of headphones", "headphone set"),
    "kettle": ("kettle", "kettle", "water boiler", "electric kettle"),
    "laptop": ("laptop", "laptop", "notebook computer", "portable computer"),
    "tablet": ("tablet", "tablet", "drawing tablet", "touch pad"),
    "camera": ("camera", "camera", "photo camera", "webcam"),
    "printer": ("printer", "printer", "ink printer", "laser printer"),
    "keyboard": ("keyboard", "keyboard", "wireless keyboard", "typing board"),
    "monitor": ("monitor", "monitor", "display screen", "computer screen"),
    "blender": ("blender", "blender", "smoothie maker", "mixer"),
    "vacuum": ("vacuum", "vacuum cleaner", "vacuum", "hoover"),
    "speaker": ("speaker", "speaker", "loudspeaker", "sound box"),
    "watch": ("watch", "smart watch", "watch", "fitness watch"),
    "toaster": ("toaster", "toaster", "bread toaster", "two-slot toaster"),
    "lamp": ("lamp", "desk lamp", "lamp", "reading light"),
    "backpack": ("backpack", "backpack", "rucksack", "daypack"),
    "heater": ("heater", "heater", "fan heater", "radiator"),
    "scale": ("scale", "kitchen scale", "bathroom scale", "scale"),
    "item": ("item", "thing", "product", "device"),
}

_REPLIES: dict[str, str] = {
    "refund_payment": "We will refund <amount> for your <p>.",
    "refund_open": "We will refund the price of your <p>.",
    "send_return_label": "We send you a return label for your <p>.",
    "correct_invoice": "We will correct the invoice for your <p>.",
    "track_parcel": "We will find out where your <p> is.",
    "resend_order": "We will ship your <p> again.",
    "send_replacement": "We will send you a new <p>.",
    "send_guide": "We send you the steps for your <p>.",
    "book_repair": "We will book a repair for your <p>.",
    "cancel_order": "We will cancel the order of your <p>.",
    "reset_password": "We will reset the password for your <p> account.",
    "lock_account": "We will lock the account and stop the <p> order.",
    "update_address": "We will change the address for your <p>.",
    "send_invoice": "We send you the invoice for your <p>.",
    "send_part": "We will send the missing part for your <p>.",
    "escalate_manager": "A manager will look at your <p> case.",
    "call_back": "We will call you back about your <p>.",
    "answer_question": "We will answer your question about the <p>.",
}

ENGLISH = Phrasebook(
    language="en",
    fragments=FRAGMENTS,
    stories=STORIES,
    parts=_PARTS,
    identity=_IDENTITY,
    nouns={product: tuple(Noun(word, {}) for word in words) for product, words in _WORDS.items()},
    replies=_REPLIES,
    money=("{n} EUR", "{n} EUR", "EUR {n}", "{s}{n}", "{s}{n}", "{n} {w}", "{n} {w}", "{n}{s}"),
)
