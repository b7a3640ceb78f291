"""What the catalog says of each contract, and what it never says."""

from __future__ import annotations

import html
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.contracts.approvals import record_path
from mlops.contracts.compile import compile_contract
from mlops.contracts.contract import load_contract
from mlops.governance.catalog.gather import Catalog, Entry, gather, gather_one
from mlops.governance.catalog.rules_section import descriptions
from mlops.governance.catalog.site import site
from mlops.governance.catalog.words import in_words, wording
from mlops.governance.lint_command import contract_files
from mlops.settings import Settings
from tests.reviewed_project import BAD_RECORD, RELEASE, TRACER

VOID = {"meta", "br", "input", "line", "rect"}


class Page(HTMLParser):
    """The tags of a page, its text, its links and what it would load."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(source)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset", "action", "data", "poster", "background") or name.startswith("on"):
                self.loaded.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "script" not in self.open:
            self.text += data + " "


@pytest.fixture(scope="module")
def catalog(reviewed: Settings) -> Catalog:
    return gather(reviewed, contract_files([reviewed.root / "data_contracts"]))


@pytest.fixture(scope="module")
def pages(catalog: Catalog) -> dict[str, str]:
    return {name: content.decode() for name, content in site(catalog).items()}


@pytest.fixture(scope="module")
def source(pages: dict[str, str]) -> Page:
    return Page(pages["contracts/support_conversations.html"])


@pytest.fixture(scope="module")
def entry(catalog: Catalog) -> Entry:
    return next(entry for entry in catalog.entries if entry.contract.name == "support-conversations")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_every_contract_has_a_page_and_a_row(reviewed: Settings, pages: dict[str, str]):
    index = Page(pages["index.html"])
    for path in contract_files([reviewed.root / "data_contracts"]):
        if path.name != "torn.odcs.yaml":
            name = f"contracts/{path.name.removesuffix('.odcs.yaml')}.html"
            assert name in pages
            assert name in index.links
            assert load_contract(path).name in index.text


def test_a_broken_file_is_listed_with_its_findings_and_hides_nothing(catalog: Catalog, pages: dict[str, str]):
    assert [each.path.name for each in catalog.broken] == ["torn.odcs.yaml"]
    text = Page(pages["index.html"]).text
    assert "data_contracts/torn.odcs.yaml:2: CONTRACT-003" in text
    assert "support-training-set" in text


@pytest.mark.parametrize("name", ["support_conversations", "support_training_set", "sgd_dialogues", "sgd_training_set"])
def test_every_rule_is_there_in_words_with_its_own_notation(reviewed: Settings, pages: dict[str, str], name: str):
    contract = load_contract(reviewed.root / "data_contracts" / f"{name}.odcs.yaml")
    why = dict(descriptions(contract))
    text = Page(pages[f"contracts/{name}.html"]).text
    plan = compile_contract(contract)
    for rule in plan.rules:
        assert in_words(rule, why.get(rule.id, "")) in text
        assert squeezed(wording(rule)) in text
        assert squeezed(why.get(rule.id, "")).rstrip(".").lower() in text.lower()
    for item in plan.human:
        assert item.id.startswith("sla.") or item.text in text


def test_columns_show_their_type_meaning_and_classification(entry: Entry, source: Page):
    for each in entry.contract.objects:
        for column in each.properties:
            assert f"{column.name} {column.logical_type}" in source.text
            assert str(column.entry.get("description", "")) in source.text
    assert "Most sensitive: confidential" in source.text


def test_the_heat_map_marks_each_column_once_per_scale(entry: Entry, pages: dict[str, str]):
    page = pages["contracts/support_conversations.html"]
    box = page[page.index('<div class="wide heat"') :]
    box = box[: box.index("</table>")]
    columns = [column for each in entry.contract.objects for column in each.properties]
    assert len(re.findall(r'<td class="h\d"', box)) == len(columns)
    (content,) = re.findall(r'<th scope="row">content</th>(.*?)</tr>', box)
    marks = ["confidential", "pii:free-text", "masking required"]
    assert [mark for mark in re.findall(r'title="([^"]+)"', content) if mark in marks] == marks


def test_results_are_those_of_the_checks(entry: Entry, source: Page):
    blocked, passed = entry.checks[1], entry.checks[0]
    assert (passed.word, passed.rows_in, passed.set_aside) == ("passed", 601, 1)
    assert blocked.word == "blocked"
    assert blocked.blocked in source.text
    assert "601 1" in source.text
    assert "400 rows" in source.text
    assert f"The results below are those of version {blocked.version}, another text." in source.text


def test_a_stage_that_found_its_output_counts_once(entry: Entry):
    assert [check.run for check in entry.checks] == ["run-one", "run-two"]


def test_each_rule_shows_its_history(pages: dict[str, str]):
    page = pages["contracts/support_conversations.html"]
    row = page[page.index("<code>enough_records</code>") :]
    assert 'aria-label="pass, fail"' in row[: row.index("</tr>")]
    row = page[page.index("<code>language_known</code>") :]
    assert 'aria-label="fail, pass"' in row[: row.index("</tr>")]


def test_the_trend_says_its_numbers(pages: dict[str, str]):
    page = pages["contracts/support_conversations.html"]
    assert 'aria-label="Records set aside, % of those read, oldest first: 0.166%, 0%"' in page


def test_policy_is_complete(source: Page):
    for words in (
        "Permitted purposes fine-tuning, offline-evaluation",
        "Prohibited purposes profiling, resale",
        "Legal basis gdpr-6-1-f",
        "Residency EU",
        "Regulations GDPR",
        "Data subjects customers, support agents",
        "Deletion on request within 30 days, found by record_id",
        "Retention kept for at most 5 years, counted from records.created_at (regulatory)",
        "ml-engineer read support-data-owner data-protection-officer",
    ):
        assert words in source.text


def test_approvals_and_what_they_lack(entry: Entry, source: Page, pages: dict[str, str]):
    assert entry.standing is not None
    assert not entry.standing.approved
    assert "Active, not approved" in source.text
    for role in entry.standing.missing:
        assert f"{role} missing" in source.text
    other = Page(pages["contracts/support_training_set.html"])
    assert "Active and approved" in other.text
    assert "This version is approved, byte for byte." in other.text
    assert "data-protection-officer-account" in other.text


def test_versions_show_their_changes(entry: Entry, source: Page):
    newest = entry.versions[0]
    assert newest.current
    assert newest.difference is not None
    assert len(newest.difference.changes) >= 2
    for change in newest.difference.changes:
        assert change.message in source.text
    assert "breaking, data protection" in source.text
    assert f"The version number says {newest.difference.actual_bump}" in source.text


def test_lineage_names_use_case_gate_and_release(source: Page, pages: dict[str, str]):
    assert "support_triage source support-triage version 1" in source.text
    assert f"{RELEASE} champion" in source.text
    assert RELEASE in Page(pages["index.html"]).text


def test_no_value_and_no_record_id_reaches_a_page(pages: dict[str, str]):
    for page in pages.values():
        assert TRACER not in page
        assert BAD_RECORD not in page


def test_pages_are_well_formed_and_load_nothing(pages: dict[str, str]):
    for name, content in pages.items():
        if name.endswith(".html"):
            page = Page(content)
            assert page.open == []
            assert page.loaded == []
            assert "default-src 'none'" in content
            assert not re.search(r"url\(|@import", content)
            assert "script" not in page.tags or name == "index.html"


def test_links_lead_to_pages_that_are_there(pages: dict[str, str]):
    for name, content in pages.items():
        if not name.endswith(".html"):
            continue
        for link in Page(content).links:
            if link.startswith("https://"):
                continue  # where a contract points to, a licence say
            target, _, anchor = link.partition("#")
            found = name if not target else (Path(name).parent / target).as_posix().replace("contracts/../", "")
            assert found in pages
            assert not anchor or f'id="{anchor}"' in pages[found]


def test_the_same_state_gives_the_same_bytes(reviewed: Settings, catalog: Catalog):
    again = gather(reviewed, contract_files([reviewed.root / "data_contracts"]))
    assert site(again) == site(catalog)


def test_contracts_can_be_reviewed_before_anything_has_run(reviewed: Settings, tmp_path: Path):
    root = copy(reviewed, tmp_path)
    page = site(gather(Settings(root=root), contract_files([root / "data_contracts"])))
    text = Page(page["contracts/support_training_set.html"].decode()).text
    assert "No data was checked against this contract yet." in text
    assert "nothing has run under it" in text
    assert not (root / "workspace").exists()


def copy(reviewed: Settings, folder: Path) -> Path:
    root = folder / "project"
    shutil.copytree(reviewed.root / "data_contracts", root / "data_contracts")
    shutil.copytree(reviewed.root / "use_cases", root / "use_cases")
    return root


def test_a_store_without_the_reports_leaves_the_events(reviewed: Settings, tmp_path: Path):
    settings = Settings(root=reviewed.root, workspace=tmp_path, ledger_url=reviewed.ledger)
    entry = gather_one(settings, reviewed.root / "data_contracts" / "support_conversations.odcs.yaml")
    assert [check.rules for check in entry.checks] == [None, None]
    text = Page(site(Catalog((entry,), ()))["contracts/support_conversations.html"].decode()).text
    assert "The reports of 2 are not on this machine." in text


def test_a_damaged_approval_is_told_and_leaves_the_rest(reviewed: Settings, tmp_path: Path):
    root = copy(reviewed, tmp_path)
    path = root / "data_contracts" / "sgd_dialogues.odcs.yaml"
    record_path(load_contract(path)).write_text("contract: [")
    found = gather(Settings(root=root), [path])
    page = Page(site(found)["contracts/sgd_dialogues.html"].decode())
    assert "approvals cannot be read" in page.text
    assert "CONTRACT-030" in page.text
    assert "Every row has a value for record_id." in page.text


def test_two_files_of_one_name_have_two_pages(reviewed: Settings, tmp_path: Path):
    root = copy(reviewed, tmp_path)
    first = root / "data_contracts" / "sgd_dialogues.odcs.yaml"
    second = root / "more" / "sgd_dialogues.odcs.yaml"
    second.parent.mkdir()
    shutil.copy(first, second)
    found = gather(Settings(root=root), [first, second])
    assert len({entry.page for entry in found.entries}) == 2


HOSTILE = "</script><img src=x onerror=alert(1)>'\"&<b>"


WORDS = {"purpose", "usage", "limitations", "domain", "dataGranularityDescription", "classification", "access"}


def hostile(node: Any, key: str = "") -> Any:
    """The same document with hostile text wherever a contract says things in words of its own."""
    if isinstance(node, dict):
        return {name: hostile(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [hostile(value, key) for value in node]
    own = key in WORDS or (key == "description" and isinstance(node, str))
    return HOSTILE if own or node in ("fine-tuning", "EU", "dialogue-data-owner", "pii:free-text") else node


def test_hostile_text_of_a_contract_stays_text(reviewed: Settings, tmp_path: Path):
    root = copy(reviewed, tmp_path)
    path = root / "data_contracts" / "sgd_dialogues.odcs.yaml"
    data = yaml.safe_load(path.read_text())
    data["authoritativeDefinitions"] = [
        {"type": HOSTILE, "url": "javascript:alert(1)"},
        {"type": "dpia", "url": "https://a.example/b"},
    ]
    data["customProperties"].append({"property": "mlops.note", "value": HOSTILE})
    data["tags"] = [HOSTILE]
    path.write_text(yaml.safe_dump(hostile(data)))
    files = site(gather(Settings(root=root), [path]))
    contract = files["contracts/sgd_dialogues.html"].decode()
    assert contract.count(html.escape(HOSTILE)) > 8
    for name in ("index.html", "contracts/sgd_dialogues.html"):
        page = Page(files[name].decode())
        assert "img" not in page.tags
        assert page.loaded == []
        assert page.open == []
        assert HOSTILE in page.text
    links = [link for link in Page(contract).links if not link.startswith(("#", "../"))]
    assert links == ["https://a.example/b"]


def test_a_waiver_is_shown_with_owner_reason_and_end(reviewed: Settings, tmp_path: Path):
    root = copy(reviewed, tmp_path)
    path = root / "data_contracts" / "sgd_dialogues.odcs.yaml"
    waiver = "{rule: messages.repeated_records, owner: data-steward, reason: known copies, expires: '2031-05-06'}"
    path.write_text(path.read_text() + f"- {{property: mlops.waivers, value: [{waiver}]}}\n")
    page = Page(site(gather(Settings(root=root), [path]))["contracts/sgd_dialogues.html"].decode())
    meaning = "records whose messages are the same word for word; curation removes them"
    assert (
        f"Waived Rule Until By Reason messages.repeated_records {meaning} 2031-05-06 data-steward known copies"
        in page.text
    )
