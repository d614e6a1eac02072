"""An app with a page, a socket and a worker of its own."""
