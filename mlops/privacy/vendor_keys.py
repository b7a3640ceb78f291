"""Keys that their issuers mark with a prefix or a shape of their own: the shape alone is proof enough.

Each shape is what the issuer publishes, or writes into every key it gives out: the prefix, the alphabet, and the
shortest length. Lengths have no upper bound where an issuer has changed them before.
"""

from __future__ import annotations

from mlops.privacy.patterns import VALUE, Alternation

_WORD = r"[A-Za-z0-9]"
_TOKEN = r"[A-Za-z0-9_\-]"
_HEX = r"[0-9a-f]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

# What is more than one token: a block, an address with a password in it.
_COMPOSITE = {
    "private-key": (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^\x{E000}]*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)"
    ),
    "connection-uri": rf"\b[A-Za-z][A-Za-z0-9+.\-]{{1,30}}://[^\s:/@\"'<>\x{{E000}}]*:{VALUE}+@{VALUE}+",
    "webhook": (
        rf"(?:https://)?(?:hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{{20,}}"
        rf"|(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/[0-9]{{15,}}/{_TOKEN}{{50,}}"
        rf"|[a-z0-9\-]+\.webhook\.office\.com/webhookb2/{VALUE}{{40,}}"
        rf"|hooks\.zapier\.com/hooks/catch/[0-9]+/{_WORD}{{5,}})"
    ),
    "azure-connection": r"\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}",
}

_CLOUD = {
    "aws-access-key": r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}\b",
    "aws-bedrock-key": r"\bABSK[A-Za-z0-9+/]{60,}={0,2}",
    "azure-client-secret": r"\b[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}",
    "google-key": (
        rf"\bAIza{_TOKEN}{{35}}|\bya29\.[A-Za-z0-9_.\-]{{20,}}|\bGOCSPX-{_TOKEN}{{20,}}|\b1//0[0-9a-z]{_TOKEN}{{30,}}"
    ),
    "alibaba-key": rf"\bLTAI{_WORD}{{12,20}}\b",
    "tencent-key": rf"\bAKID{_WORD}{{32}}\b",
    "digitalocean-token": rf"\bdo[opr]_v1_{_HEX}{{64}}",
    "heroku-key": rf"\bHRKU-(?:AA{_TOKEN}{{50,}}|{_UUID})",
    "cloudflare-key": rf"\bv1\.0-{_HEX}{{24}}-{_HEX}{{100,}}|\bcf(?:ut|at|k)_{_WORD}{{40,}}",
    "fly-token": r"\bfm[12]_[A-Za-z0-9+/_\-]{40,}={0,2}|\bfo1_[A-Za-z0-9_\-]{40,}",
    "hosting-token": (
        rf"\bnfp_{_WORD}{{36,}}|\brnd_{_WORD}{{28,}}|\bvc[pkair]_{_WORD}{{24,}}|\btskey-[a-z]+-{_TOKEN}{{20,}}"
    ),
    "database-token": (
        rf"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=\-]{{32,}}|\bsbp_{_HEX}{{40}}|\bsb_secret_{_TOKEN}{{20,}}"
        rf"|\bnapi_[a-z0-9]{{40,}}|\bpcsk_{_TOKEN}{{40,}}"
    ),
    "databricks-token": rf"\bdapi{_HEX}{{32}}(?:-[0-9])?",
    "vault-token": rf"\bhv[sbr]\.{_TOKEN}{{24,}}|\b{_WORD}{{14}}\.atlasv1\.[A-Za-z0-9_=\-]{{60,}}",
    "doppler-token": rf"\bdp\.(?:pt|st|sa|scim|audit|ct)\.(?:[a-z0-9_\-]{{2,35}}\.)?{_WORD}{{40,}}",
    "infrastructure-token": (
        rf"\bpul-{_HEX}{{40}}|\bpn[ub]_{_WORD}{{36}}|\bico-{_WORD}{{32}}|\bAGE-SECRET-KEY-1[A-Z0-9]{{58}}"
        rf"|\bsha256~{_TOKEN}{{43}}|\bops_eyJ{_TOKEN}{{100,}}|\bAPI-[A-Z0-9]{{26,32}}\b"
    ),
}

_CODE = {
    "github-token": rf"\b(?:gh[pousr]_{_WORD}{{30,}}|github_pat_[A-Za-z0-9_]{{22,}})",
    "gitlab-token": (
        rf"\bgl(?:pat|ptt|rt|dt|cbt|ft|soat|imt|agent|oas|ffct)-[A-Za-z0-9_.\-]{{20,}}|\bGR1348941{_TOKEN}{{20,}}"
    ),
    "atlassian-token": rf"\bAT(?:ATT|CTT)3x?[A-Za-z0-9_=\-]{{60,}}|\bATBB{_WORD}{{24,}}",
    "package-token": (
        rf"\bnpm_{_WORD}{{36}}|\bpypi-{_TOKEN}{{50,}}|\brubygems_{_HEX}{{48}}|\bcio{_WORD}{{32}}\b"
        rf"|\bdckr_(?:pat|oat)_{_TOKEN}{{27,}}|\boy2[a-z0-9]{{43}}\b|\bCLOJARS_[0-9a-z]{{60}}|\bAKCp{_WORD}{{60,}}"
    ),
    "ci-token": rf"\bCCIPAT_{_WORD}{{22}}_{_HEX}{{40}}|\bbkua_{_HEX}{{40}}|\bsq[upa]_{_HEX}{{40}}",
    "launchdarkly-key": rf"\b(?:sdk|api|mob)-{_UUID}",
    "postman-key": rf"\bPMAK-{_HEX}{{24}}-{_HEX}{{34}}",
    "monitoring-key": (
        r"\bNR(?:AK|JS|II|RA)-[A-Za-z0-9_\-]{19,}|\bgl(?:sa|c)_[A-Za-z0-9_+/=]{32,}"
        r"|\bsntry[su]_[A-Za-z0-9_+/=\-]{40,}|\bdt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"
    ),
}

