// How a Connection gets from the portal's page to the desktop client: through this tab's
// sessionStorage, read once and erased, so that neither the ticket nor the resume secret is ever
// in a URL or outlives the page. What stays (for a reload, and for the way back) is which desktop it
// was, and of which pool: a floating desktop that went off is nobody's, and only its pool leads to one.
import type { Connection } from '../api/types';

const KEY = 'bic.handover';

export interface Handover {
  connection: Connection;
  pool_id: string;
  /** What the person calls it; shown in the window's title. */
  name: string;
}

export interface Remembered {
  desktop_id: string;
  pool_id: string;
  name: string;
}

export const CLIENT_PAGE = '/client.html';

export function openClient(handover: Handover): void {
  sessionStorage.setItem(KEY, JSON.stringify(handover));
  window.location.replace(CLIENT_PAGE);
}

export function takeHandover(): Handover | null {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (!text) return null;
  try {
    const handover = JSON.parse(text) as Handover;
    remember({ desktop_id: handover.connection.desktop_id, pool_id: handover.pool_id, name: handover.name });
    return handover;
  } catch {
    return null;
  }
}

export function remember(what: Remembered): void {
  window.history.replaceState({ bic: what }, '');
}

/** After a reload: which desktop this page showed. */
export function remembered(): Remembered | null {
  const state = window.history.state as { bic?: Remembered } | null;
  return state?.bic?.pool_id ? state.bic : null;
}

/** The portal's starting page: from the pool, of which the same desktop is still hers if it is anybody's. */
export function startPage(what: Remembered | null): string {
  return what ? `/start/${encodeURIComponent(what.pool_id)}` : '/';
}
