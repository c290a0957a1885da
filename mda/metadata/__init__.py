"""DB: everything that PostgreSQL knows, and the only package that knows PostgreSQL.

schema       the tables and their migrations
postgresql   the server, embedded or elsewhere, and connections to it
directory    shards, domains, accounts, aliases; resolving addresses
mailbox      mailboxes and messages, for the admin's commands
delivery     what a delivery writes
"""
