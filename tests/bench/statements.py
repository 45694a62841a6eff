"""pgbench scripts of the very statements that a connect runs, taken from sql/*/queries/*.sql.

Each client works on one session of its own, chosen when it starts (`first`), so that rows are not fought over."""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def statement(database: str, module: str, name: str, more: str = "") -> str:
    """The statement with $n as pgbench's variables, named as its comment names them; more: another column of its answer."""
    text = (SOURCE / "sql" / database / "queries" / f"{module}.sql").read_text()
    found = re.search(rf"^-- name: {name}\(([^)]*)\)\n(.*?)(?=^-- name: |\Z)", text, re.M | re.S)
    names = [word.strip() for word in found[1].split(",")]
    body = "\n".join(line for line in found[2].splitlines() if not line.startswith("--")).strip().rstrip(";")
    return re.sub(r"\$(\d+)", lambda n: f":{names[int(n[1]) - 1]}", body) + more


def begin(choice: str) -> str:
    return f"\\if :first\n{choice} \\gset\n\\set first 0\n\\endif\n"


SESSION = """select s.id as session, s.person_id as person, s.desktop_id as desktop, d.pool_id as pool, d.generation,
  d.overlay_id as overlay, d.run_id as run, d.run_boot, d.seq, d.image, l.epoch, 'p' as actor_name,
  repeat('ab', 32) as resume_hash, 'urn-trace-of-the-benchmark' as trace, gen_random_uuid() as next
  from session s join desktop d on d.id = s.desktop_id, leader l where s.ended_at is null
  order by s.id limit 1 offset :client_id"""


# A resume writes nothing any more. What it is measured against stays what it was: one row of the session, written.
YARDSTICK = """update session set resume_hash = decode(:resume_hash::text, 'hex')
where id = :session::uuid and person_id = :person::uuid and ended_at is null
  and exists (select from leader where epoch = :epoch::bigint for share)"""


def resume(directory: Path) -> Path:
    file = directory / "resume.sql"
    file.write_text(begin(SESSION) + YARDSTICK + ";\n")
    return file


def renew(directory: Path) -> Path:
    """The live session ends, a new one opens. The id of the next one comes as a column of the end's answer."""
    end = statement("module", "module", "desktop_write", ", gen_random_uuid() as next")
    nothing = {"stop_how": "null", "op": "null", "op_state": "null", "op_stage": "null", "op_error": "null",
               "actor": ":person", "action": "'disconnect'", "detail": "null", "result": "null",
               "deleting": "false", "end_reason": "'disconnected'"}
    for name, value in nothing.items():
        end = re.sub(rf":{name}(?=::)", value, end)
    opened = statement("module", "broker", "session_open")
    file = directory / "renew.sql"
    file.write_text(begin(SESSION) + "\\set seq :seq + 1\n" + end + " \\gset\n\\set generation :generation + 1\n"
                    "\\set seq :seq + 1\n" + opened.replace(":session::", ":next::").replace(":op::", "null::") + " \\gset\n"
                    "\\set generation :generation + 1\n" + "select :next as session \\gset\n")
    return file


PERSON = """select c.id, c.desktop_id, c.person_id, c.module_id, d.pool_id, s.token_hash, 28800 as idle_seconds
  from connection c join mirror_desktop d on d.id = c.desktop_id
  join login_session s on s.person_id = c.person_id where c.ended_at is null order by c.id limit 1 offset :client_id"""


def route(directory: Path) -> Path:
    """What the CCC asks its own database while a connect passes through it."""
    file = directory / "route.sql"
    asked = statement("ccc", "connection", "connection_route").replace(":pool_id", "null")
    file.write_text(begin(PERSON) + asked + ";\n")
    return file


def one_desktop(directory: Path) -> Path:
    """What GET /desktops/{id} asks."""
    file = directory / "desktop.sql"
    file.write_text(begin(PERSON) + statement("ccc", "login", "session_find") + ";\n" +
                    statement("ccc", "desktop", "desktop_get").replace(":id::", ":desktop_id::") + ";\n")
    return file
