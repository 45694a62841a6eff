"""A person gets a desktop, works in it, loses it and comes back: through all three tiers."""

import os
import signal
import time
import uuid

import pytest

from conftest import WAIT_S, Problem, wait_until
from screen import Closed, Screen

RED = (170, 0, 0)       # of a Linux console


@pytest.fixture(scope="module")
def console(bic):
    """A floating pool of two real desktops in the first module, one of them kept running."""
    pool = bic.pool("console", [2, 0])
    wait_until("a spare is ready", lambda: any(d["ready"] for d in bic.desktops(pool)), WAIT_S)
    yield pool
    bic.drop_pool(pool)


@pytest.fixture
def kim(bic, console):
    rest = bic.user("kim")
    if not rest.every("/pools"):
        bic.entitle(console, rest)
        module = bic.sign_in("kim", "pw-kim-2026", bic.run.bcenters["module-1"].config["login_url"])
        wait_until("the module knows her", lambda: connectable(rest, console) and connectable(module, console), WAIT_S)
    return rest


def connectable(rest, pool):
    return any(p["id"] == pool["id"] for p in rest.every("/pools"))


def end_all(bic, rest):
    """Ends her sessions and waits until nothing of hers is left."""
    me = rest.call("GET", "/me")["id"]
    for c in bic.admin.every("/connections"):
        if c["person_id"] == me:
            rest.call("DELETE", f"/connections/{c['id']}")
    wait_until("her floating desktops given back", lambda: not rest.every("/me/desktops"), WAIT_S)


def test_ready_desktop_answers_at_once_and_reacts_to_keys(bic, console, kim):
    wait_until("a ready spare", lambda: any(d["ready"] and not d["person_id"] for d in bic.desktops(console)), WAIT_S)
    answer = kim.call("POST", "/connections", {"pool_id": console["id"]})
    assert answer["display"]["protocols"][0] == "bic.display.v1"
    screen = Screen(answer["display"])
    width, height = screen.handshake()
    before = screen.frame()
    assert width >= 640 and len(before) == width * height * 4
    assert len(set(before[i:i + 4] for i in range(0, len(before), 4))) > 1, "the screen is blank"

    # A cursor blinks by itself; only a shell that was given this line paints the screen red.
    assert screen.share(RED) < 0.01
    screen.type("printf '\\033[41m\\033[2J'\n")
    wait_until("the typed command to paint the screen", lambda: screen.share(RED) > 0.5, WAIT_S)
    mine = kim.every("/me/desktops")
    assert [d["id"] for d in mine] == [answer["desktop_id"]]
    assert bic.qemus()[answer["desktop_id"]]
    screen.close()
    bic.invariants()
    end_all(bic, kim)


def test_a_screen_goes_on_at_the_other_lane(bic, console, kim):
    def lane():
        mine = kim.every("/me/desktops")
        return mine and mine[0]["session"] and mine[0]["session"]["lane"]

    first = bic.connect(kim, pool_id=console["id"])
    display = first["display"]
    own, other = display["lane"], display["others"][0]["lane"]
    assert {own, other} == {0, 1} and display["url"] != display["others"][0]["url"]
    one = Screen(display)
    one.handshake()
    wait_until("the lane of her screen", lambda: lane() == own, WAIT_S)
    # Its lane is gone: nobody there says goodbye. The session, its desktop and its memory stay.
    ticket = kim.call("POST", f"/connections/{first['id']}/tickets", {"resume": first["resume"]})
    two = Screen(ticket["display"] | {"url": ticket["display"]["others"][0]["url"]})
    two.handshake()
    assert two.frame()
    assert one.closed() == 4002
    wait_until("its other lane", lambda: lane() == other, WAIT_S)
    assert kim.every("/me/desktops")[0]["session"]["id"] == first["id"]
    two.close()
    wait_until("no lane without a screen", lambda: lane() is None, WAIT_S)


def test_lanes_are_told_and_tested(bic, console, kim):
    module = bic.sign_in("kim", "pw-kim-2026", bic.run.bcenters["module-1"].config["login_url"])
    hosts = kim.every("/me/lanes")
    assert [h["name"] for h in hosts] == sorted(h["name"] for h in hosts)
    assert {h["id"]: h["lanes"] for h in module.every("/me/lanes")} == {h["id"]: h["lanes"] for h in hosts}
    shown = {b["id"] for b in bic.admin.every("/bservers")
             if b["capabilities"]["screen"] and b["module_id"] == bic.modules["module-1"]}
    assert shown and {h["id"] for h in hosts} == shown     # those of the module that has her pool
    for lane in (lane for host in hosts for lane in host["lanes"]):
        assert lane["up"] is True
        Screen.test(lane["url"])
    with kim.opener.open(f"{kim.base}/ca.crt") as answer:
        assert answer.read() == (bic.run.layout.state / "ccc/ca/ca.crt").read_bytes()


