"""The work of try.sh: one guest, its ready line, its screen, its keyboard, its way out."""
import argparse
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid

ACTIONS = """actions, in order:
  key:ctrl-alt-t   press keys together (QEMU's names; the 한/영 key is lang1)
  type:TEXT        type TEXT on a US keyboard, \\n is Return
  click:X,Y        left click;  rclick:X,Y right click; dclick:X,Y double click
  resize:WxH       ask for another screen size, as a VNC client does (SetDesktopSize)
  settle           wait until the picture stands still for 2 s (30 s at most)
  shot:NAME        a picture NAME.png
  qga:COMMAND      ask the guest agent (guest-ping, ...); exec:SHELL COMMAND through it
  until:SHELL COMMAND   wait until it succeeds in the guest (60 s at most)"""

PLAIN = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", "[": "bracket_left", "]": "bracket_right", ";": "semicolon",
         "'": "apostrophe", "`": "grave_accent", "\\": "backslash", ",": "comma", ".": "dot", "/": "slash", "\t": "tab"}
SHIFT = dict(zip("~!@#$%^&*()_+{}|:\"<>?", ["grave_accent", *"1234567890", "minus", "equal", "bracket_left", "bracket_right",
                                            "backslash", "semicolon", "apostrophe", "comma", "dot", "slash"]))


def unix(path, deadline):
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return s
        except OSError:
            s.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Qmp:
    def __init__(self, path):
        self.s = unix(path, time.monotonic() + 20)
        self.f = self.s.makefile("r")
        self.f.readline()
        self("qmp_capabilities")

    def __call__(self, cmd, **args):
        self.s.sendall(json.dumps({"execute": cmd, "arguments": args}).encode() + b"\n")
        while True:
            r = json.loads(self.f.readline())
            if "return" in r:
                return r["return"]
            if "error" in r:
                raise RuntimeError(f"{cmd}: {r['error']['desc']}")


def line(sock, deadline):
    buf = b""
    while b"\n" not in buf:
        sock.settimeout(max(0.1, deadline - time.monotonic()))
        c = sock.recv(4096)
        if not c:
            raise EOFError("the guest's port was closed")
        buf += c
    return json.loads(buf.split(b"\n")[0])


def vnc_resize(path, w, h):
    """Shake hands as a client without security, say ExtendedDesktopSize, ask for the size."""
    s = unix(path, time.monotonic() + 5)
    f = s.makefile("rb")
    f.read(12), s.sendall(b"RFB 003.008\n")
    f.read(f.read(1)[0]), s.sendall(b"\x01")
    f.read(4), s.sendall(b"\x01")
    head = f.read(24)
    f.read(struct.unpack(">I", head[20:])[0])
    s.sendall(struct.pack(">BxHii", 2, 2, 0, -308))
    s.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 16, 16))
    f.read(4)
    s.sendall(struct.pack(">BxHHBxIHHHHI", 251, w, h, 1, 0, 0, 0, w, h, 0))
    return s  # the caller keeps it open


