"""The French phrasebook of the sample."""

from __future__ import annotations

from mlops.datasets.sample.phrasebook import Noun, Phrasebook

_FRAGMENTS: dict[str, str] = {
    "quand": "{hier|lundi|mardi dernier|la semaine dernière|il y a {trois|cinq|neuf} jours|ce matin}",
    "casse": "{en morceaux|avec une fissure|dans un état lamentable|avec un choc sur le côté}",
    "panne": "{ne démarre pas|fait un bruit affreux|clignote en rouge|chauffe beaucoup trop|ne répond plus}",
    "piece": "{câble|chargeur|couvercle|mode d'emploi|filtre}",
}

_STORIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("refund", "refund_payment"): (
        "j'ai renvoyé <le> <p> <quand> et {je n'ai rien reçu|le remboursement manque}",
        "où est mon remboursement? <le> <p> est chez vous depuis <quand>",
    ),
    ("refund", "send_return_label"): (
        "je {veux|souhaite} {rendre|retourner} <mon> <p>, {pas ouvert|encore emballé}. Comment faire",
        "<le> <p> {ne me plaît pas|est trop grand}, où {dois-je le renvoyer|faut-il l'envoyer}",
    ),
    ("billing_error", "refund_payment"): (
        "{vous avez débité|on m'a compté} deux fois <le> <p>",
        "je vois deux {paiements|débits} pour <mon> <p>, un de trop",
    ),
    ("billing_error", "correct_invoice"): (
        "la facture {pour|concernant} <le> <p> est fausse, {le total|la taxe|le nom} ne va pas",
        "merci de corriger la facture: <p>, {montant erroné|mauvaise société}",
    ),
    ("late_delivery", "track_parcel"): (
        "<mon> <p> devait arriver <quand> et {toujours rien|je l'attends encore}",
        "où est <mon> <p>? {Commandé|Payé} <quand>",
    ),
    ("late_delivery", "resend_order"): (
        "le transporteur a perdu <mon> <p>, {renvoyez un colis|merci d'en expédier un autre}",
        "<mon> <p> est noté livré mais {rien ici|personne ne l'a}. Merci de le renvoyer",
    ),
    ("damaged_item", "send_replacement"): (
        "<mon> <p> est arrivé <casse>, je veux un {échange|produit neuf}",
        "colis ouvert <quand>: <le> <p> est <casse>, merci de {remplacer|l'échanger}",
    ),
    ("damaged_item", "refund_payment"): (
        "<mon> <p> est arrivé <casse>, pas d'échange, {je veux mon argent|remboursez-moi}",
    ),
    ("technical_fault", "send_guide"): (
        "comment {régler|installer|réinitialiser} <mon> <p>? {Je suis perdu|Il n'y a pas de notice}",
        "<mon> <p> <panne>, que faut-il {essayer d'abord|faire}",
    ),
    ("technical_fault", "book_repair"): (
        "<mon> <p> <panne>, {j'ai tout essayé|la notice n'aide pas}. Il faut une réparation",
    ),
    ("cancellation", "cancel_order"): (
        "merci d'annuler la commande: <p>, {une erreur|pas encore expédié}",
        "j'ai commandé <le> <p> par erreur, {n'envoyez rien|annulez}",
    ),
    ("account_access", "reset_password"): ("mot de passe oublié, je veux {enregistrer|configurer} <mon> <p>",),
    ("account_access", "lock_account"): (
        "quelqu'un a utilisé mon compte pour commander <le> <p>, {bloquez-le|ce n'est pas moi}",
    ),
    ("address_change", "update_address"): (
        "j'ai déménagé, livrez <mon> <p> à la nouvelle adresse",
        "changez l'adresse de livraison svp: <p>",
    ),
    ("invoice_copy", "send_invoice"): ("il me faut {la facture|une copie de la facture|le reçu} pour <le> <p>",),
    ("missing_part", "send_part"): ("<mon> <p> est arrivé sans <piece>", "il manque une pièce avec <le> <p>: <piece>"),
    ("complaint", "escalate_manager"): (
        "votre {agent|technicien} a été {impoli|odieux} au sujet: <p>, je veux {un responsable|votre chef}",
    ),
    ("complaint", "call_back"): ("{personne ne répond|j'attends depuis des jours} pour <mon> <p>, rappelez-moi",),
    ("product_question", "answer_question"): (
        "est-ce que <le> <p> {marche dehors|marche sans internet|est en stock}",
        "quel est le {poids|bruit|prix du transport} pour <le> <p>",
    ),
}

