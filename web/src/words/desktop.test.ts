import { describe, expect, it } from 'vitest';
import en from '../i18n/en/common.json';
import ko from '../i18n/ko/common.json';
import { ADMIN_ACTIONS, DESKTOP_STATES, hueOf, initialOf, OWNER_ACTIONS, toneOf, whyNot } from './desktop';

const off = { allowed_actions: ['start' as const], operation: null, state: 'off' as const, observed: 'off' as const, person_id: null };

describe('a desktop in words', () => {
  it('has a word in both languages for every state and action', () => {
    for (const state of DESKTOP_STATES) {
      expect(en.state).toHaveProperty(state);
      expect(ko.state).toHaveProperty(state);
    }
    for (const action of [...OWNER_ACTIONS, ...ADMIN_ACTIONS]) {
      expect(en.action).toHaveProperty(action);
      expect(ko.action).toHaveProperty(action);
    }
  });

  it('says why an action is greyed', () => {
    expect(whyNot('start', off)).toBeNull();
    expect(whyNot('shutdown', off)).toBe('already_off');
    expect(whyNot('unassign', off)).toBe('free');
    expect(whyNot('start', { ...off, allowed_actions: [], observed: 'running', state: 'ready' })).toBe('already_on');
    expect(whyNot('start', { ...off, allowed_actions: [], operation: { id: 'o', verb: 'start', stage: null, percent: 0 } })).toBe('busy');
    expect(whyNot('start', { ...off, allowed_actions: [], state: 'unknown' })).toBe('unknown');
    expect(whyNot('rebuild', { ...off, allowed_actions: [] })).toBe('not_now');
  });

  it('tolerates a state that a newer server made up', () => {
    expect(toneOf('hibernated')).toBe('quiet');
    expect(toneOf('crashed')).toBe('danger');
  });

  it('marks a tile by its first letter or syllable and a lasting colour', () => {
    expect(initialOf(' 교육장')).toBe('교');
    expect(initialOf('office')).toBe('O');
    expect(hueOf('some-id')).toBe(hueOf('some-id'));
    expect(hueOf('some-id')).toBeLessThan(10);
  });
});
