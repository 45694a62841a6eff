// A pool's figures of the I/O law while they are edited.
import type { Pool, PoolIo } from '../api/types';

export type PoolIoDraft = Omit<PoolIo, 'modules'>;

/** What a job is by itself, and all of it learned. */
export const EMPTY_IO: PoolIoDraft = { job: 'session', per_job: null, per_start: null };

export function ioDraftOf({ io }: Pool): PoolIoDraft {
  return { job: io.job, per_job: io.per_job, per_start: io.per_start };
}
