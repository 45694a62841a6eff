// Many desktops: the grid by mouse and keyboard, a kept filter, one order for all that match; the tree.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, clean, fits, launch, settled, shot, signIn, visitor } from './browser.mjs';
import { portal } from './installation.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const mark = `f${Date.now().toString(36)}`;
const go = async (page, path) => {
  await page.goto(new URL(path, portal).href);
  await settled(page);
};
const ask = (page, path) => page.evaluate(async (where) => (await fetch(`/api/v1${where}`)).json(), path);
const focused = (page) => page.evaluate(() => document.activeElement?.closest('[data-row]')?.getAttribute('data-row') ?? null);

test('the grid: rows are counted, go by keys, and a kept filter is found again', { timeout: 600_000 }, async () => {
  const { page, findings, context } = await visitor(browser, { width: 1280 });
  await signIn(page, 'admin');
  await page.waitForURL('**/admin');
  await go(page, '/admin/desktops');
  await page.locator('[data-row="0"]').waitFor();
  const { total } = await ask(page, '/desktops?limit=1');
  const table = page.locator('.grid-box table');
  assert.equal(await table.getAttribute('aria-rowcount'), String(total + 1));
  assert.ok((await page.locator('[data-row]').count()) <= 60, 'only the rows in view are in the page');
  await page.locator('[data-row="0"] input').focus();
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.activeElement?.closest('[data-row]')?.getAttribute('data-row') === '1');
  await page.keyboard.press('Space');
  assert.ok(await page.locator('[data-row="1"] input').isChecked());
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction(() => document.activeElement?.closest('[data-row]')?.getAttribute('data-row') === '0');
  assert.equal(await focused(page), '0');
  await page.getByText('데스크톱 1대 선택됨').waitFor();
  await accessible(page, 'desktops with one selected');
  await shot(page, 'grid-ko');

  const [{ pool_id }] = (await ask(page, '/desktops?limit=1')).items;
  await go(page, `/admin/desktops?pool_id=${pool_id}`);
  await page.getByRole('button', { name: '이 조건 저장' }).click();
  await page.fill('#field-name', mark);
  await page.locator('[role=dialog] button[type=submit]').click();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  await go(page, '/admin/desktops');
  await page.getByLabel('저장한 조건').selectOption({ label: mark });
  await page.waitForURL(`**pool_id=${pool_id}*`);
  await page.getByRole('button', { name: `조건 삭제: ${mark}` }).click();
  await page.getByRole('button', { name: '이 조건 저장' }).waitFor();
  assert.ok(!(await ask(page, '/me/filters')).items.some(({ name }) => name === mark));
  clean(findings);
  await context.close();
});

test('one order for all that match: shown first, then done, each with its child', { timeout: 600_000 }, async () => {
  const { page, findings, context } = await visitor(browser, { width: 1280 });
  await signIn(page, 'admin');
  await page.waitForURL('**/admin');
  // Desktops that are off, of a pool that has many: the simulated hosts'.
  const { items } = await ask(page, '/desktops?state=off&limit=200');
  const size = (id) => items.filter((one) => one.pool_id === id).length;
  const [pool_id] = items.map((one) => one.pool_id).sort((one, other) => size(other) - size(one));
  assert.ok(pool_id, 'there are desktops that are off');
  await go(page, `/admin/desktops?pool_id=${pool_id}&state=off`);
  await page.locator('[data-row="0"]').waitFor();
  await page.getByRole('button', { name: '조건에 맞는 것 모두 선택' }).click();
  await page.getByRole('button', { name: '선택한 데스크톱 작업' }).click();
  await page.getByRole('menuitem', { name: /^켜기/ }).click();
  await page.locator('.bulk-totals').waitFor();
  await accessible(page, 'what an order for many would do');
  await shot(page, 'bulk-dry-run-ko');
  await page.getByRole('button', { name: /^켜기: \d+대$/ }).click();
  await page.locator('.bulk-progress .state-line', { hasText: '완료' }).waitFor({ timeout: 400_000 });
  await accessible(page, 'progress of an order for many');
  await shot(page, 'bulk-progress-ko');
  const [order] = (await ask(page, '/operations?mine=true&limit=1')).items;
  assert.equal(order.target.kind, 'desktops');
  const children = await ask(page, `/operations/${order.id}/children?limit=200`);
  assert.equal(order.children.succeeded, order.children.total);
  assert.ok(children.items.every(({ state, target }) => state === 'succeeded' && target.kind === 'desktop'));
  await page.getByRole('button', { name: '닫기' }).last().click();
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  // As it was before, by the same way.
  const stopped = await page.evaluate(async (desktops) => {
    const { csrf } = await (await fetch('/api/v1/me')).json();
    return (await fetch('/api/v1/desktops/actions', { method: 'POST', headers: { 'X-CSRF-Token': csrf, 'Content-Type': 'application/json' }, body: JSON.stringify({ action: 'stop', desktops }) })).status;
  }, children.items.map(({ target }) => target.id));
  assert.ok(stopped === 202 || stopped === 200);
  clean(findings);
  await context.close();
});

test('the tree: opens to the bServers, in the address, on a phone too', { timeout: 600_000 }, async () => {
  for (const [language, size] of [['ko', { width: 1280 }], ['en', { width: 390, height: 780, phone: true, scheme: 'dark' }]]) {
    const { page, findings, context } = await visitor(browser, { language, ...size });
    await signIn(page, 'admin');
    await page.waitForURL('**/admin');
    const [block] = (await ask(page, '/topology')).items;
    await go(page, '/admin/topology');
    await page.getByRole('button', { name: block.modules[0].name, exact: true }).click();
    await page.locator('.tree-bservers a[href^="/admin/bservers/"]').first().waitFor();
    assert.match(page.url(), new RegExp(block.modules[0].id));
    await accessible(page, `topology (${language})`);
    await fits(page, `topology (${language})`);
    await shot(page, `topology-${language}`);
    clean(findings);
    await context.close();
  }
});
