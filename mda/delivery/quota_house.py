"""What quotas need beside deliveries: the database for the warner, the writing of a warning, the counts of domains."""

from collections.abc import Iterable
from dataclasses import dataclass

from mda import quota
from mda.causes import Cause
from mda.delivery import quota_mail
from mda.delivery.service import DeliveryService
from mda.errors import SettingsError
from mda.logs import logger
from mda.metadata.directory import domain_quotas, quota_warnings
from mda.metadata.directory.quota_warnings import Notice, QuotaWarning
from mda.metadata.postgresql.opened import Handle
from mda.settings import Quota


@dataclass(frozen=True, slots=True)
class QuotaBooks:
    """What the warner asks of the database; each call blocks."""

    database: Handle
    chosen: Quota

    def settle(self, notices: Iterable[Notice]) -> tuple[int, ...]:
        return quota_warnings.settle(self.database, notices, self.chosen.warn_percent)

    def sweep(self) -> tuple[Notice, ...]:
        return tuple(quota_warnings.sweep(self.database, self.chosen.warn_percent))

    def pending(self, mine: Iterable[int]) -> tuple[QuotaWarning, ...]:
        return quota_warnings.pending(self.database, mine)

    def forget(self, warning: QuotaWarning) -> None:
        quota_warnings.forget(self.database, warning)


async def write_warning(service: DeliveryService, file: str, warning: QuotaWarning) -> bool:
    """Whether it is in the INBOX, by this call or an earlier one. `file` has the admin's words, if any."""
    raw = quota_mail.compose(warning, _words(file))
    outcome = await service.write(quota_mail.target(warning), raw, quota_mail.digest(warning))
    return not isinstance(outcome, Cause)


def count_domains(database: Handle, chosen: Quota) -> int:
    """Counts those whose time has come; how many have reached their soft limit by it."""
    crossings = domain_quotas.count_due(database, chosen.domain_seconds, chosen.warn_percent)
    for crossing in crossings:
        name, percent = crossing.standing.name, quota.percent(crossing.standing)
        logger("delivery").warning("domain_near_quota", domain=name, percent=percent, told=crossing.told)
    return len(crossings)


def _words(file: str) -> str | None:
    try:
        return quota_mail.words(file)
    except SettingsError as error:
        logger("delivery").error("quota_words_unreadable", error=error.message, remedy=error.remedy)
        return None
