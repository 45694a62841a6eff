// The server's sentences are English. Those that a person may meet in a form are known here, and said
// in her language; what is inside of them (a name, a bound) is taken over.
import type { TFunction } from 'i18next';

/** [what the server says, the word's key, names of what is captured]. The member's own name in front of it is not part of it. */
const SAID: readonly (readonly [RegExp, string, ...string[]])[] = [
  [/^is missing$/, 'missing'],
  [/^must not be null$/, 'missing'],
  [/^must be a name$/, 'name'],
  [/^is too long(?: or holds a NUL)?$/, 'tooLong'],
  [/^user name or password is too long$/, 'tooLong'],
  [/^must be text$/, 'text'],
  [/^must be a lower-case UUID$/, 'choice'],
  [/^is not one of the allowed words$/, 'choice'],
  [/^is not allowed$/, 'choice'],
  [/^must be true or false$/, 'choice'],
  [/^must be a whole number from (-?\d+) to (-?\d+)$/, 'range', 'min', 'max'],
  [/^must be a number from ([\d.]+) to ([\d.]+) with at most three decimals$/, 'decimal', 'min', 'max'],
  [/^(?:must be an object|is of no known kind)$/, 'general'],
  [/^must be a list within its bounds$/, 'list'],
  [/^must be 1 to 32 of a-z, 0-9, dot, dash, underscore$/, 'username'],
  [/^must be at most (\d+) characters$/, 'atMost', 'max'],
  [/^must be a language tag$/, 'locale'],
  [/^must be 8 to 128 characters$/, 'password'],
  [/^is not a resume secret$/, 'general'],
  [/^unknown member '(.+)'$/, 'unknown', 'name'],
  [/^another \S+ has this already$/, 'taken'],
  [/^a (?:block|module of this block|node of this kind) has this name(?: there)?$/, 'taken'],
  [/^a module is named twice$/, 'twice'],
  [/^must be 1 to (\d+) characters$/, 'atMost', 'max'],
  [/^a filter needs at least one member$/, 'missing'],
  [/^(?:pool_id )?must be (?:the id of a desktop|a UUID)$/, 'choice'],
  [/^a desktop is named twice$/, 'general'],
  [/^this name is in use$/, 'taken'],
  [/^no bServer of module (.+) is large enough for such a desktop$/, 'noneLarge', 'name'],
  [/^no bServer of module (.+) has a store for such a disk$/, 'noneStores', 'name'],
  [/^module (.+) would hold (\d+) desktops, its bServers have (\d+) places$/, 'morePlaces', 'name', 'wanted', 'slots'],
  [/^the filter finds more than \d+ desktops$/, 'many'],
  [/^the filter finds no desktop$/, 'noneFound'],
  [/^a person keeps at most (\d+) filters$/, 'filtersFull', 'max'],
  [/^a filter with this name is kept already$/, 'taken'],
  [/^exactly one of user_id and group_id must be given$/, 'choosePerson'],
  [/^what \S+ names does not exist$/, 'gone'],
  [/^\S+ belongs under a (block|module)$/, 'under', 'kind'],
  [/^module (.+) would hold (\d+) desktops, the limit is 1,000$/, 'moduleFull', 'name', 'wanted'],
  [/^module (.+) has (\d+) assigned desktops of this pool$/, 'moduleAssigned', 'name', 'assigned'],
  [/^it is used by (desktop) (.+), which is assigned$/, 'usedBy', 'kind', 'name'],
  [/^it is used by an (entitlement) to pool (.+)$/, 'usedBy', 'kind', 'name'],
  [/^it is used by (desktop|pool) (.+)$/, 'usedBy', 'kind', 'name'],
  [/^the last administrator must stay one$/, 'lastAdmin'],
  [/^you cannot delete yourself$/, 'yourself'],
  [/^the body must be a qcow2 file$/, 'notQcow2'],
  [/^the file is not a qcow2 image/, 'notQcow2'],
  [/^the file is too short for a qcow2 image$/, 'notQcow2'],
  [/^this version of qcow2 is not known here/, 'qcow2Version'],
  [/^the image keeps its data in another file$/, 'dataFile'],
  [/^the image is marked as damaged/, 'damaged'],
  [/^the image(?:'s header)? is damaged/, 'damaged'],
  [/^the image was not closed properly/, 'notClosed'],
  [/^the image uses (?:features|a compression) that (?:are|is) not known here$/, 'features'],
  [/^the disk's size is not/, 'diskSize'],
  [/^the image needs a backing file/, 'backing'],
  [/^the image is encrypted$/, 'encrypted'],
  [/^the image holds internal snapshots/, 'snapshots'],
];

/** "name must be a name", "share 2: size is missing", "io: job is missing": the member in front is known by its place. */
const IN_FRONT = /^(?:share \d+: |io: )?[a-z][a-z_]* (?=(?:is|must) )/;

/** Null when the sentence is not known. */
export function saidIn(t: TFunction, sentence: string): string | null {
  for (const text of [sentence, sentence.replace(IN_FRONT, '')]) {
    for (const [pattern, key, ...names] of SAID) {
      const found = pattern.exec(text);
      if (!found) continue;
      const values = Object.fromEntries(names.map((name, i) => [name, found[i + 1] ?? '']));
      const kind = values.kind ? { kind: t(`saidKind.${values.kind}`) } : {};
      return t(`said.${key}`, { ...values, ...kind });
    }
  }
  return null;
}