def test_second_screen_of_a_session_takes_over(bic, console, kim):
    first = bic.connect(kim, pool_id=console["id"])
    one = Screen(first["display"])
    one.handshake()
    again = bic.connect(kim, pool_id=console["id"])
    assert again["id"] == first["id"] and again["desktop_id"] == first["desktop_id"]
    two = Screen(again["display"])
    two.handshake()
    assert one.closed() == 4002
    assert two.frame()
    two.close()
    end_all(bic, kim)


def test_a_ticket_works_once_and_resume_gives_another(bic, console, kim):
    c = bic.connect(kim, pool_id=console["id"])
    Screen(c["display"]).close()
    with pytest.raises(Closed) as refused:
        Screen(c["display"])
    assert refused.value.code == 401
    login = bic.sign_in("kim", "pw-kim-2026", c["login"].removesuffix("/api/v1"))
    login.token = ""      # the resume secret alone is the authority
    new = login.call("POST", f"/connections/{c['id']}/tickets", {"resume": c["resume"]})
    screen = Screen(new["display"])
    screen.handshake()
    screen.close()
    with pytest.raises(Problem) as wrong:
        login.call("POST", f"/connections/{c['id']}/tickets", {"resume": "0" * 43})
    assert wrong.value.status in (401, 403)
    for asked in (login, bic.admin):       # the module itself, and the CCC
        with pytest.raises(Problem) as unknown:
            asked.call("POST", f"/connections/{uuid.uuid4()}/tickets", {"resume": c["resume"]})
        assert unknown.value.status == 404, unknown.value
    end_all(bic, kim)
    for asked in (login, bic.admin):
        with pytest.raises(Problem) as over:
            asked.call("POST", f"/connections/{c['id']}/tickets", {"resume": c["resume"]})
        assert (over.value.status, over.value.slug) == (410, "session-ended"), over.value


def test_the_resume_secret_ends_the_session(bic, console, kim):
    """At the module and through the CCC, by who is not signed in: she worked longer than her sign-in lasts."""
    for at_module in (True, False):
        c = bic.connect(kim, pool_id=console["id"])
        asked = bic.sign_in("kim", "pw-kim-2026", c["login"].removesuffix("/api/v1") if at_module else None)
        asked.token = ""
        end = f"/connections/{c['id']}/end"
        with pytest.raises(Problem) as wrong:
            asked.call("POST", end, {"resume": "0" * 43})
        assert wrong.value.slug == "ticket-refused", wrong.value
        with pytest.raises(Problem) as unknown:
            asked.call("POST", f"/connections/{uuid.uuid4()}/end", {"resume": c["resume"]})
        assert unknown.value.status == 404, unknown.value
        screen = Screen(c["display"])
        screen.handshake()
        asked.call("POST", end, {"resume": c["resume"]})
        assert screen.closed() == 4001
        assert kim.call("GET", f"/connections/{c['id']}")["state"] == "ended" or at_module
        with pytest.raises(Problem) as over:
            asked.call("POST", end, {"resume": c["resume"]})
        assert (over.value.status, over.value.slug) == (410, "session-ended"), over.value


def test_an_image_is_fetched_once(bic, console):
    """In the agents' logs: however many tries it took, one begin and one end."""
    ends = 0
    for agent in (d.name for d in bic.run.agents.values()):
        begun = set()
        for line in (bic.run.layout.log / f"{agent}.log").read_text(errors="replace").splitlines():
            sha = next((w for w in line.split() if w.startswith("sha256=")), None)
            if "event=host-open" in line:
                begun.clear()       # another process
            elif "event=image-fetch " in line:
                assert sha not in begun, f"{agent}: {line}"
                begun.add(sha)
            elif "event=image-fetched " in line:
                assert sha in begun, f"{agent}: {line}"
                begun.discard(sha)
                ends += 1
    assert ends > 0


def test_ending_the_session_closes_the_screen_and_cleans_the_desktop(bic, console, kim):
    c = bic.connect(kim, pool_id=console["id"])
    screen = Screen(c["display"])
    screen.handshake()
    with bic.database("module-1") as db:
        used = db.execute("select overlay_id::text from session where id = %s", [c["id"]]).fetchone()[0]
    kim.call("DELETE", f"/connections/{c['id']}")
    assert screen.closed() == 4001

    def clean():
        with bic.database("module-1") as db:
            now = db.execute("select overlay_id::text, person_id from desktop where id = %s", [c["desktop_id"]]).fetchone()
        return now is None or (now[0] != used and now[1] is None)
    wait_until("the used desktop to be made anew", clean, WAIT_S)
    bic.invariants()


def test_two_people_never_share(bic, console, kim):
    lee = bic.user("lee")
    if not lee.every("/pools"):
        bic.entitle(console, lee)
    hers = bic.connect(kim, pool_id=console["id"])
    his = wait_until("his desktop", lambda: bic.connect(lee, pool_id=console["id"]), WAIT_S)
    assert hers["desktop_id"] != his["desktop_id"]
    assert [d["id"] for d in lee.every("/me/desktops")] == [his["desktop_id"]]
    with pytest.raises(Problem) as foreign:
        lee.call("GET", f"/desktops/{hers['desktop_id']}")
    assert foreign.value.status == 404
    with pytest.raises(Problem) as foreign:
        lee.call("POST", "/connections", {"desktop_id": hers["desktop_id"]})
    assert foreign.value.status in (403, 404)
    with pytest.raises(Problem) as foreign:
        lee.call("DELETE", f"/connections/{hers['id']}")
    assert foreign.value.status in (403, 404)
    bic.invariants()
    end_all(bic, kim)
    end_all(bic, lee)


