// The short lists that forms choose from and that give ids their names.
import { call } from '../api/call';
import type { Page, Pool } from '../api/types';
import { useChoices } from '../list/useList';

export const useModules = () => useChoices('module', (query) => call('get', '/modules', { query }));
export const useImages = () => useChoices('image', (query) => call('get', '/images', { query }));
export const useSpecs = () => useChoices('spec', (query) => call('get', '/specs', { query }));
export const useGroups = () => useChoices('group', (query) => call('get', '/groups', { query }));
export const useBservers = () => useChoices('bserver', (query) => call('get', '/bservers', { query }));
/** For an administrator GET /pools answers whole pools. */
export const usePools = () => useChoices('pool', async (query) => (await call('get', '/pools', { query })) as Page<Pool>);
