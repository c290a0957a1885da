"""Postfix's own configuration, as its postconf(1) tells it. Nothing here changes it."""
