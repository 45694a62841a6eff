"""Who did what (audit), and that pages hear of it (events): every row has its actor, target and the request's own
trace id; the stream tells an administrator everything and a person only what is hers."""

import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest

from conftest import SOURCE, WAIT_S, wait_until
from test_rest import JSON, raw


@pytest.fixture(scope="module")
def pool(bic):
    """One desktop for each of two people."""
    made = bic.pool("heard", [2, 0], kind="persistent", spares=0)
    for name in ("ahn", "bae"):
        rest = bic.user(name)
        bic.entitle(made, rest)
        wait_until("her pool", lambda r=rest: r.every("/pools"), 30)
    wait_until("its desktops", lambda: len(bic.desktops(made)) == 2, WAIT_S)
    yield made
    bic.drop_pool(made)


def rows(bic, trace):
    return [a for a in bic.admin.call("GET", "/audit?limit=200")["items"] if a["trace_id"] == trace]


def noted(bic, trace):
    """The row of a request that the CCC answered itself: it is there when the answer is."""
    found = rows(bic, trace)
    assert len(found) == 1, found
    return found[0]


def call(bic, method, path, body, token=None, **headers):
    """Status, trace id and body."""
    status, head, answer = raw(bic, method, f"/api/v1{path}", json.dumps(body).encode() if body is not None else None,
                               {**JSON, **({"Authorization": token and f"Bearer {token}"} if token is not None else {}), **headers})
    return status, head["X-Request-Id"], answer


def test_log_ins(bic):
    ahn = bic.user("ahn").call("GET", "/me")
    status, trace, answer = call(bic, "POST", "/sessions", {"username": "ahn", "password": "pw-ahn-2026"}, token="")
    assert status == 201
    row = noted(bic, trace)
    assert (row["action"], row["result"], row["actor_id"], row["actor_name"]) == ("session.create", "ok", ahn["id"], "ahn")
    assert "127.0.0.1" in row["origin"]
    status, trace, _ = call(bic, "POST", "/sessions", {"username": "ahn", "password": "wrong-word"}, token="")
    assert status == 401
    row = noted(bic, trace)
    assert (row["result"], row["target_name"], row["target_id"]) == ("bad-credentials", "ahn", ahn["id"])
    assert row["actor_id"] is None
    for name in ("no\nsuch\x1b[31mone", "a" + "한" * 13, "\u2028\u0085x"):
        status, trace, _ = call(bic, "POST", "/sessions", {"username": name, "password": "wrong-word"}, token="")
        assert status == 401
        said = noted(bic, trace)["target_name"]
        assert said and not any(c in "\n\x1b\u2028\u0085" for c in said) and len(said) > len(name) // 2
    assert not any("pw-ahn" in json.dumps(a) or "wrong-word" in json.dumps(a)
                   for a in bic.admin.call("GET", "/audit?limit=200")["items"])
    status, trace, _ = call(bic, "DELETE", "/sessions/current", None, token=answer["token"])
    assert status == 204
    row = noted(bic, trace)
    assert (row["action"], row["result"], row["actor_id"], row["target_kind"], row["target_id"]) == (
        "session.end", "ok", ahn["id"], "user", ahn["id"])


def test_log_in_at_the_module(bic, pool):
    """It writes its own; the CCC gets it with the module as origin."""
    login = bic.run.bcenters["module-1"].config["login_url"]
    bic.sign_in("ahn", "pw-ahn-2026", login)        # her verifier is there
    body = json.dumps({"username": "ahn", "password": "pw-ahn-2026"}).encode()
    status, head, answer = raw(bic, "POST", "/api/v1/sessions", body, {**JSON, "Authorization": ""}, login)
    assert status == 201
    row = wait_until("the row", lambda: rows(bic, head["X-Request-Id"]), WAIT_S)[0]
    assert (row["action"], row["actor_name"], row["result"]) == ("session.create", "ahn", "ok")
    assert row["origin"] == "bcenter/module-1" and (row["target_kind"], row["target_id"]) == ("user", row["actor_id"])
    status, head, _ = raw(bic, "DELETE", "/api/v1/sessions/current", None,
                          {"Authorization": f"Bearer {answer['token']}"}, login)
    assert status == 204
    row = wait_until("the row", lambda: rows(bic, head["X-Request-Id"]), WAIT_S)[0]
    assert (row["action"], row["actor_name"], row["result"], row["target_kind"], row["target_id"]) == (
        "session.end", "ahn", "ok", "user", row["actor_id"])
    body = json.dumps({"username": "ahn", "password": "wrong-word"}).encode()
    status, head, _ = raw(bic, "POST", "/api/v1/sessions", body, {**JSON, "Authorization": ""}, login)
    assert status == 401
    row = wait_until("the row", lambda: rows(bic, head["X-Request-Id"]), WAIT_S)[0]
    assert (row["action"], row["result"], row["target_kind"]) == ("session.create", "bad-credentials", "user")
    body = json.dumps({"username": "a" + "한" * 13, "password": "wrong-word"}).encode()
    status, head, _ = raw(bic, "POST", "/api/v1/sessions", body, {**JSON, "Authorization": ""}, login)
    assert status == 401
    assert wait_until("the row", lambda: rows(bic, head["X-Request-Id"]), WAIT_S)[0]["actor_name"] == "a" + "한" * 12


