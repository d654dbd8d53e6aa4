"""The documentation of the API for browsers: the OpenAPI document, and pages that show it and let one try it out."""

from importlib import resources

from pointsman.daemon.asked import AnyQuery, NoPath
from pointsman.daemon.endpoint import Call, Reply
from pointsman.daemon.house import House

PAGES = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
}
"""Path to file and media type."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may load for the pages: nothing that is not from here."""
_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}


async def get_openapi(house: House, call: Call[NoPath, AnyQuery, None]) -> Reply:
    """Show the OpenAPI document."""
    del call
    return Reply(body=house.openapi)


async def get_page(house: House, call: Call[NoPath, AnyQuery, None]) -> Reply:
    """Show one of the pages."""
    del house
    name, media = PAGES[call.raw.path]
    body = resources.files("pointsman.daemon").joinpath("pages", name).read_bytes()
    return Reply(body=body, media=media, headers=_HEADERS)
