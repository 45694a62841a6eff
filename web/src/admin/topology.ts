// Sums over the modules of a block. Plain data.
import type { TopologyBlock, TopologyModule } from '../api/types';

export type Fill = Pick<TopologyModule, 'slots' | 'slots_used' | 'memory_mib' | 'memory_used_mib' | 'vfs' | 'vfs_used'>;

const FILL = ['slots', 'slots_used', 'memory_mib', 'memory_used_mib', 'vfs', 'vfs_used'] as const;
const COUNTS = ['desktops', 'running', 'sessions', 'bservers', 'bservers_up', 'bservers_maintenance'] as const;

function add<K extends keyof TopologyModule>(modules: readonly TopologyModule[], names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, modules.reduce((sum, module) => sum + Number(module[name]), 0)])) as Record<K, number>;
}

export const fillOf = ({ modules }: Pick<TopologyBlock, 'modules'>): Fill => add(modules, FILL);
export const sumOf = ({ modules }: Pick<TopologyBlock, 'modules'>) => add(modules, COUNTS);

/** Nothing is heard of any of its modules. */
export function isBlockSilent({ modules }: Pick<TopologyBlock, 'modules'>): boolean {
  return modules.length > 0 && modules.every(({ state }) => state === 'silent');
}
