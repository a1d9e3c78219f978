"""The tree of refusals: each is a type, and carries the sentence for the person who meets it."""

from __future__ import annotations


class Refusal(Exception):
    """Something asked for was not done, and nothing was changed. `str()` is one plain sentence."""


def N_(message: str) -> str:
    """Mark a message that is translated where it is used."""
    return message


class Spoken(Exception):
    """A refusal that somebody meets on a page of their own, in their language: `message`, with `parts` put in."""

    def __init__(self, message: str, **parts: object) -> None:
        super().__init__(message % parts if parts else message)
        self.message, self.parts = message, parts


class NotFound(Refusal):
    """The thing named does not exist, or strangers are not told whether it does."""


class Conflict(Refusal):
    """It clashes with what is already on record."""


class Invalid(Refusal):
    """What was given cannot be meant."""


class Gone(Refusal):
    """It was there, and holds no longer."""


# -- policies, revisions, drafts ----------------------------------------------------------------


class NoSuchPolicy(NotFound):
    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no policy at “{slug}”.")


class NoSuchRevision(NotFound):
    def __init__(self, which: object) -> None:
        super().__init__(f"There is no revision {which} of this policy.")


class NoSuchDraft(NotFound):
    def __init__(self) -> None:
        super().__init__("That draft is gone: it was published or thrown away.")


class NoSuchEarlierDraft(NotFound):
    def __init__(self) -> None:
        super().__init__("That earlier text of the draft is kept no longer.")


class NothingInForce(NotFound):
    def __init__(self) -> None:
        super().__init__("No text of this policy is in force yet.")


class NothingInForceOn(NothingInForce):
    """first: from when a text was, or will be, in force; None where there is none."""

    def __init__(self, day: str, first: str | None) -> None:
        known = f"the first one is in force from {first}" if first else "none is published"
        Refusal.__init__(self, f"No text of this policy was in force on {day}: {known}.")


class BeforeFirstText(NothingInForce):
    def __init__(self, first: str) -> None:
        Refusal.__init__(
            self, f"No text of this policy was in force at that instant; the first one is in force from {first}."
        )


class SlugTaken(Conflict):
    def __init__(self, slug: str) -> None:
        super().__init__(f"A policy at “{slug}” exists already; choose another address.")


class SlugReserved(Invalid):
    def __init__(self, slug: str) -> None:
        super().__init__(f"The address “{slug}” is needed by Gazette's own pages; choose another.")


class SlugMalformed(Invalid):
    def __init__(self, slug: str) -> None:
        super().__init__(
            f"“{slug}” cannot be an address: use small letters, digits and single hyphens, 60 at most."
        )


