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


def test_more_than_a_module_holds_is_refused_by_name(bic, pool):
    with pytest.raises(Problem) as no:
        bic.pool("too-large", [990, 0], networked=True)
    assert no.value.status == 409 and no.value.slug == "law-module", no.value.body
    assert no.value.body["numbers"]
