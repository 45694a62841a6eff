"""What BIC is measured beside: x2gobroker and nginx, each with a configuration and files of its own."""

import os
import socket
import subprocess
import time
from pathlib import Path

import host


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """One server on a free port of loopback, ended with the benchmark."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory.mkdir(parents=True, exist_ok=True)

    def _start(self, argv: list, **environment: str) -> None:
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, env={**os.environ, **environment})
        until = time.monotonic() + 15
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{argv[0]} does not start: {(self.directory / 'log').read_text(errors='replace')[-600:]}")

    def pids(self) -> list:
        return host.children(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class X2gobroker(Peer):
    """inifile backend, plain front end, no authentication, no load checker, no port scan: what it does fastest."""

    def __init__(self, directory: Path, people: int):
        super().__init__(directory)
        profiles = directory / "profiles.conf"
        profiles.write_text("[DEFAULT]\ncommand=XFCE\ndefsndport=true\nuser=\n" + "".join(
            f"[desktop-{n}]\nname=desktop-{n}\nhost=192.0.2.1\nsshport=22\nbroker-agent-query-mode=NONE\n"
            for n in range(1, people + 1)))
        config = directory / "x2gobroker.conf"
        config.write_text("[global]\ncheck-credentials=false\nrequire-password=false\nenable-plain-output=true\n"
                          "default-auth-mech=none\ndefault-portscan-x2goservers=false\ndefault-use-load-checker=false\n"
                          f"[broker_zeroconf]\nenable=false\n[broker_inifile]\nenable=true\nsession-profiles={profiles}\n"
                          "use-load-checker=false\nauth-mech=none\n")
        self._start(["/usr/bin/python3", "/usr/bin/x2gobroker", "--mode", "HTTP", "--bind", f"127.0.0.1:{self.port}",
                     "--config-file", config],
                    X2GOBROKER_CONFIG=str(config), X2GOBROKER_SESSIONPROFILES=str(profiles),
                    X2GOBROKER_DAEMON_USER=os.environ.get("USER", "root"), X2GOBROKER_DEBUG="0")

class Nginx(Peer):
    """One file, from the page cache, over keep-alive; as many workers as cores, no access log."""

    def __init__(self, directory: Path, body: bytes):
        super().__init__(directory)
        (directory / "desktop.json").write_bytes(body)
        os.chmod(directory, 0o755)
        os.chmod(directory / "desktop.json", 0o644)
        config = directory / "nginx.conf"
        config.write_text(f"""daemon off; worker_processes auto; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2; fastcgi_temp_path {directory}/t3;
  uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
  server {{ listen 127.0.0.1:{self.port}; root {directory}; }} }}
""")
        self._start(["/usr/sbin/nginx", "-p", directory, "-c", config])
