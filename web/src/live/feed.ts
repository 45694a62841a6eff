// The stream of changes, one per browser: the leading tab reads /api/v1/events and tells the others.
import { newKey } from '../api/call';
import type { ChangedEvent } from '../api/types';
import { electLeader } from './leader';

/** live: pushed; polling: this server has no stream (a bCenter), it is not asked for; lost: trying again. */
export type FeedStatus = 'starting' | 'live' | 'polling' | 'lost';

type Message =
  | { type: 'changed'; event: ChangedEvent }
  | { type: 'reread' }
  | { type: 'status'; status: FeedStatus }
  | { type: 'hello' };

export interface FeedListener {
  changed(event: ChangedEvent): void;
  /** Something may have been missed: everything shown is to be read again. */
  reread(): void;
  status(status: FeedStatus): void;
}

const URL = '/api/v1/events';
const AGAIN = 5_000;

export function startFeed(listener: FeedListener): () => void {
  const channel = new BroadcastChannel('bic.feed');
  let status: FeedStatus = 'starting';
  let leading = false;

  const receive = (message: Message) => {
    if (message.type === 'changed') listener.changed(message.event);
    else if (message.type === 'reread') listener.reread();
    else if (message.type === 'status') {
      status = message.status;
      listener.status(status);
    } else if (leading) channel.postMessage({ type: 'status', status } satisfies Message);
  };
  channel.onmessage = (event: MessageEvent<Message>) => receive(event.data);
  const publish = (message: Message) => {
    channel.postMessage(message);
    receive(message);
  };

  const resign = electLeader(
    'bic.feed',
    () => {
      leading = true;
      const stop = readStream(publish);
      return () => {
        leading = false;
        stop();
      };
    },
    { locks: navigator.locks as LockManager | undefined, storage: localStorage, now: () => Date.now(), id: newKey() },
  );
  channel.postMessage({ type: 'hello' } satisfies Message);
  return () => {
    resign();
    channel.close();
  };
}

function readStream(publish: (message: Message) => void): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const open = () => {
    source = new EventSource(URL);
    source.addEventListener('open', () => {
      publish({ type: 'status', status: 'live' });
      // What changed before, since the page was read or while no tab had a stream, was told to nobody.
      publish({ type: 'reread' });
    });
    source.addEventListener('changed', (event) => {
      const changed = parseChanged((event as MessageEvent<string>).data);
      if (changed) publish({ type: 'changed', event: changed });
    });
    source.addEventListener('error', () => {
      publish({ type: 'status', status: 'lost' });
      // Refused (signed out, too many streams): the browser has given up, we have not.
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN);
    });
  };

  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}

export function parseChanged(data: string): ChangedEvent | null {
  try {
    const value = JSON.parse(data) as Partial<ChangedEvent>;
    if (typeof value.kind !== 'string') return null;
    return { kind: value.kind, ids: Array.isArray(value.ids) ? value.ids : [] };
  } catch {
    return null;
  }
}
