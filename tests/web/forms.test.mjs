// An administrator at work: forms and their refusals, power, members, an upload, and what others do meanwhile.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, clean, launch, settled, shot, signIn, visitor } from './browser.mjs';
import { portal } from './installation.mjs';

let browser;
let context;
let page;
let findings;
const mark = `w${Date.now().toString(36)}`;
/** What is made here, newest last: taken away in the end, whatever happened. */
const made = [];

/** REST from within the page: its session, but nothing that the page's own code sees. */
async function rest(method, path, body, generation) {
  const answer = await page.evaluate(
    async ([verb, where, json, etag]) => {
      const { csrf } = await (await fetch('/api/v1/me')).json();
      const headers = { 'X-CSRF-Token': csrf, ...(json ? { 'Content-Type': 'application/json' } : {}), ...(etag ? { 'If-Match': `"${etag}"` } : {}) };
      const response = await fetch(`/api/v1${where}`, { method: verb, headers, body: json ? JSON.stringify(json) : undefined });
      return { status: response.status, text: await response.text() };
    },
    [method, path, body, generation],
  );
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.text ? JSON.parse(answer.text) : null;
}

async function make(kind, body) {
  const one = await rest('POST', `/${kind}`, body);
  made.push(`/${kind}/${one.id}`);
  return one;
}

const go = async (path) => {
  await page.goto(new URL(path, portal).href);
  await settled(page);
};
const menuOf = async (name, item) => {
  await page.locator('tr', { hasText: name }).locator('button[aria-expanded]').click();
  await page.getByRole('menuitem', { name: item }).first().click();
};
const save = () => page.locator('button[type=submit]').last().click();
/** Chromium itself writes an answer of 4xx to the console; nothing else may be there. */
const expected = (...statuses) => {
  for (let i = findings.length - 1; i >= 0; i -= 1) if (statuses.some((status) => findings[i].includes(`status of ${status}`))) findings.splice(i, 1);
};
/** The field has the focus, is marked, and its words, which are Korean, are tied to it. */
async function faultAt(id) {
  await page.waitForFunction((one) => document.activeElement?.id === one, id);
  const { invalid, words } = await page.evaluate((one) => {
    const field = document.getElementById(one);
    return { invalid: field.getAttribute('aria-invalid') ?? field.dataset.invalid, words: document.getElementById(field.getAttribute('aria-describedby'))?.textContent ?? '' };
  }, id);
  assert.equal(invalid, 'true');
  assert.match(words, /[가-힣]/);
  return words;
}

before(async () => {
  browser = await launch();
  ({ page, findings, context } = await visitor(browser));
  await signIn(page, 'admin');
  await page.waitForURL('**/admin');
});
after(async () => {
  for (const path of made.reverse()) {
    const found = await page.evaluate(async (where) => (await fetch(`/api/v1${where}`)).json(), path).catch(() => ({}));
    if (found.generation) await rest('DELETE', path, undefined, found.generation).catch((error) => console.log(`not taken away: ${error.message}`));
  }
  await browser.close();
});

test('a refused log-in is read aloud', async () => {
  const other = await visitor(browser);
  await other.page.goto(portal.href);
  await other.page.fill('#username', 'nobody-here');
  await other.page.fill('#password', 'not the password');
  await other.page.keyboard.press('Enter');
  assert.match(await other.page.getByRole('alert').innerText(), /오류:/);
  await other.context.close();
});

test('a user: created, refused at the field, edited, and overtaken', async () => {
  await go('/admin/users');
  await page.locator('.page-head-actions button').first().click();
  await page.fill('#field-username', `${mark}-kim`);
  await page.fill('#field-display_name', '김검사');
  await page.fill('#field-password', 'long enough');
  await save();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  const [user] = (await rest('GET', `/users?q=${mark}-kim`)).items;
  made.push(`/users/${user.id}`);

  await page.locator('.page-head-actions button').first().click();
  await page.fill('#field-username', `${mark}-kim`);
  await page.fill('#field-password', 'long enough');
  await save();
  assert.match(await faultAt('field-username'), /이미 쓰고 있는/);
  await accessible(page, 'a user that is refused');
  await shot(page, 'form-user-refused-ko');
  expected(409);
  await page.keyboard.press('Escape');

  await page.locator('.list-tools input').fill(`${mark}-kim`);
  await page.waitForURL(/q=/);
  await settled(page);
  await menuOf(`${mark}-kim`, '편집');
  await page.fill('#field-display_name', '김선생');
  await rest('PATCH', `/users/${user.id}`, { role: 'admin', display_name: '김박사' }, user.generation);
  await save();
  await page.getByText('역할: 다른 사람이 바꾼 값을 넣었습니다. 관리자').waitFor();
  await page.getByText('다른 사람의 값: 김박사').waitFor();
  assert.equal(await page.inputValue('#field-display_name'), '김선생');
  await accessible(page, 'a user that somebody else changed');
  await shot(page, 'form-user-stale-ko');
  expected(412);
  await save();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  const now = await rest('GET', `/users/${user.id}`);
  assert.deepEqual([now.display_name, now.role], ['김선생', 'admin']);
  clean(findings);
});

