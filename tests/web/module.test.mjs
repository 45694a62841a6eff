// The portal that a bCenter serves: it asks for nothing that is not there, and sends people on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, clean, LANGUAGES, launch, settled, shot, signIn, visitor } from './browser.mjs';
import { account, modules, portal } from './installation.mjs';

let browser;
/** A module at which the person may sign in, and another: her places depend on ids, so it is not always the first. */
let hers;
let elsewhere;

async function admits(home) {
  const { page, context } = await visitor(browser, { home });
  const { username, password } = account('user');
  await page.goto(new URL('/login', home).href);
  await page.fill('#username', username);
  await page.fill('#password', password);
  const answer = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/v1/sessions');
  await page.keyboard.press('Enter');
  const status = (await answer).status();
  await context.close();
  assert.ok(status === 201 || status === 401, `${home} answered a log-in with ${status}`);
  return status === 201;
}

before(async () => {
  browser = await launch();
  for (const module of modules) if (!hers && (await admits(module))) hers = module;
  elsewhere = modules.find((module) => module !== hers);
  assert.ok(hers, 'she may sign in at no module');
});
after(() => browser.close());

test('the portal of a module has no error on its pages', async () => {
  const { page, findings, context } = await visitor(browser, { home: hers });
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await signIn(page, 'user', '/', hers);
  await page.waitForSelector('.tile');
  await settled(page);
  // The pages ask again and again instead.
  await page.waitForResponse((response) => new URL(response.url()).pathname === '/api/v1/me/desktops', { timeout: 60_000 });
  assert.ok(!asked.includes('/api/v1/events'), asked.join(' '));
  await accessible(page, "a module's portal");
  clean(findings);
  await context.close();
});

test('the portal of the CCC reads the stream', async () => {
  const { page, findings, context } = await visitor(browser);
  const stream = page.waitForRequest((request) => new URL(request.url()).pathname === '/api/v1/events');
  await signIn(page, 'user', '/');
  await stream;
  clean(findings);
  await context.close();
});

/** Signed in at her module, whose answer to "connect me" is that it works at `where`. */
async function refused(language, where) {
  const { page, context } = await visitor(browser, { language, home: hers });
  const problem = { type: '/problems/seat-elsewhere', title: '', status: 409, detail: '', instance: 'urn:trace:t', origin: 'bcenter/t', retryable: false, where };
  // A module that serves her is among those that know her.
  await page.route('**/api/v1/me', async (route) => {
    const response = await route.fetch();
    const me = await response.json();
    const name = `module-${modules.indexOf(elsewhere) + 1}`;
    if (me.modules && !me.modules.some((module) => module.name === name))
      me.modules.push({ id: '00000000-0000-4000-8000-000000000000', name, login: `${elsewhere.origin}/api/v1` });
    await route.fulfill({ response, json: me });
  });
  await page.route('**/api/v1/connections', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify(problem) }));
  await signIn(page, 'user', '/', hers);
  await page.locator('.tile button[class*="m-block"]').first().click();
  await page.waitForSelector('.start-elsewhere');
  return { page, context };
}

for (const language of Object.keys(LANGUAGES)) {
  test(`a person whose desktop is at another module is shown where, ${language}`, async () => {
    const { page, context } = await refused(language, `${elsewhere.origin}/api/v1`);
    const link = page.locator('.start-elsewhere a');
    assert.ok((await link.innerText()).includes(`module-${modules.indexOf(elsewhere) + 1}`));
    await accessible(page, 'seat elsewhere');
    await shot(page, `start-elsewhere-${language}`);
    const wanted = new URL(page.url()).pathname;
    await link.click();
    await page.waitForSelector('#username');
    assert.equal(page.url(), new URL(wanted, elsewhere).href);
    await context.close();
  });
}

test('an address outside of the installation is no link', async () => {
  const { page, context } = await refused('en', 'https://elsewhere.example/api/v1');
  assert.equal(await page.locator('.start-elsewhere a').count(), 0);
  assert.match(await page.locator('.start-elsewhere').innerText(), /https:\/\/elsewhere\.example/);
  assert.notEqual(portal.origin, new URL(page.url()).origin);
  await context.close();
});
