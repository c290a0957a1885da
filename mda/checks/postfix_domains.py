"""Whether Postfix and the directory agree on which domains are ours, and whether Postfix knows their recipients."""

from collections.abc import Iterator, Sequence

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import changed, parameter
from mda.checks.site import Site
from mda.postfix.configuration import Configuration, is_table
from mda.postfix.postconf import Tables

CLASSES = ("virtual_mailbox_domains", "relay_domains", "virtual_alias_domains")
"""Parameters by which Postfix takes mail for a domain that is not its own."""

VERIFIES = "reject_unverified_recipient"
RESTRICTIONS = ("smtpd_recipient_restrictions", "smtpd_relay_restrictions", "smtpd_data_restrictions")
RECIPIENT_MAPS = {"virtual_mailbox_domains": "virtual_mailbox_maps", "relay_domains": "relay_recipient_maps"}


def check(configuration: Configuration, tables: Tables, ours: Sequence[str], site: Site) -> Iterator[Finding]:
    """`ours` are the directory's domains, in its form."""
    placed: dict[str, str] = {}
    for domain in ours:
        found = next((name for name in CLASSES if _holds(configuration, tables, name, domain)), None)
        if found is not None:
            placed[domain] = found
    # One line for all domains: of two, the second would undo the first.
    added = _added(configuration, [domain for domain in ours if domain not in placed])
    for domain in ours:
        if _holds(configuration, tables, "mydestination", domain):
            placed.pop(domain, None)
            yield error(
                "postfix.mydestination",
                f"{domain} stands in mydestination",
                "Postfix delivers its mail to the machine's own users, or bounces it (5.1.1)",
                changed(configuration, ("-e", _left(configuration, ours), added))
                if domain in map(str.lower, configuration.words("mydestination"))
                else f"take {domain} out of the table that mydestination names",
            )
        elif domain not in placed:
            yield warning(
                "postfix.domain_missing",
                f"{domain} is a domain of the MDA, and Postfix takes no mail for it",
                "mail from outside is refused (relay access denied)",
                changed(configuration, ("-e", added)),
            )
    yield from _strangers(configuration, ours, site)
    yield from _verification(configuration, set(placed.values()))


def _strangers(configuration: Configuration, ours: Sequence[str], site: Site) -> Iterator[Finding]:
    for domain in configuration.words("virtual_mailbox_domains"):
        if not is_table(domain) and not domain.startswith("!") and domain.lower() not in ours:
            yield warning(
                "postfix.domain_unknown",
                f"Postfix takes mail for {domain}, which is no domain of the MDA",
                "its mail is deferred (4.3.5) until it expires and bounces",
                site.mda("domain", "add", domain),
            )


def _verification(configuration: Configuration, classes: set[str]) -> Iterator[Finding]:
    knows = any(VERIFIES in configuration.words(name) for name in RESTRICTIONS)
    for name in sorted(classes & RECIPIENT_MAPS.keys()):
        if not knows and not configuration.words(RECIPIENT_MAPS[name]):
            yield warning(
                "postfix.recipients_unknown",
                f"Postfix does not know which recipients of {name} exist",
                "it accepts mail for anyone and then bounces it to senders that are often forged",
                parameter(configuration, RESTRICTIONS[0], _restrictions(configuration)),
            )


def _restrictions(configuration: Configuration) -> str:
    present = configuration.words(RESTRICTIONS[0]) or ("permit_mynetworks", "permit_sasl_authenticated")
    return ", ".join((*present, VERIFIES))


def _left(configuration: Configuration, ours: Sequence[str]) -> str:
    """mydestination without what is ours."""
    return f"mydestination = {', '.join(w for w in configuration.words('mydestination') if w.lower() not in ours)}"


def _added(configuration: Configuration, domains: Sequence[str]) -> str:
    name = CLASSES[0]
    present = [word for word in configuration.words(name) if not word.startswith("$")]
    return f"{name} = {', '.join((*present, *domains))}"


def _holds(configuration: Configuration, tables: Tables, name: str, domain: str) -> bool:
    for word in configuration.words(name):
        if is_table(word):
            if tables.holds(word, domain):
                return True
        elif word.lower() == domain:
            return True
    return False