class FieldMissing(Invalid):
    """A required field was left empty. `field` names it for the form."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(sentence)


class FieldTooLong(Invalid):
    """A field holds more than is kept of it. `field` names it for the form."""

    def __init__(self, field: str, limit: int) -> None:
        self.field = field
        super().__init__(f"The {field.replace('_', ' ')} is longer than {limit:,} characters; shorten it.")


class Unprintable(Invalid):
    """A field holds a control character. `field` names it for the form."""

    def __init__(self, field: str) -> None:
        self.field = field
        name = field.replace("_", " ")
        super().__init__(f"The {name} holds a control character, which nobody could see; type it again.")


class EmptyText(Invalid):
    def __init__(self) -> None:
        super().__init__("The text is empty; write or paste the policy's Markdown.")


class TextTooLong(Invalid):
    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The text has {size:,} bytes; {limit:,} is the most that is taken.")


class TextNotReadable(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(f"The text cannot be read: {why}.")


class NestedTooDeep(Invalid):
    def __init__(self, line: int, limit: int) -> None:
        super().__init__(
            f"Line {line} is nested more than {limit} levels deep, which readers would not be shown; "
            "flatten the lists or quotes there."
        )


class TooManyBlocks(Invalid):
    def __init__(self, count: int, limit: int) -> None:
        super().__init__(
            f"The text has {count:,} headings, paragraphs, list items and table rows; "
            f"{limit:,} is the most that is taken."
        )


class TooManyCells(Invalid):
    def __init__(self, count: int, limit: int) -> None:
        super().__init__(
            f"The text has {count:,} bars (|), which part the cells of tables; "
            f"{limit:,} is the most that is taken."
        )


class SameText(Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(
            f"The text is equal to revision {number} and nothing else differs; there is nothing to publish."
        )


class IntoThePast(Invalid):
    def __init__(self) -> None:
        super().__init__("It cannot come into force before now: changes apply forward, never backward.")


class BeforeEarlierRevision(Invalid):
    def __init__(self, number: int, when: str) -> None:
        super().__init__(f"It cannot come into force before revision {number} does, which is on {when}.")


class DateMalformed(Invalid):
    def __init__(self, given: str) -> None:
        super().__init__(f"“{given}” is not a date; write it as 2018-05-25, 2018-05 or 2018.")


class DayMalformed(DateMalformed):
    def __init__(self, given: str) -> None:
        Refusal.__init__(self, f"“{given}” is not a day; write it as 2018-05-25.")


class TimeZoneUnknown(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"“{name}” is no time zone; write one such as Europe/Stockholm or UTC.")


class NoticePeriodTooShort(Invalid):
    def __init__(self, least: int) -> None:
        super().__init__(
            f"By notice, the period is at least {least} whole days: "
            "a letter accepted today may still bounce for 72 hours."
        )


class NotWithdrawable(Conflict):
    """Only the latest published revision, and only before it is in force."""


class DraftChanged(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "This draft was kept by somebody else, or from another window, after you opened it. "
            "Nothing was overwritten."
        )


class AnotherTextSince(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Another text of this policy was published or withdrawn after you opened this page. "
            "What changes against the texts as they are now is worked out anew: look at it before you publish."
        )


class AudienceDiffers(Invalid):
    """was: the number that the person had before them, where it is another one by now."""

    def __init__(self, typed: str, count: int, *, was: int | None = None) -> None:
        if not count:
            super().__init__("As it stands now, nobody would be told. Empty the field to publish it so.")
            return
        if was is not None and was != count:
            first = f"The number of members has changed since the page was worked out: it was {was:,}. "
        else:
            first = f"You typed “{typed}”; {count:,} is the number of members. " if typed else ""
        super().__init__(f"{first}Type {count:,} to publish.")


class SameName(Invalid):
    def __init__(self) -> None:
        super().__init__("It has that address and that title already; change one of them.")


class NotRetirable(Conflict):
    """The sentence says what stands against it."""


class PolicyRetired(Conflict):
    def __init__(self, title: str) -> None:
        super().__init__(f"“{title}” is retired and takes no further text; take it up again first.")


class AccentUnreadable(Invalid):
    """`nearest`: the shade that would do."""

    def __init__(self, colour: str, scheme: str, ratio: float, where: str, least: float, nearest: str) -> None:
        self.nearest = nearest
        super().__init__(
            f"{colour} has a contrast of {int(ratio * 100) / 100:.2f} : 1 on {where} of {scheme} pages, and text "
            f"needs {least} : 1; the nearest shade that passes is {nearest}."
        )


class TooManyComparisons(Refusal):
    """`seconds`: until the next one is made for whoever asks."""

    heading = "Too many comparisons"

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(
            f"You have asked for many comparisons that nobody had asked for lately. Wait {seconds} seconds, "
            "then ask again; the texts themselves can be read meanwhile."
        )


class ComparisonsBusy(Refusal):
    """`seconds`: until it is worth asking again."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__("Others ask for comparisons just now, and each takes a moment. Ask again in a moment.")


# -- translations -------------------------------------------------------------------------------


class LocaleMalformed(Invalid):
    field = "locale"

    def __init__(self, tag: str) -> None:
        shown = "".join(c if c.isprintable() else "�" for c in tag.strip()[:40])
        super().__init__(f"“{shown}” is no locale; write one such as de, pt-BR or zh-Hant.")


class LocaleOfThePolicy(Invalid):
    field = "locale"

    def __init__(self, tag: str) -> None:
        super().__init__(
            f"{tag} is the policy's own locale: its authoritative text is changed by a revision, "
            "not by a translation."
        )


class NoSuchTranslation(NotFound):
    def __init__(self, number: int, tag: str) -> None:
        super().__init__(f"There is no such translation of revision {number} into “{tag[:40]}”.")


