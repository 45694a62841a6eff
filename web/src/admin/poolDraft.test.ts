import { describe, expect, it } from 'vitest';
import type { Image, Module, Pool, Spec } from '../api/types';
import { costOf, draftOf, EMPTY_DRAFT, newPoolOf, sharesOf } from './poolDraft';
import { EMPTY_IO } from './poolIo';

const spec = { memory_mib: 2048, vcpus: 2, disk_gib: null, needs_vf: true } as Spec;
const image = { latest_version: { virtual_size: 4 * 2 ** 30 } } as Image;
const modules = [
  { id: 'm1', counts: { slots: 100, slots_used: 90, vfs: 14, vfs_used: 10 } },
  { id: 'm2', counts: { slots: 100, slots_used: 0, vfs: 14, vfs_used: 0 } },
] as Module[];

describe('a pool being made', () => {
  it('says what it will cost, by the modules that get a share', () => {
    const cost = costOf({ ...EMPTY_DRAFT, shares: { m1: 20, m2: 0 } }, spec, image, modules);
    expect(cost).toEqual({ desktops: 20, memoryMib: 40_960, vcpus: 40, diskGib: 80, vfs: 20, vfsFree: 4, slotsFree: 10 });
  });

  it('leaves out what was not chosen', () => {
    const body = newPoolOf({ ...EMPTY_DRAFT, name: ' Office ', image_id: 'i', spec_id: 's', shares: { m1: 5, m2: 0 }, spares_running: null });
    expect(body).toEqual({ name: 'Office', description: '', kind: 'floating', image_id: 'i', spec_id: 's', shares: [{ module_id: 'm1', size: 5 }], spares_running: 0, io: { job: 'session', per_job: null, per_start: null } });
  });

  it('says 0 for a module that gives up its share', () => {
    const before = { shares: [{ module_id: 'm2', size: 5, state: 'acknowledged' }], io: { ...EMPTY_IO, modules: [] } } as unknown as Pool;
    const draft = { ...draftOf(before), shares: { m1: 5, m2: 0 } };
    expect(sharesOf(draft, before)).toEqual([
      { module_id: 'm1', size: 5 },
      { module_id: 'm2', size: 0 },
    ]);
  });
});