test('a group: its members are found by name, and what others do appears by itself', async () => {
  const user = await make('users', { username: `${mark}-lee`, display_name: '이검사', password: 'long enough' });
  const group = await make('groups', { name: `${mark} 검사`, description: '' });
  await go(`/admin/groups/${group.id}`);
  await page.locator('.picker input').fill('이검');
  await page.locator('.picker-found button', { hasText: user.username }).click();
  await page.locator('td', { hasText: user.username }).waitFor();
  await accessible(page, 'a group with a member');
  await page.getByRole('button', { name: `빼기: ${user.username}` }).click();
  await page.locator('td', { hasText: user.username }).waitFor({ state: 'detached' });

  await rest('PUT', `/groups/${group.id}/members/${user.id}`);
  await page.locator('td', { hasText: user.username }).waitFor({ timeout: 15_000 });
  await rest('PATCH', `/groups/${group.id}`, { name: `${mark} 바뀜` }, group.generation);
  await page.locator('h1', { hasText: '바뀜' }).waitFor({ timeout: 15_000 });
  clean(findings);
});

test('a pool: created, refused at a share, and overtaken', async () => {
  const [pool] = (await rest('GET', '/pools')).items;
  const [module] = (await rest('GET', '/modules?sort=name')).items;
  await go('/admin/pools/new');
  await page.selectOption('#field-image_id', pool.image_id);
  await save();
  await page.selectOption('#field-spec_id', pool.spec_id);
  await save();
  await page.fill(`#share-${module.id}`, '1');
  await save();
  await page.fill('#field-name', pool.name);
  await save();
  await page.locator('.preview-module, .preview, .problem').first().waitFor();
  await save();
  // Refused: back at the step with the field that it is about.
  assert.match(await faultAt('field-name'), /이미 쓰고 있는/);
  await page.fill('#field-name', `${mark} 풀`);
  await page.getByRole('button', { name: /^3\. / }).click();
  await page.fill(`#share-${module.id}`, '1000');
  await save();
  await save();
  // More than there is room for: the preview says so, with the numbers, before anybody asks.
  await page.locator('.preview-law').waitFor();
  await accessible(page, 'a preview of a pool that does not fit');
  await shot(page, 'form-pool-preview-ko');
  await save();
  assert.match(await faultAt('shares'), new RegExp(module.name));
  await accessible(page, 'a pool that is refused');
  await shot(page, 'form-pool-refused-ko');
  expected(409);
  await page.fill(`#share-${module.id}`, '1');
  await save();
  await page.fill('#field-spares_running', '0');
  await save();
  await page.locator('.preview-module').waitFor();
  await save();
  await page.waitForURL('**/admin/pools');
  expected(409);    // of the preview, which was asked with 1,000 again on the way back
  const mine = (await rest('GET', '/pools?limit=200')).items.find(({ name }) => name === `${mark} 풀`);
  made.push(`/pools/${mine.id}`);

  await go(`/admin/pools/${mine.id}`);
  await page.fill('#field-description', '내 설명');
  await rest('PATCH', `/pools/${mine.id}`, { name: `${mark} 남의 풀` }, mine.generation);
  await save();
  await page.getByText(`이름: 다른 사람이 바꾼 값을 넣었습니다. ${mark} 남의 풀`).waitFor();
  assert.equal(await page.inputValue('#field-description'), '내 설명');
  await accessible(page, 'a pool that somebody else changed');
  await shot(page, 'form-pool-stale-ko');
  expected(412);
  await save();
  await page.waitForURL('**/admin/pools');
  const now = await rest('GET', `/pools/${mine.id}`);
  assert.deepEqual([now.name, now.description], [`${mark} 남의 풀`, '내 설명']);
  clean(findings);
});

test('an entitlement: nobody chosen is said, a person is found and picked', async () => {
  await go('/admin/entitlements');
  const pool = (await rest('GET', '/pools?limit=200')).items.find(({ name }) => name.startsWith(mark));
  await page.locator('.page-head-actions button').first().click();
  await page.selectOption('#field-pool_id', pool.id);
  await page.selectOption('#field-kind', 'person');
  await save();
  assert.match(await faultAt('field-user_id'), /고르세요/);
  await accessible(page, 'an entitlement for nobody');
  await shot(page, 'form-entitlement-ko');
  await page.fill('#field-user_id', `${mark}-lee`);
  await page.locator('.picker-found button', { hasText: `${mark}-lee` }).waitFor();
  await page.keyboard.press('Enter');
  await save();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  await page.locator('td', { hasText: `이검사 (${mark}-lee)` }).waitFor();
  clean(findings);
});