class NotTranslatable(Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(f"Revision {number} was withdrawn; a text that never applies is not translated.")


class SameTranslation(Conflict):
    field = "text"

    def __init__(self, number: int, tag: str) -> None:
        super().__init__(f"The text is equal to translation {number} into {tag}; there is nothing to publish.")


class TranslationChanged(Conflict):
    def __init__(self, tag: str) -> None:
        super().__init__(
            f"There is a translation into {tag} that you have not looked at; nothing was replaced. "
            "See what yours changes in it, then publish again."
        )


class NotCorrectable(Conflict):
    """No correction of this translation can be sent; the sentence says why."""


class AudienceUnsaid(Invalid):
    field = "audience"

    def __init__(self, given: str, count: int) -> None:
        first = f"{given} is not the number of members who would be told. " if given else ""
        super().__init__(f"{first}Send {count} as the audience, if so many are to be told.")


class RecipientsDiffer(Invalid):
    field = "confirm"

    def __init__(self, typed: str, count: int) -> None:
        first = f"You typed “{typed}”; {count} is the number of members. " if typed else ""
        super().__init__(f"{first}Type {count} to send the correction.")


# -- overruling a decision ----------------------------------------------------------------------


class NotOverrulable(Conflict):
    """There is no decision on this revision that a person could overrule."""


class DecisionChanged(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Somebody else decided this revision, or an earlier one that bears on it, after you opened the page; "
            "nothing was changed. Look at how it stands now, then decide again."
        )


class DecidedThisInstant(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "A decision was recorded at this very instant, or the clock was set back since, and yours would not "
            "stand; send the form again."
        )


class NothingOverruled(Conflict):
    def __init__(self) -> None:
        super().__init__("Verdict, level and summary are as they stand already; there is nothing to overrule.")


class VerdictUnknown(Invalid):
    field = "verdict"

    def __init__(self) -> None:
        super().__init__("Choose a verdict: significant or minor.")


class LevelUnfit(Invalid):
    field = "level"

    def __init__(self, verdict: str, least: int, most: int) -> None:
        super().__init__(f"The level of a {verdict} revision is from {least} to {most}.")


class NoSuchProposal(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such proposal on this revision.")


class ProposalWaits(Conflict):
    def __init__(self, by: str) -> None:
        super().__init__(f"A proposal of {by} waits for a second person; confirm or reject that one first.")


class ProposalAnswered(Conflict):
    def __init__(self, answer: str) -> None:
        super().__init__(f"The proposal was {answer} already.")


class ProposalStale(Conflict):
    def __init__(self) -> None:
        super().__init__("The revision was decided anew after this was proposed, so the proposal no longer holds.")


class ProposerGone(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}, who proposed it, publishes no more, so it takes another proposal. Reject this one first."
        )


class OwnProposal(Refusal):
    def __init__(self) -> None:
        super().__init__("You proposed this yourself; it takes a second person to confirm it.")


# -- folders and git histories ------------------------------------------------------------------


class NothingToImport(Invalid):
    def __init__(self, where: object) -> None:
        super().__init__(
            f"{where} holds no dated Markdown; a folder is <policy>/<date>.md with a date as in 2018-05-25.md."
        )


class ImportConflict(Conflict):
    """The history given is not the one on record; nothing of that policy was changed."""


class FrontMatterInvalid(Invalid):
    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: the “gazette:” front matter cannot be used: {why}.")


class NotARepository(Invalid):
    """The git history cannot be read."""


# -- members, notices, delivery -----------------------------------------------------------------


class NoSuchMember(NotFound):
    def __init__(self) -> None:
        super().__init__("No such member.")


class ErasureNotConfirmed(Invalid):
    field = "confirm"

    def __init__(self) -> None:
        super().__init__("Type the member’s key exactly as it stands on the page; nobody was erased.")


class ExternalIdImpossible(Invalid):
    field = "external_id"

    def __init__(self, longest: int) -> None:
        super().__init__(f"An external_id is a text of 1 to {longest} characters, without line breaks.")


class ExternalIdTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("Another member has that external_id; if both are one person, merge the two instead.")


class MergeOfOne(Invalid):
    def __init__(self) -> None:
        super().__init__("That is one account, not two; there is nothing to merge.")


class MergeIntoYounger(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "The account that joined first stays: merge the other one into it, and rename it where the host "
            "knows the person by the later name."
        )


class NoSuchNotice(NotFound):
    def __init__(self) -> None:
        super().__init__("No such notice.")


class PackTooLarge(Conflict):
    def __init__(self, notice_id: int, letters: int) -> None:
        super().__init__(
            f"Notice {notice_id} is of {letters:,} letters, too many to wait for here: make its pack with "
            f"gazette evidence notice {notice_id}."
        )


class NoticeAlreadyOpen(Conflict):
    def __init__(self) -> None:
        super().__init__("A notice for this revision is open already.")


class NoticeNotPausable(Conflict):
    """The notice is not in a state from which this can be done."""


class NoticeNotScheduled(Conflict):
    def __init__(self) -> None:
        super().__init__("The notice does not wait for its time; its page says what became of it.")


class NoticeNotCancellable(Conflict):
    """The notice cannot be called off as things stand; the sentence says what would have to come first."""


class NoticePeriodNotKept(Invalid):
    """Only where the installation is strict about the day from which a text is in force."""

    field = "effective"

    def __init__(self, members: int, by: str, earliest: str) -> None:
        whom = "1 member" if members == 1 else f"{members:,} members"
        super().__init__(
            f"The notice period cannot be over for {whom} by {by}, at the pace at which letters leave; "
            f"choose {earliest} or a later day."
        )


class TimeMalformed(Invalid):
    field = "due"

    def __init__(self, given: str) -> None:
        shown = "".join(c if c.isprintable() else "�" for c in given.strip()[:40])
        super().__init__(f"“{shown}” is not a day with a time; write it as 2026-05-25 09:30.")


class TimeSkipped(Invalid):
    field = "due"

    def __init__(self, given: str, zone: str) -> None:
        super().__init__(f"There is no {given} in {zone}: the clocks are put forward over it; choose another.")


class DueInThePast(Invalid):
    field = "due"

    def __init__(self) -> None:
        super().__init__("That time is over; choose one to come, or send the notice now.")


class NoticeNotReschedulable(Conflict):
    def __init__(self) -> None:
        super().__init__("Only a notice that has not opened can be given another time; look at how it stands.")


class NoticeNotRetriable(Conflict):
    """There are no failed letters that could be sent again; the sentence says why."""


class NoticeNotRecallable(Conflict):
    """The notice cannot be recalled as it stands; the sentence says why."""


class NoSuchLetter(NotFound):
    def __init__(self) -> None:
        super().__init__("No letter was taken for that delivery, or none is kept of it.")


class NoSuchAttempt(NotFound):
    def __init__(self) -> None:
        super().__init__("No such request of this notice.")


class AttemptNotSettled(Conflict):
    """A request whose fate was unknown cannot be settled so; the sentence says why."""


class SendingQuarantined(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "The database was restored from a backup, and nothing leaves until a person lifts that; "
            "then let the notice go on."
        )


class AddressMalformed(Invalid):
    field = "address"

    def __init__(self) -> None:
        super().__init__("That is no e-mail address; write one such as name@example.com.")


class SubscriptionLinkInvalid(Spoken, NotFound):
    def __init__(self) -> None:
        super().__init__(
            N_(
                "This link is incomplete or too old: open it from the letter once more, give your address again, "
                "or write to us."
            )
        )


class SuppressionNotStanding(Conflict):
    def __init__(self) -> None:
        super().__init__("No suppression stands there: it was lifted already, or never made.")


class NotQuarantined(Conflict):
    def __init__(self) -> None:
        super().__init__("The database is not in quarantine: that was lifted already, or never began.")


class BouncesUnreadable(Invalid):
    """The place where bounces are read cannot be; the sentence says why, never with a password in it."""


class RowInvalid(Invalid):
    """One row of a members file cannot be used; the others are."""


class FileInvalid(Invalid):
    """A members file as a whole cannot be read."""


# -- a member's own page, and the site notice ---------------------------------------------------


class LinkInvalid(Spoken, NotFound):
    def __init__(self) -> None:
        super().__init__(N_("This link is not whole: open it from the letter once more."))


class LinkOfATest(Spoken, NotFound):
    def __init__(self) -> None:
        super().__init__(N_("This link stands in a test letter; in a member's own it leads to a page of theirs."))


class LinkExpired(Spoken, Gone):
    def __init__(self, days: int) -> None:
        super().__init__(N_("This link has expired: a letter's link holds for %(days)s days."), days=days)


class LinkRevoked(Spoken, Gone):
    def __init__(self) -> None:
        super().__init__(N_("This link no longer holds."))


class SessionInvalid(Spoken, NotFound):
    def __init__(self) -> None:
        super().__init__(N_("This address is not whole: open your page from your account once more."))


class SessionExpired(Spoken, Gone):
    def __init__(self) -> None:
        super().__init__(
            N_("This address held for a few minutes only: open your page from your account once more.")
        )


class SiteTokenInvalid(NotFound):
    def __init__(self) -> None:
        super().__init__("The site notice's token is not genuine.")


class SiteTokenExpired(Gone):
    def __init__(self) -> None:
        super().__init__("The site notice's token has expired; make another for each page that is served.")


class OriginMalformed(Invalid):
    def __init__(self, given: str) -> None:
        shown = "".join(c if c.isprintable() else "�" for c in given.strip()[:60])
        super().__init__(
            f"“{shown}” does not name the pages that may show a site notice; "
            "give 1 to 10 origins such as https://www.example.com."
        )


class OriginRefused(Refusal):
    def __init__(self) -> None:
        super().__init__("The site notice's token is not for pages of this origin.")


class AcknowledgementUnknown(Invalid):
    field = "kind"

    def __init__(self, given: str) -> None:
        shown = "".join(c if c.isprintable() else "�" for c in given.strip()[:40])
        super().__init__(f"“{shown}” is no acknowledgement; give read, accepted, declined or consent withdrawn.")


class NotAcknowledgeable(Spoken, Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(
            N_("Revision %(number)s was withdrawn and never applies; it can no longer be answered."), number=number
        )


class ShownTextUnknown(Invalid):
    field = "shown_sha256"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"shown_sha256 is that of no text of revision {number}: send the SHA-256 of its Markdown, or of the "
            "translation, that was shown."
        )


class NoGuardian(Conflict):
    def __init__(self) -> None:
        super().__init__("The member has no guardian; nobody else can answer for them.")


# -- which text governs whom --------------------------------------------------------------------


class InstantNaive(Invalid):
    field = "at"

    def __init__(self) -> None:
        super().__init__("That time does not say in which time zone it is; write it as 2026-05-25T09:30:00Z.")


class InstantMalformed(Invalid):
    field = "at"

    def __init__(self, given: str) -> None:
        shown = "".join(c if c.isprintable() else "�" for c in given.strip()[:40])
        super().__init__(f"“{shown}” is no date or time; write it as 2026-05-25 or 2026-05-25T09:30:00Z.")


class InstantImpossible(Invalid):
    field = "at"

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"That time is in none of the years {first} to {last}.")


