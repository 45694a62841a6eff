"""REST as careless and hostile people use it: the right problem, quickly, and nothing changed."""

import http.client
import json
import socket
import statistics
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import Problem


def raw(bic, method, path, body=None, headers=None, base=None):
    """Status, headers and parsed body of one request with these very bytes."""
    url = urlsplit(base or bic.portal)
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    c.request(method, path, body=body, headers={"Authorization": f"Bearer {bic.admin.token}", **(headers or {})})
    r = c.getresponse()
    text = r.read()
    c.close()
    try:
        return r.status, r.headers, json.loads(text)
    except ValueError:
        return r.status, r.headers, text


JSON = {"Content-Type": "application/json"}
GROUP = {"name": "g", "description": ""}

BAD_BODIES = {
    "unknown member": (b'{"name": "x", "description": "", "colour": "red"}', 400, "/colour"),
    "missing member": (b"{}", 400, "/name"),
    "wrong type": (b'{"name": 7}', 400, "/name"),
    "not JSON": (b"{name: x}", 400, None),
    "no object": (b"[1,2]", 400, None),
    "duplicate key": (b'{"name": "a", "name": "b"}', 400, None),
    "invalid UTF-8": (b'{"name": "\xff\xfe"}', 400, None),
    "NUL": (b'{"name": "a\\u0000b"}', 400, None),
    "control character": (b'{"name": "a\\u0007b"}', 400, "/name"),
    "blank at the end": (b'{"name": "a "}', 400, "/name"),
    "right-to-left override": (b'{"name": "a\\u202eb"}', 400, "/name"),
    "too long": (json.dumps({"name": "x" * 65}).encode(), 400, "/name"),
    "too deep": (b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}", 400, None),
    "trailing words": (b'{"name": "a"} x', 400, None),
}


@pytest.mark.parametrize("what", BAD_BODIES)
def test_bad_bodies(bic, what):
    body, status, pointer = BAD_BODIES[what]
    before = len(bic.admin.every("/groups"))
    got, headers, problem = raw(bic, "POST", "/api/v1/groups", body, JSON)
    assert got == status, problem
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Request-Id"] in problem["instance"]
    if pointer:
        assert problem["errors"][0]["pointer"] == pointer
    assert len(bic.admin.every("/groups")) == before


def test_oversize_is_refused_by_its_head(bic):
    """Before a byte of the body is taken: who sends it nevertheless may find the connection closed."""
    url = urlsplit(bic.portal)
    for length in ((1 << 20) + 1, 1 << 40):
        c = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        c.putrequest("POST", "/api/v1/groups")
        for name, value in {"Authorization": f"Bearer {bic.admin.token}", **JSON, "Content-Length": str(length)}.items():
            c.putheader(name, value)
        c.endheaders()
        r = c.getresponse()
        assert (r.status, json.loads(r.read())["type"]) == (413, "/problems/body-too-large")
        c.close()


def test_oversize_in_chunks_is_refused(bic):
    """No head says how much comes: the count itself ends it, one byte after 1 MiB and not before."""
    def sent(size):
        body = b'{"name": "' + b"a" * (size - 12) + b'"}'
        assert len(body) == size
        return raw(bic, "POST", "/api/v1/groups", (body[i:i + 65536] for i in range(0, size, 65536)), JSON)
    status, headers, problem = sent((1 << 20) + 1)
    assert (status, problem["type"]) == (413, "/problems/body-too-large"), problem
    assert headers["Content-Type"] == "application/problem+json"
    status, _, problem = sent(1 << 20)
    assert (status, problem["errors"][0]["pointer"]) == (400, "/name"), problem


def test_wrong_media_type(bic):
    assert raw(bic, "POST", "/api/v1/groups", b'{"name": "a"}', {"Content-Type": "text/plain"})[0] == 415


