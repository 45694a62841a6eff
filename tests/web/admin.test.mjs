// An administrator's way: every page, in both languages, light and dark.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, clean, fits, forgive, launch, settled, shot, signIn, visitor } from './browser.mjs';
import { account, docs, portal } from './installation.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Pages of one thing, found through the first link of its list. */
const DETAILS = ['desktops', 'bservers', 'pools', 'images', 'groups'];
/** Lists whose first button in the head opens a dialog. */
const DIALOGS = ['users', 'groups', 'specs', 'images', 'entitlements', 'nodes'];

async function visit(page, path, language) {
  await page.goto(new URL(path, portal).href);
  await settled(page);
  const name = path.replace(/^\/admin\/?/, '').replace(/[/?=]/g, '-').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'one') || 'overview';
  assert.equal(await page.locator('h1').count(), 1, `${path} has one heading`);
  await accessible(page, `${path} (${language})`);
  await shot(page, `admin-${name}-${language}`);
}

async function everyPage(language, scheme) {
  const { page, findings, context } = await visitor(browser, { language, scheme });
  await signIn(page, 'admin');
  await page.waitForURL('**/admin');
  const paths = await page.locator('nav a[href^="/admin"]').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  assert.ok(paths.length >= 12, 'the menu has its pages');
  for (const path of paths) await visit(page, path, language);
  await visit(page, '/admin/pools/new', language);
  for (const kind of DETAILS) {
    await page.goto(new URL(`/admin/${kind}`, portal).href);
    await settled(page);
    const link = page.locator(`td a[href^="/admin/${kind}/"]`).first();
    assert.ok((await link.count()) > 0, `${kind} has one to look at`);
    await visit(page, await link.getAttribute('href'), language);
  }
  clean(findings);
  await context.close();
}

test('every page in Korean', { timeout: 900_000 }, () => everyPage('ko', 'light'));
test('every page in English, dark', { timeout: 900_000 }, () => everyPage('en', 'dark'));

test('a desktop says why it is on its bServer', async () => {
  const { page, findings, context } = await visitor(browser);
  await signIn(page, 'admin');
  await page.goto(new URL('/admin/desktops', portal).href);
  await settled(page);
  await page.locator('td a[href^="/admin/desktops/"]').first().click();
  await page.getByRole('button', { name: '이 bServer에 배치된 이유' }).click();
  await page.locator('td', { hasText: '선택됨' }).waitFor({ timeout: 60_000 });
  await page.getByText('같은 입력으로 다시 계산해도 같은 bServer가 선택됩니다.').waitFor();
  await settled(page);
  await accessible(page, 'why on this bServer');
  await shot(page, 'admin-desktop-why-ko');
  clean(findings);
  await context.close();
});

test('the map of virtual functions says in words whose each is, and leads there by keyboard', async () => {
  const { page, findings, context } = await visitor(browser);
  await signIn(page, 'admin');
  await page.goto(new URL('/admin/bservers', portal).href);
  await settled(page);
  const networked = page.locator('tr', { hasText: '128' }).locator('a[href^="/admin/bservers/"]').first();
  await networked.click();
  const owned = page.locator('.vf.assigned').filter({ has: page.locator('a') }).first();
  await owned.waitFor({ timeout: 60_000 });
  assert.equal(await page.locator('.vf').count(), 128, 'a cell a virtual function');
  assert.match(await owned.innerText(), /0000:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7][\s\S]*배정됨[\s\S]*52:54:/);
  await accessible(page, 'the map of virtual functions');
  await shot(page, 'admin-vf-map-ko');
  await owned.locator('a').focus();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/admin/desktops/*');
  clean(findings);
  await context.close();
});

test('dialogs open, are accessible, and close by Escape', { timeout: 900_000 }, async () => {
  const { page, findings, context } = await visitor(browser);
  await signIn(page, 'admin');
  for (const kind of DIALOGS) {
    await page.goto(new URL(`/admin/${kind}`, portal).href);
    await settled(page);
    await page.locator('.page-head-actions button').first().click();
    await page.waitForSelector('[role=dialog]');
    await page.waitForTimeout(300);
    await accessible(page, `dialog of ${kind}`);
    await shot(page, `admin-${kind}-dialog-ko`);
    await page.keyboard.press('Escape');
    await page.waitForSelector('[role=dialog]', { state: 'detached' });
  }
  clean(findings);
  await context.close();
});

test('the operations drawer opens, is accessible, and remembers that it is open', async () => {
  const { page, findings, context } = await visitor(browser);
  await signIn(page, 'admin');
  await page.waitForURL('**/admin');
  await page.click('.operations-bar button');
  await page.click('label[for=drawer-all]');
  await page.waitForSelector('#operations-body:not([hidden])');
  await settled(page);
  await accessible(page, 'operations drawer');
  await shot(page, 'admin-drawer-ko');
  await page.goto(new URL('/admin/users', portal).href);
  await page.waitForSelector('#operations-body:not([hidden])');
  clean(findings);
  await context.close();
});

