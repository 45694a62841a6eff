"""Every command of bicctl against a real block: what it prints, what it exits with, what it keeps."""

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import termios
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import IMAGES, WAIT_S, wait_until

OK, USAGE, NOT_FOUND, CONFLICT, PARTIAL, DENIED, TIMEOUT, FAILED = range(8)
NOBODY = "00000000-0000-4000-8000-000000000000"
KINDS = {"desktops": "desktop", "pools": "pool", "images": "image", "specs": "spec", "users": "user",
         "groups": "group", "entitlements": "entitlement", "connections": "connection", "operations": "operation",
         "blocks": "block", "modules": "module", "bservers": "bserver", "vfs": "vf", "nodes": "node", "audit": "record"}


class Shell:
    """A person at a terminal, with her own context file."""

    def __init__(self, bic, home, username, password):
        self.portal = bic.portal
        self.program = bic.run.layout.build / "bicctl" / "bicctl"
        self.home = home
        self.context = home / "context.json"
        self.username = username
        self.word = home / "password"
        self.word.write_text(password + "\n")

    def __call__(self, *words, status=OK, stdin="", **env):
        done = subprocess.run([self.program, *map(str, words)], input=stdin, text=True, capture_output=True, check=False,
                              timeout=300, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                                                "BICCTL_CONTEXT": str(self.context), **SANITIZER, **env})
        assert done.returncode == status, f"bicctl {words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert (done.stderr == "") or status != OK or "…" in done.stderr, done.stderr
        self.said = done.stderr
        return done.stdout

    def json(self, *words, status=OK):
        return json.loads(self("-o", "json", *words, status=status))

    def login(self, **how):
        return self("login", self.portal, self.username, "--password-file", self.word, **how)


SANITIZER = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}


@pytest.fixture(scope="module")
def admin(bic, tmp_path_factory):
    shell = Shell(bic, tmp_path_factory.mktemp("admin"), "admin", bic.run.layout.secret("user-admin"))
    shell.login()
    return shell


@pytest.fixture(scope="module")
def pool(bic):
    """Three desktops on simulated hosts: a machine there starts at once."""
    made = bic.pool("ctl", [3, 0], kind="persistent", spares=0, networked=True)
    wait_until("its desktops", lambda: len(bic.desktops(made)) == 3, WAIT_S)
    yield made
    bic.drop_pool(made)


def off(bic, pool):
    return wait_until("three desktops off", lambda: len(
        found := [d for d in bic.desktops(pool) if d["observed"] in ("off", "unknown") and not d["operation"]]) == 3
        and found, WAIT_S)


def test_usage(admin):
    assert "usage: bicctl" in admin("--help")
    for words in ([], ["frobnicate"], ["get"], ["get", "pools"], ["list", "moons"], ["me", "too"], ["-o", "xml", "me"],
                  ["start", "--wait=soon", "x"], ["--colour", "me"], ["create", "group", "no-equals"],
                  ["create", "group", "--file", "/nowhere"], ["publish", "tiny", "/nowhere"],
                  ["create", "group", "=x"], ["create", "group", ":=1"], ["create", "spec", "vcpus:=two"],
                  ["list", "desktops", "--filter", "colour"], ["list", "desktops", "--filter", "=red"]):
        admin(*words, status=USAGE)
        assert admin.said
    for words in (["get", "audit", NOBODY], ["delete", "audit", NOBODY], ["create", "audit", "action=x"],
                  ["delete", "desktop", NOBODY], ["create", "node", "name=x"], ["delete", "module", "module-1"]):
        admin(*words, status=USAGE)
        assert "cannot be" in admin.said and "only:" in admin.said


def test_login_keeps_a_token_and_nothing_else(bic, tmp_path):
    shell = Shell(bic, tmp_path, "admin", bic.run.layout.secret("user-admin"))
    shell("me", status=USAGE)
    assert "not logged in" in shell.said
    shell.login()
    assert stat.S_IMODE(shell.context.stat().st_mode) == 0o600
    kept = json.loads(shell.context.read_text())
    assert set(kept) <= {"api", "token", "ca"} and bic.run.layout.secret("user-admin") not in json.dumps(kept)
    assert shell.json("me")["username"] == "admin"
    assert "admin" in shell("me")
    shell("logout")
    assert not shell.context.exists()
    shell("me", status=USAGE)
    (tmp_path / "old.json").write_text(json.dumps(kept))        # the token is no more
    shell("me", status=DENIED, BICCTL_CONTEXT=str(tmp_path / "old.json"))


