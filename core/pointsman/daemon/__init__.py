"""The server: what runs for months and is reached over HTTP."""