test('a group is made, shown at once, and deleted', async () => {
  const { page, findings, context } = await visitor(browser, { language: 'en' });
  const name = `web-test-${Date.now()}`;
  await signIn(page, 'admin');
  await page.goto(new URL('/admin/groups?sort=-created_at', portal).href);
  await settled(page);
  await page.locator('.page-head-actions button').first().click();
  await page.fill('#field-name', name);
  await page.keyboard.press('Enter');
  const row = page.locator('tr', { hasText: name });
  await row.waitFor();
  await row.locator('button[aria-expanded]').click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.locator('[role=dialog] button', { hasText: 'Delete' }).click();
  await row.waitFor({ state: 'detached' });
  clean(findings);
  await context.close();
});

test('the administration is closed to others', async () => {
  const { page, context } = await visitor(browser);
  await signIn(page, 'user', '/admin/users');
  await page.waitForURL((url) => url.pathname === '/');
  await context.close();
});

test('the API is readable without any outside resource', async () => {
  const { page, findings, context } = await visitor(browser, { language: 'en' });
  await page.goto(docs.href);
  await page.waitForSelector('.opblock', { timeout: 120_000 });
  assert.ok((await page.locator('.opblock').count()) > 40);
  await shot(page, 'docs');
  clean(findings);
  await context.close();
});

test('an administrator who comes to the printed address is led to the administration, once', async () => {
  const { page, findings, context } = await visitor(browser);
  await signIn(page, 'admin', '/');
  await page.waitForURL('**/admin');
  await page.locator('a[href="/admin/desktops"]').first().waitFor();  // until then the menu is still that of the page before
  await page.click('#user-menu');
  await page.getByRole('menuitem').first().click();
  await page.locator('a.pf-v6-c-button[href="/admin"]').waitFor();
  await settled(page);
  await accessible(page, 'home of an administrator');
  await shot(page, 'admin-home-ko');
  clean(findings);
  await context.close();
});

test('a part that cannot be loaded leaves the frame and offers to reload', async () => {
  const { page, findings, context } = await visitor(browser, { language: 'en' });
  await page.route('**/assets/AdminRoutes*', (route) => route.abort());
  await signIn(page, 'admin', '/login');
  const reload = page.getByRole('button', { name: 'Reload' });
  await reload.waitFor();
  assert.equal(await page.locator('#user-menu').count(), 1);
  await accessible(page, 'a page that could not be loaded');
  await shot(page, 'admin-broken-en');
  forgive(findings, /AdminRoutes|dynamically imported module/);
  clean(findings);
  await page.unroute('**/assets/AdminRoutes*');
  await reload.click();
  await page.waitForSelector('nav a[href="/admin/users"]');
  await context.close();
});

test('a form outlives the end of the session, and Escape and Tab stay with the log-in', async () => {
  const { page, findings, context } = await visitor(browser);
  await signIn(page, 'admin');
  await page.goto(new URL('/admin/groups', portal).href);
  await settled(page);
  await page.locator('.page-head-actions button').first().click();
  await page.fill('#field-name', 'half a name');
  await context.clearCookies();
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog.login-again');
  await page.waitForFunction(() => document.activeElement?.id === 'password');
  await accessible(page, 'log-in over a form');
  await shot(page, 'login-again-ko');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Shift+Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'username');
  await page.keyboard.press('Tab');
  await page.keyboard.type(account('admin').password);
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog.login-again', { state: 'detached' });
  assert.equal(await page.inputValue('#field-name'), 'half a name');
  forgive(findings, /401 \(Unauthorized\)/);
  clean(findings);
  await context.close();
});

test('a phone and a page at 200 % have no sideways scrolling', { timeout: 900_000 }, async () => {
  for (const [what, size] of Object.entries({ phone: { width: 390, height: 780, phone: true }, zoom: { width: 680, height: 430 } })) {
    const { page, findings, context } = await visitor(browser, size);
    await signIn(page, 'admin');
    await page.waitForURL('**/admin');
    for (const path of ['', '/desktops', '/pools/new', '/bservers', '/audit']) {
      await page.goto(new URL(`/admin${path}`, portal).href);
      await settled(page);
      await fits(page, `${what} ${path}`);
      const menu = await page.locator('#user-menu').boundingBox();
      assert.ok(menu.x + menu.width <= size.width, `${what} ${path}: the user menu is on the screen`);
      await shot(page, `admin-${what}${path.replaceAll('/', '-')}-ko`);
    }
    await accessible(page, `administration, ${what}`);
    clean(findings);
    await context.close();
  }
});