_SERVICES = {
    "slack-token": r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,}|\bxapp-[0-9]-[A-Za-z0-9\-]{20,}",
    "stripe-key": rf"\b(?:[srp]k|tok)_(?:live|test)_{_WORD}{{10,}}|\bwhsec_[A-Za-z0-9+/=]{{16,}}",
    "payment-key": (
        rf"\bsq0(?:atp|csp|idp)-{_TOKEN}{{22,}}|\bEAAA{_TOKEN}{{56,}}|\brzp_(?:live|test)_{_WORD}{{14,}}"
        rf"|\baccess_token\$(?:production|sandbox)\${_WORD}{{16}}\${_HEX}{{32}}|\bFLW(?:SEC|PUB)K(?:_TEST)?-{_TOKEN}{{12,}}"
        rf"|\baccess-(?:sandbox|development|production)-{_UUID}|\b(?:live|test)_(?:pub_)?{_HEX}{{35}}\b"
    ),
    "shopify-token": r"\bshp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}",
    "shipping-key": (
        rf"\bEZ[AT]K{_WORD}{{54}}|\bshippo_(?:live|test)_{_HEX}{{40}}"
        rf"|\bduffel_(?:live|test)_{_TOKEN}{{40,}}"
    ),
    "twilio-key": rf"\b(?:AC|SK|AP){_HEX}{{32}}\b",
    "mail-key": (
        rf"\bSG\.{_TOKEN}{{16,}}\.{_TOKEN}{{30,}}|\bkey-{_HEX}{{32}}\b|\b{_HEX}{{32}}-{_HEX}{{8}}-{_HEX}{{8}}\b"
        rf"|\b{_HEX}{{32}}-us[0-9]{{1,2}}\b|\bxkeysib-{_HEX}{{64}}-{_WORD}{{16}}|\bmlsn\.{_HEX}{{64}}"
        rf"|\bre_{_WORD}{{8}}_{_WORD}{{20,}}"
    ),
    "telegram-token": rf"\b[0-9]{{8,10}}:AA{_TOKEN}{{32,}}",
    "discord-token": rf"\b[MNO]{_TOKEN}{{23,27}}\.{_TOKEN}{{6}}\.{_TOKEN}{{27,}}",
    "facebook-token": rf"\bEAA[A-Z0-9]{_WORD}{{60,}}",
    "twitter-token": r"\bA{20,}[A-Za-z0-9%]{40,}",
    "dropbox-token": rf"\bsl\.(?:u\.)?{_TOKEN}{{100,}}",
    "workspace-token": (
        rf"\blin_(?:api|oauth)_{_WORD}{{40}}|\bsecret_{_WORD}{{43}}\b|\bntn_{_WORD}{{40,}}|\bfig[dou]h?_{_TOKEN}{{40,}}"
        rf"|\bpat{_WORD}{{14}}\.{_HEX}{{64}}|\b[0-2]/[0-9]{{16}}(?:/[0-9]{{16}})?:{_HEX}{{32}}|\btfp_[A-Za-z0-9_.\-]{{59}}"
        rf"|\bCFPAT-{_TOKEN}{{43}}|\bpat-(?:na|eu|ap)[0-9]-{_UUID}|\brdme_[a-z0-9]{{70}}|\bfio-u-[A-Za-z0-9_=\-]{{64}}"
    ),
    "mapbox-token": rf"\b[spt]k\.eyJ{_TOKEN}{{20,}}\.{_TOKEN}{{20,}}",
    "okta-token": rf"\bSSWS 00{_TOKEN}{{40}}",
    "yandex-token": rf"\bAQVN{_TOKEN}{{35,}}|\bt1\.[A-Z0-9a-z_\-]+={{0,2}}\.[A-Za-z0-9_\-]{{86}}={{0,2}}",
    "adafruit-key": rf"\baio_{_WORD}{{28}}\b",
}

_MODELS = {
    "model-api-key": rf"\bsk-(?:[a-z]{{2,8}}[0-9]{{0,2}}-)*{_TOKEN}{{20,}}",
    "huggingface-token": rf"\b(?:hf|api_org)_{_WORD}{{30,}}",
    "inference-key": (
        rf"\bgsk_{_WORD}{{40,}}|\bxai-{_WORD}{{60,}}|\bpplx-{_WORD}{{40,}}|\br8_{_WORD}{{37}}\b"
        rf"|\blsv2_(?:pt|sk)_{_HEX}{{32}}_{_HEX}{{10}}|\bnvapi-{_TOKEN}{{60,}}"
    ),
}

_SIGNED = {"jwt": rf"\beyJ{_TOKEN}{{8,}}\.{_TOKEN}{{8,}}\.?[A-Za-z0-9_\-]*"}

VENDOR = Alternation(
    {
        name: f"(?P<{name.replace('-', '_')}>{source})"
        for family in (_COMPOSITE, _CLOUD, _CODE, _SERVICES, _MODELS, _SIGNED)
        for name, source in family.items()
    }
)
