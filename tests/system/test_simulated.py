"""Simulated bServers: slots, lanes and virtual functions as rows; laws that refuse with their name."""

import pytest

from conftest import WAIT_S, Problem, wait_until


@pytest.fixture(scope="module")
def pool(bic):
    made = bic.pool("networked", [30, 20], spares=5, networked=True)
    wait_until("all desktops made", lambda: len(bic.desktops(made)) == 50, WAIT_S)
    yield made
    bic.drop_pool(made)


def test_spares_run_with_a_function_each(bic, pool):
    wait_until("spares are ready", lambda: sum(d["ready"] for d in bic.desktops(pool)) >= 5, WAIT_S)
    desktops = bic.desktops(pool)
    simulated = {b["id"] for b in bic.admin.every("/bservers") if b["kind"] == "simulated"}
    assert {d["bserver_id"] for d in desktops} <= simulated
    assigned = [d["vf_id"] for d in desktops if d["vf_id"]]
    assert len(assigned) == 50 and len(set(assigned)) == 50
    # Two kinds of a module's rows reach the CCC on their own ways: each is true, not both of one moment.
    def owners():
        return {v["id"]: v["desktop_id"] for v in bic.admin.every("/vfs?state=assigned")}
    wait_until("the functions' rows", lambda: set(assigned) <= owners().keys(), WAIT_S)
    held = owners()
    assert all(held[d["vf_id"]] == d["id"] for d in desktops)
    assert len({d["mac"] for d in desktops}) == 50


def test_each_placement_is_explained(bic, pool):
    """Of every desktop: the bServers that were looked at, the law of each that was not taken, and a replay."""
    hosts = {b["id"]: b for b in bic.admin.every("/bservers")}
    for d in bic.desktops(pool):
        why = bic.admin.call("GET", f"/placements/{d['placement_id']}")
        assert why["replayed"] and why["desktop_id"] == d["id"]
        assert (why["bserver_id"], why["lane"]) == (d["bserver_id"], d["lane"])
        verdicts = {c["bserver_id"]: c["verdict"] for c in why["candidates"]}
        assert set(verdicts) == {b["id"] for b in hosts.values() if b["module_id"] == d["module_id"]}
        assert verdicts[d["bserver_id"]] == "fits"
        assert all(v == "vf" for b, v in verdicts.items() if hosts[b]["kind"] == "embedded")
        assert [c["bserver_id"] for c in why["candidates"] if c["rank"] == 1] == [d["bserver_id"]]
    with pytest.raises(Problem) as no:
        bic.admin.call("GET", "/placements/00000000-0000-4000-8000-000000000000")
    assert no.value.status == 404


def test_slots_are_the_law(bic, pool):
    for b in bic.admin.every("/bservers"):
        if b["kind"] == "simulated":
            assert b["cores"] == 18 and b["slots"] == 100 and b["vfs"] == 128
            assert [lane["slots"] for lane in b["lanes"]] == [50, 50]
        assert b["slots_used"] == sum(lane["used"] for lane in b["lanes"])


def test_each_module_has_addresses_of_its_own(bic, pool):
    """52:54, the module's number, two bytes of the desktop's own."""
    with bic.database() as ccc:
        ranges = {str(m): f"52:54:{no >> 8:02x}:{no & 255:02x}:" for m, no in ccc.execute("select id, mac_no from module")}
    assert len(set(ranges.values())) == len(ranges)
    assert all(d["mac"].startswith(ranges[d["module_id"]]) for d in bic.desktops(pool))


def test_a_function_is_free_again_by_the_answer_to_its_question(bic, pool):
    """Given back, verified by the agent, given to others; the database says by which answer."""
    small = bic.pool("given-back", [2, 0], networked=True)
    module = wait_until("its desktops", lambda: len(bic.desktops(small)) == 2 and bic.desktops(small), WAIT_S)[0]["module_id"]
    assigned = wait_until("their functions", lambda: len(got := [d["vf_id"] for d in bic.desktops(small) if d["vf_id"]]) == 2
                          and got, WAIT_S)
    cluster = next(name for name, m in bic.modules.items() if m == module)
    with bic.database(cluster) as database:
        def rows():
            return {str(i): (state, verified, check) for i, state, verified, check in database.execute(
                "select id, state, verified, check_id from vf where id = any(%s::uuid[])", (assigned,))}
        before = rows()
        assert all(state == "assigned" for state, _, _ in before.values())
        bic.drop_pool(small)
        wait_until("free again", lambda: all(state == "free" for state, _, _ in rows().values()), WAIT_S)
        after = rows()
    assert all(after[i][1] and after[i][1] != before[i][1] and after[i][2] is None for i in assigned)
    wait_until("the CCC to know", lambda: all(bic.admin.call("GET", f"/vfs/{i}")["state"] == "free" for i in assigned), WAIT_S)
    for i in assigned:
        vf = bic.admin.call("GET", f"/vfs/{i}")
        assert (vf["module_id"], vf["desktop_id"], vf["desktop_name"], vf["drift"]) == (module, None, None, None)
    mine = bic.admin.every(f"/vfs?module_id={module}")
    assert {v["module_id"] for v in mine} == {module} and len(mine) == 128
    assert not bic.admin.every(f"/vfs?module_id={module}&state=lost")


def test_counts_of_functions_add_up(bic, pool):
    def settled():
        return [b for b in bic.admin.every("/bservers") if b["kind"] == "simulated" and b["vfs_quarantine"] == 0]
    hosts = wait_until("everything verified", lambda: len(settled()) == 2 and settled(), WAIT_S)
    for b in hosts:
        assert b["vfs_free"] + b["vfs_used"] == b["vfs"] == 128 and b["vfs_lost"] == 0
        assert b["capabilities"]["vf"]["clean_rests_on"] == ["domains"]
        assert not [d for d in b["drift"] if d["kind"].startswith("vf-")]


def test_what_a_share_lacks_is_said_in_numbers(bic, pool):
    """The module has 112 places, but the 12 of its other bServer have no functions; the first pool has 30."""
    wide = bic.pool("wide", [82, 0], networked=True)
    try:
        def short():
            got = bic.admin.call("GET", f"/pools/{wide['id']}")
            return len(bic.desktops(wide)) == 70 and got["forecast"] and got["refused"] and got
        got = wait_until("a forecast", short, WAIT_S)
        module = got["shares"][0]["module_id"]
        assert {"module_id": module, "law": "law-slots", "needs": 82, "free": 70} in got["forecast"]
        assert {f["free"] for f in got["forecast"]} == {70}     # as many as could be made
        assert [r["law"] for r in got["refused"]] == ["law-vf"] and got["refused"][0]["detail"]
        assert next(p for p in bic.admin.every("/pools") if p["id"] == wide["id"])["forecast"] == got["forecast"]
    finally:
        bic.drop_pool(wide)
    assert bic.admin.call("GET", f"/pools/{pool['id']}")["forecast"] == []


def test_more_than_a_module_holds_is_refused_by_name(bic, pool):
    with pytest.raises(Problem) as no:
        bic.pool("too-large", [990, 0], networked=True)
    assert no.value.status == 409 and no.value.slug == "law-module", no.value.body
    assert no.value.body["numbers"]
