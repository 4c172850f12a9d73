"""Sample messages of the wire, read by pytest and jest alike. ``samples.py`` writes them."""