def test_methods_paths_and_queries(bic):
    assert raw(bic, "PUT", "/api/v1/groups", b"{}", JSON)[0] == 405
    assert raw(bic, "BREW", "/api/v1/groups")[0] in (405, 501)
    assert raw(bic, "GET", "/api/v1/nothing")[0] == 404
    assert raw(bic, "GET", "/api/v1/groups/not-a-uuid")[0] == 404
    assert raw(bic, "GET", "/api/v1/groups/00000000-0000-4000-8000-000000000000")[0] == 404
    assert raw(bic, "GET", "/api/v1/groups?colour=red")[0] == 400
    assert raw(bic, "GET", "/api/v1/groups?limit=0")[0] == 400
    assert raw(bic, "GET", "/api/v1/groups?limit=201")[0] == 400
    assert raw(bic, "GET", "/api/v1/groups?cursor=rubbish")[0] == 400
    assert raw(bic, "GET", "/api/v1/groups?sort=password")[0] == 400
    assert raw(bic, "GET", "/api/v1/" + "a" * 9000)[0] in (404, 414, 431)
    assert raw(bic, "GET", "/api/v1/groups", headers={"X-Long": "a" * 60000})[0] in (400, 413, 431, 494)


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../../etc/passwd",
                                  "/..%2f..%2fetc/passwd", "//etc/passwd", "/assets/%00"])
def test_no_way_out_of_the_web_root(bic, path):
    status, _, body = raw(bic, "GET", path)
    assert b"root:" not in (body if isinstance(body, bytes) else json.dumps(body).encode())
    assert status in (200, 400, 404)


def test_nothing_without_a_session(bic):
    for method, path in (("GET", "/api/v1/me"), ("GET", "/api/v1/users"), ("POST", "/api/v1/groups"),
                         ("GET", "/api/v1/events"), ("GET", "/api/v1/desktops")):
        status, _, problem = raw(bic, method, path, headers={"Authorization": "Bearer nonsense"})
        assert (status, problem["type"]) == (401, "/problems/not-signed-in")


def test_users_may_not_administrate(bic):
    rest = bic.user("nobody")
    for method, path in (("GET", "/users"), ("GET", "/bservers"), ("GET", "/audit"), ("POST", "/node-tokens")):
        with pytest.raises(Problem) as no:
            rest.call(method, path, {} if method == "POST" else None)
        assert no.value.status == 403


def test_same_answer_for_unknown_and_wrong(bic):
    answers = []
    for username in ("admin", "nobody-of-that-name"):
        with pytest.raises(Problem) as no:
            from conftest import Rest
            Rest(f"{bic.portal}/api/v1").login(username, "certainly-wrong")
        answers.append({k: v for k, v in no.value.body.items() if k != "instance"})
    assert answers[0] == answers[1] and answers[0]["status"] == 401


def test_unknown_names_take_as_long_as_wrong_passwords(bic):
    """Else a clock tells who exists. Verifying takes its time on purpose: without it an answer is many times faster."""
    bic.user("timed")
    took = {"timed": [], "nobody-at-all": []}
    for _ in range(7):
        for username, times in took.items():
            begin = time.monotonic()
            status, _, problem = raw(bic, "POST", "/api/v1/sessions", json.dumps(
                {"username": username, "password": "certainly-wrong"}), {**JSON, "Authorization": ""})
            times.append(time.monotonic() - begin)
            assert (status, problem["type"]) == (401, "/problems/bad-credentials"), problem
    known, unknown = (statistics.median(times) for times in took.values())
    assert 1 / 3 < unknown / known < 3, took


def resident_kib(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith("VmRSS:"))


def test_bad_requests_leave_no_memory_behind(bic):
    """A thousand after as many: what the first ones filled (pools, caches, threads' heaps) is filled then."""
    url = urlsplit(bic.portal)

    def thousand():
        c = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        for n in range(1000):
            body, status, _ = list(BAD_BODIES.values())[n % len(BAD_BODIES)]
            c.request("POST", "/api/v1/groups", body, {"Authorization": f"Bearer {bic.admin.token}", **JSON,
                                                       "X-Padding": "x" * 8000})
            r = c.getresponse()
            r.read()
            assert r.status == status
        c.close()
    thousand()
    before = resident_kib(bic.run.ccc.process.pid())
    thousand()
    after = resident_kib(bic.run.ccc.process.pid())
    assert after - before < 4096, f"{before} KiB before, {after} KiB after"


