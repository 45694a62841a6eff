import { describe, expect, it, vi } from 'vitest';
import { ApiProblem } from '../api/problem';
import type { Connection, Operation } from '../api/types';
import { connect, type ConnectingPort } from './connecting';

const connection = { id: 'c1' } as Connection;
const operation = (state: Operation['state'], extra: Partial<Operation> = {}) => ({ id: 'o1', state, stages: [], ...extra }) as unknown as Operation;
const problem = (status: number, retryable = false) =>
  new ApiProblem({ type: '/problems/x', title: '', status, detail: '', instance: '', origin: '', retryable });

function port(part: Partial<ConnectingPort>): ConnectingPort {
  return { ask: vi.fn(), follow: vi.fn(), sleep: () => Promise.resolve(), ...part };
}
const run = () => ({ signal: new AbortController().signal, onOperation: vi.fn() });

describe('connecting', () => {
  it('is done at once when the desktop is ready', async () => {
    const ask = vi.fn().mockResolvedValue({ status: 201, data: connection });
    await expect(connect({ pool_id: 'p' }, port({ ask }), run())).resolves.toBe(connection);
  });

  it('follows the operation to its end and shows each step', async () => {
    const ask = vi.fn().mockResolvedValue({ status: 202, data: operation('queued') });
    const follow = vi
      .fn()
      .mockResolvedValueOnce(operation('running'))
      .mockRejectedValueOnce(problem(503, true))
      .mockResolvedValueOnce(operation('succeeded', { result: connection as unknown as Operation['result'] }));
    const seen = run();
    await expect(connect({ pool_id: 'p' }, port({ ask, follow }), seen)).resolves.toBe(connection);
    expect(seen.onOperation).toHaveBeenCalledTimes(3);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('asks again where operations cannot be read', async () => {
    const ask = vi.fn().mockResolvedValueOnce({ status: 202, data: operation('queued') }).mockResolvedValueOnce({ status: 201, data: connection });
    const follow = vi.fn().mockRejectedValue(problem(404));
    await expect(connect({ desktop_id: 'd' }, port({ ask, follow }), run())).resolves.toBe(connection);
  });

  it('fails with the operation’s own problem', async () => {
    const error = problem(409).problem;
    const ask = vi.fn().mockResolvedValue({ status: 202, data: operation('failed', { error }) });
    await expect(connect({ pool_id: 'p' }, port({ ask }), run())).rejects.toMatchObject({ problem: error });
  });

  it('stops when the page is left', async () => {
    const stop = new AbortController();
    stop.abort();
    const ask = vi.fn();
    await expect(connect({ pool_id: 'p' }, port({ ask }), { signal: stop.signal, onOperation: vi.fn() })).rejects.toThrow();
    expect(ask).not.toHaveBeenCalled();
  });
});
