// Development aid, not part of the build: serves dist/ and a pretended CCC (port 4180) and bCenter
// (4181, only the routes marked B) with screens (4182). `npm run build && node dev/mock-server.mjs`
// Query parameters are held against ccc/openapi.json, as the real server does.
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acceptDisplay } from './mock-display.mjs';
import { makeRoutes } from './mock-routes.mjs';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(WEB, 'dist');
const openapi = JSON.parse(readFileSync(join(WEB, '../ccc/openapi.json'), 'utf8'));
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self' http: https: ws: wss:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };

export const displays = [];
const routes = makeRoutes({ openapi, displays });

function problem(response, status, slug, title, detail = '') {
  response.writeHead(status, { 'Content-Type': 'application/problem+json', 'X-Request-Id': 'mock-trace-0001' });
  response.end(JSON.stringify({ type: `/problems/${slug}`, title, status, detail, instance: 'urn:trace:mock-trace-0001', origin: 'mock', retryable: status >= 500 }));
}

function serveStatic(path, response) {
  let file = path === '/docs' ? '/docs.html' : path;
  if (!file.includes('.')) file = '/index.html';
  const full = join(DIST, file);
  if (!full.startsWith(DIST) || !existsSync(full)) {
    problem(response, 404, 'not-found', 'No such thing');
    return;
  }
  response.writeHead(200, { 'Content-Type': TYPES[extname(full)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
  createReadStream(full).pipe(response);
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function start(port, node) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, `http://127.0.0.1:${port}`);
    if (url.pathname === '/api/v1/openapi.json') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(openapi));
      return;
    }
    if (!url.pathname.startsWith('/api/')) {
      serveStatic(url.pathname, response);
      return;
    }
    bodyOf(request)
      .then((body) => routes({ request, response, url, body, node, problem: (...rest) => problem(response, ...rest) }))
      .catch((error) => {
        console.error(error);
        if (!response.headersSent) problem(response, 500, 'internal', 'Internal error', String(error));
      });
  });
  server.listen(port, '127.0.0.1');
}

const display = createServer((_, response) => response.writeHead(426).end());
display.on('upgrade', (request, socket) => {
  acceptDisplay(request, socket, (one, ticket) => {
    for (const other of displays.splice(0)) other.close(4002);
    displays.push(one);
    if (ticket.startsWith('refuse')) one.close(4004);
  });
});
display.listen(4182, '127.0.0.1');
start(4180, 'ccc');
start(4181, 'bcenter');

const endpoints = {
  portal: 'http://127.0.0.1:4180/',
  api: 'http://127.0.0.1:4180/api/v1',
  docs: 'http://127.0.0.1:4180/docs',
  accounts: [
    { role: 'admin', username: 'admin', password: 'administrator' },
    { role: 'user', username: 'user', password: 'desktop-user' },
  ],
  blocks: [{ bcenters: [{ name: 'module-1', login: 'http://127.0.0.1:4181/api/v1' }] }],
};
const where = process.argv[2];
if (where) writeFileSync(where, JSON.stringify(endpoints, null, 1));
console.log(JSON.stringify(endpoints));
