"""All endpoints, declared once: routes, checks and the OpenAPI document come from here."""

from pointsman.daemon.for_all import OPEN
from pointsman.daemon.for_clients import CLIENTS
from pointsman.daemon.for_operators import MANAGEMENT

ENDPOINTS = (*CLIENTS, *MANAGEMENT, *OPEN)