def test_writes_of_administrators(bic):
    me = bic.admin.call("GET", "/me")
    status, trace, group = call(bic, "POST", "/groups", {"name": "written down", "description": ""})
    assert status == 201
    row = noted(bic, trace)
    assert (row["action"], row["target_kind"], row["target_id"], row["target_name"], row["result"]) == (
        "group.create", "group", group["id"], "written down", "ok")
    assert (row["actor_id"], row["actor_name"]) == (me["id"], "admin")
    path = f"/groups/{group['id']}"
    status, trace, group = call(bic, "PATCH", path, {"description": "x"}, **{"If-Match": f'"{group["generation"]}"'})
    assert status == 200 and noted(bic, trace)["target_id"] == group["id"]
    status, trace, _ = call(bic, "PATCH", path, {"description": "y"}, **{"If-Match": '"1"'})
    assert status == 412 and rows(bic, trace) == []         # nothing done, nothing written down
    status, trace, _ = call(bic, "DELETE", path, None, **{"If-Match": f'"{group["generation"]}"'})
    assert status == 204
    assert (noted(bic, trace)["action"], noted(bic, trace)["target_name"]) == ("group.delete", "written down")
    assert [a["action"] for a in bic.admin.call("GET", f"/audit?target_id={group['id']}")["items"]][0] == "group.delete"


def test_connect_and_power(bic, pool):
    ahn = bic.user("ahn")
    me = ahn.call("GET", "/me")
    first = bic.connect(ahn, pool_id=pool["id"])            # it had to boot; now it runs
    status, trace, c = call(bic, "POST", "/connections", {"pool_id": pool["id"]}, token=ahn.token)
    assert status == 201 and c["desktop_id"] == first["desktop_id"]
    ended, trace_end, _ = call(bic, "DELETE", f"/connections/{c['id']}", None, token=ahn.token)
    assert ended == 204
    status, trace, c = call(bic, "POST", "/connections", {"pool_id": pool["id"]}, token=ahn.token)
    assert status == 201, c
    row = wait_until("the module's row", lambda: rows(bic, trace), WAIT_S)[0]
    assert (row["actor_id"], row["target_kind"], row["target_id"]) == (me["id"], "desktop", c["desktop_id"])
    assert row["result"] == "ok" and row["action"] == "connection.create"
    ends = wait_until("the end's rows", lambda: len(r := rows(bic, trace_end)) == 2 and r, WAIT_S)
    assert {(a["action"], a["target_kind"], a["actor_name"]) for a in ends} == {
        ("connection.end", "connection", "ahn"), ("connection.end", "desktop", "ccc")}     # asked here, done there
    status, trace, op = call(bic, "POST", f"/desktops/{c['desktop_id']}/actions", {"action": "reset"}, token=ahn.token)
    assert status == 202
    row = noted(bic, trace)
    assert (row["action"], row["actor_id"], row["target_id"]) == ("desktop.reset", me["id"], c["desktop_id"])
    bic.operation(op, ahn)
    ahn.call("DELETE", f"/connections/{c['id']}")


def test_every_action_is_in_the_table(bic, pool):
    """One vocabulary for both tiers: what is written is in docs/rest.md, with that target and from that tier."""
    chapter = (SOURCE / "docs" / "rest.md").read_text().split("## Audit", 1)[1].split("\n## ", 1)[0]
    table = {}
    for line in chapter.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| `"):
            table |= {a.strip("` "): (cells[1].split(", "), cells[2].split(", ")) for a in cells[0].split(", ")}
    assert len(table) > 20, table
    for a in bic.admin.every("/audit"):
        targets, tiers = table[a["action"]]
        assert a["target_kind"] in targets and a["origin"].split("/")[0].lower() in tiers, a


class Events:
    """An open stream, read by a thread of its own."""

    def __init__(self, bic, rest):
        url = urlsplit(bic.portal)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        self.connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {rest.token}"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")
        self.heard, self.ended = [], threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        name = None
        try:
            for line in self.answer:
                word, _, value = line.decode().rstrip("\r\n").partition(": ")
                if word == "event":
                    name = value
                elif word == "data":
                    self.heard.append((name, json.loads(value)))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.ended.set()

    def of(self, kind):
        """Ids of this kind that the stream named."""
        return {i for name, d in list(self.heard) if name == "changed" and d["kind"] == kind for i in d["ids"]}

    def close(self):
        self.connection.sock.close()


