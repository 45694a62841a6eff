"""Whom which module serves: two modules with one real desktop each, people who find them full, shares that change, the
CCC away; and what reading an operation does not do."""

import os
import signal

import pytest

from conftest import WAIT_S, Problem, wait_until

MODULES = ["module-1", "module-2"]
SHARE = 40      # of one module, so much more than the other's that most people have their place there


@pytest.fixture(scope="module")
def pool(bic):
    """One floating desktop in each module."""
    made = bic.pool("seats", [1, 1], spares=1)
    wait_until("both ready", lambda: sum(d["ready"] for d in bic.desktops(made)) == 2, WAIT_S)
    yield made
    bic.drop_pool(made)


def login_url(bic, module):
    return bic.run.bcenters[module].config["login_url"]


def place(bic, person, pool):
    """The module that the rendezvous gives her."""
    with bic.database("ccc") as db:
        return db.execute("select m.name from module m where id = place_module(%s, %s)", [person, pool["id"]]).fetchone()[0]


def place_with(bic, person, pool, sizes):
    """The module that the rendezvous would give her if these were the shares."""
    with bic.database("ccc") as db:
        return db.execute("select m.name from module m where id = place_among(%s, %s, %s::uuid[], %s::int[], '{}')",
                          [person, pool["id"], [bic.modules[m] for m in MODULES], sizes]).fetchone()[0]


def sign_in_at(bic, name, module):
    """Signed in at the module's own listener, or the status that it answered."""
    rest = type(bic.admin)(f"{login_url(bic, module)}/api/v1")
    try:
        rest.login(name, f"pw-{name}-2026")
    except Problem as p:
        return p.status
    return rest


def knows(bic, name, module, pool):
    """Signed in there once it has heard of her and the pool. A wrong guess would be held against her."""
    def told():
        with bic.database(module) as db:
            return db.execute("select from replica where kind = 'person' and body ->> 'username' = %s "
                              "and body ->> 'verifier' is not null", [name]).fetchone() is not None
    wait_until(f"the verifier of {name} at {module}", told, WAIT_S)

    def there():
        rest = sign_in_at(bic, name, module)
        return not isinstance(rest, int) and any(p["id"] == pool["id"] for p in rest.every("/pools")) and rest
    return wait_until(f"{name} known at {module}", there, WAIT_S)


def person_at(bic, pool, module, prefix, but=lambda rest: True):
    """Somebody new who is entitled and has her place in this module."""
    for i in range(40):
        rest = bic.user(f"{prefix}{i}")
        rest.name = f"{prefix}{i}"
        rest.id = rest.call("GET", "/me")["id"]
        if place(bic, rest.id, pool) == module and but(rest):
            if not any(p["id"] == pool["id"] for p in rest.every("/pools")):
                bic.entitle(pool, rest)
            knows(bic, rest.name, module, pool)
            return rest
    raise AssertionError("nobody has her place there")


def module_of(bic, desktop):
    names = {i: n for n, i in bic.modules.items()}
    return names[bic.admin.call("GET", f"/desktops/{desktop}")["module_id"]]


def refused(rest, pool):
    with pytest.raises(Problem) as no:
        rest.call("POST", "/connections", {"pool_id": pool["id"]})
    return no.value


def seat(bic, module, person, pool):
    """None, "held" or "released", in the module's own database."""
    with bic.database(module) as db:
        row = db.execute("select released from seat where person_id = %s and pool_id = %s", [person, pool["id"]]).fetchone()
    return row and ("released" if row[0] else "held")


def leave(bic, pool, *people):
    for rest in people:
        for c in bic.admin.every("/connections"):
            if c["person_id"] == rest.id:
                rest.call("DELETE", f"/connections/{c['id']}")
    wait_until("clean again", lambda: sum(d["ready"] and not d["person_id"] for d in bic.desktops(pool)) == 2, WAIT_S)


def test_full_everywhere_once_is_no_lock_out(bic, pool):
    one, two = (person_at(bic, pool, m, f"full-{m[-1]}-") for m in MODULES)
    late = person_at(bic, pool, MODULES[0], "late-")
    for rest, module in ((one, MODULES[0]), (two, MODULES[1])):
        assert module_of(bic, bic.connect(rest, pool_id=pool["id"])["desktop_id"]) == module
    for _ in range(2):          # the first gives her up everywhere, the second asks those that did
        no = refused(late, pool)
        assert (no.status, no.slug) == (409, "pool-exhausted"), no.body
        assert no.body["numbers"]
    assert [seat(bic, m, late.id, pool) for m in MODULES] == ["released", "released"]
    leave(bic, pool, one, two)
    c = bic.connect(late, pool_id=pool["id"])
    module = module_of(bic, c["desktop_id"])
    assert sorted(str(seat(bic, m, late.id, pool)) for m in MODULES) == ["held", "released"]
    assert seat(bic, module, late.id, pool) == "held"
    again = bic.connect(late, pool_id=pool["id"])
    assert (again["id"], again["resume"]) == (c["id"], c["resume"])
    leave(bic, pool, late)
    bic.invariants()


