import { expect, it } from 'vitest';
import type { Problem } from '../api/types';
import { elsewhereOf } from './elsewhere';

const problem = (where?: string): Problem => ({
  type: '/problems/seat-elsewhere',
  title: '',
  status: 409,
  detail: '',
  instance: 'urn:trace:t',
  origin: '',
  retryable: false,
  ...(where === undefined ? {} : { where }),
});
const portals = [{ name: 'module-2', url: 'https://two.example:8443' }];

it('names the module behind the address', () => {
  expect(elsewhereOf(problem('https://two.example:8443/api/v1'), portals)).toEqual({
    name: 'module-2',
    url: 'https://two.example:8443',
    isKnown: true,
  });
});

it('shows an address that is not of this installation, and gives no link to it', () => {
  expect(elsewhereOf(problem('https://two.example:9999/'), portals)).toEqual({
    name: 'https://two.example:9999',
    url: 'https://two.example:9999',
    isKnown: false,
  });
});

it('has nothing to say without an address, or with something that is none', () => {
  expect(elsewhereOf(problem(), portals)).toBeNull();
  expect(elsewhereOf(problem('javascript:alert(1)'), portals)).toBeNull();
  expect(elsewhereOf(problem('module 2'), portals)).toBeNull();
});
