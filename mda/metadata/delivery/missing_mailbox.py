"""Makes the mailbox that a delivery needs and the account lacks: Junk at the first spam, rarely INBOX."""

from psycopg2 import extensions

from mda.identifiers import IdentifierSource
from mda.metadata.schema.words import Role

NAMES = {Role.INBOX: "INBOX", Role.JUNK: "Junk"}

LOCK = "SELECT 1 FROM account_state WHERE account_id = %s FOR UPDATE"
HAS_ROLE = "SELECT 1 FROM mailbox WHERE account_id = %s AND role = %s AND deleted_at IS NULL"
BUMP_MODSEQ = "UPDATE account_state SET modseq = modseq + 1 WHERE account_id = %s RETURNING modseq"
TAKE_UID_VALIDITY = """
UPDATE account_state SET next_uid_validity = next_uid_validity + 1 WHERE account_id = %s
RETURNING next_uid_validity - 1
"""
ADOPT = """
UPDATE mailbox SET role = %s, modseq = %s
WHERE account_id = %s AND parent_id IS NULL AND name = %s AND role IS NULL AND deleted_at IS NULL
"""
NAME_TAKEN = """
SELECT 1 FROM mailbox WHERE account_id = %s AND parent_id IS NULL AND name = %s AND deleted_at IS NULL
"""
MAKE = """
INSERT INTO mailbox (account_id, id, name, role, uid_validity, modseq) VALUES (%s, %s, %s, %s, %s, %s)
"""


def make_missing(cursor: extensions.cursor, account_id: int, role: Role, identifiers: IdentifierSource) -> None:
    """Inside a transaction of the caller: gives the account a mailbox of that role, unless it has one by now.

    A user's own mailbox of the usual name is adopted. Nothing happens for an account that is gone.
    """
    cursor.execute(LOCK, (account_id,))
    if cursor.fetchone() is None:
        return
    cursor.execute(HAS_ROLE, (account_id, role.value))
    if cursor.fetchone() is not None:
        return
    modseq = _one_number(cursor, BUMP_MODSEQ, account_id)
    cursor.execute(ADOPT, (role.value, modseq, account_id, NAMES[role]))
    if cursor.rowcount:
        return
    name = _free_name(cursor, account_id, NAMES[role])
    uid_validity = _one_number(cursor, TAKE_UID_VALIDITY, account_id)
    cursor.execute(MAKE, (account_id, identifiers.next(), name, role.value, uid_validity, modseq))


def _free_name(cursor: extensions.cursor, account_id: int, wanted: str) -> str:
    """`wanted`, or `wanted 2` and so on where the user has given that name to a mailbox of another role."""
    name, number = wanted, 1
    while True:
        cursor.execute(NAME_TAKEN, (account_id, name))
        if cursor.fetchone() is None:
            return name
        number += 1
        name = f"{wanted} {number}"


def _one_number(cursor: extensions.cursor, statement: str, account_id: int) -> int:
    cursor.execute(statement, (account_id,))
    row = cursor.fetchone()
    assert row is not None, "account_state is locked by us"  # noqa: S101
    return int(row[0])