class TooManyPairs(Invalid):
    def __init__(self, given: int, most: int) -> None:
        super().__init__(f"{given:,} pairs of a member and a time are too many; ask for {most:,} at most.")


class CursorMalformed(Invalid):
    field = "since"

    def __init__(self) -> None:
        super().__init__("That cursor is none that was given out; begin with a time, or with none.")


class LimitImpossible(Invalid):
    field = "limit"

    def __init__(self, given: int, most: int) -> None:
        super().__init__(f"{given:,} is no length of a page; ask for 1 to {most:,}.")


# -- the interface for programs -----------------------------------------------------------------


class KeyRefused(Refusal):
    def __init__(self) -> None:
        super().__init__("No valid key came with the request; send it as “Authorization: Bearer …”.")


class ScopeMissing(Refusal):
    def __init__(self, scope: str) -> None:
        super().__init__(f"This key does not open that: it takes one with the scope “{scope}”.")


class KeyExists(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is, or was, a key “{name}” already; give this one another name.")


class NoSuchKey(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no key “{name}” that could be revoked.")


class ScopeUnknown(Invalid):
    def __init__(self, scope: str, known: str) -> None:
        super().__init__(f"“{scope}” is no scope; they are {known}.")


class BodyUnreadable(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(f"The body cannot be read: {why}.")


class RequestMalformed(Invalid):
    """The request is not of the form that is documented. faults: (where, what) of each thing wrong."""

    def __init__(self, where: str, what: str) -> None:
        self.faults = [(where, what)]
        super().__init__(f"{where}: {what}." if where else f"The request cannot be used: {what}.")


class Undecided(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"Revision {number} is not decided yet; the engine decides within seconds of publishing.")


class TooMany(Invalid):
    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"There are more than {most:,} {what}, the most that one request may hold; send several.")


class MemberUnfit(Invalid):
    """A member cannot be kept as given; the sentence says why."""


class RepeatDiffers(Invalid):
    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another request before; give each request its own.")


class RepeatUnderWay(Conflict):
    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is under way; ask again in a moment.")


# -- the house ----------------------------------------------------------------------------------


class SettingInvalid(Invalid):
    """A setting is missing or wrong; the sentence names it."""


class JournalUnwritable(SettingInvalid):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"Nobody was erased: the erasure journal (GAZETTE_ERASURE_JOURNAL) cannot be written to ({why}), "
            "and a restored backup would bring the member back. Put it right, then erase again."
        )


class JournalUnreadable(Invalid):
    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"The erasure journal {path} cannot be read: {why}.")


