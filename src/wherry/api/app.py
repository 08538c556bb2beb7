"""What all routes have in common: versions, the fields of every reply, errors, paths unknown."""

import platform
from http import HTTPStatus

from wherry.api.errors import error_reply
from wherry.api.replies import json_reply
from wherry.http.messages import Call, Handler, Reply, Routes, Takeover
from wherry.http.router import Miss, Router
from wherry.http.server import Server
from wherry.wire.versions import NEWEST, negotiate

_NOT_FOUND = json_reply({"message": "page not found"}, HTTPStatus.NOT_FOUND)


class App:
    """All routes as one: what `Server` needs."""

    def __init__(self, *tables: Routes, engine_version: str) -> None:
        self.router = Router(*tables)
        self.headers = {
            "Api-Version": str(NEWEST),
            "Docker-Experimental": "false",
            "Ostype": platform.system().lower(),
            "Server": f"Wherry/{engine_version} ({platform.system().lower()})",
        }

    def make_server(self) -> Server:
        """A server that answers with these routes; it listens nowhere yet."""
        return Server(
            self.router,
            around=self.answer,
            on_error=error_reply,
            on_miss=self.miss,
            headers=self.headers,
        )

    async def answer(self, call: Call, handler: Handler) -> Reply | Takeover:
        """Call the handler, unless the client's version is too old or too new (400)."""
        if call.version is not None:
            negotiate(call.version)
        return await handler(call)

    async def miss(self, call: Call, miss: Miss) -> Reply:
        """404 for an unknown path and, as Docker has it, for an unknown method of a known one.

        OPTIONS is answered for every path.
        """
        if call.method == "OPTIONS":
            allow = {"Allow": ", ".join((*miss.allowed, "OPTIONS"))}
            return Reply(status=HTTPStatus.OK, headers=allow)
        return _NOT_FOUND
