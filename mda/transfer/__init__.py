"""Mail in and out by files.

item         one message with what a file says of it      mbox       RFC 4155 files, quoted as mboxrd
line_ends    CRLF in the store, LF in files               maildir    Maildir++ folders, flags in names
mutf7        mailbox names in file names                  importing, exporting    between files and an account
"""