class SchemaNotAtHead(Conflict):
    def __init__(self, found: str | None, head: str) -> None:
        super().__init__(
            f"The database's schema is at {found or 'nothing'} and this version needs {head}; "
            "run `gazette migrate` first."
        )


class RowsAstray(Conflict):
    """A migration found, or made, a row that refers to none; it was rolled back."""

    def __init__(self, table: str, target: str) -> None:
        super().__init__(
            f"A row of the table {table} refers to no row of {target}; the schema was left as it was."
        )


class SignInRefused(Refusal):
    def __init__(self) -> None:
        super().__init__("That name and password do not go together.")


class PasswordTooShort(Invalid):
    def __init__(self, least: int) -> None:
        super().__init__(f"Choose a password of at least {least} characters.")


class AccountExists(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is an account “{name}” already.")


class PasswordTooLong(Invalid):
    def __init__(self, most: int) -> None:
        super().__init__(f"Choose a password of at most {most:,} characters.")


class PasswordKnown(Invalid):
    def __init__(self) -> None:
        super().__init__("Choose another password than the one-time one: whoever gave it to you knows it.")


class NameMalformed(Invalid):
    """`field` names it for the form."""

    field = "name"

    def __init__(self, longest: int) -> None:
        super().__init__(
            f"An account's name is one word of letters, digits and . _ - + @, {longest} characters at most."
        )


class NoSuchAccount(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no account “{name}”.")


class NameReserved(Invalid):
    """`field` names it for the form."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(f"In the record “{name}” is no person's account. Choose another name.")


class NoSuchSession(NotFound):
    def __init__(self) -> None:
        super().__init__("That session has ended already.")


class RoleUnknown(Invalid):
    """`field` names it for the form."""

    field = "roles"

    def __init__(self, given: str, known: str) -> None:
        super().__init__(f"“{given}” is not a role; these are: {known}.")


class LastOwner(Conflict):
    def __init__(self) -> None:
        super().__init__("It is the last owner, and nobody could manage users any more; make another owner first.")


class RoleMissing(Refusal):
    """Somebody is signed in who may not do that."""

    def __init__(self, deed: str, holders: str) -> None:
        super().__init__(
            f"Your account may not {deed}. That takes the role of {holders}, which an owner can give you. "
            "Nothing was changed."
        )


class RoleUndeclared(Refusal):
    """A route of the administration says not whom it is for, so it is for nobody."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"The page {endpoint} does not say which role it takes, so nobody may open it.")


class TooManyTries(Refusal):
    """`seconds`: until the next try is looked at."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        wait = f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
        super().__init__(f"That was tried too often. Wait {wait}, then try again.")


class CodeRefused(Refusal):
    def __init__(self) -> None:
        super().__init__("That code does not open it, or was used already. Take the one that the app shows now.")


class FactorUnreadable(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "The second factor cannot be read, because GAZETTE_SECRET_KEY has changed. Use a recovery code, "
            "or have it removed with `gazette accounts remove-second-factor`."
        )


class FourEyesNeeded(Refusal):
    """A deed that takes two persons came by a door at which there is but one."""

    def __init__(self) -> None:
        super().__init__(
            "Here that takes two persons, and this way in knows of one at most: "
            "ask for it in the administration, where another publisher confirms it."
        )


class SoonerByTwo(Conflict):
    def __init__(self) -> None:
        super().__init__("Here it takes two publishers to send a notice sooner: ask for that with “Send now”.")


class NoSecondPublisher(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Here that takes two publishers, and there is no other account with that role; an owner can make one."
        )


class NoSuchRequest(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such request.")


class RequestWaits(Conflict):
    def __init__(self, by: str) -> None:
        super().__init__(f"{by} has asked for exactly that already; it waits for another publisher to answer.")


class RequestAnswered(Conflict):
    def __init__(self, answer: str) -> None:
        super().__init__(f"That request was {answer} already.")


class RequestVoid(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "What was asked for has changed since, or whoever asked publishes no more, so the request holds no "
            "longer. Look at it as it is now, and ask again."
        )


class OwnRequest(Refusal):
    def __init__(self) -> None:
        super().__init__("You asked for it yourself; it takes another publisher to confirm it.")
