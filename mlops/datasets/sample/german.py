"""The German phrasebook of the sample."""

from __future__ import annotations

from mlops.datasets.sample.phrasebook import Noun, Phrasebook

_FRAGMENTS: dict[str, str] = {
    "wann": "{gestern|am {Montag|Dienstag|Freitag}|letzte Woche|vor {zwei|drei|neun} Tagen|heute früh}",
    "kaputt": "{zerbrochen|verbeult|zerkratzt|gerissen|völlig hinüber}",
    "streikt": "{geht nicht an|schaltet sich dauernd ab|blinkt nur rot|wird viel zu heiß|brummt laut}",
    "bitte": "{bitte|könnten Sie bitte|ich bitte Sie, zu prüfen:}",
    "teil": "{Kabel|Netzteil|Deckel|Handbuch|Akku|Filter}",
}

_STORIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("refund", "refund_payment"): (
        "ich habe <den> <p> <wann> zurückgeschickt und {das Geld fehlt noch|nichts wurde erstattet}",
        "{wo bleibt meine Erstattung|wann kommt mein Geld}? <der> <p> ist <wann> bei Ihnen angekommen",
    ),
    ("refund", "send_return_label"): (
        "ich möchte <meinen> <p> {zurückgeben|zurückschicken}, {unbenutzt|noch verpackt}. {Wie geht das|Wohin damit}",
        "<der> <p> {gefällt mir nicht|ist zu groß|passt nicht}, wie kann ich ihn oder sie {zurücksenden|umtauschen}",
    ),
    ("billing_error", "refund_payment"): (
        "<mein> <p> wurde {doppelt|zweimal} {abgebucht|berechnet}",
        "auf meinem Konto sind zwei {Abbuchungen|Zahlungen} für <den> <p>, {eine ist zu viel|bestellt habe ich einmal}",
    ),
    ("billing_error", "correct_invoice"): (
        "die Rechnung für <den> <p> {stimmt nicht|hat eine falsche Summe|nennt die falsche Firma}",
        "{bitte korrigieren Sie|ändern Sie} die Rechnung zu <dem> <p>, {der Preis|die Steuer} ist falsch",
    ),
    ("late_delivery", "track_parcel"): (
        "<mein> <p> sollte <wann> kommen und ist {noch nicht da|immer noch unterwegs}",
        "{wo ist|wo bleibt} <mein> <p>? {Bestellt|Bezahlt} habe ich <wann>",
    ),
    ("late_delivery", "resend_order"): (
        "der Paketdienst hat <meinen> <p> verloren, {bitte noch einmal schicken|senden Sie Ersatz}",
        "<mein> <p> gilt als zugestellt, aber hier {ist nichts|kam nichts an}. Bitte {neu versenden|nochmals liefern}",
    ),
    ("damaged_item", "send_replacement"): (
        "<mein> <p> kam <kaputt> an, {bitte tauschen|ich brauche Ersatz}",
        "<der> <p> war beim Auspacken <kaputt>. {Schicken Sie bitte Ersatz|Ich möchte ein neues Gerät}",
    ),
    ("damaged_item", "refund_payment"): (
        "<mein> <p> kam <kaputt> an, {keinen Ersatz bitte|ich will kein neues Gerät}, nur das Geld zurück",
    ),
    ("technical_fault", "send_guide"): (
        "wie {richte ich <den> <p> ein|setze ich <den> <p> zurück}? {Mir fehlt die Anleitung|Das Menü ist unklar}",
        "<mein> <p> <streikt>, was soll ich {zuerst versuchen|drücken}",
    ),
    ("technical_fault", "book_repair"): (
        "<mein> <p> <streikt>, {alle Tipps halfen nicht|zurückgesetzt habe ich schon}. "
        "{Bitte reparieren|Techniker nötig}",
    ),
    ("cancellation", "cancel_order"): (
        "bitte {stornieren|stoppen} Sie die Bestellung: <p>, {noch nicht versandt|ein Versehen}",
        "ich habe <den> <p> {aus Versehen|doppelt} bestellt, bitte nicht {liefern|abschicken}",
    ),
    ("account_access", "reset_password"): (
        "ich habe mein Passwort vergessen und will <den> <p> {anmelden|einrichten}",
    ),
    ("account_access", "lock_account"): (
        "jemand hat mein Konto benutzt und <den> <p> bestellt, {bitte sperren|das war nicht ich}",
    ),
    ("address_change", "update_address"): (
        "ich bin umgezogen, <der> <p> soll an die neue Adresse",
        "bitte {ändern Sie die Lieferadresse|liefern Sie woanders hin}: <mein> <p>",
    ),
    ("invoice_copy", "send_invoice"): ("ich brauche {die Rechnung|eine Kopie der Rechnung|den Beleg} für <den> <p>",),
    ("missing_part", "send_part"): (
        "bei <dem> <p> fehlt das Teil: <teil>",
        "<mein> <p> kam ohne <teil>",
    ),
    ("complaint", "escalate_manager"): (
        "Ihr Mitarbeiter war {frech|unhöflich} wegen <dem> <p>, ich will {den Chef|die Leitung} sprechen",
    ),
    ("complaint", "call_back"): ("{niemand meldet sich|ich warte ewig} wegen <dem> <p>, rufen Sie mich {an|zurück}",),
    ("product_question", "answer_question"): (
        "{passt|läuft} <der> <p> {auch draußen|mit 110 Volt|ohne Internet}",
        "wie {laut|schwer|breit} ist <der> <p>",
    ),
}

