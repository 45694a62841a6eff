// The desktop client's page, with everything it loads, stays below 100 kB gzipped.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LIMIT = 100_000;
const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const seen = new Map();

function add(path) {
  if (seen.has(path)) return;
  const text = readFileSync(join(DIST, path));
  seen.set(path, gzipSync(text).length);
  const source = text.toString();
  const links = path.endsWith('.html')
    ? [...source.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1])
    : [...source.matchAll(/["'`](\.\/[\w.-]+\.(?:js|css))["'`]/g)].map((match) => join(dirname(path), match[1]));
  for (const link of links) add(link);
}

add('/client.html');
let sum = 0;
for (const [path, size] of seen) {
  console.log(`${String(size).padStart(8)}  ${path}`);
  sum += size;
}
console.log(`${String(sum).padStart(8)}  of ${LIMIT} bytes gzipped`);
if (sum > LIMIT) process.exit(1);
