"""The four calls of DynamoDB Streams: one file a call.

list_streams  describe_stream  get_shard_iterator  get_records      the calls
arns                                                                which stream a request means
images                                                              a record's shape on the wire

Shards, positions and the log belong to engine/streams; these modules check, ask and shape.
"""
