// Paging by cursor: the server knows only "next", so the way back is remembered here.
export interface Paging {
  /** Cursors of the pages walked through; the last is the one shown, '' the first page. */
  cursors: readonly string[];
}

export const FIRST: Paging = { cursors: [''] };

export function cursorOf(paging: Paging): string {
  return paging.cursors[paging.cursors.length - 1] ?? '';
}

export function pageNumber(paging: Paging): number {
  return paging.cursors.length;
}

export function forward(paging: Paging, next: string | null): Paging {
  return next === null ? paging : { cursors: [...paging.cursors, next] };
}

export function back(paging: Paging): Paging {
  return paging.cursors.length > 1 ? { cursors: paging.cursors.slice(0, -1) } : paging;
}
