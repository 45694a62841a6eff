// A list of any length as pages by cursor: which pages are known, and which of them a window shows.
// Pure. Only where each page begins is kept of what is not in the window.

export const PAGE_SIZE = 100;

export interface Chain {
  /** How page n begins; null is the start of the list. */
  cursors: readonly (string | null)[];
  /** Rows of the last page, when that is known to be the last; else null. */
  tail: number | null;
}

export const START: Chain = { cursors: [null], tail: null };

/** After page n was read. What lay behind a page that now ends elsewhere is to be found anew. */
export function learn(chain: Chain, page: number, next: string | null, length: number): Chain {
  if (page >= chain.cursors.length) return chain;
  if (next === null) {
    const isKnown = page === chain.cursors.length - 1 && chain.tail === length;
    return isKnown ? chain : { cursors: chain.cursors.slice(0, page + 1), tail: length };
  }
  if (chain.cursors[page + 1] === next) return chain;
  return { cursors: [...chain.cursors.slice(0, page + 1), next], tail: null };
}

/** Rows to scroll through now: the page after the last that was read counts as a whole. */
export function rowsOf({ cursors, tail }: Chain): number {
  return (cursors.length - 1) * PAGE_SIZE + (tail ?? PAGE_SIZE);
}

export interface Span {
  first: number;
  /** Behind the last. */
  end: number;
}

const SPARE = 8;

/** Rows that a window shows, and some above and below. */
export function spanOf(top: number, height: number, rowHeight: number, rows: number): Span {
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const end = Math.min(rows, Math.ceil((top + height) / rowHeight) + SPARE);
  return { first: Math.min(first, Math.max(0, rows - 1)), end: Math.max(end, Math.min(rows, 1)) };
}

/** Pages to have: those of the rows, and the first, which tells the total. */
export function pagesOf({ first, end }: Span, chain: Chain): number[] {
  const last = Math.min(Math.floor(Math.max(first, end - 1) / PAGE_SIZE), chain.cursors.length - 1);
  const pages = new Set([0]);
  for (let page = Math.floor(first / PAGE_SIZE); page <= last; page += 1) pages.add(page);
  return [...pages];
}