def test_the_password_comes_from_a_file_or_from_standard_input(bic, tmp_path):
    shell = Shell(bic, tmp_path, "admin", "certainly wrong")
    shell.login(status=DENIED)
    assert not shell.context.exists()
    shell("login", bic.portal, "admin", "--password-file", tmp_path / "nowhere", status=USAGE)
    shell("login", bic.portal, "admin", stdin=bic.run.layout.secret("user-admin") + "\n")
    assert shell.json("me")["role"] == "admin"
    shell("logout")


def test_context_is_found_by_home(bic, tmp_path):
    shell = Shell(bic, tmp_path, "admin", bic.run.layout.secret("user-admin"))
    shell.login(BICCTL_CONTEXT="", HOME=str(tmp_path))
    file = tmp_path / ".config" / "bicctl" / "context.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    shell("logout", BICCTL_CONTEXT="", HOME=str(tmp_path))
    assert not file.exists()


def test_nobody_answers(bic, tmp_path):
    shell = Shell(bic, tmp_path, "admin", "x")
    shell("login", "http://127.0.0.1:9", "admin", "--password-file", shell.word, status=FAILED)
    assert shell.said


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_every_kind(admin, pool, kind):
    items = admin.json("list", kind)
    assert isinstance(items, list)
    assert [i["id"] for i in items if "id" in i] or kind in ("connections", "entitlements", "groups", "operations")
    lines = admin("list", kind).splitlines()
    assert lines[0] == lines[0].upper()
    assert len(lines) == len(items) + 1 or kind in ("operations", "audit")
    assert admin("list", KINDS[kind]).splitlines()[0] == lines[0]


def test_lists_are_complete_and_filtered(bic, admin, pool):
    assert len(admin.json("list", "vfs")) == len(bic.admin.every("/vfs"))       # more than one page
    mine = admin.json("list", "desktops", "--filter", f"pool_id={pool['id']}")
    assert {d["id"] for d in mine} == {d["id"] for d in bic.desktops(pool)}
    admin("list", "desktops", "--filter", "colour=red", status=USAGE)


def test_get_by_name_and_by_id(bic, admin, pool):
    assert admin.json("get", "pool", "ctl")["id"] == pool["id"]
    assert admin.json("get", "pools", pool["id"])["name"] == "ctl"
    assert pool["id"] in admin("get", "pool", "ctl")
    assert admin.json("get", "user", "admin")["role"] == "admin"
    admin("get", "pool", "no such pool", status=NOT_FOUND)
    admin("get", "pool", NOBODY, status=NOT_FOUND)
    admin("get", "vf", "by-name", status=USAGE)


def test_create_and_delete(bic, admin, tmp_path):
    made = admin.json("create", "group", "name=ctl group", "description=made by bicctl")
    assert made["name"] == "ctl group"
    admin("create", "group", "name=ctl group", "description=", status=CONFLICT)
    assert "name" in admin.said or "already" in admin.said
    admin("create", "group", "colour=red", status=USAGE)
    file = tmp_path / "spec.json"
    file.write_text(json.dumps({"name": "ctl-spec", "vcpus": 1, "memory_mib": 256, "firmware": "bios", "tpm": False,
                                "disk_bus": "virtio", "nic_model": "virtio", "video": "virtio", "disk_gib": None,
                                "needs_vf": False}))
    assert admin.json("create", "spec", "--file", file)["memory_mib"] == 256
    assert admin.json("create", "spec", "--file", file, "name=ctl-spec-2", "memory_mib:=512", "needs_vf:=true", "disk_gib:=null")["memory_mib"] == 512
    assert admin.json("get", "spec", "ctl-spec-2")["needs_vf"] is True
    admin("create", "spec", "--file", file, "name=ctl-spec-3", "memory_mib=512", status=USAGE)  # that is text
    assert "memory_mib" in admin.said
    assert admin.json("create", "group", "name=12345678", "description=true")["name"] == "12345678"
    for kind, name in (("group", "ctl group"), ("spec", "ctl-spec"), ("spec", "ctl-spec-2"), ("group", "12345678")):
        admin("delete", kind, name)
        admin("get", kind, name, status=NOT_FOUND)
        admin("delete", kind, name, status=NOT_FOUND)
    admin("delete", "spec", "tiny-vf", status=CONFLICT)     # a pool needs it
    assert bic.admin.call("GET", f"/specs/{bic.networked['id']}")


