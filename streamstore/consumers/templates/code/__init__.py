"""Where a function's code lies, beyond the folder that a template names.

    inline   code that stands in the template itself, made a folder
    layers   what a function's layers put on its path

Must not know: how handlers are imported, stores.
"""
