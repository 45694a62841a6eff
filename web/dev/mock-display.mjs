// Development aid, not part of the build: a WebSocket that speaks enough RFB to look like a desktop.
// It draws a wallpaper and a dock, follows the pointer and shows typed keys as coloured blocks.
import { createHash } from 'node:crypto';

const WIDTH = 1024;
const HEIGHT = 640;

export function acceptDisplay(request, socket, onOpen) {
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const ticket = protocols.find((one) => one.startsWith('bic.ticket.'));
  const accept = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
    .digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: bic.display.v1\r\n\r\n`,
  );
  const display = new Display(socket);
  onOpen(display, ticket?.slice('bic.ticket.'.length) ?? '');
  return display;
}

class Display {
  constructor(socket) {
    this.socket = socket;
    this.raw = Buffer.alloc(0);
    this.rfb = Buffer.alloc(0);
    this.stage = 'version';
    this.picture = wallpaper();
    this.typed = 0;
    this.swapRedBlue = false;
    this.waiting = false;
    this.dirty = false;
    socket.on('data', (chunk) => this.frames(chunk));
    socket.on('error', () => socket.destroy());
    this.send(Buffer.from('RFB 003.008\n'));
  }

  close(code) {
    if (this.closing) return;
    this.closing = true;
    const body = Buffer.alloc(2);
    body.writeUInt16BE(code);
    this.frame(0x88, body);
    setTimeout(() => this.socket.destroy(), 300);
  }

  /** Pulls the cable. */
  drop() {
    this.socket.destroy();
  }

  send(data) {
    this.frame(0x82, data);
  }

  frame(head, data) {
    const size =
      data.length < 126
        ? Buffer.from([head, data.length])
        : data.length < 65536
          ? Buffer.from([head, 126, data.length >> 8, data.length & 255])
          : Buffer.concat([Buffer.from([head, 127]), bigSize(data.length)]);
    if (!this.socket.destroyed) this.socket.write(Buffer.concat([size, data]));
  }

  frames(chunk) {
    this.raw = Buffer.concat([this.raw, chunk]);
    for (;;) {
      if (this.raw.length < 6) return;
      let length = this.raw[1] & 127;
      let at = 2;
      if (length === 126) {
        length = this.raw.readUInt16BE(2);
        at = 4;
      }
      if (this.raw.length < at + 4 + length) return;
      const mask = this.raw.subarray(at, at + 4);
      const body = Buffer.from(this.raw.subarray(at + 4, at + 4 + length));
      for (let i = 0; i < length; i += 1) body[i] ^= mask[i & 3];
      const opcode = this.raw[0] & 15;
      this.raw = this.raw.subarray(at + 4 + length);
      if (opcode === 8) {
        this.close(1000);
        return;
      }
      this.rfb = Buffer.concat([this.rfb, body]);
      while (this.step());
    }
  }

  take(length) {
    const part = this.rfb.subarray(0, length);
    this.rfb = this.rfb.subarray(length);
    return part;
  }

  step() {
    if (this.stage === 'version' && this.rfb.length >= 12) {
      this.take(12);
      this.send(Buffer.from([1, 1]));
      this.stage = 'security';
    } else if (this.stage === 'security' && this.rfb.length >= 1) {
      this.take(1);
      this.send(Buffer.alloc(4));
      this.stage = 'init';
    } else if (this.stage === 'init' && this.rfb.length >= 1) {
      this.take(1);
      this.send(serverInit());
      this.stage = 'live';
    } else if (this.stage === 'live') return this.message();
    else return false;
    return true;
  }

  message() {
    const { rfb } = this;
    if (rfb.length === 0) return false;
    const sizes = { 0: 20, 3: 10, 4: 8, 5: 6, 251: 24 };
    let size = sizes[rfb[0]] ?? 0;
    if (rfb[0] === 2) size = rfb.length >= 4 ? 4 + 4 * rfb.readUInt16BE(2) : 0;
    if (rfb[0] === 6) size = rfb.length >= 8 ? 8 + Math.abs(rfb.readInt32BE(4)) : 0;
    if (rfb[0] === 255) size = 12;
    if (size === 0 || rfb.length < size) return false;
    const body = this.take(size);
    if (body[0] === 0) this.swapRedBlue = body[4 + 10] === 0;
    if (body[0] === 3) this.wants(body[1] === 0);
    if (body[0] === 4 && body[1] === 1) this.key(body.readUInt32BE(4));
    if (body[0] === 5 && body[1] !== 0) this.click(body.readUInt16BE(2), body.readUInt16BE(4));
    return true;
  }

  wants(whole) {
    this.waiting = true;
    if (whole) this.dirty = true;
    this.paint();
  }

  paint() {
    if (!this.waiting || !this.dirty) return;
    this.waiting = false;
    this.dirty = false;
    const head = Buffer.alloc(16);
    head.writeUInt16BE(1, 2);
    head.writeUInt16BE(WIDTH, 8);
    head.writeUInt16BE(HEIGHT, 10);
    this.send(Buffer.concat([head, this.picture]));
  }

  key(keysym) {
    const x = 60 + (this.typed % 28) * 30;
    const y = 120 + (Math.floor(this.typed / 28) % 10) * 40;
    this.typed += 1;
    box(this.picture, x, y, 24, 30, [(keysym * 53) & 255, (keysym * 97) & 255, 200]);
    this.dirty = true;
    this.paint();
  }

  click(x, y) {
    box(this.picture, x - 6, y - 6, 12, 12, [250, 210, 80]);
    this.dirty = true;
    this.paint();
  }
}

function bigSize(length) {
  const size = Buffer.alloc(8);
  size.writeUInt32BE(length, 4);
  return size;
}

function serverInit() {
  const name = Buffer.from('mock desktop');
  const head = Buffer.alloc(24);
  head.writeUInt16BE(WIDTH, 0);
  head.writeUInt16BE(HEIGHT, 2);
  Buffer.from([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0]).copy(head, 4);
  head.writeUInt32BE(name.length, 20);
  return Buffer.concat([head, name]);
}

/** Pixels as noVNC asks for them: R, G, B, unused. */
function wallpaper() {
  const picture = Buffer.alloc(WIDTH * HEIGHT * 4);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const at = (y * WIDTH + x) * 4;
      const wave = Math.sin(x / 170 + y / 90) * 14;
      picture[at] = 38 + wave + (y / HEIGHT) * 40;
      picture[at + 1] = 86 + wave + (y / HEIGHT) * 50;
      picture[at + 2] = 120 + wave + (x / WIDTH) * 50;
    }
  }
  box(picture, 40, 70, 900, 460, [244, 245, 247]);
  box(picture, 40, 70, 900, 32, [70, 84, 104]);
  box(picture, 0, HEIGHT - 40, WIDTH, 40, [28, 34, 44]);
  for (let i = 0; i < 6; i += 1) box(picture, 12 + i * 44, HEIGHT - 34, 28, 28, [90 + i * 25, 140, 210 - i * 20]);
  return picture;
}

function box(picture, left, top, width, height, [red, green, blue]) {
  for (let y = Math.max(0, top); y < Math.min(HEIGHT, top + height); y += 1) {
    for (let x = Math.max(0, left); x < Math.min(WIDTH, left + width); x += 1) {
      const at = (y * WIDTH + x) * 4;
      picture[at] = red;
      picture[at + 1] = green;
      picture[at + 2] = blue;
    }
  }
}
