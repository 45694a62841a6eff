"""Row 11: what each tier adds to a question that the bCenter answers, asked at the bCenter, the xCenter and the CCC."""

import http.client
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import load
from stand import Stand, wait_until

ASKS = 300      # in a round, one after the other on a connection that is kept


class Line:
    """A kept connection to a management listener, with the certificate of the tier above it."""

    def __init__(self, url: str, pki: Path | None, headers: dict | None = None):
        at = urlsplit(url)
        self.headers = headers or {}
        if not pki:
            self.http = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
            return
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.check_hostname = False      # who it is stands in its certificate
        context.load_cert_chain(pki / "node.crt", pki / "node.key")
        self.http = http.client.HTTPSConnection(at.hostname, at.port, context=context, timeout=10)

    def get(self, path: str) -> bytes:
        self.http.request("GET", path, headers=self.headers)
        answer = self.http.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body

    def times(self, path: str) -> list:
        """Milliseconds of each of so many answers."""
        spent = []
        for _ in range(ASKS):
            begin = time.perf_counter()
            self.get(path)
            spent.append((time.perf_counter() - begin) * 1000)
        return spent


def placed(stand: Stand) -> dict:
    pool = stand.pool("hops", 1, networked=True)
    return wait_until("a desktop", lambda: next((d for d in stand.admin.every(f"/desktops?pool_id={pool['id']}")
                                                 if d["placement_id"]), None), 60)


def run(stand: Stand) -> list:
    desktop = placed(stand)
    placement, module = desktop["placement_id"], desktop["module_id"]
    bcenter, xcenter = stand.run.bcenters["module-1"], stand.run.xcenters[0]
    bearer = {"Authorization": f"Bearer {stand.admin.token}"}
    places = [
        ("bCenter", Line(bcenter.config["management_url"], xcenter.state / "pki"), f"/call/v1/placements/{placement}"),
        ("xCenter", Line(xcenter.config["management_url"], stand.run.ccc.state / "pki"),
         f"/call/v1/modules/{module}/placements/{placement}"),
        ("CCC", Line(stand.portal, None, bearer), f"/api/v1/placements/{placement}"),
    ]
    for _, line, path in places:
        line.get(path)
    rounds = load.in_turns(*(lambda line=line, path=path: line.times(path) for _, line, path in places))
    rows = []
    for share, word, most in ((0.5, "p50", 0.3), (0.99, "p99", 2)):
        at = [load.middle(rounds, i, lambda times, share=share: load.percentile(times, share)) for i in range(len(places))]
        rows.append({"row": "11", "what": f"a question at the bCenter, {word} ms", "ours": at[0]})
        rows += [{"row": "11", "what": f"added by the {places[i][0]}, {word} ms", "ours": at[i] - at[i - 1],
                  "target_most": most} for i in (1, 2)]
    return rows
