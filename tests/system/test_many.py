"""Orders for many desktops, through all tiers; the tree in one answer; filters that follow their person."""

import pytest

from conftest import WAIT_S, Problem, wait_until


@pytest.fixture(scope="module")
def pool(bic):
    made = bic.pool("many", [12, 8], spares=0, networked=True)
    wait_until("all desktops made", lambda: len(bic.desktops(made)) == 20, WAIT_S)
    wait_until("all off", lambda: all(d["state"] == "off" for d in bic.desktops(made)), WAIT_S)
    yield made
    bic.drop_pool(made)


def order(bic, action: str, **what) -> dict:
    return bic.admin.call("POST", "/desktops/actions", {"action": action, **what})


def ended(bic, operation: dict) -> dict:
    def over():
        now = bic.admin.call("GET", f"/operations/{operation['id']}?wait=5")
        return now if now["ended_at"] else None
    return wait_until("the order for many ends", over, WAIT_S)


def test_what_was_shown_is_done_and_each_has_its_child(bic, pool):
    ids = [d["id"] for d in bic.desktops(pool)]
    first = bic.admin.call("POST", f"/desktops/{ids[0]}/actions", {"action": "start"})
    wait_until("one runs", lambda: bic.admin.call("GET", f"/operations/{first['id']}")["state"] == "succeeded", WAIT_S)
    wait_until("and is seen", lambda: order(bic, "start", filter={"pool_id": pool["id"]}, dry_run=True)["totals"]["already"] == 1, WAIT_S)
    shown = order(bic, "start", filter={"pool_id": pool["id"]}, dry_run=True)
    assert shown["totals"] == {"will": 19, "already": 1, "refused": 0}
    given = order(bic, "start", desktops=[i["desktop_id"] for i in shown["items"]])
    assert given["children"]["total"] == 20 and given["children"]["already"] == 1
    over = ended(bic, given)
    assert over["state"] == "succeeded" and over["percent"] == 100, over
    children = bic.admin.every(f"/operations/{given['id']}/children")
    assert [c["target"]["id"] for c in children] == [i["desktop_id"] for i in shown["items"]]
    assert all(c["state"] == "succeeded" for c in children)
    wait_until("all run", lambda: all(d["observed"] == "running" for d in bic.desktops(pool)), WAIT_S)
    listed = [o["id"] for o in bic.admin.every("/operations")]
    assert given["id"] in listed and not {c["id"] for c in children} & set(listed)


def test_an_order_that_is_partly_refused_says_of_whom(bic, pool):
    """One that is not there: the others are done, and its child has the reason."""
    nobody = "00000000-0000-4000-8000-00000000dead"
    ids = [d["id"] for d in bic.desktops(pool)][:3]
    over = ended(bic, order(bic, "stop", desktops=[*ids, nobody]))
    assert over["state"] == "failed"
    assert over["children"]["succeeded"] == 3 and over["children"]["failed"] == 1 and over["children"]["refused"] == 1
    [failed] = bic.admin.every(f"/operations/{over['id']}/children?state=failed")
    assert failed["target"]["id"] == nobody and failed["error"]["type"] == "/problems/desktop-not-found"
    rows = [a for a in bic.admin.every(f"/audit?target_id={nobody}") if a["detail"] == f"operation {over['id']}"]
    assert [a["result"] for a in rows] == ["desktop-not-found"]


def test_a_person_does_nothing_to_others(bic, pool):
    rest = bic.user("manyfold")
    ids = [d["id"] for d in bic.desktops(pool)]
    shown = rest.call("POST", "/desktops/actions", {"action": "stop", "desktops": ids, "dry_run": True})
    assert {(i["outcome"], i["slug"], i["name"]) for i in shown["items"]} == {("refused", "desktop-not-found", "-")}
    with pytest.raises(Problem) as no:
        rest.call("POST", "/desktops/actions", {"action": "stop", "filter": {"pool_id": pool["id"]}})
    assert no.value.status == 400
    other = bic.admin.call("POST", "/me/filters", {"name": "hers alone", "filter": {"pool_id": pool["id"]}})
    assert not rest.every("/me/filters")
    bic.admin.call("DELETE", f"/me/filters/{other['id']}")


def test_the_tree_is_what_its_parts_say(bic, pool):
    def agree():
        [block] = bic.admin.every("/topology")
        parts = {m["id"]: m for m in bic.admin.every("/modules")}
        assert {m["id"] for m in block["modules"]} == set(parts)
        return all(m["desktops"] == parts[m["id"]]["counts"]["desktops"] and m["slots"] == parts[m["id"]]["counts"]["slots"]
                   and m["slots_used"] == parts[m["id"]]["counts"]["slots_used"] and m["vfs"] == parts[m["id"]]["counts"]["vfs"]
                   and m["running"] == parts[m["id"]]["counts"]["running"] and m["bservers_up"] == 2 and m["state"] == "up"
                   for m in block["modules"])
    wait_until("the tree agrees with the modules", agree, WAIT_S)


def test_pages_and_total(bic, pool):
    page = bic.admin.call("GET", f"/desktops?pool_id={pool['id']}&limit=7")
    assert page["total"] == 20 and len(page["items"]) == 7
    assert bic.admin.call("GET", f"/desktops?pool_id={pool['id']}&limit=7&cursor={page['next']}").get("total") is None
    part = page["items"][0]["name"][1:]
    assert bic.admin.call("GET", f"/desktops?q={part.upper()}")["total"] >= 1
