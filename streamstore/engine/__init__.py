"""The rules of tables and streams. SQL texts come from storage/statements_*; requests are unknown
here.
"""
