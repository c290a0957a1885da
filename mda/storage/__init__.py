"""STORAGE: shards hold segments, segments hold records, a record holds one message (docs/segment-format.md).

location    where a record lies                       shard      the folder of segments and its marker
record      the record's bytes: header and metadata   segment    one open file: append, sync, seal
body        the record's bytes: body, in frames       writer     batches onto segments, trouble onto errors
encode      a message or commits -> record            abandoned  seals what a dead worker left open
decode      record -> verified bytes                  reader     a location -> verified bytes
dictionaries  a shard's zstd dictionaries             retired    segments that are to be removed
commits     commit and purge records                  scan       every record of a segment, and the damage
"""
