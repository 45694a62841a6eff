// A pool while it is being edited, and what it will cost: plain arithmetic, no page.
import type { Image, Module, NewPool, Pool, Spec } from '../api/types';
import { EMPTY_IO, ioDraftOf, type PoolIoDraft } from './poolIo';

export interface PoolDraft {
  name: string;
  description: string;
  kind: Pool['kind'];
  image_id: string;
  image_version_id: string;
  spec_id: string;
  spares_running: number | null;
  io: PoolIoDraft;
  /** Desktops per module; a module that is absent has none. */
  shares: Readonly<Record<string, number>>;
}

export const EMPTY_DRAFT: PoolDraft = {
  name: '',
  description: '',
  kind: 'floating',
  image_id: '',
  image_version_id: '',
  spec_id: '',
  spares_running: 0,
  io: EMPTY_IO,
  shares: {},
};

export function draftOf(pool: Pool): PoolDraft {
  const shares = Object.fromEntries(pool.shares.map(({ module_id, size }) => [module_id, size]));
  const { name, description, kind, image_id, image_version_id, spec_id, spares_running } = pool;
  return { name, description, kind, image_id, image_version_id, spec_id, spares_running, io: ioDraftOf(pool), shares };
}

/** Modules that had a share are sent with 0, so that giving one up is said, not left out. */
export function sharesOf(draft: PoolDraft, before: Pool | null): NewPool['shares'] {
  const had = new Set(before?.shares.map(({ module_id }) => module_id));
  return Object.entries(draft.shares)
    .filter(([module_id, size]) => size > 0 || had.has(module_id))
    .map(([module_id, size]) => ({ module_id, size }));
}

export function newPoolOf(draft: PoolDraft): NewPool {
  return {
    name: draft.name.trim(),
    description: draft.description.trim(),
    kind: draft.kind,
    image_id: draft.image_id,
    ...(draft.image_version_id ? { image_version_id: draft.image_version_id } : {}),
    spec_id: draft.spec_id,
    shares: sharesOf(draft, null),
    spares_running: draft.spares_running ?? 0,
    io: draft.io,
  };
}

export interface PoolCost {
  desktops: number;
  memoryMib: number;
  vcpus: number;
  /** Disk at worst, every overlay grown to its full size. */
  diskGib: number;
  vfs: number;
  vfsFree: number;
  slotsFree: number;
}

export function costOf(draft: PoolDraft, spec: Spec | undefined, image: Image | undefined, modules: readonly Module[]): PoolCost {
  const desktops = Object.values(draft.shares).reduce((sum, size) => sum + size, 0);
  const chosen = modules.filter((module) => (draft.shares[module.id] ?? 0) > 0);
  const imageGib = Math.ceil((image?.latest_version?.virtual_size ?? 0) / 2 ** 30);
  return {
    desktops,
    memoryMib: desktops * (spec?.memory_mib ?? 0),
    vcpus: desktops * (spec?.vcpus ?? 0),
    diskGib: desktops * (spec?.disk_gib ?? imageGib),
    vfs: spec?.needs_vf ? desktops : 0,
    vfsFree: chosen.reduce((sum, { counts }) => sum + counts.vfs - counts.vfs_used, 0),
    slotsFree: chosen.reduce((sum, { counts }) => sum + counts.slots - counts.slots_used, 0),
  };
}
