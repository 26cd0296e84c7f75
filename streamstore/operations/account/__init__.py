"""The calls about an account and its endpoint, which touch no table.

describe_limits  describe_endpoints      the calls
"""