def test_everybody_hears_what_is_hers(bic, pool):
    ahn, bae = bic.user("ahn"), bic.user("bae")
    hers = bic.connect(ahn, pool_id=pool["id"])["desktop_id"]
    his = bic.connect(bae, pool_id=pool["id"])["desktop_id"]
    assert hers != his
    streams = {"admin": Events(bic, bic.admin), "ahn": Events(bic, ahn), "bae": Events(bic, bae)}
    op = bic.admin.call("POST", f"/desktops/{hers}/actions", {"action": "stop"})
    assert bic.operation(op)["state"] == "succeeded"
    wait_until("the administrator hears", lambda: hers in streams["admin"].of("desktop")
               and op["id"] in streams["admin"].of("operation"), WAIT_S)
    wait_until("she hears", lambda: hers in streams["ahn"].of("desktop"), WAIT_S)
    his_op = bae.call("POST", f"/desktops/{his}/actions", {"action": "stop"})
    assert bic.operation(his_op, bae)["state"] == "succeeded"
    wait_until("he hears", lambda: his in streams["bae"].of("desktop") and his_op["id"] in streams["bae"].of("operation"),
               WAIT_S)
    wait_until("the administrator hears of both", lambda: {hers, his} <= streams["admin"].of("desktop"), WAIT_S)
    assert streams["ahn"].of("desktop") == {hers} and his_op["id"] not in streams["ahn"].of("operation")
    assert streams["bae"].of("desktop") == {his} and op["id"] not in streams["bae"].of("operation")
    for private in ("bserver", "user", "audit", "node", "vf"):
        assert not streams["ahn"].of(private) and not streams["bae"].of(private)
    for name, data in streams["admin"].heard:
        assert name == "changed" and set(data) == {"kind", "ids"} and len(data["ids"]) <= 100
    for s in streams.values():
        s.close()


def test_who_joins_a_group_hears_of_her_pools(bic):
    fay = bic.user("fay")
    group = bic.admin.call("POST", "/groups", {"name": "joined", "description": ""})
    me = fay.call("GET", "/me")["id"]
    stream = Events(bic, fay)
    bic.admin.call("PUT", f"/groups/{group['id']}/members/{me}")
    wait_until("she hears", lambda: ("changed", {"kind": "pool", "ids": []}) in stream.heard, WAIT_S)
    assert not stream.of("group")       # not of the group itself
    stream.close()
    now = bic.admin.call("GET", f"/groups/{group['id']}")
    bic.admin.call("DELETE", f"/groups/{group['id']}", headers={"If-Match": f'"{now["generation"]}"'})


class Signed:
    """One more session of a person."""

    def __init__(self, bic, name, password):
        status, _, answer = call(bic, "POST", "/sessions", {"username": name, "password": password}, token="")
        assert status == 201, answer
        self.token = answer["token"]


def test_streams_end_with_their_session(bic):
    cho = bic.user("cho")
    me = bic.admin.call("GET", f"/users/{cho.call('GET', '/me')['id']}")
    gone, stays = Signed(bic, "cho", "pw-cho-2026"), Signed(bic, "cho", "pw-cho-2026")
    theirs = [Events(bic, s) for s in (gone, gone, stays)]
    assert call(bic, "DELETE", "/sessions/current", None, token=gone.token)[0] == 204
    assert theirs[0].ended.wait(WAIT_S) and theirs[1].ended.wait(WAIT_S)
    marked = call(bic, "PATCH", f"/users/{me['id']}", {"disabled": True}, **{"If-Match": f'"{me["generation"]}"'})
    assert marked[0] == 200, marked
    assert theirs[2].ended.wait(WAIT_S)
    call(bic, "PATCH", f"/users/{me['id']}", {"disabled": False}, **{"If-Match": f'"{marked[2]["generation"]}"'})


def test_another_session_of_hers_keeps_its_stream(bic):
    bic.user("doh")
    stays = Events(bic, Signed(bic, "doh", "pw-doh-2026"))
    for _ in range(3):                  # all are judged at once each time
        gone = Signed(bic, "doh", "pw-doh-2026")
        stream = Events(bic, gone)
        assert call(bic, "DELETE", "/sessions/current", None, token=gone.token)[0] == 204
        assert stream.ended.wait(WAIT_S)
    assert not stays.ended.is_set()
    stays.close()


def test_places_of_one_session_are_bounded(bic):
    bic.user("eun")
    hers = Signed(bic, "eun", "pw-eun-2026")
    streams = [Events(bic, hers) for _ in range(8)]
    status, _, problem = call(bic, "GET", "/events", None, token=hers.token)
    assert status == 429, problem
    assert problem["numbers"] == {"streams": 8, "limit": 8}
    other = Events(bic, Signed(bic, "eun", "pw-eun-2026"))      # her other session has places of its own
    for s in [*streams, other]:
        s.close()
