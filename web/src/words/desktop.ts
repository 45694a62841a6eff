// A desktop's state and actions in words: what to say, in which tone, and why something is greyed.
import type { Desktop, DesktopAction, DesktopState } from '../api/types';

export type Tone = 'success' | 'info' | 'warning' | 'danger' | 'quiet';

const TONES: Record<DesktopState, Tone> = {
  preparing: 'info',
  starting: 'info',
  stopping: 'info',
  rebooting: 'info',
  rebuilding: 'info',
  deleting: 'info',
  running: 'success',
  ready: 'success',
  in_use: 'success',
  paused: 'warning',
  off: 'quiet',
  crashed: 'danger',
  unknown: 'warning',
  failed: 'danger',
};

export const DESKTOP_STATES = Object.keys(TONES) as DesktopState[];

/** A state that a newer server has and this page has not is shown as it is, quietly. */
export function toneOf(state: string): Tone {
  return TONES[state as DesktopState] ?? 'quiet';
}

export function isBusy(state: string): boolean {
  return toneOf(state) === 'info';
}

export const OWNER_ACTIONS = ['start', 'shutdown', 'reboot', 'stop', 'reset'] as const satisfies DesktopAction[];
export const ADMIN_ACTIONS = ['unassign', 'rebuild', 'delete'] as const satisfies DesktopAction[];

/** Actions that lose something: asked once, with the consequence in words. */
const DANGEROUS = new Set<DesktopAction>(['stop', 'reset', 'rebuild', 'delete', 'unassign']);

export function isDangerous(action: DesktopAction): boolean {
  return DANGEROUS.has(action);
}

export type WhyNot = 'busy' | 'already_on' | 'already_off' | 'unknown' | 'free' | 'not_now';

/** The reason an action is greyed; null when it is allowed. */
export function whyNot(action: DesktopAction, desktop: Pick<Desktop, 'allowed_actions' | 'operation' | 'state' | 'observed' | 'person_id'>): WhyNot | null {
  if (desktop.allowed_actions.includes(action)) return null;
  if (desktop.operation || isBusy(desktop.state)) return 'busy';
  if (desktop.state === 'unknown') return 'unknown';
  if (action === 'start' && desktop.observed === 'running') return 'already_on';
  if (desktop.observed === 'off' && ['shutdown', 'stop', 'reboot', 'reset'].includes(action)) return 'already_off';
  if (action === 'unassign' && !desktop.person_id) return 'free';
  return 'not_now';
}

const HUES = 10;

/** A number that stays with the thing, to colour its tile: look-alike names are told apart. */
export function hueOf(id: string): number {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.charCodeAt(0)) % 9973;
  return sum % HUES;
}

/** First letter of the name; of Korean the first syllable. */
export function initialOf(name: string): string {
  return (Array.from(name.trim())[0] ?? '?').toLocaleUpperCase();
}
