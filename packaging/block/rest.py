"""BIC's REST as automation uses it: what `make run` does, an owner could do the same way."""

import json
import ssl
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path


class Problem(Exception):
    """An application/problem+json answer."""

    def __init__(self, status: int, body: dict):
        self.status = status
        self.body = body
        self.slug = str(body.get("type", "")).rpartition("/")[2]
        super().__init__(f"{status} {self.slug}: {body.get('detail', '')}")


class Rest:
    def __init__(self, base: str, ca: Path | None = None):
        self.base = base
        self.token = ""
        context = ssl.create_default_context(cafile=str(ca)) if ca else None
        handlers = [urllib.request.ProxyHandler({})]
        if context:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self.opener = urllib.request.build_opener(*handlers)

    def call(self, method: str, path: str, body=None, headers: dict | None = None, timeout: float = 30):
        head = {"Accept": "application/json", **(headers or {})}
        data = None
        if self.token:
            head["Authorization"] = f"Bearer {self.token}"
        if body is not None and not hasattr(body, "read"):
            data = json.dumps(body).encode()
            head["Content-Type"] = "application/json"
        elif body is not None:
            data = body
        if method == "POST" and "Idempotency-Key" not in head and not hasattr(body, "read"):
            head["Idempotency-Key"] = str(uuid.uuid4())
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=head)
        try:
            with self.opener.open(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            text = refused.read()
            try:
                problem = json.loads(text)
            except ValueError:
                problem = {"detail": text[:200].decode("utf-8", "replace")}
            raise Problem(refused.code, problem) from None
        return json.loads(text) if text else None

    def login(self, username: str, password: str) -> None:
        self.token = ""
        self.token = self.call("POST", "/sessions", {"username": username, "password": password})["token"]

    def logout(self) -> None:
        """Leaves no session behind. One that cannot be ended now ends by itself: no reason to fail."""
        try:
            self.call("DELETE", "/sessions/current")
        except (Problem, OSError):
            pass
        self.token = ""

    def every(self, path: str) -> list:
        """All items of a list, page by page."""
        items, cursor = [], None
        while True:
            page = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=200" +
                             (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    def ensure(self, path: str, key: str, body: dict) -> dict:
        """The item with this name, made if it is missing."""
        for item in self.every(path):
            if item[key] == body[key]:
                return item
        return self.call("POST", path, body)

    def upload(self, path: str, file: Path, sha256: str) -> dict:
        with open(file, "rb") as f:
            return self.call("POST", path, f, {"Content-Type": "application/octet-stream", "X-Content-SHA256": sha256,
                                               "Content-Length": str(file.stat().st_size)}, timeout=600)


def wait_until(what: str, question, seconds: float, every: float = 0.2):
    """The first true answer to question(); RuntimeError names what did not happen."""
    until = time.monotonic() + seconds
    last = ""
    while time.monotonic() < until:
        try:
            answer = question()
            if answer:
                return answer
        except (Problem, OSError) as not_yet:
            last = str(not_yet)
        time.sleep(every)
    raise RuntimeError(f"{what}: not within {seconds:.0f} s{': ' + last if last else ''}")