_PARTS: dict[str, tuple[str, ...]] = {
    "greeting": ("{bonjour|bonsoir|chère équipe|madame, monsieur|salut}",),
    "small_talk": ("{bonjour|bonsoir|salut}[, {il y a quelqu'un|j'ai une question|besoin d'aide}]",),
    "small_talk_reply": ("{Bonjour|Bonsoir}, {comment puis-je aider|que se passe-t-il}?",),
    "aside": ("{je suis client depuis des années|la ligne était occupée|j'écris du téléphone}",),
    "claim": ("{il s'agit de|je veux|remboursez|vous me devez} <amount>",),
    "claim_invoice": ("{la facture dit|facturé} <amount>[ au lieu de <other>]",),
    "urgency_high": ("{c'est urgent|au plus vite svp|il me le faut demain|aujourd'hui même|très pressé}",),
    "urgency_low": ("{rien ne presse|pas urgent|prenez votre temps|quand vous pouvez}",),
    "price_aside": ("{la livraison a coûté|l'étui était à} <other>, {c'est bon|pas de souci}",),
    "product_aside": ("<q> de la même commande: {très bien|aucun souci}", "il ne s'agit pas de ceci: <q>"),
    "order_question": ("{Quel est le numéro de commande|Sous quel numéro}?",),
    "order_answer": ("{c'est|voici|numéro} <order>",),
    "product_question": ("{Quel produit|De quel appareil s'agit-il}?",),
    "product_answer": ("{c'est <le> <p>|<le> <p>|<p>}",),
    "amount_question": ("{Quel montant|Combien}?",),
    "amount_answer": ("{c'était|exactement|c'est} <amount>",),
    "correction": ("{pardon|non}, je parle: <p>, pas: <q>",),
    "closing": ("{merci|merci d'avance|cordialement|bonne journée|bien à vous}",),
    "past_matter": (
        "{la réparation|le remboursement|l'ancienne facture|le colis en retard} {de mai|de l'an dernier}, c'est réglé",
        "la dernière fois c'était pour {un mot de passe|un retour|un appel|un échange}, "
        "{pas cette fois|plus maintenant}",
    ),
    "urgent_note": ("Nous traitons cela en premier.",),
}

_IDENTITY: dict[str, tuple[str, ...]] = {
    "name": ("{je m'appelle|mon nom est|ici} <value>",),
    "email": ("{mon mail est|écrivez à|courriel:} <value>",),
    "phone": ("{mon numéro est|tél.|appelez le} <value>",),
    "card": ("{carte|payé par carte} <value>",),
    "iban": ("{mon iban est|iban|compte:} <value>",),
    "ssn": ("{numéro de sécu|ssn} <value>",),
    "ip": ("{mon ip est|depuis l'ip} <value>",),
    "address": ("{j'habite|adresse:|livrez au} <value>",),
    "token": ("{jeton:|la clé est} <value>",),
    "password": ("{mon mot de passe était|mot de passe:} <value>",),
    "birth_date": ("{date de naissance|naissance le} <value>",),
    "customer_number": ("{numéro client|client} <value>",),
}

_REPLIES: dict[str, str] = {
    "refund_payment": "Nous remboursons <amount> pour <le> <p>.",
    "refund_open": "Nous remboursons le prix pour <le> <p>.",
    "send_return_label": "Nous envoyons une étiquette de retour pour <le> <p>.",
    "correct_invoice": "Nous corrigeons la facture pour <le> <p>.",
    "track_parcel": "Nous cherchons où est <le> <p>.",
    "resend_order": "Nous renvoyons <le> <p>.",
    "send_replacement": "Nous remplaçons <le> <p>.",
    "send_guide": "Nous envoyons la notice pour <le> <p>.",
    "book_repair": "Nous prévoyons une réparation pour <le> <p>.",
    "cancel_order": "Nous annulons la commande pour <le> <p>.",
    "reset_password": "Nous changeons le mot de passe pour <le> <p>.",
    "lock_account": "Nous bloquons le compte et la commande pour <le> <p>.",
    "update_address": "Nous changeons l'adresse pour <le> <p>.",
    "send_invoice": "Nous envoyons la facture pour <le> <p>.",
    "send_part": "Nous envoyons la pièce pour <le> <p>.",
    "escalate_manager": "Un responsable suit le dossier pour <le> <p>.",
    "call_back": "Nous vous rappelons pour <le> <p>.",
    "answer_question": "Nous répondons à la question sur <le> <p>.",
}

_GENDERS: dict[str, dict[str, str]] = {
    "m": {"mon": "mon", "le": "le"},
    "f": {"mon": "ma", "le": "la"},
    "v": {"mon": "mon", "le": "l'"},
}
_WORDS = (
    "router routeur m, headset casque m, kettle bouilloire f, laptop portable m, tablet tablette f, camera caméra f, "
    "printer imprimante v, keyboard clavier m, monitor écran v, blender mixeur m, vacuum aspirateur v, "
    "speaker enceinte v, watch montre f, toaster grille-pain m, lamp lampe f, backpack cartable m, "
    "heater radiateur m, scale balance f, item appareil v"
)

FRENCH = Phrasebook(
    language="fr",
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
