// How a Connection gets from the portal's page to the desktop client: through this tab's
// sessionStorage, read once and erased, so that neither the ticket nor the resume secret is ever
// in a URL or outlives the page. What stays (for a reload) is the desktop's id and name.
import type { Connection } from '../api/types';

const KEY = 'bic.handover';

export interface Handover {
  connection: Connection;
  /** What the person calls it; shown in the window's title. */
  name: string;
}

export interface Remembered {
  desktop_id: string;
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
    remember({ desktop_id: handover.connection.desktop_id, name: handover.name });
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
  return state?.bic ?? null;
}
