"""The Spanish phrasebook of the sample."""

from __future__ import annotations

from mlops.datasets.sample.phrasebook import Noun, Phrasebook

_FRAGMENTS: dict[str, str] = {
    "cuando": "{ayer|el lunes|el martes pasado|la semana pasada|hace {tres|cinco|nueve} días|esta mañana}",
    "roto": "{en pedazos|con una grieta|con un golpe|en muy mal estado}",
    "falla": "{no enciende|hace un ruido raro|parpadea en rojo|se calienta demasiado|se apaga sin motivo}",
    "pieza": "{cable|cargador|manual|filtro|adaptador}",
}

_STORIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("refund", "refund_payment"): (
        "devolví <el> <p> <cuando> y {no tengo el dinero|falta el reembolso}",
        "{dónde está mi reembolso|cuándo me pagan}? <el> <p> llegó a su almacén <cuando>",
    ),
    ("refund", "send_return_label"): (
        "quiero {devolver|mandar de vuelta} <el> <p>, {sin usar|en su caja}. Cómo lo hago",
        "<el> <p> {no me gusta|es demasiado grande}, a dónde {lo mando|hay que enviarlo}",
    ),
    ("billing_error", "refund_payment"): (
        "me {cobraron|cargaron} dos veces <el> <p>",
        "hay dos {cargos|pagos} por mi <p>, uno sobra",
    ),
    ("billing_error", "correct_invoice"): (
        "la factura de mi <p> está mal, {el total|el impuesto|el nombre} no es correcto",
        "corrijan la factura por favor: <p>, {importe equivocado|otra empresa}",
    ),
    ("late_delivery", "track_parcel"): (
        "mi <p> debía llegar <cuando> y {no ha llegado|sigo esperando}",
        "dónde está mi <p>? Lo {pedí|pagué} <cuando>",
    ),
    ("late_delivery", "resend_order"): (
        "el transporte perdió mi <p>, {manden otro paquete|envíen de nuevo}",
        "mi <p> figura como entregado y {aquí no hay nada|nadie lo tiene}. Envíen otra vez",
    ),
    ("damaged_item", "send_replacement"): (
        "mi <p> llegó <roto>, quiero {un cambio|uno nuevo}",
        "abrí la caja <cuando> y <el> <p> estaba <roto>, {cámbienlo|manden un recambio}",
    ),
    ("damaged_item", "refund_payment"): ("mi <p> llegó <roto>, no quiero otro, {devuelvan el dinero|solo mi dinero}",),
    ("technical_fault", "send_guide"): (
        "cómo se {configura|instala|reinicia} <el> <p>? {No tengo manual|No entiendo el menú}",
        "mi <p> <falla>, qué {pruebo primero|botón pulso}",
    ),
    ("technical_fault", "book_repair"): ("mi <p> <falla>, {ya probé todo|el manual no ayuda}. Necesita reparación",),
    ("cancellation", "cancel_order"): (
        "por favor cancelen el pedido: <p>, {fue un error|aún no salió}",
        "pedí <el> <p> por error, {no lo envíen|anulen todo}",
    ),
    ("account_access", "reset_password"): ("olvidé mi contraseña y quiero {registrar|configurar} mi <p>",),
    ("account_access", "lock_account"): ("alguien usó mi cuenta para pedir <el> <p>, {bloqueen todo|no fui yo}",),
    ("address_change", "update_address"): (
        "me mudé, manden mi <p> a la nueva dirección",
        "cambien la dirección de entrega: <p>",
    ),
    ("invoice_copy", "send_invoice"): ("necesito {la factura|una copia de la factura|el recibo} de mi <p>",),
    ("missing_part", "send_part"): ("mi <p> llegó sin <pieza>", "falta una pieza con <el> <p>: <pieza>"),
    ("complaint", "escalate_manager"): (
        "su {agente|técnico} fue {grosero|muy antipático} por mi <p>, quiero hablar con {su jefe|la dirección}",
    ),
    ("complaint", "call_back"): ("{nadie contesta|espero desde hace días} por mi <p>, llámenme",),
    ("product_question", "answer_question"): (
        "{sirve|funciona} <el> <p> {al aire libre|sin internet|con 110 voltios}",
        "cuánto {pesa|mide} <el> <p>",
    ),
}

