"""``jupyter clusters``: what the window does, on the command line."""
