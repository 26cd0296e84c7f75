"""Consumers at the command line: the functions and mappings of `serve`, and commands about them.

served      what `serve` runs beside the server: functions, workers, the Lambda API's routes
mappings    `streamstore mappings`
lag         `streamstore consumers`
dlq         `streamstore dlq`
"""