_PARTS: dict[str, tuple[str, ...]] = {
    "greeting": ("{hola|buenos días|buenas tardes|estimado equipo|buenas}",),
    "small_talk": ("{hola|buenas|buenos días}[, {hay alguien|tengo una duda|necesito ayuda}]",),
    "small_talk_reply": ("{Hola|Buenos días}, {en qué puedo ayudar|qué ha pasado}?",),
    "aside": ("{soy cliente desde hace años|el teléfono comunicaba|escribo desde el móvil}",),
    "claim": ("{son|se trata de|quiero|me deben} <amount>",),
    "claim_invoice": ("{la factura dice|cobraron} <amount>[ en vez de <other>]",),
    "urgency_high": ("{es urgente|lo necesito mañana|cuanto antes por favor|hoy mismo|corre mucha prisa}",),
    "urgency_low": ("{no hay prisa|no es urgente|sin apuro|cuando puedan}",),
    "price_aside": ("{el envío costó|la funda fue de} <other>, {eso está bien|sin problema}",),
    "product_aside": ("<q> del mismo pedido: {muy bien|sin quejas}", "no se trata de esto: <q>"),
    "order_question": ("{Cuál es el número de pedido|Con qué número}?",),
    "order_answer": ("{es|aquí:|número} <order>",),
    "product_question": ("{De qué producto se trata|Qué aparato es}?",),
    "product_answer": ("{es <el> <p>|<el> <p>|<p>}",),
    "amount_question": ("{Qué importe es|Cuánto fue}?",),
    "amount_answer": ("{fueron|exactamente|son} <amount>",),
    "correction": ("{perdón|no}, hablo de mi <p>, esto no: <q>",),
    "closing": ("{gracias|muchas gracias|un saludo|saludos|hasta pronto}",),
    "past_matter": (
        "{la reparación|el reembolso|la factura vieja|el paquete tardío} {de mayo|del año pasado} ya está resuelto",
        "la última vez fue por {una contraseña|una devolución|una llamada|un cambio}, {ahora no|esto es otra cosa}",
    ),
    "urgent_note": ("Lo atendemos primero.",),
}

_IDENTITY: dict[str, tuple[str, ...]] = {
    "name": ("{me llamo|mi nombre es|soy} <value>",),
    "email": ("{mi correo es|escriban a|correo:} <value>",),
    "phone": ("{mi número es|tel.|llamen al} <value>",),
    "card": ("{tarjeta|pagué con tarjeta} <value>",),
    "iban": ("{mi iban es|iban|cuenta:} <value>",),
    "ssn": ("{seguro social|ssn} <value>",),
    "ip": ("{mi ip es|desde la ip} <value>",),
    "address": ("{vivo en|dirección:|entreguen en} <value>",),
    "token": ("{token:|la clave es} <value>",),
    "password": ("{mi contraseña era|contraseña:} <value>",),
    "birth_date": ("{nací el|fecha de nacimiento} <value>",),
    "customer_number": ("{número de cliente|cliente} <value>",),
}

_REPLIES: dict[str, str] = {
    "refund_payment": "Devolvemos <amount> por <el> <p>.",
    "refund_open": "Devolvemos el precio por <el> <p>.",
    "send_return_label": "Enviamos una etiqueta de devolución para <el> <p>.",
    "correct_invoice": "Corregimos la factura de su <p>.",
    "track_parcel": "Buscamos dónde está <el> <p>.",
    "resend_order": "Enviamos <el> <p> otra vez.",
    "send_replacement": "Cambiamos <el> <p>.",
    "send_guide": "Enviamos los pasos para <el> <p>.",
    "book_repair": "Pedimos una reparación para <el> <p>.",
    "cancel_order": "Cancelamos el pedido de su <p>.",
    "reset_password": "Cambiamos la contraseña para su <p>.",
    "lock_account": "Bloqueamos la cuenta y el pedido de su <p>.",
    "update_address": "Cambiamos la dirección para <el> <p>.",
    "send_invoice": "Enviamos la factura de su <p>.",
    "send_part": "Enviamos la pieza para <el> <p>.",
    "escalate_manager": "La dirección revisa el caso de su <p>.",
    "call_back": "Le llamamos por su <p>.",
    "answer_question": "Respondemos la pregunta sobre <el> <p>.",
}

_GENDERS: dict[str, dict[str, str]] = {"m": {"el": "el"}, "f": {"el": "la"}}
_WORDS = (
    "router enrutador m, headset auricular m, kettle hervidor m, laptop portátil m, tablet tableta f, camera cámara f, "
    "printer impresora f, keyboard teclado m, monitor pantalla f, blender batidora f, vacuum aspiradora f, "
    "speaker altavoz m, watch reloj m, toaster tostadora f, lamp lámpara f, backpack mochila f, "
    "heater calefactor m, scale báscula f, item aparato m"
)

SPANISH = Phrasebook(
    language="es",
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
