"""Who gets mail: shards, domains, accounts, aliases, and the one statement that resolves addresses."""
