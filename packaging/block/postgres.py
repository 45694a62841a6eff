"""Private PostgreSQL clusters: checksums, SCRAM, loopback only, an owner role and a least-privilege one."""

import os
import signal
import subprocess
import time
from pathlib import Path

from layout import Layout, fresh
from process import Process, as_service, do_as_service, is_ours, lend, own, stop_pids, write_as_service

BIN = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "idle_in_transaction_session_timeout": "5s",
    "log_min_messages": "warning",
    "timezone": "'UTC'",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "15s",
}


class Cluster:
    """One cluster with one database: NAME, owned by NAME_owner, used by NAME."""

    def __init__(self, layout: Layout, name: str, database: str):
        self.layout = layout
        self.name = name
        self.database = database
        self.data = layout.state / "postgres" / name
        self.port = layout.port(f"postgres-{name}")
        self.process = Process(layout, f"postgres-{name}")

    def conninfo(self, role: str) -> str:
        return (f"host=127.0.0.1 port={self.port} dbname={self.database} user={role} "
                f"password={self.layout.secret(f'{self.name}-{role}')} application_name=bic")

    def url(self, role: str) -> str:
        return (f"postgresql://{role}:{self.layout.secret(f'{self.name}-{role}')}@127.0.0.1:{self.port}/"
                f"{self.database}")

    def init(self) -> None:
        if (self.data / "PG_VERSION").exists() and (self.data / "bic-ready").exists():
            return
        self.data.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        own(self.data.parent)
        if self.data.exists():  # a first start that was cut off: nothing in it is anybody's yet
            do_as_service("rm", "-rf", "--", self.data)
        password = self.layout.run / f".{self.name}.pw"
        with os.fdopen(fresh(password), "w") as f:
            f.write(self.layout.secret(f"{self.name}-postgres") + "\n")
        lend(password, 0o640)
        try:
            subprocess.run([BIN / "initdb", "-D", self.data, "-U", "postgres", "--data-checksums", "-E", "UTF8",
                            "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password}", "-N"],
                           check=True, stdout=subprocess.DEVNULL, cwd="/", **as_service())
        finally:
            password.unlink()
        settings = "".join(f"{key} = {value}\n" for key, value in SETTINGS.items())
        write_as_service(self.data / "postgresql.conf", settings, how=">>")

    def left_behind(self) -> list:
        """Pids of this cluster's server processes: those whose postmaster was killed go on with their statement, and
        no other postmaster starts beside them."""
        found = []
        for proc in Path("/proc").iterdir():
            try:
                if proc.name.isdigit() and (proc / "cwd").readlink() == self.data.resolve() and is_ours(int(proc.name)):
                    found.append(int(proc.name))
            except OSError:
                continue
        return found

    def start(self) -> None:
        if not self.process.pid():
            # ours is dead: process.pid() knew it
            stop_pids(self.left_behind(), signal.SIGQUIT)
            do_as_service("rm", "-f", "--", self.data / "postmaster.pid")
            self.process.start([BIN / "postgres", "-D", self.data, "-p", self.port])
        until = time.monotonic() + 60
        while not self.answers():
            if not self.process.pid() or time.monotonic() > until:
                raise RuntimeError(f"the PostgreSQL cluster {self.name} does not start: see log/postgres-{self.name}.log")
            time.sleep(0.1)

    def answers(self) -> bool:
        return subprocess.run([BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0

    def sql(self, text: str, database: str = "postgres") -> str:
        done = subprocess.run([BIN / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                               "-p", str(self.port), "-U", "postgres", "-d", database, "-f", "-"],
                              input=text, text=True, capture_output=True, check=False,
                              env={**os.environ, "PGPASSWORD": self.layout.secret(f"{self.name}-postgres")})
        if done.returncode:
            raise RuntimeError(f"SQL on cluster {self.name}: {done.stderr.strip()}")
        return done.stdout

    def roles(self) -> None:
        """The owner applies migrations; the daemon's role gets what they grant."""
        ready = self.data / "bic-ready"
        if ready.exists():
            return
        owner, user = f"{self.database}_owner", self.database
        for role in (owner, user):
            word = self.layout.secret(f"{self.name}-{role}")
            self.sql(f"""do $$ begin
                           if not exists (select from pg_roles where rolname = '{role}') then
                             create role {role} login;
                           end if; end $$;
                         alter role {role} login nosuperuser nocreatedb nocreaterole password '{word}';""")
        if not self.sql(f"select 1 from pg_database where datname = '{self.database}'").strip():
            self.sql(f"create database {self.database} owner {owner}")
        self.sql(f"""revoke all on database {self.database} from public;
                     grant connect on database {self.database} to {user};
                     revoke all on schema public from public; alter schema public owner to {owner};
                     grant usage on schema public to {user};
                     create extension if not exists pg_trgm;""", self.database)
        do_as_service("touch", "--", ready)

    def up(self) -> None:
        self.init()
        self.start()
        self.roles()

    def stop(self) -> None:
        self.process.stop(signal.SIGINT)  # fast shutdown
