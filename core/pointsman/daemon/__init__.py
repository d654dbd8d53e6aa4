"""The server: the HTTP API, its listeners, and the process around the router."""