def test_stale_etags_and_missing_if_match(bic):
    g = bic.admin.call("POST", "/groups", {"name": "etag", "description": ""})
    path = f"/groups/{g['id']}"
    with pytest.raises(Problem) as no:
        bic.admin.call("PATCH", path, {"description": "x"})
    assert no.value.status == 428
    bic.admin.call("PATCH", path, {"description": "x"}, {"If-Match": f'"{g["generation"]}"'})
    with pytest.raises(Problem) as no:
        bic.admin.call("PATCH", path, {"description": "y"}, {"If-Match": f'"{g["generation"]}"'})
    assert no.value.status == 412
    now = bic.admin.call("GET", path)
    assert now["description"] == "x"
    bic.admin.call("DELETE", path, headers={"If-Match": f'"{now["generation"]}"'})


def test_idempotency_keys(bic):
    key = {"Idempotency-Key": "group-once"}
    first = bic.admin.call("POST", "/groups", {"name": "once", "description": ""}, key)
    assert bic.admin.call("POST", "/groups", {"name": "once", "description": ""}, key) == first
    with pytest.raises(Problem) as no:
        bic.admin.call("POST", "/groups", {"name": "twice", "description": ""}, key)
    assert no.value.status == 422 and no.value.slug == "idempotency-mismatch"
    assert [g["name"] for g in bic.admin.every("/groups")].count("once") == 1
    bic.admin.call("DELETE", f"/groups/{first['id']}", headers={"If-Match": f'"{first["generation"]}"'})


def test_names_are_unique_and_kept_as_typed(bic):
    name = "<b>& \"q\" 'a' 한글 %s $1; drop"
    g = bic.admin.call("POST", "/groups", {"name": name, "description": ""})
    assert g["name"] == name
    with pytest.raises(Problem) as no:
        bic.admin.call("POST", "/groups", {"name": name, "description": ""})
    assert no.value.status == 409 and no.value.slug == "name-taken"
    bic.admin.call("DELETE", f"/groups/{g['id']}", headers={"If-Match": f'"{g["generation"]}"'})


def test_lists_page_without_loss(bic):
    made = [bic.admin.call("POST", "/groups", {"name": f"page-{n:02}", "description": ""}) for n in range(7)]
    seen, cursor = [], ""
    while True:
        page = bic.admin.call("GET", f"/groups?limit=3&sort=name{cursor}")
        seen += [g["name"] for g in page["items"] if g["name"].startswith("page-")]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"page-{n:02}" for n in range(7)]
    for g in made:
        bic.admin.call("DELETE", f"/groups/{g['id']}", headers={"If-Match": f'"{g["generation"]}"'})


def test_hostile_images(bic, tmp_path):
    """Each is refused with 422 and leaves nothing."""
    import subprocess
    image = bic.admin.call("POST", "/images", {"name": "hostile", "description": "", "guest": "none"})
    path = f"/images/{image['id']}/versions"
    cases = {}
    base = tmp_path / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", base, "64M"], check=True)
    backed = tmp_path / "backed.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, backed], check=True)
    cases["backing file"] = backed.read_bytes()
    data = tmp_path / "data.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={tmp_path}/raw.img", data, "64M"], check=True)
    cases["data file"] = data.read_bytes()
    cases["other format"] = b"\x7fELF" + bytes(8192)
    cases["empty"] = b""
    cases["cut off"] = base.read_bytes()[:100]
    for what, content in cases.items():
        status, _, problem = raw(bic, "POST", "/api/v1" + path, content, {"Content-Type": "application/octet-stream"})
        assert status in (400, 422), (what, problem)
    status, _, problem = raw(bic, "POST", "/api/v1" + path, base.read_bytes(),
                             {"Content-Type": "application/octet-stream", "X-Content-SHA256": "0" * 64})
    assert status in (400, 422), problem
    assert bic.admin.every(path) == []
    bic.admin.call("DELETE", f"/images/{image['id']}", headers={"If-Match": f'"{image["generation"]}"'})