_PARTS: dict[str, tuple[str, ...]] = {
    "greeting": ("{hallo|guten Tag|guten Morgen|liebes Team|servus|moin|grüß Gott}",),
    "small_talk": ("{hallo|guten Tag|moin}[, {ist jemand da|ich brauche Hilfe|eine Frage}]",),
    "small_talk_reply": ("{Guten Tag|Hallo}, {wie kann ich helfen|worum geht es}?",),
    "aside": ("{ich bin seit Jahren Kunde|das Telefon war besetzt|ich schreibe vom Handy}",),
    "claim": (
        "{es geht um|ich will|bitte erstatten Sie|Sie schulden mir} <amount>",
        "<amount> {fehlen mir|sind offen}",
    ),
    "claim_invoice": ("{berechnet wurden|auf der Rechnung stehen} <amount>[ statt <other>]",),
    "urgency_high": ("{es ist dringend|bitte sofort|ich brauche es bis morgen|es eilt sehr|noch heute bitte}",),
    "urgency_low": ("{es eilt nicht|keine Eile|das hat Zeit|wenn Sie Zeit haben}",),
    "price_aside": ("{der Versand kostete|die Hülle war} <other>, {das passt|das ist in Ordnung}",),
    "product_aside": ("<q> aus derselben Bestellung {ist gut|läuft gut}", "es geht nicht um: <q>"),
    "order_question": ("{Wie lautet die Bestellnummer|Unter welcher Nummer wurde bestellt}?",),
    "order_answer": ("{das ist|hier:|Nummer} <order>",),
    "product_question": ("{Um welches Produkt geht es|Welches Gerät meinen Sie}?",),
    "product_answer": ("{um <den> <p>|ich meine <den> <p>|<p>}",),
    "amount_question": ("{Um welchen Betrag geht es|Wie viel war es}?",),
    "amount_answer": ("{es waren|genau|um} <amount>",),
    "correction": ("{Entschuldigung|halt}, ich meine <den> <p>, nicht: <q>",),
    "closing": ("{danke|vielen Dank|Gruß|mit freundlichen Grüßen|besten Dank}",),
    "past_matter": (
        "{die Reparatur|die Erstattung|die alte Rechnung|das verspätete Paket} {vom letzten Jahr|im Mai} ist erledigt",
        "letztes Mal ging es um {ein Passwort|eine Rückgabe|einen Anruf|Ersatz}, {heute nicht|nun um etwas anderes}",
    ),
    "urgent_note": ("Wir kümmern uns zuerst darum.",),
}

