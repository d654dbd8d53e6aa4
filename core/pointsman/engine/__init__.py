"""The machinery behind the router: calls, queues, attempts, reports. Nothing here is public."""
