import { describe, expect, it } from 'vitest';
import { ApiProblem } from '../api/problem';
import type { Pool } from '../api/types';
import { draftOf, EMPTY_DRAFT, newPoolOf, type PoolDraft, POOL_STEPS, sharesOf, stepOf, whatLacks } from './poolDraft';
import { EMPTY_IO } from './poolIo';

describe('a pool being made', () => {
  it('goes from step to step, and knows what each still asks for', () => {
    const lacks = (draft: PoolDraft) => POOL_STEPS.map((step) => whatLacks(draft, step));
    expect(lacks(EMPTY_DRAFT)).toEqual(['image', 'spec', 'size', 'name', null]);
    expect(lacks({ ...EMPTY_DRAFT, name: 'a', image_id: 'i', spec_id: 's', shares: { m1: 0, m2: 3 } })).toEqual([null, null, null, null, null]);
  });

  it('goes back to the step with the field that was refused', () => {
    const refused = (pointer: string) => new ApiProblem({ type: '/problems/x', title: 'x', status: 409, detail: '', instance: '', origin: '', retryable: false, errors: [{ pointer, message: 'x' }] });
    expect(stepOf(refused('/shares/0/size'))).toBe('size');
    expect(stepOf(refused('/spec_id'))).toBe('spec');
    expect(stepOf(refused('/name'))).toBe('policy');
    expect(stepOf(new Error('away'))).toBeNull();
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
