"""What an account holds: mailboxes and messages, listed, moved and expunged by an admin's commands."""
