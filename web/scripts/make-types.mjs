// src/api/schema.d.ts from the contract, when it is missing or older than what it is made from.
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const CONTRACT = new URL('../../ccc/openapi.json', import.meta.url);
const LOCK = new URL('../package-lock.json', import.meta.url);
const TYPES = fileURLToPath(new URL('../src/api/schema.d.ts', import.meta.url));

const made = statSync(TYPES, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (made <= Math.max(statSync(CONTRACT).mtimeMs, statSync(LOCK).mtimeMs)) {
  const text = astToString(await openapiTS(CONTRACT));
  writeFileSync(`${TYPES}.new`, `// Made by scripts/make-types.mjs from ccc/openapi.json.\n${text}`);
  renameSync(`${TYPES}.new`, TYPES);
}
