"""The server: the HTTP API, its listeners, what is posted to clients, and the process around the router."""
