"""The control plane of tables: one file a call, and what the calls share.

create_table  update_table  delete_table  describe_table  list_tables
tags  continuous_backups      the calls
definitions   key schemas, indexes and projections of a request, checked (spec C.2)
throughput    billing mode and capacity of a request, checked (spec C.2, C.3)
features      stream, encryption, class and tags of a request, checked
description   the shape of a TableDescription
status        CREATING, UPDATING, ACTIVE: a function of time

What a table is and how it is kept belongs to engine/tables; these modules check, ask and shape.
"""
