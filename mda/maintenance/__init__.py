"""What keeps the store fit over the years: between the database and the shards, beside deliveries.

shards       the directory's shards as places of segments     compaction   live records out of mostly dead segments
retention    windows close, dead contents are purged          erasure      purged records out of every segment
checkpoint   what a rebuild needs beside the mail              rebuild      an empty database filled from the segments
check        database against segments and back               restored     the row of a message, from its record
purging      purge records, then the rows                      relocation   accounts from shard to shard
backup       checkpoints and segments into a folder           restore      everything, or one account, out of it
dictionary   trained of what a shard stores
pace         reads no faster than the settings say
"""