def test_a_person_is_made_without_a_password_among_the_arguments(bic, admin, tmp_path):
    file = tmp_path / "word"
    file.write_text("12345678\n")
    assert admin.json("create", "user", "username=ctl-1", "--password-file", file)["username"] == "ctl-1"
    admin("create", "user", "username=ctl-2", "role=user", stdin="true-null-7\n")
    admin("create", "user", "username=ctl-3", "password=87654321")
    for name, word in (("ctl-1", "12345678"), ("ctl-2", "true-null-7"), ("ctl-3", "87654321")):
        bic.sign_in(name, word)
        admin("delete", "user", name)
    admin("create", "user", "username=ctl-4", status=USAGE)     # nobody said one
    assert "password" in admin.said
    admin("create", "user", "username=ctl-4", "--password-file", tmp_path / "nowhere", status=USAGE)
    admin("get", "user", "ctl-4", status=NOT_FOUND)


@pytest.mark.parametrize("second, status", [("typed-2026", OK), ("typed-2027", USAGE)])
def test_a_new_password_is_typed_twice_and_not_shown(bic, admin, second, status):
    keyboard, terminal = pty.openpty()
    p = subprocess.Popen([admin.program, "create", "user", "username=ctl-typed"], stdin=terminal, stdout=subprocess.PIPE,
                         stderr=terminal, env={"PATH": os.environ["PATH"], "BICCTL_CONTEXT": str(admin.context), **SANITIZER})
    os.close(terminal)
    shown = b""
    for question, word in ((b"New password: ", "typed-2026"), (b"The same again: ", second)):
        while question not in shown:
            shown += os.read(keyboard, 100)
        wait_until("no echo", lambda: not termios.tcgetattr(keyboard)[3] & termios.ECHO, 30)
        os.write(keyboard, word.encode() + b"\n")
    try:
        while more := os.read(keyboard, 1000):
            shown += more
    except OSError:
        pass                                            # the terminal is closed: it has ended
    assert p.wait(60) == status, shown
    p.stdout.close()
    os.close(keyboard)
    assert b"typed" not in shown
    if status == OK:
        bic.sign_in("ctl-typed", "typed-2026")
        admin("delete", "user", "ctl-typed")
    admin("get", "user", "ctl-typed", status=NOT_FOUND)


def test_a_node_is_read_and_revoked(bic, admin):
    """One that joined and was lost: only its row is there."""
    with bic.database() as db:
        db.execute("insert into node (id, kind, name, block_id, serial, not_after) select gen_random_uuid(), 'xcenter', "
                   "'ctl-lost', id, 'ab12', now() + interval '1 h' from block limit 1")
    node = admin.json("get", "node", "ctl-lost")
    assert node["serial"] == "ab12" and admin.json("get", "node", node["id"]) == node
    admin("delete", "node", "ctl-lost")
    admin("get", "node", node["id"], status=NOT_FOUND)
    admin("delete", "node", node["id"], status=NOT_FOUND)
    with bic.database() as db:
        assert db.execute("select revoked from node where id = %s", [node["id"]]).fetchone() == (True,)