_IDENTITY: dict[str, tuple[str, ...]] = {
    "name": ("{mein Name ist|hier ist|ich heiße} <value>",),
    "email": ("{meine Mail ist|schreiben Sie an|E-Mail:} <value>",),
    "phone": ("{meine Nummer ist|Telefon|rufen Sie an:} <value>",),
    "card": ("{Karte|bezahlt mit Karte} <value>",),
    "iban": ("{meine IBAN ist|IBAN|Konto:} <value>",),
    "ssn": ("{SSN|meine Sozialnummer ist} <value>",),
    "ip": ("{meine IP ist|von der IP} <value>",),
    "address": ("{ich wohne:|meine Adresse ist|Adresse:} <value>",),
    "token": ("{Token:|der Schlüssel lautet} <value>",),
    "password": ("{mein Passwort war|Passwort:} <value>",),
    "birth_date": ("{geboren am|Geburtsdatum} <value>",),
    "customer_number": ("{Kundennummer|meine Kundennummer ist} <value>",),
}

_REPLIES: dict[str, str] = {
    "refund_payment": "Wir erstatten <amount> für <den> <p>.",
    "refund_open": "Wir erstatten den Preis für <den> <p>.",
    "send_return_label": "Wir senden Ihnen ein Rücksendeetikett für <den> <p>.",
    "correct_invoice": "Wir korrigieren die Rechnung für <den> <p>.",
    "track_parcel": "Wir prüfen, wo <der> <p> ist.",
    "resend_order": "Wir schicken <den> <p> noch einmal.",
    "send_replacement": "Wir senden Ersatz für <den> <p>.",
    "send_guide": "Wir senden die Anleitung für <den> <p>.",
    "book_repair": "Wir buchen eine Reparatur für <den> <p>.",
    "cancel_order": "Wir stornieren die Bestellung für <den> <p>.",
    "reset_password": "Wir setzen das Passwort für <den> <p> zurück.",
    "lock_account": "Wir sperren das Konto und stoppen <den> <p>.",
    "update_address": "Wir ändern die Adresse für <den> <p>.",
    "send_invoice": "Wir senden die Rechnung für <den> <p>.",
    "send_part": "Wir senden das fehlende Teil für <den> <p>.",
    "escalate_manager": "Die Leitung prüft den Fall zu <dem> <p>.",
    "call_back": "Wir rufen Sie wegen <dem> <p> zurück.",
    "answer_question": "Wir beantworten die Frage zu <dem> <p>.",
}

_GENDERS: dict[str, dict[str, str]] = {
    "m": {"mein": "mein", "meinen": "meinen", "der": "der", "den": "den", "dem": "dem"},
    "f": {"mein": "meine", "meinen": "meine", "der": "die", "den": "die", "dem": "der"},
    "n": {"mein": "mein", "meinen": "mein", "der": "das", "den": "das", "dem": "dem"},
}
_WORDS = (
    "router Router m, headset Kopfhörer m, kettle Wasserkocher m, laptop Laptop m, tablet Tablet n, camera Kamera f, "
    "printer Drucker m, keyboard Tastatur f, monitor Bildschirm m, blender Standmixer m, vacuum Staubsauger m, "
    "speaker Lautsprecher m, watch Armbanduhr f, toaster Toaster m, lamp Lampe f, backpack Rucksack m, "
    "heater Heizlüfter m, scale Waage f, item Gerät n"
)

GERMAN = Phrasebook(
    language="de",
    fragments=_FRAGMENTS,
    stories=_STORIES,
    parts=_PARTS,
    identity=_IDENTITY,
    nouns={
        product: (Noun(word, _GENDERS[gender]),)
        for product, word, gender in (entry.split(" ") for entry in _WORDS.split(", "))
    },
    replies=_REPLIES,
    money=("{n} EUR", "{c} EUR", "{c} {s}", "{c} {w}"),
)
