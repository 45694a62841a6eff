// The installation under test, as `make run` describes it.
import { readFileSync } from 'node:fs';

const file = process.env.BIC_ENDPOINTS;
if (!file) throw new Error('BIC_ENDPOINTS names no endpoints.json');
const endpoints = JSON.parse(readFileSync(file, 'utf8'));

export const portal = new URL(endpoints.portal);
/** Portals of the modules, in the order of their names. */
export const modules = endpoints.blocks
  .flatMap((block) => block.bcenters)
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ login }) => new URL('/', login));
export const docs = new URL(endpoints.docs);

export function account(role) {
  const found = endpoints.accounts.find((one) => one.role === role);
  if (!found) throw new Error(`${file} has no account with the role ${role}`);
  return found;
}

function addressesIn(value) {
  if (typeof value === 'string') return /^(https?|wss?):/.test(value) ? [value] : [];
  return value && typeof value === 'object' ? Object.values(value).flatMap(addressesIn) : [];
}

const hosts = new Set(addressesIn(endpoints).map((address) => new URL(address).hostname));

const BY_SECRET = /^\/api\/v1\/connections\/[0-9a-f-]+\/(tickets|end)$/;

/** Requests may go to the page's own server; screens, and what the resume secret allows, to the installation's hosts. */
export function isInside(address, isSocket, home) {
  const url = new URL(address);
  if (url.protocol === 'data:' || url.protocol === 'blob:') return true;
  if (url.origin === home.origin) return true;
  return hosts.has(url.hostname) && (isSocket || BY_SECRET.test(url.pathname));
}
