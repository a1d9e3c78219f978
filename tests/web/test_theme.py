"""A company's own look: its accent, logo and foot by settings, and templates of its own before ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from errors import SettingInvalid
from notifier.runtime import Runtime
from settings import load
from tests.conftest import make_settings
from tests.house import FIRST, House
from tests.test_settings import GOOD
from tests.web.test_public import get, words

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (64).to_bytes(4, "big") + (32).to_bytes(4, "big")


def reader(house: House, tmp_path: Path, **given: Any) -> FlaskClient:
    """One who comes to pages with those settings."""
    was = house.runtime
    told = make_settings(was.settings.database_url, tmp_path, **given)
    house.policy()
    house.publish(FIRST)
    return create_app(runtime=Runtime(was.engine, was.clock, was.sender, told, "node 1")).test_client()


def test_the_accent_stands_in_a_stylesheet_of_its_own_for_good(house: House, tmp_path: Path) -> None:
    client = reader(house, tmp_path, accent="#1d4ed8 #93c5fd")
    (address,) = re.findall(r'href="(/theme\.css\?v=[0-9a-f]{12})"', get(client, "/privacy"))
    answer = client.get(address)
    assert answer.mimetype == "text/css"
    assert "--accent: #1d4ed8;" in answer.text
    assert "--accent: #93c5fd;" in answer.text.split("prefers-color-scheme: dark")[1]
    assert "immutable" in answer.headers["Cache-Control"]
    assert "immutable" not in client.get("/theme.css").headers["Cache-Control"]
    html = get(client, "/privacy")
    assert html.index("gazette.css") < html.index("theme.css"), "it has the last word"


def test_the_site_notice_has_the_accent_too(house: House, tmp_path: Path) -> None:
    client = reader(house, tmp_path, accent="#1d4ed8 #93c5fd")
    script = client.get("/site-notice.js")
    assert script.mimetype == "text/javascript"
    assert "--accent: #1d4ed8;" in script.text and "--accent: #93c5fd;" in script.text
    assert "#0c5a49" not in script.text and "#06231b" not in script.text
    assert client.get("/site-notice.js", headers={"If-None-Match": script.headers["ETag"]}).status_code == 304


def test_without_a_setting_nothing_more_is_asked_for(house: House, tmp_path: Path) -> None:
    client = reader(house, tmp_path)
    html = get(client, "/privacy")
    assert "theme" not in html
    assert client.get("/theme/logo").status_code == 404
    assert client.get("/theme.css").status_code == 200


@pytest.mark.parametrize(
    ("data", "media_type", "size"),
    [(SVG, "image/svg+xml", 'width="84" height="28"'), (PNG, "image/png", 'width="56" height="28"')],
)
def test_a_logo_has_its_room_and_can_do_nothing(
    house: House, tmp_path: Path, data: bytes, media_type: str, size: str
) -> None:
    file = tmp_path / "logo"
    file.write_bytes(data)
    client = reader(house, tmp_path, logo=file)
    found = re.search(
        r'<img src="(/theme/logo\?v=[0-9a-f]{12})" ([^>]*) alt="">Plover Instruments', get(client, "/")
    )
    assert found is not None
    assert found[2] == size
    answer = client.get(found[1])
    assert (answer.data, answer.mimetype) == (data, media_type)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_logo_that_is_gone_takes_no_page_with_it(house: House, tmp_path: Path) -> None:
    file = tmp_path / "logo"
    file.write_bytes(SVG)
    client = reader(house, tmp_path, logo=file)
    file.write_bytes(SVG[:20])
    assert "/theme/logo" not in get(client, "/")
    file.unlink()
    assert "/theme/logo" not in get(client, "/privacy")
    assert client.get("/theme/logo").status_code == 404
    assert client.get("/nothing").status_code == 404


def test_the_foot_is_the_companys_and_safe(house: House, tmp_path: Path) -> None:
    client = reader(house, tmp_path, footer="Registered in [Oslo](https://example.com/r). <script>x</script>")
    html = get(client, "/")
    assert 'Registered in <a href="https://example.com/r"' in html
    assert "<script>x" not in html


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "accent",
            "#e8730a #74c9b1",
            r"GAZETTE_ACCENT cannot be used: #e8730a has a contrast of 2\.80 : 1.*#af5708",
        ),
        ("accent", "green", "GAZETTE_ACCENT names two colours"),
        ("logo", "/nowhere/logo.svg", "GAZETTE_LOGO cannot be read"),
        ("logo", str(Path(__file__).with_name("__init__.py")), "GAZETTE_LOGO is neither an SVG nor a PNG file"),
        ("templates", "no such folder", "GAZETTE_TEMPLATES is not a folder"),
    ],
)
def test_a_look_that_cannot_be_stops_the_start(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingInvalid, match=sentence):
        load(**{**GOOD, name: value})


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n", b"<svg>", b'<svg viewBox="0 0 0 9">', b"<svg " + b"x" * 300_000]
)
def test_a_picture_without_a_size_or_too_large_stops_the_start(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "logo"
    file.write_bytes(data)
    with pytest.raises(SettingInvalid, match="GAZETTE_LOGO"):
        load(**GOOD, logo=str(file))


# -- templates ----------------------------------------------------------------------------------


def test_a_template_of_the_folder_goes_before_ours_and_may_build_on_it(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "public").mkdir(parents=True)
    (folder / "base.html").write_text(
        '{% extends "gazette/base.html" %}{% block foot %}<p>Our own foot of {{ company }}</p>{% endblock %}'
    )
    (folder / "public" / "error.html").write_text("<h1>{{ heading }}, our way</h1>")
    client = reader(house, tmp_path, templates=folder)
    text = words(get(client, "/privacy"))
    assert "Our own foot of Plover Instruments" in text
    assert "We keep payment records" in text
    assert "Page not found, our way" in get(client, "/nothing", 404)


@pytest.mark.parametrize(
    "words",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ url_for.__globals__ }}",
        "{{ policy.__init__.__globals__ }}",
    ],
)
def test_a_template_of_the_folder_reaches_nothing_beneath_what_it_is_given(
    house: House, tmp_path: Path, words: str
) -> None:
    folder = tmp_path / "own" / "public"
    folder.mkdir(parents=True)
    (folder / "policy.html").write_text(words)
    client = reader(house, tmp_path, templates=folder.parent)
    answer = client.get("/privacy")
    assert answer.status_code == 500
    assert "subclasses" not in answer.text


def test_a_template_that_cannot_be_read_stops_the_start_with_its_line(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "base.html").write_text("<p>\n{% if %}")
    with pytest.raises(SettingInvalid, match=r"base\.html, line 2"):
        reader(house, tmp_path, templates=folder)
