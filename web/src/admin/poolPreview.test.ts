import i18next from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PoolPreview } from '../api/types';
import en from '../i18n/en/admin.json';
import { lawWords, needsOf } from './poolPreview';

type PreviewModule = PoolPreview['modules'][number];
const module = (part: Partial<PreviewModule>) =>
  ({ needs: { slots: 40, memory_mib: 40_960, storage_gib: 0, vfs: 40 }, free: { slots: 100, memory_mib: 102_400, storage_gib: 0, vfs: 26 }, room: 26, add: 40, bservers: 2, bservers_up: 2, wanted: 40, limit: 1000, law: 'law-vf', ...part }) as PreviewModule;

beforeAll(() => i18next.init({ lng: 'en', resources: { en: { translation: en } } }));

describe('a preview', () => {
  it('says what is needed and what is free', () => {
    expect(needsOf(module({})).map(({ name, isShort }) => [name, isShort])).toEqual([['slots', false], ['memory_mib', false], ['vfs', true]]);
    expect(lawWords(module({}), i18next.t, 'en')).toBe('Needs 40 virtual functions, 26 are free.');
    expect(lawWords(module({ law: 'law-memory', free: { slots: 100, memory_mib: 20_480, storage_gib: 0, vfs: 99 } }), i18next.t, 'en')).toBe('Needs 40 GiB of memory, 20 GiB is free.');
  });

  it('knows other reasons than a sum that is too small', () => {
    expect(lawWords(module({ law: 'law-memory', room: 12 }), i18next.t, 'en')).toContain('room for 12');
    expect(lawWords(module({ law: 'law-slots', bservers_up: 0 }), i18next.t, 'en')).toContain('No bServer');
    expect(lawWords(module({ law: 'law-module', wanted: 1200 }), i18next.t, 'en')).toContain('1,200');
    expect(lawWords(module({ law: 'law-of-a-newer-server' }), i18next.t, 'en')).toContain('can run');
  });
});