def main():
    ap = argparse.ArgumentParser(prog="try.sh", epilog=ACTIONS, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("image")
    ap.add_argument("actions", nargs="*")
    ap.add_argument("-o", "--out", default=".", help="where the pictures go (default: here)")
    ap.add_argument("-m", "--memory", default="768")
    ap.add_argument("--smp", default="1")
    ap.add_argument("--machine", default="pc")
    ap.add_argument("--video", default="virtio-vga")
    ap.add_argument("--nic", default="virtio-net-pci", help="model, or none")
    ap.add_argument("--keyboard-device", default="virtio-keyboard-pci", help="usb-kbd, or empty for PS/2 alone (QEMU 7.2 passes 한/영 through virtio only)")
    ap.add_argument("--disk", default="virtio-blk-pci", help="virtio-blk-pci, scsi-hd, ide-hd")
    ap.add_argument("--firmware", help="another firmware image (UEFI)")
    ap.add_argument("--overlay", help="boot this overlay and keep it (made when missing)")
    ap.add_argument("--no-button", action="store_true", help="no power button at the end: the guest leaves by itself")
    ap.add_argument("--cut", action="store_true", help="no power button: cut the power at the end")
    ap.add_argument("--qemu", default="", help="more arguments for QEMU")
    ap.add_argument("--locale", default="ko_KR.UTF-8")
    ap.add_argument("--keyboard", default="kr")
    ap.add_argument("--hostname", default="try-1")
    ap.add_argument("--no-smbios", action="store_true")
    ap.add_argument("--timeout", type=int, default=300)
    ap.add_argument("--serial", action="store_true", help="show the guest's first serial port")
    ap.add_argument("--anyway", action="store_true", help="do the actions even when no ready line came in time")
    ap.add_argument("--listen-late", action="store_true", help="connect to the ready port again after the first line")
    a = ap.parse_intermixed_args()

    d = tempfile.mkdtemp(prefix="bic-try.")
    qemu = None
    try:
        disk = os.path.abspath(a.overlay or f"{d}/o.qcow2")
        if not os.path.exists(disk):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", os.path.abspath(a.image), disk], check=True)
        run = str(uuid.uuid4())
        cmd = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-accel", "tcg,tb-size=256", "-machine", a.machine, "-cpu", "max",
               "-smp", a.smp, "-m", a.memory, "-device", a.video, "-device", "qemu-xhci", "-device", "usb-tablet",
               "-drive", f"if=none,id=d,file={disk},format=qcow2", "-device", "virtio-serial-pci",
               "-chardev", f"socket,id=c,path={d}/port,server=on,wait=off", "-device", "virtserialport,chardev=c,name=org.bic.guest.0",
               "-chardev", f"socket,id=g,path={d}/qga,server=on,wait=off", "-device", "virtserialport,chardev=g,name=org.qemu.guest_agent.0",
               "-vnc", f"unix:{d}/vnc", "-qmp", f"unix:{d}/qmp,server=on,wait=off"]
        if a.disk == "scsi-hd":
            cmd += ["-device", "virtio-scsi-pci"]
        cmd += ["-device", f"{a.disk},drive=d"]
        if a.nic != "none":
            cmd += ["-netdev", "user,id=n", "-device", f"{a.nic},netdev=n"]
        if a.keyboard_device:
            cmd += ["-device", a.keyboard_device]
        if a.firmware:
            cmd += ["-drive", f"if=pflash,format=raw,readonly=on,file={a.firmware}"]
        cmd += ["-serial", "stdio"] if a.serial else ["-serial", "null"]
        if not a.no_smbios:
            for k, v in (("run", run), ("hostname", a.hostname), ("locale", a.locale), ("keyboard", a.keyboard)):
                cmd += ["-smbios", f"type=11,value=bic.{k}={v}"]
        else:
            run = ""
        cmd += a.qemu.split()
        t0 = time.monotonic()
        qemu = subprocess.Popen(cmd, stdin=subprocess.DEVNULL)
        qmp = Qmp(f"{d}/qmp")
        os.makedirs(a.out, exist_ok=True)

        def shot(name):
            f = os.path.abspath(f"{a.out}/{name}.png")
            qmp("screendump", filename=f, format="png")
            return f

        def press(keys, up=None):
            ev = [{"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": k}}}
                  for down, ks in ((True, keys), (False, keys[::-1])) for k in ks]
            for e in ev:
                qmp("input-send-event", events=[e])
                time.sleep(0.02)

        def pointer(x, y, button, times):
            w, h = struct.unpack(">II", open(shot(".p"), "rb").read(24)[16:])
            os.unlink(f"{a.out}/.p.png")
            qmp("input-send-event", events=[{"type": "abs", "data": {"axis": n, "value": v * 32767 // s}} for n, v, s in (("x", x, w), ("y", y, h))])
            time.sleep(0.2)
            for _ in range(times):
                for down in (True, False):
                    qmp("input-send-event", events=[{"type": "btn", "data": {"down": down, "button": button}}])
                    time.sleep(0.05)

        def settle():
            end, last, since = time.monotonic() + 30, b"", time.monotonic()
            while time.monotonic() < end:
                now = open(shot(".s"), "rb").read()
                if now != last:
                    last, since = now, time.monotonic()
                elif time.monotonic() - since > 2:
                    break
                time.sleep(0.25)
            os.unlink(f"{a.out}/.s.png")

        def qga(cmd, **args):
            s = unix(f"{d}/qga", time.monotonic() + 5)
            s.sendall(json.dumps({"execute": cmd, "arguments": args}).encode() + b"\n")
            return line(s, time.monotonic() + 60)

        def shell(text):
            pid = qga("guest-exec", path="/bin/sh", arg=["-c", text], **{"capture-output": True})["return"]["pid"]
            while not (r := qga("guest-exec-status", pid=pid)["return"])["exited"]:
                time.sleep(0.5)
            return *(base64.b64decode(r.get(k, "")).decode() for k in ("out-data", "err-data")), r.get("exitcode")

        port = unix(f"{d}/port", time.monotonic() + 20)
        try:
            got = line(port, t0 + a.timeout)
        except TimeoutError:
            if not a.anyway:
                raise
            print("no ready line")
            got = {"v": 1, "event": "ready", "run": run}
        ready = time.monotonic() - t0
        if got != {"v": 1, "event": "ready", "run": run}:
            sys.exit(f"not the ready line of this run: {got}")
        rss = next(int(x.split()[1]) // 1024 for x in open(f"/proc/{qemu.pid}/status") if x.startswith("VmRSS"))
        cpu = sum(map(int, open(f"/proc/{qemu.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        print(f"ready after {ready:.1f} s ({cpu:.1f} s of CPU), QEMU {rss} MiB resident", flush=True)
        shot("ready")
        if a.listen_late:
            port.close()
            port = unix(f"{d}/port", time.monotonic() + 20)
            line(port, time.monotonic() + 20)
            print("ready again after a reconnect")
        vnc = None
        for act in a.actions:
            what, _, arg = act.partition(":")
            if what == "key":
                press(arg.split("-"))
            elif what == "type":
                for c in arg.replace("\\n", "\n"):
                    if c in SHIFT:
                        press(["shift", SHIFT[c]])
                    elif c.isupper():
                        press(["shift", c.lower()])
                    else:
                        press([PLAIN.get(c, c)])
            elif what in ("click", "rclick", "dclick"):
                x, y = map(int, arg.split(","))
                pointer(x, y, "right" if what == "rclick" else "left", 2 if what == "dclick" else 1)
            elif what == "resize":
                if vnc:
                    vnc.close()
                vnc = vnc_resize(f"{d}/vnc", *map(int, arg.split("x")))
            elif what == "settle":
                settle()
            elif what == "shot":
                print(shot(arg))
            elif what == "qga":
                print(qga(arg))
            elif what == "exec":
                print(*shell(arg))
            elif what == "until":
                end = time.monotonic() + 60
                while shell(arg)[2] != 0:
                    if time.monotonic() > end:
                        sys.exit(f"never became true: {arg}")
            else:
                sys.exit(f"no such action: {act}\n{ACTIONS}")
        if a.cut:
            return
        t1 = time.monotonic()
        if not a.no_button:
            qmp("system_powerdown")
        try:
            qemu.wait(90)
        except subprocess.TimeoutExpired:
            shot("stuck")
            sys.exit("the guest did not power off within 90 s of the power button")
        print(f"powered off {time.monotonic() - t1:.1f} s after the power button; the overlay holds {os.stat(disk).st_size // 1024} KiB")
    except TimeoutError:
        shot("timeout")
        sys.exit(f"no ready line within {a.timeout} s, see timeout.png")
    finally:
        if qemu and qemu.poll() is None:
            qemu.kill()
            qemu.wait()
        shutil.rmtree(d, ignore_errors=True)


main()
