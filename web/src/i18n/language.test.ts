// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import { chooseLanguage, currentLanguage } from './language';

beforeEach(() => localStorage.clear());

describe('the language', () => {
  it('is the browser’s first one that is known', () => {
    expect(currentLanguage(['ko-KR', 'en'])).toBe('ko');
    expect(currentLanguage(['de', 'en-GB', 'ko'])).toBe('en');
    expect(currentLanguage(['fr'])).toBe('en');
  });

  it('is the one that was chosen here, from then on', () => {
    chooseLanguage('ko');
    expect(currentLanguage(['en'])).toBe('ko');
    localStorage.setItem('bic.language', 'tlh');
    expect(currentLanguage(['en'])).toBe('en');
  });
});
