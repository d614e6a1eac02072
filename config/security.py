"""What the pages of this project may load, and from where (Content-Security-Policy)."""

from __future__ import annotations

from urllib.parse import urlsplit


def content_policy(static_url: str, websocket_url: str) -> str:
    """All from here, but for what STATIC_URL and BUS_WEBSOCKET_URL say is elsewhere."""
    files = " ".join(["'self'", *_origins(static_url)])
    sockets = " ".join(["'self'", *_origins(websocket_url)])
    # What the pages show are files, too: without a word of its own it falls back to the default.
    images = f"img-src {files}; " if files != "'self'" else ""
    return (
        f"default-src 'self'; script-src {files}; style-src {files}; {images}"
        f"connect-src {sockets}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def _origins(url: str) -> list[str]:
    """The origin of an address of another host."""
    parts = urlsplit(url)
    if not parts.netloc:
        return []
    return [f"{parts.scheme}://{parts.netloc}" if parts.scheme else parts.netloc]