def test_everything_taken_is_a_clear_refusal(bic, console, kim):
    people = [kim, bic.user("lee"), bic.user("park")]
    for p in people[1:]:
        if not p.every("/pools"):
            bic.entitle(console, p)
    for p in people[:2]:
        bic.connect(p, pool_id=console["id"])
    with pytest.raises(Problem) as full:
        bic.connect(people[2], pool_id=console["id"])
    assert full.value.status == 409 and full.value.slug == "pool-exhausted", full.value.body
    assert full.value.body["numbers"]
    for p in people[:2]:
        end_all(bic, p)


def test_without_entitlement_there_is_nothing(bic, console):
    choi = bic.user("choi")
    assert choi.every("/pools") == []
    with pytest.raises(Problem) as no:
        choi.call("POST", "/connections", {"pool_id": console["id"]})
    assert no.value.status in (403, 404)


def test_an_administrator_is_a_person_too(bic, console):
    """With mine=true she sees what anybody would see; without it, everything."""
    head = bic.admin.call("POST", "/users", {"username": "head", "display_name": "Head", "role": "admin", "locale": "en",
                                             "password": "pw-head-2026"})
    rest = bic.sign_in("head", "pw-head-2026")
    assert any(p["id"] == console["id"] and "shares" in p for p in rest.every("/pools"))
    assert rest.every("/pools?mine=true") == []
    bic.entitle(console, rest)
    assert [(p["id"], p["desktop_id"]) for p in rest.every("/pools?mine=true")] == [(console["id"], None)]
    assert rest.every("/pools?mine=true")[0]["image_name"]
    assert any("shares" in p for p in rest.every("/pools?mine=false"))
    with pytest.raises(Problem) as bad:
        rest.call("GET", "/pools?mine=perhaps")
    assert bad.value.status == 400
    now = bic.admin.call("GET", f"/users/{head['id']}")
    bic.admin.call("DELETE", f"/users/{head['id']}", headers={"If-Match": f'"{now["generation"]}"'})


def test_without_the_ccc_people_work_on(bic, console, kim):
    """Kill the CCC and its database: log in at the bCenter, connect, see the screen (design §3)."""
    login = bic.run.bcenters["module-1"].config["login_url"]
    wait_until("her verifier at the module", lambda: bic.sign_in("kim", "pw-kim-2026", login), 60)
    os.kill(bic.run.ccc.process.pid(), signal.SIGKILL)
    bic.run.clusters["ccc"].stop()
    try:
        rest = bic.sign_in("kim", "pw-kim-2026", login)
        assert [p["id"] for p in rest.every("/pools?mine=true")] == [console["id"]]
        c = bic.connect(rest, pool_id=console["id"])
        screen = Screen(c["display"])
        screen.handshake()
        assert screen.frame()
        screen.close()
        rest.call("DELETE", f"/connections/{c['id']}")
    finally:
        bic.run.up()
        bic.admin.login("admin", bic.run.layout.secret("user-admin"))
    wait_until("the portal to catch up", lambda: all(m["state"] == "up" for m in bic.admin.every("/modules")), 60)
    # What happened meanwhile is in the audit, with the module as its origin.
    wait_until("the audit", lambda: any(a["action"].startswith("connect") or "connection" in a["action"]
                                        for a in bic.admin.call("GET", "/audit?limit=200")["items"]), 60)


def test_persistent_desktop_keeps_its_disk(bic):
    pool = bic.pool("mine", [1, 0], kind="persistent", spares=0)
    han = bic.user("han")
    bic.entitle(pool, han)
    c = wait_until("connected", lambda: bic.connect(han, pool_id=pool["id"]), WAIT_S)
    with bic.database("module-1") as db:
        overlay = db.execute("select overlay_id::text from desktop where id = %s", [c["desktop_id"]]).fetchone()[0]
    han.call("DELETE", f"/connections/{c['id']}")
    op = han.call("POST", f"/desktops/{c['desktop_id']}/actions", {"action": "stop"})
    assert bic.operation(op, han)["state"] == "succeeded"
    wait_until("QEMU gone", lambda: c["desktop_id"] not in bic.qemus(), WAIT_S)
    again = bic.connect(han, pool_id=pool["id"])
    assert again["desktop_id"] == c["desktop_id"]
    with bic.database("module-1") as db:
        assert db.execute("select overlay_id::text from desktop where id = %s", [c["desktop_id"]]).fetchone()[0] == overlay
    time.sleep(0)
    bic.drop_pool(pool)
