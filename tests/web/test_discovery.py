"""What programs find: feeds, the index, the map, and what each page says of itself."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from app import create_app
from database import reading, writing
from notifier.runtime import Runtime
from policy_versions import archive, chain, policies
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House
from tests.policy_versions.test_naming import rename
from tests.policy_versions.test_translations import translate
from tests.web.test_public import Later, get, published

__all__ = ["published"]  # fixture
ATOM = "{http://www.w3.org/2005/Atom}"
HOME = "http://127.0.0.1:8000"


def head_of(house: House, slug: str = "privacy") -> str:
    with reading(house.runtime.engine) as session:
        return archive.history(session, policies.policy(session, slug)).entries[-1].revision.chain


def atom(client: FlaskClient, path: str) -> ElementTree.Element:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "application/atom+xml")
    found = ElementTree.fromstring(answer.data)
    for place in (found, *found.findall(f"{ATOM}entry")):  # RFC 4287: each has these, once
        for name in ("id", "title", "updated"):
            assert len(place.findall(ATOM + name)) == 1
            assert place.findtext(ATOM + name)
        assert datetime.fromisoformat(place.findtext(f"{ATOM}updated", "")).tzinfo
        assert place.find(f"{ATOM}link[@rel='alternate']") is not None
        assert (place.findtext(f"{ATOM}id") or "").startswith("urn:uuid:")
    assert found.find(f"{ATOM}author/{ATOM}name") is not None
    assert found.find(f"{ATOM}link[@rel='self']").attrib["href"] == HOME + path  # type: ignore[union-attr]
    return found


def entries(feed: ElementTree.Element) -> list[str]:
    return [one.findtext(f"{ATOM}title", "") for one in feed.findall(f"{ATOM}entry")]


def test_a_feed_has_every_change_and_another_the_significant_ones(client: FlaskClient, published: House) -> None:
    every = atom(client, "/privacy/feeds/all.atom")
    assert entries(every) == ["No. 3, 2 June 2026", "No. 2, 2 June 2026", "No. 1, May 2026"]
    content = every.findtext(f"{ATOM}entry/{ATOM}content", "")
    assert "2 changes, 2 words inserted, 2 words deleted, in: What we collect; How long" in content
    assert f'href="{HOME}/privacy/compare/2..3"' in content
    assert entries(atom(client, "/privacy/feeds/significant.atom")) == ["No. 3, 2 June 2026"]
    assert entries(atom(client, "/feeds/all.atom"))[0] == "Privacy policy, No. 3, 2 June 2026"
    assert client.get("/privacy/feeds/some.atom").status_code == 404
    assert client.get("/nothing/feeds/all.atom").status_code == 404


def test_the_head_of_the_chain_stands_in_every_feed(client: FlaskClient, published: House) -> None:
    head = head_of(published)
    for home in ("", "/privacy"):
        for which in ("all", "significant"):
            assert head in (atom(client, f"{home}/feeds/{which}.atom").findtext(f"{ATOM}subtitle") or "")
            assert client.get(f"{home}/feeds/{which}.json").get_json()["_gazette"]["heads"][0]["chain"] == head


def test_an_entry_is_the_same_whatever_the_policy_is_called_and_is_updated_when_it_changes(
    client: FlaskClient, published: House, later: Later
) -> None:
    def seen(slug: str) -> dict[str, tuple[str, str]]:
        found = atom(client, f"/{slug}/feeds/all.atom")
        return {
            one.findtext(f"{ATOM}id", ""): (one.findtext(f"{ATOM}updated", ""), one.findtext(f"{ATOM}title", ""))
            for one in found.findall(f"{ATOM}entry")
        }

    before = seen("privacy")
    later(hours=1)
    rename(published, "data")
    assert seen("data") == before
    assert client.get("/privacy/feeds/all.atom").location == "/data/feeds/all.atom"
    with writing(published.runtime.engine) as session:
        policy = policies.lock(session, "data")
        archive.withdraw(session, policy, 3, reason="A slip.", actor="a test", now=published.now)
    after = seen("data")
    assert after.keys() == before.keys()
    assert [one for one in after if after[one] != before[one]] == list(after)[:1]
    assert "Withdrawn: A slip." in get(client, "/data/feeds/all.atom")


def test_a_json_feed_has_what_its_version_asks_for(client: FlaskClient, published: House) -> None:
    answer = client.get("/privacy/feeds/all.json")
    assert answer.mimetype == "application/feed+json"
    said = json.loads(answer.data)
    assert said["version"] == "https://jsonfeed.org/version/1.1"
    assert said["feed_url"] == f"{HOME}/privacy/feeds/all.json"
    assert [item["tags"][0] for item in said["items"]] == ["Significant", "Minor", "First text"]
    for item in said["items"]:
        assert item["id"] and item["content_html"] and datetime.fromisoformat(item["date_published"]).tzinfo
    assert {item["id"] for item in said["items"]} == {
        one.findtext(f"{ATOM}id") for one in atom(client, "/privacy/feeds/all.atom").findall(f"{ATOM}entry")
    }


def test_whatever_stands_in_a_text_a_feed_is_well_formed(client: FlaskClient, house: House) -> None:
    house.policy(title="A & B <i>")
    house.publish("# T\n\n## S ]]> & \x01\x0b\ufffe\n\nOne.\n", summary="<script>alert(1)</script> & \U0001f600")
    house.publish("# T\n\n## S ]]> & \x01\x0b\ufffe\n\nTwo.\n", summary="So.")
    found = atom(client, "/privacy/feeds/all.atom")
    assert found.findtext(f"{ATOM}title") == "A & B <i>: every change"
    assert "&lt;script&gt;" in found.findall(f"{ATOM}entry/{ATOM}content")[1].text  # type: ignore[operator]
    assert "<script" not in client.get("/privacy/feeds/all.json").get_json()["items"][1]["content_html"]


def test_each_feed_is_another_s_in_all_the_world(client: FlaskClient, published: House, tmp_path: Path) -> None:
    published.policy("terms", title="Terms")  # made at the same instant
    published.publish(LONGER, slug="terms")
    was = published.runtime
    told = make_settings(was.settings.database_url, tmp_path, public_url="https://other.example.com")
    others = create_app(runtime=Runtime(was.engine, was.clock, was.sender, told, "node 1")).test_client()
    homes = ["/privacy", "/terms", ""]
    ids = [
        atom(client, f"{home}/feeds/{which}.atom").findtext(f"{ATOM}id")
        for home in homes
        for which in ("all", "significant")
    ]
    ids.append(ElementTree.fromstring(others.get("/feeds/all.atom").data).findtext(f"{ATOM}id"))
    assert len(set(ids)) == len(ids)


def test_where_nothing_is_published_the_feed_of_all_is_empty(client: FlaskClient, house: House) -> None:
    assert entries(atom(client, "/feeds/all.atom")) == []
    assert client.get("/.well-known/change-history").get_json()["policies"] == []
    assert client.get("/sitemap.xml").status_code == 200


def test_the_index_leads_to_every_text_and_to_what_shows_that_it_is_the_same(
    client: FlaskClient, published: House
) -> None:
    rename(published, "data")
    (policy,) = client.get("/.well-known/change-history").get_json()["policies"]
    assert (policy["slug"], policy["former_slugs"], policy["head"]) == (
        "data",
        ["privacy"],
        head_of(published, "data"),
    )
    assert [one["number"] for one in policy["revisions"]] == [1, 2, 3]
    assert policy["revisions"][0]["changes"] is None
    for one in policy["revisions"]:
        text = client.get(one["markdown"].removeprefix(HOME)).text
        assert chain.sha256(text) == one["sha256"]
        assert client.get(one["url"].removeprefix(HOME)).status_code == 200


def test_the_map_lists_every_page_that_stays_and_no_comparison(client: FlaskClient, published: House) -> None:
    listed = re.findall(r"<loc>([^<]+)</loc>", get(client, "/sitemap.xml"))
    assert listed == [
        f"{HOME}{path}" for path in ("/", "/privacy", "/privacy/history", *(f"/privacy/{n}" for n in "123"))
    ]
    robots = get(client, "/robots.txt")
    assert f"Sitemap: {HOME}/sitemap.xml" in robots
    assert "Disallow: /*/compare" in robots


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"),
        ("/privacy", "/privacy"),
        ("/privacy/2026-05", "/privacy/1"),
        ("/privacy/2026-05/de", "/privacy/1/de"),
        ("/privacy/1/de/1", "/privacy/1/de/1"),
        ("/privacy/history", "/privacy/history"),
        ("/privacy/compare/2026-05..3", "/privacy/compare/1..3"),
    ],
)
def test_a_page_says_where_it_stands_for_good(
    client: FlaskClient, published: House, path: str, canonical: str
) -> None:
    translate(published, LONGER)
    html = get(client, path)
    assert f'<link rel="canonical" href="{HOME}{canonical}">' in html
    assert f'<meta property="og:url" content="{HOME}{canonical}">' in html
    assert ('content="noindex"' in html) == ("compare" in path)


def test_a_comparison_is_not_for_search_engines_in_any_form(client: FlaskClient, published: House) -> None:
    for form in ("", ".json", ".txt", ".md"):
        assert client.get(f"/privacy/compare/1..2{form}").headers["X-Robots-Tag"] == "noindex"
    assert "X-Robots-Tag" not in client.get("/privacy").headers


def test_a_text_describes_itself_as_a_document(client: FlaskClient, published: House) -> None:
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', get(client, "/privacy"))
    assert block is not None
    said = json.loads(block[1])
    assert (said["@type"], said["version"], said["dateModified"]) == ("DigitalDocument", "2", "2026-06-02")
    assert said["creativeWorkStatus"] == "in force"
    assert said["expires"] == "2026-07-02", "another text is upcoming"
    assert client.get(said["encoding"]["contentUrl"].removeprefix(HOME)).status_code == 200


def test_a_title_cannot_end_the_description(client: FlaskClient, house: House) -> None:
    house.policy(title="</script><b>&amp;", lead="<!-- '\"")
    house.publish(FIRST)
    html = get(client, "/privacy")
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert block is not None
    assert json.loads(block[1])["name"] == "</script><b>&amp;"
    assert "</script><b>" not in html