test('power: a desktop of the pool is started and forced off from the list', async () => {
  const pool = (await rest('GET', '/pools?limit=200')).items.find(({ name }) => name.startsWith(mark));
  await go(`/admin/desktops?pool_id=${pool.id}`);
  const row = page.locator('tbody tr').first();
  const reads = (state) => row.getByText(state, { exact: true }).waitFor({ timeout: 60_000 });
  await row.locator('td a').first().waitFor({ timeout: 60_000 });
  await reads('꺼짐');
  await row.locator('button[aria-expanded]').click();
  await page.getByRole('menuitem', { name: /^켜기/ }).click();
  await row.locator('button[aria-expanded]').click();
  await page.getByRole('menuitem', { name: /^강제로 끄기/, disabled: false }).waitFor({ timeout: 60_000 });
  await page.getByRole('menuitem', { name: /^강제로 끄기/ }).click();
  await page.locator('[role=dialog] button', { hasText: '강제로 끄기' }).click();
  await reads('꺼짐');
  clean(findings);
});

/** A qcow2 of 1 MiB that holds nothing: head, table and block of reference counts, first-level table. */
function emptyQcow2(version = 3) {
  const CLUSTER = 65_536;
  const file = Buffer.alloc(4 * CLUSTER);
  file.write('QFI\xfb', 'latin1');
  file.writeUInt32BE(version, 4);
  file.writeUInt32BE(16, 20);
  file.writeBigUInt64BE(1_048_576n, 24);
  file.writeUInt32BE(1, 36);
  file.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  file.writeBigUInt64BE(BigInt(CLUSTER), 48);
  file.writeUInt32BE(1, 56);
  file.writeUInt32BE(4, 96);
  file.writeUInt32BE(104, 100);
  file.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let cluster = 0; cluster < 4; cluster += 1) file.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster);
  return file;
}

const qcow2 = (version) => ({ name: 'disk.qcow2', mimeType: 'application/octet-stream', buffer: emptyQcow2(version) });

test('an image: what is no image is refused in words, an upload is not left by accident, a whole one becomes a version', async () => {
  const image = await make('images', { name: `${mark} 이미지`, description: '', guest: 'none' });
  await go(`/admin/images/${image.id}`);
  await page.setInputFiles('input[type=file]', qcow2(9));
  await page.getByRole('button', { name: '올리기', exact: true }).click();
  await page.locator('.problem', { hasText: '지원하지 않는 qcow2 버전입니다' }).waitFor();
  await accessible(page, 'an image that is refused');
  await shot(page, 'form-upload-refused-ko');
  expected(422);

  // The answer waits until it has been seen that leaving is asked about.
  let answer;
  const asked = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route('**/versions', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    await asked;
    return route.fulfill({ status: 413, contentType: 'text/html', body: '<html>413</html>' });
  });
  await page.getByRole('button', { name: '올리기', exact: true }).click();
  await page.locator('nav a[href="/admin/users"]').click();
  await page.getByText('업로드가 아직 끝나지 않았습니다').waitFor();
  await accessible(page, 'leaving an upload');
  await shot(page, 'form-upload-leaving-ko');
  await page.getByRole('button', { name: '계속 올리기' }).click();
  assert.match(page.url(), /\/admin\/images\//);
  answer();
  await page.locator('.problem', { hasText: '서버가 요청을 거절했습니다 (HTTP 413)' }).waitFor();
  await page.unroute('**/versions');
  expected(413);

  await page.setInputFiles('input[type=file]', qcow2());
  await page.getByRole('button', { name: '올리기', exact: true }).click();
  await page.getByText('올렸습니다: 버전 1').waitFor();
  await page.getByRole('button', { name: '삭제: 버전 1' }).waitFor();
  clean(findings);
});

test('the audit trail says in words what was done here, without a reload', async () => {
  await go('/admin/audit');
  await page.locator('td', { hasText: '그룹: 만들기' }).first().waitFor();
  await make('groups', { name: `${mark} 기록`, description: '' });
  await page.locator('tr', { hasText: `${mark} 기록` }).waitFor({ timeout: 15_000 });
  await page.locator('.list-tools select').selectOption('user.create');
  await page.waitForURL(/action=user\.create/);
  await page.locator('tr', { hasText: '그룹: 만들기' }).first().waitFor({ state: 'detached' });
  clean(findings);
});

test('failed operations are counted for a day, and the number leads to them', async () => {
  await go('/admin');
  await page.locator('a.number-card', { hasText: '지난 24시간' }).click();
  await page.waitForURL('**/admin/operations?state=failed&within=24h');
  await settled(page);
  clean(findings);
});

test('nothing that PatternFly says by itself is English', async () => {
  await go('/admin/groups');
  await page.locator('.page-head-actions button').first().click();
  await page.fill('#field-name', `${mark} 기록`);
  await save();
  await faultAt('field-name');
  expected(409);
  const english = await page.evaluate(() => {
    const said = [...document.querySelectorAll('[aria-label], [aria-valuetext], .pf-v6-screen-reader')].flatMap((one) => [one.getAttribute('aria-label'), one.getAttribute('aria-valuetext'), one.classList.contains('pf-v6-screen-reader') ? one.textContent : null]);
    return said.filter((text) => /\b(alert|close|reset|loading|danger|warning|contents|toggle|clear)\b/i.test(text ?? ''));
  });
  assert.deepEqual(english, []);
  await page.keyboard.press('Escape');
  clean(findings);
});
