// Every word a person reads is in both languages and in use; no text is written into JSX.
// Reads the sources with TypeScript's parser. Run by `npm run lint` and before each build.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LANGUAGES = ['en', 'ko'];
/** The client has its own small dictionary, flat and without i18next. */
const DICTIONARIES = {
  portal: { files: ['common', 'portal', 'admin', 'problems'], sources: (path) => !path.startsWith('src/client/') },
  client: { files: ['client'], sources: (path) => path.startsWith('src/client/') },
};
const SPOKEN = new Set(['title', 'label', 'placeholder', 'alt', 'aria-label', 'hint', 'lead', 'hoverTip', 'clickTip', 'screenReaderText', 'description']);
const LETTER = /\p{L}/u;
const PARTICLE = /\}\}(?:을|를|이|가|은|는|와|과|로|으로|을\(를\)|이\(가\))(?=[\s.,!?]|$)/u;
const problems = [];

function flatten(value, prefix = '') {
  return Object.entries(value).flatMap(([key, child]) => (typeof child === 'string' ? [[prefix + key, child]] : flatten(child, `${prefix}${key}.`)));
}

function load(language, names) {
  return new Map(names.flatMap((name) => flatten(JSON.parse(readFileSync(join(ROOT, 'src/i18n', language, `${name}.json`), 'utf8')))));
}

function sourcesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.(test|d)\.tsx?$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)));
}

/** `t('a.b')`, t(x ? 'a' : 'b') and t(`a.${x}`) in one file. */
function usesOf(path) {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const keys = new Set();
  const prefixes = new Set();
  const complain = (node, what) => problems.push(`${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
  const argument = (node) => {
    if (ts.isStringLiteralLike(node)) keys.add(node.text);
    else if (ts.isTemplateExpression(node)) prefixes.add(node.head.text);
    else if (ts.isConditionalExpression(node)) {
      argument(node.whenTrue);
      argument(node.whenFalse);
    } else complain(node, 'a key that cannot be checked');
  };
  const visit = (node) => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 't' && node.arguments[0]) argument(node.arguments[0]);
    if (ts.isJsxText(node) && LETTER.test(node.text)) complain(node, `literal text in JSX: ${node.text.trim()}`);
    if (ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText()) && node.initializer && ts.isStringLiteral(node.initializer) && LETTER.test(node.initializer.text)) {
      complain(node, `literal text in ${node.name.getText()}: ${node.initializer.text}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { keys, prefixes };
}

const base = (key) => key.replace(/_(zero|one|two|few|many|other)$/, '');
const all = sourcesUnder(join(ROOT, 'src'));
for (const [name, { files, sources }] of Object.entries(DICTIONARIES)) {
  const words = Object.fromEntries(LANGUAGES.map((language) => [language, load(language, files)]));
  const keysOf = (language) => new Set([...words[language].keys()].map(base));
  const [first, ...others] = LANGUAGES;
  for (const other of others) {
    for (const key of keysOf(first)) if (!keysOf(other).has(key)) problems.push(`${other}: missing ${key} (${name})`);
    for (const key of keysOf(other)) if (!keysOf(first).has(key)) problems.push(`${first}: missing ${key} (${name})`);
  }
  for (const [key, text] of words.ko) if (PARTICLE.test(text)) problems.push(`ko: a particle follows a variable in ${key}: ${text}`);
  for (const language of LANGUAGES) for (const [key, text] of words[language]) if (text.trim() === '') problems.push(`${language}: ${key} is empty`);
  const used = new Set();
  const prefixes = new Set();
  for (const path of all.filter(sources)) {
    const uses = usesOf(path);
    uses.keys.forEach((key) => used.add(key));
    uses.prefixes.forEach((prefix) => prefixes.add(prefix));
  }
  const known = keysOf(first);
  for (const key of used) if (!known.has(key)) problems.push(`used but not written: ${key} (${name})`);
  for (const prefix of prefixes) if (![...known].some((key) => key.startsWith(prefix))) problems.push(`used but not written: ${prefix}… (${name})`);
  for (const key of known) if (!used.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix))) problems.push(`written but not used: ${key} (${name})`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`check-strings: ${problems.length} findings`);
  process.exit(1);
}
console.log('check-strings: both languages complete');
