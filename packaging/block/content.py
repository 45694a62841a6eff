"""What a newcomer finds: images, specs, pools, people and who may use what. Made through REST, once (block.py)."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from process import do_as_service
from progress import say, step
from rest import Rest, wait_until

PEOPLE = [("kim", "김하늘"), ("lee", "이도윤")]
IMAGES = {"bic-desktop": ("desktop.qcow2", "Debian 12, X, 한글"),
          "bic-tiny": ("tiny.qcow2", "Linux console, up in seconds")}
SPECS = {"desktop": {"memory_mib": 1024, "disk_gib": 8}, "tiny": {"memory_mib": 192},
         "tiny-vf": {"memory_mib": 2048, "needs_vf": True}}


@dataclass(frozen=True)
class Pool:
    name: str
    description: str
    image: str
    spec: str
    sizes: tuple            # in the first module, in the second
    kind: str = "floating"
    spares: int = 1
    entitled: bool = True   # everyone


POOLS = [
    Pool("desktop", "리눅스 데스크톱 · Linux desktop", "bic-desktop", "desktop", (2, 1)),
    Pool("console", "리눅스 콘솔 · Linux console", "bic-tiny", "tiny", (4, 2)),
    Pool("my-console", "나만의 콘솔 · a console of my own", "bic-tiny", "tiny", (2, 2), "persistent", 0),
    Pool("simulated", "모의 호스트의 데스크톱 · on simulated hosts", "bic-tiny", "tiny-vf", (40, 40), spares=20,
         entitled=False),
]


# A block at its rated size: every slot of its simulated bServers has a desktop, and all of them run.
RATED = [
    Pool("office", "모의 데스크톱 · simulated desktops", "bic-empty", "office", (800, 800), spares=800),
    Pool("studio", "모의 데스크톱, 큰 것 · simulated desktops, larger", "bic-empty", "studio", (200, 200), spares=200),
]
RATED_SPECS = {"office": {"memory_mib": 1024, "needs_vf": True}, "studio": {"memory_mib": 4096, "needs_vf": True}}


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


def empty_image(directory: Path) -> Path:
    """A disk with nothing on it: simulated hosts have no disks, but a pool names the image that it is made from."""
    file = directory / "empty.qcow2"
    do_as_service("qemu-img", "create", "-q", "-f", "qcow2", file, "1G")
    return file


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
    """Name → id of the modules, once their bServers have been heard: this many, or as many as have not been deleted."""
    def heard():
        modules = {m["name"]: m for m in rest.every("/modules")}
        live = [n for n in rest.every("/nodes") if n["kind"] == "bserver"]
        up = [b for b in rest.every("/bservers") if b["state"] != "silent"]
        if set(names) <= set(modules) and len(up) >= min(bservers, len(live)):
            return {name: modules[name]["id"] for name in names}
        return None
    with step(f"waiting for {bservers} bServers"):
        return wait_until("all bServers up", heard, 120)


def whole(rest: Rest, secret, images: Path, modules: dict) -> None:
    """modules: name → id, the first with two embedded bServers."""
    there = {name: image(rest, name, description, images / file) for name, (file, description) in IMAGES.items()}
    with step("pools and people"):
        pools(rest, secret, modules, there, SPECS, POOLS)


def rated(rest: Rest, secret, directory: Path, modules: dict) -> None:
    """modules: name → id, of ten simulated bServers each. directory: of the service user."""
    there = {"bic-empty": image(rest, "bic-empty", "nothing, for simulated hosts", empty_image(directory))}
    with step("pools and people"):
        pools(rest, secret, modules, there, RATED_SPECS, RATED)


def pools(rest: Rest, secret, modules: dict, images: dict, specs: dict, wanted: list) -> None:
    like = {name: spec(rest, name, **members) for name, members in specs.items()}
    group, _ = people(rest, secret)
    for p in wanted:
        made = pool(rest, p.name, p.description, images[p.image],
                    {module: n for module, n in zip(modules.values(), p.sizes) if n}, p.kind, p.spares, like[p.spec])
        if p.entitled:
            entitle(rest, group, [made])


def wait_running(rest: Rest, seconds: float = 600) -> None:
    """Until as many desktops run as the pools keep running; tells how far that is. Somebody else may be changing them."""
    begin, last, until = time.monotonic(), "", time.monotonic() + seconds
    while time.monotonic() < until:
        of = rest.every("/pools")
        there = sum(p["counts"]["ready"] + p["counts"]["in_use"] for p in of)
        wanted = sum(min(share["size"], p["spares_running"]) for p in of for share in p["shares"])
        if there >= wanted:
            say(f"[ok] {there:,} desktops run ({time.monotonic() - begin:.1f} s)")
            return
        if (said := f"     {there:,} of {wanted:,} desktops run") != last:
            say(f"{said}: {time.monotonic() - begin:.0f} s")
            last = said
        time.sleep(1)
    raise RuntimeError(f"not all desktops run after {seconds:.0f} s:{last.strip()}")
