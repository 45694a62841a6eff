"""What there is to be reached, in run/endpoints.json and on the terminal."""

import content
from administrator import ADMIN
from progress import say


def accounts(run) -> list:
    """Those that were made, with the passwords that they got then."""
    made = [("admin", ADMIN)] + ([] if run.small else [("user", username) for username, _ in content.PEOPLE])
    return [{"role": role, "username": name, "password": run.layout.secret(f"user-{name}")} for role, name in made]


def processes(run) -> list:
    daemons = [{"name": d.program, "id": d.ready().get("id", d.name), "service": d.name, "pid": d.process.pid()}
               for d in run.daemons()]
    clusters = [{"name": "postgres", "id": c.name, "service": c.process.name, "pid": c.process.pid()}
                for c in run.clusters.values()]
    return [p for p in daemons + clusters if p["pid"]]


def module(run, name: str) -> dict:
    told = run.bcenters[name].config
    return {"id": run.tree.module(name, run.block.name), "name": name, "login": f"{told['login_url']}/api/v1",
            "urls": [told["management_url"]], "database": run.clusters[name].url("module")}


def save(run) -> None:
    portal = run.ccc.config["public_url"]
    run.layout.save("endpoints.json", {
        "portal": portal, "api": f"{portal}/api/v1", "docs": f"{portal}/docs", "accounts": accounts(run),
        "blocks": [{"id": run.tree.block(run.block.name), "xcenters": [x.config["management_url"] for x in run.xcenters],
                    "bcenters": [module(run, m.name) for m in run.block.modules]}],
        "database": run.clusters["ccc"].url("ccc"), "ca": str(run.authority), "processes": processes(run)})


def tell(run) -> None:
    portal = run.ccc.config["public_url"]
    say("")
    say(f"  Portal   {portal}/")
    say(f"  REST     {portal}/api/v1   (read it at {portal}/docs)")
    if run.tls:
        say(f"  CA       {run.authority}   (trust it in the browser)")
    for a in accounts(run):
        say(f"  {a['role']:8} {a['username']} / {a['password']}")
    say("  The passwords are those that were made; BIC does not know them any more once they are changed.")
    say("")
