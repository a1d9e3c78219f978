"""The application on this machine, for what asks it as a browser would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import make_server

from app import create_app
from notifier.runtime import Runtime


@contextmanager
def answering(runtime: Runtime) -> Iterator[str]:
    """Answer until the context ends, when the database's connections are given up too. Yields: the address."""
    server = make_server("127.0.0.1", 0, create_app(runtime=runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        runtime.engine.dispose()
