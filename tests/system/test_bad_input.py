"""What cannot be: a clear problem with the numbers, and nothing half made."""

import pytest

from conftest import WAIT_S, Problem, wait_until

NOBODY = "00000000-0000-4000-8000-000000000000"


def refused(bic, method, path, body=None, **headers):
    with pytest.raises(Problem) as no:
        bic.admin.call(method, path, body, headers=headers)
    return no.value


def pointer_of(problem) -> str:
    return problem.body["errors"][0]["pointer"]


def spec_body(**members) -> dict:
    return {"name": "impossible", "vcpus": 1, "memory_mib": 192, "firmware": "bios", "tpm": False, "disk_bus": "virtio",
            "nic_model": "virtio", "video": "virtio", "disk_gib": None, "needs_vf": False, **members}


def pool_body(bic, sizes: list, spec: dict | None = None, **members) -> dict:
    return {"name": "impossible", "description": "", "kind": "floating", "image_id": bic.image["id"],
            "spec_id": (spec or bic.spec)["id"], "spares_running": 0,
            "shares": [{"module_id": m, "size": n} for m, n in zip(bic.modules.values(), sizes)], **members}


def names(bic, path: str) -> set:
    return {one["name"] for one in bic.admin.every(path)}


@pytest.fixture
def spec(bic):
    """Makes specs, which go when the test ends."""
    made = []

    def make(**members):
        made.append(bic.admin.call("POST", "/specs", spec_body(name=f"impossible-{len(made)}", **members)))
        return made[-1]
    yield make
    for one in made:
        bic.admin.call("DELETE", f"/specs/{one['id']}", headers={"If-Match": f'"{one["generation"]}"'})


@pytest.mark.parametrize("members, pointer", [
    ({"vcpus": 0}, "/vcpus"), ({"vcpus": 10**9}, "/vcpus"), ({"vcpus": -1}, "/vcpus"), ({"vcpus": 10**30}, "/vcpus"),
    ({"memory_mib": 0}, "/memory_mib"), ({"memory_mib": 2**40}, "/memory_mib"), ({"disk_gib": 0}, "/disk_gib"),
    ({"disk_gib": 10**9}, "/disk_gib"), ({"nic_model": "rtl8139; rm -rf /"}, "/nic_model"), ({"network": "lan-7"}, "/network")])
def test_specs_that_cannot_be(bic, members, pointer):
    """No vCPU or a thousand million; a network that nobody knows is no member of a spec."""
    problem = refused(bic, "POST", "/specs", spec_body(**members))
    assert problem.status == 400, problem.body
    if "errors" in problem.body:
        assert pointer_of(problem) == pointer
    assert "impossible" not in names(bic, "/specs")


def test_a_pool_larger_than_its_module(bic):
    """More than 1,000 by law; more than its bServers have places, with both numbers."""
    module = next(iter(bic.modules))
    places = sum(b["slots"] for b in bic.admin.every(f"/bservers?module_id={bic.modules[module]}"))
    assert 0 < places < 1000
    law = refused(bic, "POST", "/pools", pool_body(bic, [1001]))
    assert law.status == 400 and pointer_of(law) == "/shares/0/size"
    large = refused(bic, "POST", "/pools", pool_body(bic, [places + 1]))
    assert (large.status, large.slug, pointer_of(large)) == (409, "law-slots", "/shares"), large.body
    others = sum(s["size"] for p in bic.admin.every("/pools") for s in p["shares"] if s["module_id"] == bic.modules[module])
    assert large.body["numbers"] == {"wanted": places + 1 + others, "slots": places}
    assert "impossible" not in names(bic, "/pools")
    assert not bic.admin.every("/desktops?q=impossible")


def test_a_spec_that_no_bserver_can_hold(bic, spec):
    most = max(b["memory_mib"] for b in bic.admin.every("/bservers"))
    huge = spec(memory_mib=1048576)
    assert most < 1048576
    problem = refused(bic, "POST", "/pools", pool_body(bic, [1, 0], huge))
    assert (problem.status, problem.slug, pointer_of(problem)) == (409, "law-memory", "/spec_id"), problem.body
    assert problem.body["numbers"]["asked_mib"] == 1048576 + 128 and problem.body["numbers"]["most_mib"] <= most
    assert "impossible" not in names(bic, "/pools")


def test_a_pool_does_not_become_impossible(bic, spec):
    """The same refusals when it is changed; what was there stays."""
    pool = bic.pool("possible", [1, 0], spares=0)
    wait_until("made", lambda: len(bic.desktops(pool)) == 1, WAIT_S)
    now = bic.admin.call("GET", f"/pools/{pool['id']}")
    tag = {"If-Match": f'"{now["generation"]}"'}
    huge = spec(memory_mib=1048576)
    module = next(iter(bic.modules.values()))
    other = refused(bic, "PATCH", f"/pools/{pool['id']}", {"shares": [{"module_id": module, "size": 900}]}, **tag)
    assert other.slug == "law-slots" and other.body["numbers"]["wanted"] >= 900
    large = refused(bic, "PATCH", f"/pools/{pool['id']}", {"spec_id": huge["id"], "shares": [{"module_id": module, "size": 2}]},
                    **tag)
    assert large.slug == "law-memory"
    assert bic.admin.call("GET", f"/pools/{pool['id']}") == now
    bic.drop_pool(pool)


