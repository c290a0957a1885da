"""The users that Postfix and its pipe(8) run as: which of them we believe."""

import pwd

from mda.checks.postfix_routes import pipe_users
from mda.checks.site import Site
from mda.postfix.configuration import Configuration
from mda.settings import Settings

NOBODY = "nobody"


def trusting(configuration: Configuration, settings: Settings, site: Site, *others: str) -> str:
    """One line for all whom we have to believe: of two lines, the second would undo the first."""
    fit = [user for user in (*pipe_users(configuration), *others) if is_fit(user, configuration)]
    users = dict.fromkeys((configuration.value("mail_owner"), *settings.lmtp.trusted_users, *fit))
    return site.setting("lmtp.trusted_users", list(users))


def fit_user(configuration: Configuration, settings: Settings) -> str:
    """Whom mda-pipe may run as, of those that we believe already, if there is one."""
    return next((user for user in settings.lmtp.trusted_users if is_fit(user, configuration)), NOBODY)


def is_fit(user: str, configuration: Configuration) -> bool:
    """Whether pipe(8) takes the user."""
    return not is_refused(user, configuration) and is_known(user)


def is_refused(user: str, configuration: Configuration) -> bool:
    return user in ("", "root", configuration.value("mail_owner"))


def is_known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
