// What the server can say, read from its sources: nothing of it may be left in English on a Korean page.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import i18next from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';
import en from '../i18n/en/problems.json';
import ko from '../i18n/ko/problems.json';
import { saidIn } from './said';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(ROOT + path, 'utf8');
const HANGUL = /[가-힣]/;

beforeAll(() => i18next.init({ lng: 'ko', resources: { ko: { translation: ko } } }));

describe('every refusal of common/base/errors.def', () => {
  const slugs = [...read('common/base/errors.def').matchAll(/^E\(\w+,\s*\d+,\s*"([\w-]+)"/gm)].map((match) => match[1] ?? '');

  it('is read from the file', () => expect(slugs.length).toBeGreaterThan(60));

  it.each(slugs)('%s has its title and its sentence in both languages', (slug) => {
    for (const words of [en, ko]) {
      const { problem, problemText } = words as unknown as Record<string, Record<string, string>>;
      expect(problem?.[slug]).toBeTruthy();
      expect(problemText?.[slug]).toBeTruthy();
      expect(problemText?.[slug]).not.toBe(problem?.[slug]);
    }
    expect((ko.problemText as Record<string, string>)[slug]).toMatch(HANGUL);
  });
});

/** Sentences about one member: the tables of request bodies, and the reader of them. */
function aboutMembers(): string[] {
  const sources = readdirSync(`${ROOT}ccc`).filter((name) => name.endsWith('.c')).map((name) => read(`ccc/${name}`));
  const tables = sources.flatMap((text) => [...text.matchAll(/\.must =\s*"([^"]+)"/g)]);
  const reader = [...read('common/base/json.c').matchAll(/wrong\(f, (?:f->must \? f->must : )?"([^"]+)"/g)];
  const pointed = sources.flatMap((text) => [...text.matchAll(/err_set\(e, ERR_\w+,\s*"([^"]+)"[^;]*\);\s*(?:err_number\([^;]*;\s*)*return err_pointer/g)]);
  const images = [...read('ccc/qcow2.c').matchAll(/invalid\(e,\s*"([^"]+)"/g)];
  const filled = (text: string) => text.replace(/^%s: /, '').replace('under a %s', 'under a module').replace(/%(?:lld|zu|d)/g, '7').replace(/%s/g, 'x');
  return [...new Set([...tables, ...reader, ...pointed, ...images].map((match) => filled(match[1] ?? '')))].filter((text) => text !== 'x' && text !== 'share 7: x');
}

describe('what the server says about a member, or an image', () => {
  const sentences = aboutMembers();

  it('is read from the sources', () => {
    expect(sentences).toEqual(expect.arrayContaining(['must be a name', 'is missing', 'is too long', 'a module is named twice', 'the image is encrypted', 'another x has this already']));
    expect(sentences.length).toBeGreaterThan(35);
  });

  it.each(sentences)('“%s” is known in Korean', (sentence) => expect(saidIn(i18next.t, sentence)).toMatch(HANGUL));

  it('is known with the member in front', () => {
    expect(saidIn(i18next.t, 'display_name must be at most 64 characters')).toBe('64자까지 쓸 수 있습니다.');
    expect(saidIn(i18next.t, 'share 2: size must be a whole number from 0 to 1000')).toBe('0에서 1000 사이의 정수를 넣으세요.');
    expect(saidIn(i18next.t, 'io: per_job must be a number from 0.001 to 1000000 with at most three decimals')).toBe('0.001에서 1000000 사이의 수를 소수점 아래 셋째 자리까지 넣으세요.');
  });
});
