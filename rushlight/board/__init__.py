"""The board: what a training run writes (Writer, Panel), and the page that shows it live.

`events` is the file format, `writer` writes it, `logs` reads folders of it, `server` shows them on `page`.
"""

from ..lazy import lazy_names

_HOMES = {
    "Board": ".server.board:Board",
    "Panel": ".panel.panel:Panel",
    "Writer": ".writer.writer:Writer",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="rushlight.board")
