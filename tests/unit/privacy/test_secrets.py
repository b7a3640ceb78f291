"""Vendors' key formats. The values are put together at run time, so that no scanner takes them for live keys."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.privacy.detection import detect

WORD = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
HEX = "0123456789abcdef"
UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ234567"
LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def uuid(chance: random.Random) -> str:
    return "-".join("".join(chance.choices(HEX, k=size)) for size in (8, 4, 4, 4, 12))


# name → parts; a part is a text as it stands, or (alphabet, length) of a random one; "UUID" is one.
FORMATS: dict[str, list[str | tuple[str, int]]] = {
    "aws": ["AK" + "IA", (UPPER, 16)],
    "aws temporary": ["AS" + "IA", (UPPER, 16)],
    "azure storage": ["Account" + "Key=", (WORD, 86), "=="],
    "azure client": [(WORD, 3), "8" + "Q~", (WORD, 34)],
    "google": ["AI" + "za", (WORD, 35)],
    "google oauth": ["GOC" + "SPX-", (WORD, 28)],
    "alibaba": ["LT" + "AI", (WORD, 20)],
    "digitalocean": ["dop" + "_v1_", (HEX, 64)],
    "heroku": ["HR" + "KU-", "UUID"],
    "netlify": ["nf" + "p_", (WORD, 40)],
    "fly": ["fo" + "1_", (WORD, 43)],
    "planetscale": ["pscale" + "_tkn_", (WORD, 43)],
    "supabase": ["sb" + "p_", (HEX, 40)],
    "databricks": ["da" + "pi", (HEX, 32)],
    "vault": ["hv" + "s.", (WORD, 90)],
    "terraform": [(WORD, 14), ".atlas" + "v1.", (WORD, 67)],
    "doppler": ["dp.p" + "t.", (WORD, 43)],
    "pulumi": ["pu" + "l-", (HEX, 40)],
    "github": ["gh" + "p_", (WORD, 36)],
    "github fine-grained": ["github" + "_pat_", (WORD, 22), "_", (WORD, 59)],
    "gitlab": ["gl" + "pat-", (WORD, 20)],
    "gitlab deploy": ["gl" + "dt-", (WORD, 20)],
    "atlassian": ["AT" + "ATT3x", (WORD, 180), "=", (UPPER, 8)],
    "npm": ["np" + "m_", (WORD, 36)],
    "pypi": ["py" + "pi-AgEIcHlwaS5vcmc", (WORD, 90)],
    "rubygems": ["ruby" + "gems_", (HEX, 48)],
    "crates": ["ci" + "o", (WORD, 32)],
    "docker": ["dck" + "r_pat_", (WORD, 27)],
    "nuget": ["oy" + "2", (LOWER, 43)],
    "circleci": ["CCI" + "PAT_", (WORD, 22), "_", (HEX, 40)],
    "sonar": ["sq" + "p_", (HEX, 40)],
    "launchdarkly": ["sd" + "k-", "UUID"],
    "postman": ["PM" + "AK-", (HEX, 24), "-", (HEX, 34)],
    "newrelic": ["NR" + "AK-", (UPPER, 27)],
    "grafana": ["gl" + "sa_", (WORD, 32), "_", (HEX, 8)],
    "sentry": ["snt" + "rys_", (WORD, 60), "_", (WORD, 43)],
    "dynatrace": ["dt0" + "c01.", (UPPER, 24), ".", (UPPER, 64)],
    "slack": ["xo" + "xb-", ("123456789", 12), "-", ("123456789", 12), "-", (WORD, 24)],
    "slack app": ["xa" + "pp-1-", (UPPER, 11), "-", ("123456789", 13), "-", (HEX, 64)],
    "slack webhook": ["https://hooks.slack" + ".com/services/T", (UPPER, 8), "/B", (UPPER, 8), "/", (WORD, 24)],
    "discord webhook": ["https://discord" + ".com/api/webhooks/", ("123456789", 18), "/", (WORD, 68)],
    "discord": ["M", (WORD, 23), ".", (WORD, 6), ".", (WORD, 38)],
    "stripe": ["sk" + "_live_", (WORD, 24)],
    "stripe webhook": ["wh" + "sec_", (WORD, 32)],
    "square": ["sq0" + "atp-", (WORD, 22)],
    "razorpay": ["rzp" + "_live_", (WORD, 14)],
    "plaid": ["access-" + "sandbox-", "UUID"],
    "shopify": ["shp" + "at_", (HEX, 32)],
    "easypost": ["EZ" + "AK", (WORD, 54)],
    "shippo": ["shippo" + "_live_", (HEX, 40)],
    "twilio": ["S" + "K", (HEX, 32)],
    "sendgrid": ["S" + "G.", (WORD, 22), ".", (WORD, 43)],
    "mailgun": ["ke" + "y-", (HEX, 32)],
    "mailchimp": [(HEX, 32), "-us" + "12"],
    "brevo": ["xkey" + "sib-", (HEX, 64), "-", (WORD, 16)],
    "telegram": [("123456789", 9), ":A" + "A", (WORD, 33)],
    "facebook": ["EA" + "AB", (WORD, 90)],
    "dropbox": ["s" + "l.", (WORD, 130)],
    "linear": ["lin" + "_api_", (WORD, 40)],
    "notion": ["nt" + "n_", (WORD, 46)],
    "figma": ["fi" + "gd_", (WORD, 43)],
    "airtable": ["pa" + "t", (WORD, 14), ".", (HEX, 64)],
    "hubspot": ["pat-" + "eu1-", "UUID"],
    "contentful": ["CF" + "PAT-", (WORD, 43)],
    "typeform": ["tf" + "p_", (WORD, 59)],
    "mapbox": ["sk.ey" + "J", (WORD, 60), ".", (WORD, 22)],
    "okta": ["SS" + "WS 00", (WORD, 40)],
    "openai": ["sk" + "-proj-", (WORD, 48), "2"],
    "anthropic": ["sk" + "-ant-api03-", (WORD, 90), "2"],
    "huggingface": ["h" + "f_", (WORD, 34)],
    "groq": ["gs" + "k_", (WORD, 52)],
    "replicate": ["r" + "8_", (WORD, 37)],
    "langsmith": ["ls" + "v2_pt_", (HEX, 32), "_", (HEX, 10)],
    "nvidia": ["nv" + "api-", (WORD, 64)],
    "tailscale": ["ts" + "key-auth-", (WORD, 12), "-", (WORD, 32)],
    "age": ["AGE-" + "SECRET-KEY-1", (UPPER, 58)],
    "jwt": ["ey" + "J", (WORD, 30), ".ey" + "J", (WORD, 50), ".", (WORD, 43)],
}


def built(parts: list[str | tuple[str, int]], chance: random.Random) -> str:
    return "".join(
        uuid(chance)
        if part == "UUID"
        else part
        if isinstance(part, str)
        else "".join(chance.choices(part[0], k=part[1]))
        for part in parts
    )


def test_there_are_more_than_forty_formats() -> None:
    assert len(FORMATS) > 40


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sentence", ["{}", "use {}.", '{{"note": "{}"}}', "it is ({}), thanks", "KEY={}"])
def test_a_vendors_key_is_found_whole(name: str, sentence: str) -> None:
    key = built(FORMATS[name], random.Random(name))
    text = sentence.format(key)
    spans = [(span.type, text[span.start : span.end].removeprefix("KEY=")) for span in detect(text)]
    assert [one for one in spans if one[0] == "SECRET"] == [("SECRET", key)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.randoms(use_true_random=False))
def test_any_key_of_a_format_is_covered(name: str, chance: random.Random) -> None:
    text = f"here: {built(FORMATS[name], chance)} ok"
    covered = sum(span.end - span.start for span in detect(text) if span.type == "SECRET")
    assert covered >= 0.8 * (len(text) - 9)


@pytest.mark.parametrize(
    "text",
    [
        "see commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "the id is 123e4567-e89b-12d3-a456-426614174000",
        "pull the image sha256:9b871512327c09ce91dd649b3f96a63b7408ef267c8cc5710114e629730cb61f",
        "a sk-learn model, a key-value store, a pat on the back",
        "api-version 2024-05-12, sdk-tools, access-control, live_test",
        "re_compile the pattern and read test_detection.py",
        "EAASY reading: the SKILLS and ACTIVITIES of 2024",
    ],
)
def test_what_only_resembles_a_key_is_left_alone(text: str) -> None:
    assert [span for span in detect(text) if span.type == "SECRET"] == []
