"""Folders of event files, read while they grow, in bounded memory. Knows of no server; `server` asks it."""