def test_publish(bic, admin, tmp_path):
    admin("create", "image", "name=ctl image", "description=", "guest=none")
    file = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", file, "64M"], check=True)
    version = admin.json("publish", "ctl image", file)
    assert version["number"] == 1 and version["state"] == "ready" and version["virtual_size"] == 64 << 20
    (tmp_path / "rubbish").write_bytes(b"\x7fELF" + bytes(5000))
    admin("publish", "ctl image", tmp_path / "rubbish", status=USAGE)
    admin("publish", "no such image", file, status=NOT_FOUND)
    assert IMAGES.joinpath("tiny.qcow2").exists()
    admin("delete", "image", "ctl image")


def test_node_tokens(admin):
    module = admin.json("list", "modules")[0]
    text = admin("token", "bserver", "ctl-host", "--parent", module["name"]).strip()
    answer = admin.json("token", "bserver", "ctl-host-2", "--parent", module["id"])
    assert text and " " not in text and answer["token"] != text and answer["module_id"] == module["id"]
    admin("token", "bserver", "ctl-host-3", "--parent", "no such module", status=NOT_FOUND)
    admin("token", "toaster", "ctl-host-4", status=USAGE)


def test_power_with_and_without_waiting(bic, admin, pool):
    one, two, three = off(bic, pool)
    op = admin.json("start", one["name"], "--wait")
    assert op["state"] == "succeeded" and op["target"]["id"] == one["id"]
    assert admin.json("get", "desktop", one["id"])["power_wanted"] == "on"
    op = admin.json("start", two["id"])
    assert op["state"] in ("queued", "running", "succeeded")
    assert bic.operation(op)["state"] == "succeeded"
    assert "succeeded" in admin("start", one["name"], "--wait=60s")      # already there counts as done
    admin("start", "--wait", three["name"], "no-such-desktop", status=PARTIAL)
    admin("start", "no-such-desktop", "nor-this", status=NOT_FOUND)
    for action in ("shutdown", "stop", "rebuild", "unassign"):
        op = admin.json(action, one["name"], "--wait=120")
        assert op["state"] == "succeeded", op
    admin("stop", "--wait=120", two["name"], three["name"])
    off(bic, pool)


def test_many_at_once(bic, admin, pool):
    names = [d["name"] for d in off(bic, pool)]
    which = f"pool_id={pool['id']}"
    shown = admin.json("start", "--filter", which, "--dry-run")
    assert shown["totals"] == {"will": 3, "already": 0, "refused": 0}
    assert {i["name"] for i in shown["items"]} == set(names)
    assert "3 would, 0 already there, 0 refused" in admin("start", "--dry-run", *names)
    op = admin.json("start", "--filter", which, f"--wait={WAIT_S}")
    assert op["state"] == "succeeded" and op["children"]["succeeded"] == op["children"]["total"] == 3
    admin("start", status=USAGE)
    admin("start", names[0], "--filter", which, status=USAGE)
    admin("start", "--filter", "colour=red", status=USAGE)
    admin("stop", "--filter", which, f"--wait={WAIT_S}")
    off(bic, pool)


def test_waiting_has_an_end(bic, admin, pool):
    """A host that hears nothing: the order stays open, bicctl does not."""
    d = off(bic, pool)[0]
    agent = bic.run.agents[d["bserver_name"]].process.pid()
    os.kill(agent, signal.SIGSTOP)
    try:
        admin("start", d["id"], "--wait=2", status=TIMEOUT)
        assert "after 2 s" in admin.said
    finally:
        os.kill(agent, signal.SIGCONT)
    wait_until("the order to end", lambda: not bic.admin.call("GET", f"/desktops/{d['id']}")["operation"], WAIT_S)
    admin("stop", d["id"], "--wait=120")


