"""The catalog in a real browser: light, dark, on a phone, on paper, searched, and without scripts."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from html import unescape
from pathlib import Path

import pytest

from mlops.governance.catalog.gather import gather
from mlops.governance.catalog.site import site, write_site
from mlops.governance.lint_command import contract_files
from mlops.settings import Settings

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: install the package chromium")

ASKED_FOR = "the 'allow-scripts' permission is not set"
LIGHT, DARK = (255, 255, 255), (15, 19, 24)
PAGES = ("index.html", "contracts/support_conversations.html", "contracts/support_training_set.html")


@pytest.fixture(scope="module")
def folder(reviewed: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("browser") / "site"
    write_site(site(gather(reviewed, contract_files([reviewed.root / "data_contracts"]))), made)
    return made


def browse(tmp_path: Path, address: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Open an address without any network, and fail on whatever the page's console says, except of scripts that the
    test itself forbids."""
    done = subprocess.run(
        [
            BROWSER or "",
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--allow-file-access-from-files"),
            *(f"--user-data-dir={tmp_path / 'profile'}", *options, address),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if ":CONSOLE" in line and ASKED_FOR not in line], done.stderr
    return done


def ask(tmp_path: Path, page: Path, width: int, question: str, frame_options: str = "") -> object:
    """Open ``page`` in a frame of some width and answer ``question``, a function of its document and its window."""
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.as_uri()}" width="{width}" height="800" {frame_options} '
        'style="border:0"></iframe>'
        '<pre id="answer"></pre><script>window.onload = function () {'
        'var view = document.querySelector("iframe").contentWindow, page = view.document;'
        f'document.getElementById("answer").textContent = JSON.stringify(({question})(page, view));'
        "};</script>"
    )
    dumped = browse(tmp_path, frame.as_uri(), "--window-size=1400,900", "--dump-dom").stdout
    (answer,) = re.findall(r'<pre id="answer">(.*?)</pre>', dumped, re.DOTALL)
    return json.loads(unescape(answer))


def picture(path: Path) -> tuple[tuple[int, int], tuple[int, ...], int]:
    """Size of a PNG, its first pixel, and how many of its bytes differ from what their neighbours predict.

    The filters of PNG predict nothing for the first pixel, so that it stands there as it is.
    """
    data, place, pieces = path.read_bytes(), 8, b""
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if data[place + 4 : place + 8] == b"IDAT":
            pieces += data[place + 8 : place + 8 + length]
        place += length + 12
    raw = zlib.decompress(pieces)
    assert kind in (2, 6)
    return (width, height), tuple(raw[1:4]), len(raw) - raw.count(0)


@pytest.mark.parametrize("page", PAGES[:2])
@pytest.mark.parametrize(
    ("size", "scheme", "back"),
    [((1280, 1400), 1, LIGHT), ((1280, 1400), 0, DARK), ((390, 1800), 1, LIGHT), ((390, 1800), 0, DARK)],
    ids=["desktop-light", "desktop-dark", "phone-light", "phone-dark"],
)
def test_it_is_drawn_without_a_complaint(tmp_path: Path, folder: Path, page: str, size, scheme: int, back):
    shot = tmp_path / "shot.png"
    browse(
        tmp_path,
        (folder / page).as_uri(),
        f"--window-size={size[0]},{size[1]}",
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--screenshot={shot}",
    )
    found, first, drawn = picture(shot)
    assert found == size
    assert first == back
    assert drawn > 20_000


def test_an_empty_page_would_not_count_as_drawn(tmp_path: Path):
    (tmp_path / "empty.html").write_text("<!DOCTYPE html><title>e</title>")
    browse(tmp_path, (tmp_path / "empty.html").as_uri(), "--window-size=390,1800", f"--screenshot={tmp_path / 'e.png'}")
    assert picture(tmp_path / "e.png")[2] < 5_000


