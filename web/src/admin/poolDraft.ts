// A pool while it is being made or changed, and the steps of making one. Plain data, no page.
import { ApiProblem } from '../api/problem';
import type { NewPool, Pool } from '../api/types';
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

/** Desktops over all modules. */
export function desktopsOf({ shares }: Pick<PoolDraft, 'shares'>): number {
  return Object.values(shares).reduce((sum, size) => sum + size, 0);
}

export const POOL_STEPS = ['image', 'spec', 'size', 'policy', 'preview'] as const;
export type PoolStep = (typeof POOL_STEPS)[number];

/** What a step still asks for; null: go on. */
export function whatLacks(draft: PoolDraft, step: PoolStep): 'image' | 'spec' | 'size' | 'name' | null {
  if (step === 'image') return draft.image_id ? null : 'image';
  if (step === 'spec') return draft.spec_id ? null : 'spec';
  if (step === 'size') return desktopsOf(draft) > 0 ? null : 'size';
  if (step === 'policy') return draft.name.trim() ? null : 'name';
  return null;
}

const STEP_OF: Record<string, PoolStep> = { kind: 'image', image_id: 'image', image_version_id: 'image', spec_id: 'spec', shares: 'size', name: 'policy', description: 'policy', spares_running: 'policy' };

/** The step that has the field which a refusal is about. */
export function stepOf(error: unknown): PoolStep | null {
  const pointer = error instanceof ApiProblem ? error.problem.errors?.[0]?.pointer : undefined;
  return STEP_OF[pointer?.split('/')[1] ?? ''] ?? null;
}
