// One tab of a browser does what is needed once: Web Locks where the page is secure (https or
// loopback), else a lease in localStorage that a closed tab lets run out.

export interface LeaderPort {
  locks: LockManager | undefined;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  now(): number;
  id: string;
}

const RENEW = 2_000;
const LEASE = 6_000;

/** Calls `lead` when this tab becomes the leader; its result ends the work. Returns "resign". */
export function electLeader(name: string, lead: () => () => void, port: LeaderPort): () => void {
  return port.locks ? byLock(name, lead, port.locks) : byLease(name, lead, port);
}

function byLock(name: string, lead: () => () => void, locks: LockManager): () => void {
  const giveUp = new AbortController();
  let release: () => void = () => giveUp.abort();
  locks
    .request(name, { signal: giveUp.signal }, () => {
      const stop = lead();
      return new Promise<void>((done) => {
        release = () => {
          stop();
          done();
        };
      });
    })
    .catch(() => undefined);
  return () => release();
}

interface Lease {
  id: string;
  until: number;
}

function byLease(name: string, lead: () => () => void, port: LeaderPort): () => void {
  let stop: (() => void) | null = null;
  let claimed = false;
  const read = (): Lease | null => {
    try {
      return JSON.parse(port.storage.getItem(name) ?? 'null') as Lease | null;
    } catch {
      return null;
    }
  };
  const tick = () => {
    const lease = read();
    const mine = lease?.id === port.id;
    if (lease && !mine && lease.until > port.now()) {
      claimed = false;
      stop?.();
      stop = null;
      return;
    }
    // Two tabs may claim at once; who still owns the lease a tick later leads.
    if (mine && claimed && !stop) stop = lead();
    claimed = true;
    port.storage.setItem(name, JSON.stringify({ id: port.id, until: port.now() + LEASE }));
  };
  tick();
  const timer = setInterval(tick, RENEW);
  return () => {
    clearInterval(timer);
    stop?.();
    if (read()?.id === port.id) port.storage.removeItem(name);
  };
}
