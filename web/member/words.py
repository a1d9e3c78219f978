"""What the site notice says in each language it speaks; in any other, English. Dates are set by the browser."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, str]

WORDS: Mapping[str, Words] = {
    "en": {
        "label": "Notice of a change",
        "changes": "“{title}” changes",
        "changed": "“{title}” has changed",
        "withdrawn": "A change to “{title}” was withdrawn and does not apply",
        "translated": "The translation of “{title}” was corrected",
        "from": "It applies to you from {date}.",
        "since": "It has applied to you since {date}.",
        "asks": "It applies to you only once you accept it.",
        "see": "See what changes for you",
        "decide": "See what changes, then decide",
        "read": "Read the text",
        "acknowledge": "I have read this",
        "close": "Close",
    },
    "de": {
        "label": "Hinweis auf eine Änderung",
        "changes": "„{title}“ ändert sich",
        "changed": "„{title}“ hat sich geändert",
        "withdrawn": "Eine Änderung von „{title}“ wurde zurückgezogen und gilt nicht",
        "translated": "Die Übersetzung von „{title}“ wurde berichtigt",
        "from": "Das gilt für Sie ab dem {date}.",
        "since": "Das gilt für Sie seit dem {date}.",
        "asks": "Das gilt für Sie erst, wenn Sie zustimmen.",
        "see": "Ansehen, was sich für Sie ändert",
        "decide": "Die Änderung ansehen, dann entscheiden",
        "read": "Den Text lesen",
        "acknowledge": "Ich habe das gelesen",
        "close": "Schließen",
    },
    "fr": {
        "label": "Avis de modification",
        "changes": "« {title} » change",
        "changed": "« {title} » a changé",
        "withdrawn": "Une modification de « {title} » a été retirée et ne s’applique pas",
        "translated": "La traduction de « {title} » a été corrigée",
        "from": "Cela s’applique à vous à partir du {date}.",
        "since": "Cela s’applique à vous depuis le {date}.",
        "asks": "Cela ne s’applique à vous que si vous l’acceptez.",
        "see": "Voir ce qui change pour vous",
        "decide": "Voir ce qui change, puis décider",
        "read": "Lire le texte",
        "acknowledge": "J’ai lu cet avis",
        "close": "Fermer",
    },
    "es": {
        "label": "Aviso de un cambio",
        "changes": "«{title}» cambia",
        "changed": "«{title}» ha cambiado",
        "withdrawn": "Se ha retirado un cambio de «{title}», que no se aplica",
        "translated": "Se ha corregido la traducción de «{title}»",
        "from": "Se le aplica a partir del {date}.",
        "since": "Se le aplica desde el {date}.",
        "asks": "Solo se le aplica si lo acepta.",
        "see": "Ver qué cambia para usted",
        "decide": "Ver qué cambia y decidir",
        "read": "Leer el texto",
        "acknowledge": "Lo he leído",
        "close": "Cerrar",
    },
    "it": {
        "label": "Avviso di una modifica",
        "changes": "«{title}» cambia",
        "changed": "Il testo di «{title}» è cambiato",
        "withdrawn": "Una modifica di «{title}» è stata ritirata e non si applica",
        "translated": "La traduzione di «{title}» è stata corretta",
        "from": "Si applica a Lei dal {date}.",
        "since": "Si applica a Lei dal {date}.",
        "asks": "Si applica a Lei solo se accetta.",
        "see": "Vedere che cosa cambia per Lei",
        "decide": "Vedere che cosa cambia, poi decidere",
        "read": "Leggere il testo",
        "acknowledge": "Ho letto questo avviso",
        "close": "Chiudi",
    },
    "nl": {
        "label": "Bericht over een wijziging",
        "changes": "‘{title}’ verandert",
        "changed": "‘{title}’ is veranderd",
        "withdrawn": "Een wijziging van ‘{title}’ is ingetrokken en geldt niet",
        "translated": "De vertaling van ‘{title}’ is verbeterd",
        "from": "Dit geldt voor u vanaf {date}.",
        "since": "Dit geldt voor u sinds {date}.",
        "asks": "Dit geldt pas voor u als u het aanvaardt.",
        "see": "Bekijk wat er voor u verandert",
        "decide": "Bekijk wat er verandert en beslis dan",
        "read": "De tekst lezen",
        "acknowledge": "Ik heb dit gelezen",
        "close": "Sluiten",
    },
    "sv": {
        "label": "Meddelande om en ändring",
        "changes": "”{title}” ändras",
        "changed": "”{title}” har ändrats",
        "withdrawn": "En ändring av ”{title}” har dragits tillbaka och gäller inte",
        "translated": "Översättningen av ”{title}” har rättats",
        "from": "Det gäller för dig från och med den {date}.",
        "since": "Det gäller för dig sedan den {date}.",
        "asks": "Det gäller för dig först när du godkänner det.",
        "see": "Se vad som ändras för dig",
        "decide": "Se vad som ändras och bestäm sedan",
        "read": "Läs texten",
        "acknowledge": "Jag har läst detta",
        "close": "Stäng",
    },
}


def of(locale: str) -> tuple[str, Words]:
    """The language that a member's locale is spoken to in, and its words."""
    language = locale.split("-", 1)[0].lower()
    found = language if language in WORDS else "en"
    return found, WORDS[found]
