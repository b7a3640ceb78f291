"""Letters of other scripts that pass for a Latin letter in most typefaces, as in the confusables data of UTS 39."""

from __future__ import annotations

_CYRILLIC = dict(
    zip("аеорсухіјѕԁһԛԝӏкмтвАВЕКМНОРСТУХІЈЅԌԚԜҮвЗзб", "aeopcyxijsdhqwlkmtbABEKMHOPCTYXIJSGQWYb336", strict=True)
)
_GREEK = dict(zip("αονρικυχτγηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aovpikuxtynABEZHIKMNOPTYX", strict=True))
_OTHERS = dict(zip("օսհոցıɑɡɩʏꞌᴏᴄᴠᴡᴢ", "ouhngiagiy'ocvwz", strict=True))

LOOKALIKES: dict[str, str] = {**_CYRILLIC, **_GREEK, **_OTHERS}
