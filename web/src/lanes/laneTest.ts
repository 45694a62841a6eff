// Asks a display lane whether this browser can reach it: way, certificate and WebSocket, without a
// ticket and without a desktop (the agent's docs/display.md).

const PROTOCOL = 'bic.lane-test.v1';
const WITHIN = 8_000;

export type LaneResult = { ok: true; ms: number } | { ok: false; why: 'silent' | 'refused' };

/** Never rejects. Browsers do not tell a bad certificate from a closed port: both are "refused". */
export function testLane(url: string, signal?: AbortSignal): Promise<LaneResult> {
  return new Promise((resolve) => {
    const begun = performance.now();
    let took = -1;
    let socket: WebSocket;
    const end = (result: LaneResult) => {
      window.clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      resolve(result);
      socket.close();
    };
    const giveUp = () => end({ ok: false, why: 'silent' });
    const timer = window.setTimeout(giveUp, WITHIN);
    try {
      socket = new WebSocket(url, [PROTOCOL]);
    } catch {
      window.clearTimeout(timer);
      resolve({ ok: false, why: 'refused' });
      return;
    }
    signal?.addEventListener('abort', giveUp);
    socket.addEventListener('open', () => {
      took = performance.now() - begun;
    });
    // It has said what it had to say when it closes: only then is it a lane and not just some server.
    socket.addEventListener('close', (event) =>
      end(took >= 0 && event.code === 1000 ? { ok: true, ms: Math.round(took) } : { ok: false, why: 'refused' }),
    );
  });
}

/** One after the other in each of a few rows: a page of lanes must not knock at all doors at once. */
export async function testAll(urls: readonly string[], done: (url: string, result: LaneResult) => void, signal: AbortSignal): Promise<void> {
  const left = [...urls];
  const row = async () => {
    for (let url = left.shift(); url !== undefined && !signal.aborted; url = left.shift()) {
      const result = await testLane(url, signal);
      if (!signal.aborted) done(url, result);
    }
  };
  await Promise.all(Array.from({ length: 4 }, row));
}
