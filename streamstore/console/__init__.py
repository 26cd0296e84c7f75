"""Pages for people who look into a running store: tables, shards, items, records as they come.

    pages.py        what is shown, and under which paths
    markup.py       HTML whose every text is escaped
    lineage_svg.py  the shards of a stream as a drawing
    live.js         puts a stream's records on a page as they are committed
    style.css

The pages only look; they are answered to this machine alone, and a server with keys has none, for
browsers don't sign. The room knows the store and its calls, and neither sockets nor the server, to
which whoever starts it hands these pages as routes.
"""

from __future__ import annotations

from typing import Final

HOME: Final = "/_streamstore/console"
# Every page by the name of what answers it (pages.Console), and its path.
PAGES: Final = {
    "overview": HOME,
    "table": f"{HOME}/tables/{{table}}",
    "shards": f"{HOME}/tables/{{table}}/shards.svg",
    "file": f"{HOME}/{{file}}",
}