def test_her_password_is_known_where_her_seat_is(bic, pool):
    """Her place was full, so she is in the other module; that is where she gets in without the CCC."""
    one = person_at(bic, pool, MODULES[0], "full-1-")
    moved = person_at(bic, pool, MODULES[0], "moved-")
    assert [m["name"] for m in moved.call("GET", "/me")["modules"]] == [MODULES[0]]
    assert sign_in_at(bic, moved.name, MODULES[1]) == 401
    bic.connect(one, pool_id=pool["id"])
    c = bic.connect(moved, pool_id=pool["id"])
    assert module_of(bic, c["desktop_id"]) == MODULES[1]
    knows(bic, moved.name, MODULES[1], pool)
    assert [m["name"] for m in bic.sign_in(moved.name, f"pw-{moved.name}-2026").call("GET", "/me")["modules"]] == MODULES[::-1]
    leave(bic, pool, one, moved)
    # Her seat is held there, whether she has a desktop or not; her place says so.
    no = refused(wait_until("her place knows", lambda: elsewhere(bic, moved, MODULES[0], pool), WAIT_S), pool)
    assert no.body["where"].startswith(login_url(bic, MODULES[1])), no.body
    os.kill(bic.run.ccc.process.pid(), signal.SIGKILL)
    bic.run.clusters["ccc"].stop()
    try:
        rest = sign_in_at(bic, moved.name, MODULES[1])
        assert rest.call("POST", "/connections", {"pool_id": pool["id"]})["desktop_id"] == c["desktop_id"]
        rest = sign_in_at(bic, moved.name, MODULES[0])
        assert refused(rest, pool).slug == "seat-elsewhere"
    finally:
        bic.run.up()
        bic.admin.login("admin", bic.run.layout.secret("user-admin"))
    wait_until("the portal to catch up", lambda: all(m["state"] == "up" for m in bic.admin.every("/modules")), 60)
    moved = bic.user(moved.name)
    moved.id = moved.call("GET", "/me")["id"]
    wait_until("her session shows", lambda: any(x["person_id"] == moved.id for x in bic.admin.every("/connections")), WAIT_S)
    leave(bic, pool, moved)


def elsewhere(bic, person, module, pool):
    """Signed in at this module, if it sends her to another."""
    rest = sign_in_at(bic, person.name, module)
    try:
        c = rest.call("POST", "/connections", {"pool_id": pool["id"]})
    except Problem as p:
        return rest if p.slug == "seat-elsewhere" else None
    raise AssertionError(f"taken twice: {c}")


def test_a_full_module_keeps_its_people_while_the_ccc_is_away(bic, pool):
    one = person_at(bic, pool, MODULES[0], "full-1-")
    here = person_at(bic, pool, MODULES[0], "here-")
    bic.connect(one, pool_id=pool["id"])
    os.kill(bic.run.ccc.process.pid(), signal.SIGKILL)
    try:
        mine, hers = sign_in_at(bic, one.name, MODULES[0]), sign_in_at(bic, here.name, MODULES[0])
        no = refused(hers, pool)
        assert (no.status, no.slug) == (409, "pool-exhausted"), no.body
        assert seat(bic, MODULES[0], here.id, pool) is None         # nothing given up: nobody could take her
        mine.call("DELETE", f"/connections/{mine.call('POST', '/connections', {'pool_id': pool['id']})['id']}")
        c = wait_until("room for her", lambda: got(bic, hers, pool), WAIT_S)
        assert seat(bic, MODULES[0], here.id, pool) == "held"
        hers.call("DELETE", f"/connections/{c['id']}")
    finally:
        bic.run.up()
        bic.admin.login("admin", bic.run.layout.secret("user-admin"))
    wait_until("clean again", lambda: sum(d["ready"] and not d["person_id"] for d in bic.desktops(pool)) == 2, WAIT_S)


def got(bic, rest, pool):
    try:
        return bic.connect(rest, pool_id=pool["id"])
    except Problem as p:
        assert p.slug == "pool-exhausted", p.body
        return None