class StandIn(BaseHTTPRequestHandler):
    """Instead of the CCC, to see what bicctl asks."""

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stand_in(bic, tmp_path, handler):
    """A shell that is signed in there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shell = Shell(bic, tmp_path, "nobody", "pw-nobody-2026")
    shell.context.write_text(json.dumps({"api": f"http://127.0.0.1:{server.server_port}/api/v1", "token": "t"}))
    yield shell
    server.shutdown()
    server.server_close()


def test_filters_are_taken_as_they_are(bic, tmp_path):
    asked = []

    class Lists(StandIn):
        def do_GET(self):
            asked.append(urlsplit(self.path).query)
            self.answer(200, {"items": [], "next": None})

    with stand_in(bic, tmp_path, Lists) as shell:
        shell("list", "desktops", "--filter", "q=50% & a#b+c=한,state=running,pool_id=")
        shell("list", "desktops", "--filter", "")
        shell("list", "desktops")
    assert parse_qs(asked[0], keep_blank_values=True, strict_parsing=True) == {
        "limit": ["200"], "q": ["50% & a#b+c=한"], "state": ["running"], "pool_id": [""]}
    assert asked[1:] == ["limit=200"] * 2


def test_a_lost_answer_is_asked_for_with_the_same_key(bic, tmp_path):
    keys = []

    class Forgets(StandIn):
        def do_POST(self):
            keys.append((self.headers["Idempotency-Key"], self.rfile.read(int(self.headers["Content-Length"]))))
            if len(keys) == 1:
                self.close_connection = True            # and not a word
            else:
                self.answer(201, {"id": NOBODY})

    with stand_in(bic, tmp_path, Forgets) as shell:
        shell("create", "group", "name=x")
        shell("create", "group", "name=x")
    first, again, second = keys
    assert first == again and first[0] and first[0] != second[0] and first[1] == second[1]


def test_no_question_is_longer_than_the_wait(bic, tmp_path):
    """An operation that never ends."""
    asked = []

    class NeverEnds(StandIn):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(202, {"id": NOBODY, "state": "queued", "stage": None})

        def do_GET(self):
            asked.append(int(parse_qs(urlsplit(self.path).query)["wait"][0]))
            time.sleep(asked[-1])
            self.answer(200, {"id": NOBODY, "state": "running", "stage": "starting"})

    with stand_in(bic, tmp_path, NeverEnds) as shell:
        shell("start", NOBODY, "--wait=3", status=TIMEOUT)
    assert asked and max(asked) <= 3, asked


def test_a_person_connects_and_may_nothing_else(bic, tmp_path):
    pool = bic.pool("ctl console", [1, 0], kind="floating", spares=0)
    rest = bic.user("ctl-user")
    bic.entitle(pool, rest)
    shell = Shell(bic, tmp_path, "ctl-user", "pw-ctl-user-2026")
    shell.login()
    wait_until("her pool", lambda: shell.json("list", "pools"), 30)
    wait_until("its desktop", lambda: bic.desktops(pool), WAIT_S)
    for words in (["list", "users"], ["create", "group", "name=x", "description="], ["token", "bserver", "x"],
                  ["list", "bservers"], ["list", "audit"]):
        shell(*words, status=DENIED)
    shell("connect", "no such pool", status=NOT_FOUND)
    c = shell.json("connect", "ctl console", f"--wait={WAIT_S}")
    assert c["display"]["protocols"][0] == "bic.display.v1" and c["desktop_id"]
    for action in ("reset", "reboot"):
        assert shell.json(action, c["desktop_id"], f"--wait={WAIT_S}")["state"] == "succeeded"
    shell("rebuild", c["desktop_id"], status=DENIED)
    shell("start", NOBODY, status=NOT_FOUND)
    shell("logout")
    bic.admin.call("DELETE", f"/connections/{c['id']}")
    bic.drop_pool(pool)


def test_hosts_and_modules_take_orders(bic, admin):
    """maintenance and resume of a bServer, confirm-deletions of a module that holds none."""
    host = bic.run.block.modules[1].hosts[0].name
    admin("maintenance", host, "--wait")
    wait_until("maintenance", lambda: admin.json("get", "bserver", host)["state"] == "maintenance", WAIT_S)
    admin("resume", host, "--wait")
    wait_until("in service", lambda: admin.json("get", "bserver", host)["state"] == "up", WAIT_S)
    assert admin.json("confirm-deletions", "module-1") == {"released": 0}
    admin("confirm-deletions", "module-9", status=NOT_FOUND)
    admin("maintenance", "no-such-host", status=NOT_FOUND)
    assert "held" in admin("list", "modules").splitlines()[0].lower()