def test_shrinking_below_what_is_assigned(bic):
    pool = bic.pool("assigned", [2, 0], kind="persistent", spares=0)
    person = bic.user("shrink")
    bic.entitle(pool, person)
    wait_until("made", lambda: len(bic.desktops(pool)) == 2, WAIT_S)
    connection = bic.connect(person, pool_id=pool["id"])
    wait_until("assigned", lambda: any(d["person_id"] for d in bic.desktops(pool)), WAIT_S)
    now = bic.admin.call("GET", f"/pools/{pool['id']}")
    module = now["shares"][0]["module_id"]
    problem = refused(bic, "PATCH", f"/pools/{pool['id']}", {"shares": [{"module_id": module, "size": 0}]},
                      **{"If-Match": f'"{now["generation"]}"'})
    assert problem.slug == "pool-shrink" and problem.body["numbers"] == {"assigned": 1, "size": 0}
    assert [s["size"] for s in bic.admin.call("GET", f"/pools/{pool['id']}")["shares"]] == [2]
    person.call("DELETE", f"/connections/{connection['id']}")
    bic.drop_pool(pool)


def test_what_is_not_there(bic):
    """Pools of unknown parts, entitlements to a deleted group: the pointer, and nothing made."""
    for member, body in (("spec_id", pool_body(bic, [1, 0], {"id": NOBODY})), ("image_id", pool_body(bic, [1, 0], image_id=NOBODY)),
                         ("image_version_id", pool_body(bic, [1, 0], image_version_id=NOBODY))):
        problem = refused(bic, "POST", "/pools", body)
        assert (problem.status, pointer_of(problem)) == (409, f"/{member}"), problem.body
        assert pointer_of(refused(bic, "POST", "/pools/preview", body)) == f"/{member}"
    lost = pool_body(bic, [])
    lost["shares"] = [{"module_id": NOBODY, "size": 1}]
    assert pointer_of(refused(bic, "POST", "/pools", lost)) == "/shares/0/module_id"
    assert "impossible" not in names(bic, "/pools")
    group = bic.admin.call("POST", "/groups", {"name": "gone", "description": ""})
    bic.admin.call("DELETE", f"/groups/{group['id']}", headers={"If-Match": f'"{group["generation"]}"'})
    pool = bic.admin.every("/pools")
    made = bic.pool("entitles", [1, 0], spares=0) if not pool else pool[0]
    before = len(bic.admin.every("/entitlements"))
    problem = refused(bic, "POST", "/entitlements", {"pool_id": made["id"], "group_id": group["id"]})
    assert (problem.status, pointer_of(problem)) == (409, "/group_id"), problem.body
    assert len(bic.admin.every("/entitlements")) == before
    if not pool:
        bic.drop_pool(made)


def test_names_that_are_taken(bic):
    made = bic.pool("taken", [1, 0], spares=0)
    for path in ("/pools", "/pools/preview"):
        problem = refused(bic, "POST", path, pool_body(bic, [1, 0], name="taken"))
        assert (problem.status, problem.slug, pointer_of(problem)) == (409, "name-taken", "/name"), problem.body
    assert sum(p["name"] == "taken" for p in bic.admin.every("/pools")) == 1
    problem = refused(bic, "POST", "/specs", spec_body(name=bic.spec["name"]))
    assert (problem.slug, pointer_of(problem)) == ("name-taken", "/name")
    bic.drop_pool(made)


def test_a_preview_says_what_is_needed_and_what_is_free(bic):
    """"Needs 300 VFs, 128 free", as the ledger counts them; and then exactly as many desktops as it says find room."""
    module, id_ = next(iter(bic.modules.items()))
    free = sum(b["vfs"] - b["vfs_used"] for b in bic.admin.every(f"/bservers?module_id={id_}") if b["state"] == "up")
    slots = sum(b["slots"] - b["slots_used"] for b in bic.admin.every(f"/bservers?module_id={id_}") if b["state"] == "up")
    assert 0 < free
    pools = len(bic.admin.every("/pools"))
    answer = bic.admin.call("POST", "/pools/preview", pool_body(bic, [5], bic.networked))
    assert answer["fits"] and answer["modules"][0]["law"] is None
    assert answer["modules"][0]["needs"]["vfs"] == 5 and answer["modules"][0]["free"]["vfs"] == free
    short = bic.admin.call("POST", "/pools/preview", pool_body(bic, [300], bic.networked))
    row = short["modules"][0]
    assert not short["fits"] and row["law"] in ("law-slots", "law-vf") and row["name"] == module
    assert (row["needs"]["vfs"], row["free"]["vfs"], row["needs"]["slots"], row["free"]["slots"]) == (300, free, 300, slots)
    assert 0 < row["room"] <= min(free, slots)
    assert len(bic.admin.every("/pools")) == pools
