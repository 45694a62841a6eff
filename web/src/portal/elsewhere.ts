// A refusal may say where it would succeed: the portal of another module. A link is offered only to
// one that this installation named at log-in; any other address is shown as words.
import { originOf, otherPortals } from '../api/session';
import type { Problem } from '../api/types';

export interface Elsewhere {
  /** The module's name, or its address where that is all that is known. */
  name: string;
  url: string;
  isKnown: boolean;
}

export function elsewhereOf(problem: Problem, portals = otherPortals()): Elsewhere | null {
  const url = problem.where ? originOf(problem.where) : null;
  if (!url) return null;
  const portal = portals.find((one) => one.url === url);
  return { name: portal?.name ?? url, url, isKnown: portal !== undefined };
}
