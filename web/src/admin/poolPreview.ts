// A preview in rows and sentences. Plain data.
import type { TFunction } from 'i18next';
import type { PoolPreview } from '../api/types';
import { formatMib, formatNumber } from '../words/time';

type PreviewModule = PoolPreview['modules'][number];

const RESOURCES = ['slots', 'memory_mib', 'storage_gib', 'vfs'] as const;
type Resource = (typeof RESOURCES)[number];

export interface Need {
  name: Resource;
  needs: number;
  free: number;
  isShort: boolean;
}

/** What is not needed is left out: storage of hosts that count none, functions of those that need none. */
export function needsOf({ needs, free }: Pick<PreviewModule, 'needs' | 'free'>): Need[] {
  return RESOURCES.filter((name) => needs[name] > 0 || name === 'slots' || name === 'memory_mib').map((name) => ({ name, needs: needs[name], free: free[name], isShort: needs[name] > free[name] }));
}

const OF_LAW: Record<string, Resource> = { 'law-slots': 'slots', 'law-memory': 'memory_mib', 'law-storage': 'storage_gib', 'law-vf': 'vfs' };

/** "Needs 40 virtual functions, 26 are free." Where the sum is free but lies in pieces, it says so. */
export function lawWords(module: PreviewModule, t: TFunction, language: string): string {
  if (module.bservers_up === 0) return t('previewLaw.none');
  if (module.law === 'law-module') return t('previewLaw.module', { wanted: formatNumber(module.wanted, language), limit: formatNumber(module.limit, language) });
  const name = module.law ? OF_LAW[module.law] : undefined;
  if (!name) return t('previewLaw.capability');
  const write = (value: number) => (name === 'memory_mib' ? formatMib(value, language) : formatNumber(value, language));
  const numbers = { needed: write(module.needs[name]), free: write(module.free[name]), room: formatNumber(module.room, language) };
  return t(module.needs[name] > module.free[name] ? `previewLaw.${name}` : 'previewLaw.pieces', numbers);
}
