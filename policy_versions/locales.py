"""Locales: which tags are well formed, which of several a reader gets, and how a language is named. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from errors import LocaleMalformed

LONGEST = 35
# BCP 47 (RFC 5646, 2.1) without extensions and private use: they name no other text.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.ASCII,
)
# Written so where no script is named (CLDR, likely subtags), with the older codes iw and ji.
_RIGHT_TO_LEFT = frozenset(
    "acm aeb apc ar arb arc arq ary arz azb bal ckb dv fa glk he iw ji khw ks lrc mzn nqo pes pnb prs ps sd sdh "
    "skr syr ug ur yi".split()
)
_SCRIPTS_RIGHT_TO_LEFT = frozenset("Adlm Arab Hebr Mand Nkoo Rohg Samr Syrc Thaa".split())
_NAMES = {  # in English, and as its own readers call it
    "ar": ("Arabic", "العربية"), "bg": ("Bulgarian", "Български"), "bn": ("Bengali", "বাংলা"),
    "ca": ("Catalan", "Català"), "cs": ("Czech", "Čeština"), "cy": ("Welsh", "Cymraeg"), "da": ("Danish", "Dansk"),
    "de": ("German", "Deutsch"), "el": ("Greek", "Ελληνικά"), "en": ("English", "English"),
    "es": ("Spanish", "Español"), "et": ("Estonian", "Eesti"), "eu": ("Basque", "Euskara"),
    "fa": ("Persian", "فارسی"), "fi": ("Finnish", "Suomi"), "fr": ("French", "Français"),
    "ga": ("Irish", "Gaeilge"), "gl": ("Galician", "Galego"), "he": ("Hebrew", "עברית"), "hi": ("Hindi", "हिन्दी"),
    "hr": ("Croatian", "Hrvatski"), "hu": ("Hungarian", "Magyar"), "id": ("Indonesian", "Bahasa Indonesia"),
    "is": ("Icelandic", "Íslenska"), "it": ("Italian", "Italiano"), "ja": ("Japanese", "日本語"),
    "ko": ("Korean", "한국어"), "lt": ("Lithuanian", "Lietuvių"), "lv": ("Latvian", "Latviešu"),
    "ms": ("Malay", "Bahasa Melayu"), "mt": ("Maltese", "Malti"), "nb": ("Norwegian Bokmål", "Norsk bokmål"),
    "nl": ("Dutch", "Nederlands"), "nn": ("Norwegian Nynorsk", "Norsk nynorsk"), "no": ("Norwegian", "Norsk"),
    "pl": ("Polish", "Polski"), "pt": ("Portuguese", "Português"), "ro": ("Romanian", "Română"),
    "ru": ("Russian", "Русский"), "sk": ("Slovak", "Slovenčina"), "sl": ("Slovenian", "Slovenščina"),
    "sq": ("Albanian", "Shqip"), "sr": ("Serbian", "Српски"), "sv": ("Swedish", "Svenska"),
    "th": ("Thai", "ไทย"), "tr": ("Turkish", "Türkçe"), "uk": ("Ukrainian", "Українська"), "ur": ("Urdu", "اردو"),
    "vi": ("Vietnamese", "Tiếng Việt"), "zh": ("Chinese", "中文"),
}  # fmt: skip


def canonical(tag: str) -> str:
    """Return a tag as it is kept and as addresses name it: de, de-AT, zh-Hant-TW. Raises: LocaleMalformed."""
    found = _TAG.fullmatch(tag.strip().replace("_", "-").lower())
    if found is None or len(tag.strip()) > LONGEST:
        raise LocaleMalformed(tag)
    variants = found["variants"].split("-")[1:]
    if len(set(variants)) < len(variants):
        raise LocaleMalformed(tag)
    parts = [found["language"], (found["script"] or "").title(), (found["region"] or "").upper(), *variants]
    return "-".join(part for part in parts if part)


def same(one: str, other: str) -> bool:
    return _folded(one) == _folded(other)


def chosen(wanted: str, offered: Iterable[str]) -> str | None:
    """Return what a reader of one locale gets of those there are: itself, else the nearest wider one; or None.

    Source: RFC 4647, 3.4 (lookup): de-AT falls to de, and de never to de-AT.
    """
    known = {_folded(tag): tag for tag in offered}
    subtags = _folded(wanted).split("-")
    prefixes = ("-".join(subtags[:length]) for length in range(len(subtags), 0, -1))
    return next((known[prefix] for prefix in prefixes if prefix in known), None)


def _folded(tag: str) -> str:
    return tag.replace("_", "-").lower()


def name(tag: str) -> str:
    """Return a locale's name in an English sentence: German, German (AT); the tag where it is not known here."""
    return _named(tag, 0)


def own_name(tag: str) -> str:
    """Return what readers of a locale call it: Deutsch, Deutsch (AT)."""
    return _named(tag, 1)


def _named(tag: str, which: int) -> str:
    language, _, rest = tag.replace("_", "-").partition("-")
    names = _NAMES.get(language.lower())
    if names is None:
        return tag
    return f"{names[which]} ({rest})" if rest else names[which]


def direction(tag: str) -> str:
    """Return which way a locale is written: ltr or rtl."""
    language, *rest = tag.replace("_", "-").split("-")
    scripts = [part.title() for part in rest if len(part) == 4 and part.isalpha()]
    rtl = scripts[0] in _SCRIPTS_RIGHT_TO_LEFT if scripts else language.lower() in _RIGHT_TO_LEFT
    return "rtl" if rtl else "ltr"