WIDTHS = """function (page, view) {
  return [320, 390, 768, 1280].map(function (width) {
    view.frameElement.width = width;
    return [page.documentElement.scrollWidth, page.documentElement.clientWidth];
  });
}"""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_never_wider_than_its_screen(tmp_path: Path, folder: Path, page: str):
    found = ask(tmp_path, folder / page, 390, WIDTHS)
    assert isinstance(found, list)
    assert [screen for _, screen in found] == [320, 390, 768, 1280]
    assert [wide for wide, _ in found] == [320, 390, 768, 1280]


TYPED = """function (page, view) {
  var box = page.getElementById("search");
  return %s.map(function (words) {
    box.value = words;
    box.dispatchEvent(new view.Event("input"));
    var rows = Array.prototype.slice.call(page.querySelectorAll(".index tbody tr"));
    return [rows.filter(function (row) { return row.offsetHeight > 0; }).map(function (row) {
      return row.querySelector("th").firstChild.textContent;
    }), page.getElementById("told").textContent, view.location.hash];
  });
}"""
SEARCHES = {
    "": 5,
    "support": 2,
    "SUPPORT  conversations": 1,
    "not approved": 1,
    "offline-evaluation": 1,
    "support dialogue": 0,
    "broken": 1,
    "<b>": 0,
}


@pytest.mark.parametrize("width", [390, 1280])
def test_typing_leaves_the_rows_that_have_every_word(tmp_path: Path, folder: Path, width: int):
    found = ask(tmp_path, folder / "index.html", width, TYPED % json.dumps(list(SEARCHES)))
    assert isinstance(found, list)
    assert {words: len(rows) for words, (rows, _, _) in zip(SEARCHES, found, strict=True)} == SEARCHES
    assert [told for _, told, _ in found] == [f"{count} of 5" for count in SEARCHES.values()]
    assert found[2][0] == ["support-conversations"]
    assert found[6][0] == ["torn.odcs.yaml "]
    assert found[3][2] == "#not%20approved"


def test_a_search_can_be_sent_as_an_address(tmp_path: Path, folder: Path):
    address = (folder / "index.html").as_uri() + "#sgd%20dialogues"
    dumped = browse(tmp_path, address, "--dump-dom").stdout
    assert len(re.findall(r"<tr hidden", dumped)) == 4
    assert ">1 of 5<" in dumped


def test_without_scripts_the_whole_list_shows(tmp_path: Path, folder: Path):
    question = """function (page) {
      var rows = Array.prototype.slice.call(page.querySelectorAll(".index tbody tr"));
      return [rows.filter(function (row) { return row.offsetHeight > 0; }).length,
        page.getElementById("searching").offsetHeight];
    }"""
    shown, search = ask(tmp_path, folder / "index.html", 1280, question, 'sandbox="allow-same-origin"')
    assert shown == 5
    assert search == 0
    assert ask(tmp_path, folder / "index.html", 1280, question)[1] > 20


def test_a_script_that_is_not_ours_does_not_run(tmp_path: Path, folder: Path):
    """The policy of the page is what stops it: without the policy it runs."""
    page = (folder / "index.html").read_text().replace("</body>", "<script>document.title='ran'</script></body>")
    for name, source, title in (("with", page, "Data contracts"), ("without", unprotected(page), "ran")):
        path = tmp_path / f"{name}.html"
        path.write_text(source)
        done = subprocess.run(
            [
                *(BROWSER or "", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / name}"),
                *("--dump-dom", path.as_uri()),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert f"<title>{title}</title>" in done.stdout


def unprotected(page: str) -> str:
    return re.sub(r"<meta http-equiv=[^>]*>", "", page)


@pytest.mark.parametrize("page", PAGES)
def test_it_prints(tmp_path: Path, folder: Path, page: str):
    paper = tmp_path / "paper.pdf"
    browse(tmp_path, (folder / page).as_uri(), "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert pages == 1 if page == "index.html" else 3 <= pages <= 14