def test_an_upload_is_repeated_once(bic, tmp_path):
    """The same key and file: one version, the same answer; the same key with another file is refused."""
    import subprocess
    image = bic.admin.call("POST", "/images", {"name": "repeated", "description": "", "guest": "none"})
    path = f"/api/v1/images/{image['id']}/versions"
    files = []
    for size in ("64M", "65M"):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / size, size], check=True)
        files.append((tmp_path / size).read_bytes())
    key = {"Content-Type": "application/octet-stream", "Idempotency-Key": "upload-1"}
    status, headers, first = raw(bic, "POST", path, files[0], key)
    assert status == 201
    status, again_headers, again = raw(bic, "POST", path, files[0], key)
    assert (status, again, again_headers["Location"]) == (201, first, headers["Location"])
    status, _, problem = raw(bic, "POST", path, files[1], key)
    assert (status, problem["type"]) == (422, "/problems/idempotency-mismatch")
    assert [v["id"] for v in bic.admin.every(path.removeprefix("/api/v1"))] == [first["id"]]
    image = bic.admin.call("GET", f"/images/{image['id']}")
    bic.admin.call("DELETE", f"/images/{image['id']}", headers={"If-Match": f'"{image["generation"]}"'})


def test_slow_heads_do_not_hold_a_place(bic):
    url = urlsplit(bic.portal)
    idle = [socket.create_connection((url.hostname, url.port), timeout=60) for _ in range(100)]
    for s in idle:
        s.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-")
    assert raw(bic, "GET", "/api/v1/me")[0] == 200
    for s in idle:
        s.close()


def test_csrf_is_needed_with_a_cookie(bic):
    status, headers, answer = raw(bic, "POST", "/api/v1/sessions", json.dumps(
        {"username": "admin", "password": bic.run.layout.secret("user-admin")}), {**JSON, "Authorization": ""})
    assert status == 201
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    with_cookie = {"Cookie": cookie.split(";")[0], **JSON}
    url = urlsplit(bic.portal)

    def post(extra):
        c = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        c.request("POST", "/api/v1/groups", body=b"{}", headers={**with_cookie, **extra})
        r = c.getresponse()
        return r.status, json.loads(r.read())
    assert post({}) [1]["type"] == "/problems/csrf"
    assert post({"X-CSRF-Token": "wrong"})[1]["type"] == "/problems/csrf"
    assert post({"X-CSRF-Token": answer["csrf"]})[0] == 400   # read as far as its missing members
    assert post({"X-CSRF-Token": answer["csrf"], "Sec-Fetch-Site": "cross-site"})[0] == 403


def test_the_contract_is_served_offline(bic):
    status, _, contract = raw(bic, "GET", "/api/v1/openapi.json")
    assert status == 200 and contract["openapi"].startswith("3.1")
    assert "/pools/{id}" in json.dumps(list(contract["paths"]))
    status, headers, page = raw(bic, "GET", "/docs")
    assert status == 200 and b"http" not in page.replace(b"http-equiv", b"").split(b"</head>")[0]
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_management_needs_a_certificate(bic):
    import ssl
    url = urlsplit(bic.run.ccc.config["management_url"])
    context = ssl.create_default_context(cafile=str(bic.run.layout.state / "ccc" / "ca" / "ca.crt"))
    context.check_hostname = False
    for path in ("/sync/v1/wanted", "/metrics", "/summary"):
        c = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=30)
        c.request("GET", path)
        assert c.getresponse().status == 403
