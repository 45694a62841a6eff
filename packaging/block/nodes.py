"""How daemons become nodes of the installation: who has no certificate joins with a one-time token."""

import json
import re
from uuid import UUID

from administrator import Administrator
from daemons import Daemon
from layout import Layout
from postgres import Cluster
from rest import Problem

TOKEN = re.compile(r"bicjoin\.([0-9a-f]{32})\.[0-9a-f]{64}\.[0-9a-f]{64}")


def quoted(words) -> str:
    return ", ".join(f"'{word}'" for word in words)


class Tree:
    """The block and its modules: name → id, kept in run/ids.json once known, since they stay what they are."""

    def __init__(self, layout: Layout, admin: Administrator):
        self.layout = layout
        self.admin = admin
        try:
            self.ids = json.loads((layout.run / "ids.json").read_text())
        except (FileNotFoundError, ValueError):
            self.ids = {}

    def learn(self, name: str, found: str) -> str:
        if self.ids.get(name) != found:
            self.ids[name] = found
            self.layout.save("ids.json", self.ids)
        return found

    def _find(self, name: str, path: str, **where) -> str:
        """Its id; "" if there is none of this name."""
        if name in self.ids:
            return self.ids[name]
        for item in self.admin.rest().every(path):
            if item["name"] == name and all(item[key] == value for key, value in where.items()):
                return self.learn(name, item["id"])
        return ""

    def block(self, name: str) -> str:
        return self._find(name, "/blocks")

    def module(self, name: str, block: str) -> str:
        return self._find(name, "/modules", block_id=self.block(block))


class Nodes:
    """Starts daemons that are nodes, those that have joined without asking anybody."""

    def __init__(self, tree: Tree, block: str, agents: dict, database: Cluster):
        self.tree = tree
        self.admin = tree.admin
        self.block = block
        self.agents = agents        # name → daemon
        self.database = database    # the CCC's

    def begin(self, daemon: Daemon, kind: str, name: str, module: str = "") -> None:
        """Starts it. module: the name of the one that it belongs to."""
        if not daemon.joined() and not daemon.token_file().exists():
            self._invite(daemon, kind, name, module)
        daemon.start()

    def finish(self, daemon: Daemon, kind: str, name: str, module: str = "") -> None:
        """Waits until it is ready. A token that is too old, or somebody's else, is replaced."""
        try:
            daemon.wait_ready()
        except RuntimeError:
            if not daemon.refused():
                raise
            self._invite(daemon, kind, name, module)
            daemon.start()
            daemon.wait_ready()

    def _invite(self, daemon: Daemon, kind: str, name: str, module: str) -> None:
        """A token for it. An interrupted run may have made its block or module already."""
        parent = (module and self.tree.module(module, self.block)) or self.tree.block(self.block)
        try:
            answer = self._token({"kind": kind, "name": name, **({"parent_id": parent} if parent else {})})
        except Problem as p:
            raise RuntimeError(f"no join token for {daemon.name}: {p}") from None
        daemon.give_token(answer["token"])
        self.tree.learn(self.block, answer["block_id"])
        if module:
            self.tree.learn(module, answer["module_id"])

    def _token(self, body: dict) -> dict:
        rest = self.admin.rest()
        try:
            return rest.call("POST", "/node-tokens", body)
        except Problem as p:
            if p.slug != "law-module" or not self._forget_lost(body["parent_id"]):
                raise
        return rest.call("POST", "/node-tokens", body)

    def _forget_lost(self, module: str) -> bool:
        """Whether there were tokens for our bServers that no file holds: interrupted runs lost them, and each takes up
        one of the module's ten places for a day. REST cannot take them back."""
        held = [found[1] for agent in self.agents.values() if (found := TOKEN.fullmatch(agent.token()))]
        return bool(self.database.sql(f"""delete from node_token where kind = 'bserver' and taken_key is null
                                          and module_id = '{UUID(module)}' and name in ({quoted(self.agents)})
                                          and id not in ({quoted(['', *held])}) returning id""",
                                      self.database.database).strip())
