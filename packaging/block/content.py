"""What a newcomer finds: images, specs, pools, people and who may use what. Made through REST, once."""

import hashlib
from pathlib import Path

from progress import step
from rest import Rest, wait_until

PEOPLE = [("kim", "김하늘"), ("lee", "이도윤")]


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as f:
        while chunk := f.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def image(rest: Rest, name: str, description: str, file: Path) -> dict:
    """The image with this file as its newest version."""
    made = rest.ensure("/images", "name", {"name": name, "description": description, "guest": "bic"})
    wanted = sha256(file)
    for version in rest.every(f"/images/{made['id']}/versions"):
        if version["sha256"] == wanted:
            return {**made, "version": version}
    with step(f"publishing image {name} ({file.stat().st_size >> 20} MiB)"):
        return {**made, "version": rest.upload(f"/images/{made['id']}/versions", file, wanted)}


def spec(rest: Rest, name: str, **members) -> dict:
    body = {"name": name, "vcpus": 1, "memory_mib": 1024, "firmware": "bios", "tpm": False, "disk_bus": "virtio",
            "nic_model": "virtio", "video": "virtio", "disk_gib": None, "needs_vf": False}
    return rest.ensure("/specs", "name", {**body, **members})


def pool(rest: Rest, name: str, description: str, of: dict, size: dict, kind: str, spares: int, like: dict) -> dict:
    return rest.ensure("/pools", "name", {
        "name": name, "description": description, "kind": kind, "image_id": of["id"],
        "image_version_id": of["version"]["id"], "spec_id": like["id"], "spares_running": spares,
        "shares": [{"module_id": module, "size": n} for module, n in size.items()]})


def people(rest: Rest, secret) -> tuple:
    """Two people in one group."""
    group = rest.ensure("/groups", "name", {"name": "everyone", "description": "people of this installation"})
    made = []
    for username, name in PEOPLE:
        user = next((u for u in rest.every("/users") if u["username"] == username), None)
        if not user:
            user = rest.call("POST", "/users", {"username": username, "display_name": name, "role": "user",
                                                "locale": "ko", "password": secret(f"user-{username}")})
        rest.call("PUT", f"/groups/{group['id']}/members/{user['id']}")
        made.append(user)
    return group, made


def entitle(rest: Rest, group: dict, pools: list) -> None:
    there = {(e["pool_id"], e["group_id"]) for e in rest.every("/entitlements")}
    for p in pools:
        if (p["id"], group["id"]) not in there:
            rest.call("POST", "/entitlements", {"pool_id": p["id"], "group_id": group["id"]})


def modules_up(rest: Rest, names: list, bservers: int) -> dict:
    """Name → id of the modules, once all their bServers have been heard."""
    def heard():
        modules = {m["name"]: m for m in rest.every("/modules")}
        up = [b for b in rest.every("/bservers") if b["state"] == "up"]
        if set(names) <= set(modules) and len(up) >= bservers:
            return {name: modules[name]["id"] for name in names}
        return None
    with step(f"waiting for {bservers} bServers"):
        return wait_until("all bServers up", heard, 120)


def whole(rest: Rest, secret, images: Path, modules: dict) -> None:
    """modules: name → id, the first with two embedded bServers."""
    first, second = list(modules.values())
    desktop = image(rest, "bic-desktop", "Debian 12, X, 한글", images / "desktop.qcow2")
    tiny = image(rest, "bic-tiny", "Linux console, up in seconds", images / "tiny.qcow2")
    office = spec(rest, "desktop", memory_mib=1024, disk_gib=8)
    small = spec(rest, "tiny", memory_mib=192)
    networked = spec(rest, "tiny-vf", memory_mib=2048, needs_vf=True)
    pools = [
        pool(rest, "desktop", "리눅스 데스크톱 · Linux desktop", desktop, {first: 2, second: 1}, "floating", 1, office),
        pool(rest, "console", "리눅스 콘솔 · Linux console", tiny, {first: 4, second: 2}, "floating", 1, small),
        pool(rest, "my-console", "나만의 콘솔 · a console of my own", tiny, {first: 2, second: 2}, "persistent", 0, small),
    ]
    pool(rest, "simulated", "모의 호스트의 데스크톱 · on simulated hosts", tiny, {first: 40, second: 40}, "floating", 20,
         networked)
    group, _ = people(rest, secret)
    entitle(rest, group, pools)
