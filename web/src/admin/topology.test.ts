import { describe, expect, it } from 'vitest';
import type { TopologyModule } from '../api/types';
import { fillOf, isBlockSilent, sumOf } from './topology';

const module = (part: Partial<TopologyModule>) => ({ slots: 100, slots_used: 40, memory_mib: 1000, memory_used_mib: 10, vfs: 8, vfs_used: 3, desktops: 40, running: 30, sessions: 20, bservers: 10, bservers_up: 9, bservers_maintenance: 1, state: 'up', ...part }) as TopologyModule;

describe('a block', () => {
  it('is as full as its modules together', () => {
    const block = { modules: [module({}), module({ slots_used: 60, bservers_up: 0, state: 'silent' })] };
    expect(fillOf(block)).toEqual({ slots: 200, slots_used: 100, memory_mib: 2000, memory_used_mib: 20, vfs: 16, vfs_used: 6 });
    expect(sumOf(block)).toMatchObject({ desktops: 80, bservers: 20, bservers_up: 9 });
    expect(isBlockSilent(block)).toBe(false);
  });

  it('is silent when nothing is heard of any module, and not when it has none', () => {
    expect(isBlockSilent({ modules: [module({ state: 'silent' })] })).toBe(true);
    expect(isBlockSilent({ modules: [] })).toBe(false);
    expect(fillOf({ modules: [] }).slots).toBe(0);
  });
});