def test_other_shares_give_nobody_a_second_desktop(bic):
    mine = bic.pool("kept", [1, 1], kind="persistent", spares=0)
    wait_until("its desktops", lambda: len(bic.desktops(mine)) == 2, WAIT_S)
    rest = person_at(bic, mine, MODULES[0], "kept-",
                     lambda someone: place_with(bic, someone.id, mine, [1, SHARE]) == MODULES[1])
    c = bic.connect(rest, pool_id=mine["id"])
    assert module_of(bic, c["desktop_id"]) == MODULES[0]
    rest.call("DELETE", f"/connections/{c['id']}")
    now = bic.admin.call("GET", f"/pools/{mine['id']}")
    shares = [{"module_id": bic.modules[m], "size": n} for m, n in zip(MODULES, [1, SHARE])]
    bic.admin.call("PATCH", f"/pools/{mine['id']}", {"shares": shares}, headers={"If-Match": f'"{now["generation"]}"'})
    wait_until("the new shares in force", lambda: place(bic, rest.id, mine) == MODULES[1], WAIT_S)
    there = knows(bic, rest.name, MODULES[1], mine)
    for _ in range(3):
        no = refused(there, mine)
        assert no.slug == "seat-elsewhere" and no.body["where"].startswith(login_url(bic, MODULES[0])), no.body
    assert bic.connect(rest, pool_id=mine["id"])["desktop_id"] == c["desktop_id"]
    assert [d["id"] for d in rest.every("/me/desktops")] == [c["desktop_id"]]
    bic.drop_pool(mine)


def test_reading_an_operation_changes_nothing(bic):
    mine = bic.pool("read", [1, 1], kind="persistent", spares=0)
    wait_until("its desktops", lambda: len(bic.desktops(mine)) == 2, WAIT_S)
    rest = person_at(bic, mine, MODULES[0], "read-")
    op = rest.call("POST", "/connections", {"pool_id": mine["id"]})
    # Nobody reads it, and the session is there when it has ended.
    wait_until("her session", lambda: any(x["person_id"] == rest.id for x in bic.admin.every("/connections")), WAIT_S)

    def rows():
        with bic.database(MODULES[0]) as db:
            return db.execute("select (select array_agg(s::text order by s.id) from session s where person_id = %s), "
                              "(select count(*) from audit), (select array_agg(d.generation order by d.id) from desktop d)",
                              [rest.id]).fetchone()
    before = rows()
    first = rest.call("GET", f"/operations/{op['id']}")
    rest.call("HEAD", f"/operations/{op['id']}")
    second = rest.call("GET", f"/operations/{op['id']}")
    assert first["state"] == second["state"] == "succeeded"
    assert first["result"]["id"] == second["result"]["id"] and first["result"]["resume"] == second["result"]["resume"]
    assert rows() == before
    c = first["result"]
    assert rest.call("POST", f"/connections/{c['id']}/tickets", {"resume": c["resume"]})["display"]
    with bic.database(MODULES[0]) as db:
        made = db.execute("select count(*) from audit where action = 'connection.create' and actor_id = %s", [rest.id])
        assert made.fetchone()[0] == 1
    # The module cannot be reached: the operation is what it is.
    os.kill(bic.run.bcenters[MODULES[0]].process.pid(), signal.SIGKILL)
    try:
        assert rest.call("GET", f"/operations/{op['id']}")["state"] == "succeeded"
    finally:
        bic.run.up()
    wait_until("the module is back", lambda: all(m["state"] == "up" for m in bic.admin.every("/modules")), WAIT_S)
    entitlement = next(e for e in bic.admin.every("/entitlements") if e["pool_id"] == mine["id"])
    bic.admin.call("DELETE", f"/entitlements/{entitlement['id']}", headers={"If-Match": f'"{entitlement["generation"]}"'})
    shown = wait_until("the withdrawal", lambda: (o := rest.call("GET", f"/operations/{op['id']}"))["result"] is None and o, WAIT_S)
    assert shown["state"] == "succeeded"
    bic.drop_pool(mine)


def test_an_administrator_has_a_desktop_and_loses_it(bic, pool):
    made = bic.admin.call("POST", "/users", {"username": "boss", "display_name": "Boss", "role": "admin", "locale": "en",
                                             "password": "pw-boss-2026"})
    boss = bic.sign_in("boss", "pw-boss-2026")
    boss.id = made["id"]
    bic.entitle(pool, boss)
    assert wait_until("a desktop", lambda: bic.connect(boss, pool_id=pool["id"]), WAIT_S)["display"]
    for module in MODULES:
        assert sign_in_at(bic, "boss", module) == 401
    now = bic.admin.call("GET", f"/users/{boss.id}")
    bic.admin.call("PATCH", f"/users/{boss.id}", {"disabled": True}, headers={"If-Match": f'"{now["generation"]}"'})
    wait_until("logged off", lambda: not any(x["person_id"] == boss.id for x in bic.admin.every("/connections")), WAIT_S)
    assert seat(bic, module_of_seat(bic, boss.id, pool), boss.id, pool) == "held"


def module_of_seat(bic, person, pool):
    return next(m for m in MODULES if seat(bic, m, person, pool) == "held")
