import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import en from '../i18n/en/admin.json';
import ko from '../i18n/ko/admin.json';
import { AUDIT_ACTIONS } from './auditActions';

const contract = readFileSync(fileURLToPath(new URL('../../../docs/rest.md', import.meta.url)), 'utf8');

it('are those of the contract, each with its words', () => {
  const table = contract.slice(contract.indexOf('\n## Audit'));
  const documented = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap((row) => [...(row[1] ?? '').matchAll(/`([\w.-]+)`/g)].map((code) => code[1]));
  expect([...AUDIT_ACTIONS].sort()).toEqual(documented.sort());
  for (const { auditAction } of [en, ko] as unknown as { auditAction: Record<string, Record<string, string>> }[]) {
    for (const code of AUDIT_ACTIONS) {
      const [resource = '', verb = ''] = code.split('.');
      expect(auditAction[resource]?.[verb], code).toBeTruthy();
    }
  }
});
