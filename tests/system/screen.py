"""A small WebSocket and RFB client (RFC 6455, RFC 6143), to look at a desktop's screen without a browser."""

import base64
import os
import socket
import ssl
import struct
from urllib.parse import urlsplit

SHIFT, RETURN = 0xFFE1, 0xFF0D     # keysyms


class Closed(Exception):
    """The other end closed: WebSocket close code, or the HTTP status that refused the upgrade."""

    def __init__(self, code: int):
        super().__init__(f"closed with {code}")
        self.code = code


class Screen:
    @classmethod
    def test(cls, url: str, ca: str | None = None) -> None:
        """Whether a lane can be reached: it opens without a ticket and ends at once, with 1000."""
        assert cls({"url": url, "protocols": ["bic.lane-test.v1"]}, ca).closed() == 1000

    def __init__(self, display: dict, ca: str | None = None, timeout: float = 30):
        url = urlsplit(display["url"])
        self.socket = socket.create_connection((url.hostname, url.port), timeout=timeout)
        if url.scheme == "wss":
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname=url.hostname)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                             f"Sec-WebSocket-Protocol: {', '.join(display['protocols'])}\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.socket.recv(1)
            if not got:
                raise Closed(0)
            head += got
        status = int(head.split()[1])
        if status != 101:
            raise Closed(status)
        assert display["protocols"][0].encode() in head and b"bic.ticket" not in head
        self.data = b""

    def _exactly(self, n: int) -> bytes:
        out = b""
        while len(out) < n:
            got = self.socket.recv(n - len(out))
            if not got:
                raise Closed(1006)
            out += got
        return out

    def _frame(self) -> None:
        """One server frame: data is kept, ping answered, close raised."""
        first, second = self._exactly(2)
        length = second & 127
        if length == 126:
            length = struct.unpack(">H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._exactly(8))[0]
        payload = self._exactly(length)
        opcode = first & 15
        if opcode == 8:
            raise Closed(struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005)
        if opcode == 9:
            self.send(payload, opcode=10)
        elif opcode in (0, 2):
            self.data += payload

    def read(self, n: int) -> bytes:
        while len(self.data) < n:
            self._frame()
        out, self.data = self.data[:n], self.data[n:]
        return out

    def send(self, payload: bytes, opcode: int = 2) -> None:
        mask = os.urandom(4)
        head = bytes([0x80 | opcode])
        n = len(payload)
        head += bytes([0x80 | n]) if n < 126 else bytes([0xFE]) + struct.pack(">H", n)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def handshake(self) -> tuple:
        """RFB up to ServerInit; returns (width, height)."""
        assert self.read(12).startswith(b"RFB 003.00")
        self.send(b"RFB 003.008\n")
        types = self.read(self.read(1)[0])
        assert 1 in types
        self.send(b"\x01")
        assert self.read(4) == b"\0\0\0\0"
        self.send(b"\x01")
        width, height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.read(struct.unpack(">I", self.read(4))[0])
        # 32 bit true colour, raw only
        self.send(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.send(struct.pack(">BxHi", 2, 1, 0))
        self.size = (width, height)
        return self.size

    def frame(self, incremental: bool = False) -> bytes:
        """One FramebufferUpdate as raw pixels of its rectangles."""
        self.send(struct.pack(">BBHHHH", 3, int(incremental), 0, 0, *self.size))
        while True:
            kind = self.read(1)[0]
            if kind == 2:
                continue
            if kind == 3:
                self.read(3)
                self.read(struct.unpack(">I", self.read(4))[0])
                continue
            assert kind == 0, kind
            pixels = b""
            for _ in range(struct.unpack(">xH", self.read(3))[0]):
                _, _, w, h, encoding = struct.unpack(">HHHHi", self.read(12))
                assert encoding == 0
                pixels += self.read(w * h * 4)
            return pixels

    def key(self, keysym: int) -> None:
        self.send(struct.pack(">BBxxI", 4, 1, keysym))
        self.send(struct.pack(">BBxxI", 4, 0, keysym))

    def type(self, text: str) -> None:
        """On a US keyboard, with Shift held where a key needs it."""
        for ch in text:
            shift = ch.isupper() or ch in '!@#$%^&*()_+{}|:"<>?~'
            if shift:
                self.send(struct.pack(">BBxxI", 4, 1, SHIFT))
            self.key(RETURN if ch == "\n" else ord(ch))
            if shift:
                self.send(struct.pack(">BBxxI", 4, 0, SHIFT))

    def share(self, colour: tuple) -> float:
        """How much of the picture is red, green, blue = colour, 0 to 1."""
        pixels = self.frame()
        found = sum(rgb == colour for rgb in zip(pixels[2::4], pixels[1::4], pixels[::4]))
        return found / (len(pixels) // 4)

    def closed(self) -> int:
        """Reads until the other end closes; its code."""
        try:
            while True:
                self._frame()
        except Closed as c:
            return c.code

    def close(self) -> None:
        self.socket.close()
