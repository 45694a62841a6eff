// A browser that remembers everything that should not have happened on its pages.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { account, isInside, portal } from './installation.mjs';

const fromWeb = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = fromWeb('playwright-core');
const axe = readFileSync(fromWeb.resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.BIC_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

export const LANGUAGES = { ko: 'ko-KR', en: 'en-US' };

/** `home` is what the browser takes for its person's home: the authorities that it trusts are in there. */
export async function launch(home = process.env.HOME) {
  return chromium.launch({
    env: { ...process.env, HOME: home },
    executablePath: process.env.BIC_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** A person with her own browser profile, at the portal `home`. `findings` gathers what must stay empty. */
export async function visitor(browser, { language = 'ko', scheme = 'light', width = 1360, height = 860, phone = false, hasChosen = true, home = portal } = {}) {
  const context = await browser.newContext({ locale: LANGUAGES[language], colorScheme: scheme, viewport: { width, height }, hasTouch: phone });
  // Else a person's own language, kept with her account, would follow the log-in.
  if (hasChosen) await context.addInitScript((chosen) => location.protocol.startsWith('http') && localStorage.setItem('bic.language', chosen), language);
  const findings = [];
  context.on('page', (page) => watch(page, findings, home));
  const page = await context.newPage();
  return { context, page, findings };
}

function watch(page, findings, home) {
  page.on('console', (message) => {
    if (message.type() === 'error') findings.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => findings.push(`page error: ${error.message}`));
  page.on('request', (request) => {
    if (!isInside(request.url(), false, home)) findings.push(`request leaves the portal: ${request.url()}`);
  });
  page.on('websocket', (socket) => {
    if (!isInside(socket.url(), true, home)) findings.push(`socket leaves the installation: ${socket.url()}`);
    if (/ticket|resume/.test(socket.url())) findings.push(`secret in an address: ${socket.url()}`);
  });
}

export function clean(findings) {
  assert.deepEqual(findings, []);
}

/** Takes away what a step must cause; anything else stays found. */
export function forgive(findings, pattern) {
  findings.splice(0, Infinity, ...findings.filter((finding) => !pattern.test(finding)));
}

/** Nothing is cut off at the side, neither of the page nor of what scrolls in it. */
export async function fits(page, what) {
  const wide = await page.evaluate(() =>
    ['html', '#main', '.pf-v6-c-masthead', '.form-card', '#tools'].flatMap((place) => {
      const element = document.querySelector(place);
      return element && element.scrollWidth > Math.min(element.clientWidth, window.innerWidth) ? [`${place}: ${element.scrollWidth}`] : [];
    }),
  );
  assert.deepEqual(wide, [], `wider than the window: ${what}`);
}

/** Every answer is that of a server without its database. */
export async function loseDatabase(page) {
  const body = JSON.stringify({ type: '/problems/db-unavailable', title: '', status: 503, detail: '', instance: 'urn:trace:t', origin: 'ccc/t', retryable: true });
  await page.route('**/api/v1/**', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body }));
}

export async function signIn(page, role, path = '/login', home = portal) {
  const { username, password } = account(role);
  await page.goto(new URL(path, home).href);
  await page.fill('#username', username);
  await page.fill('#password', password);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#user-menu');
}

export async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), caret: 'initial' });
}

/** Lists have their answer, nothing turns any more. */
export async function settled(page) {
  await page.waitForLoadState('load');
  await page.waitForFunction(() => !document.querySelector('[class*="-c-spinner"], [class*="-c-skeleton"]'), null, { timeout: 120_000 });
  await page.waitForTimeout(350);
}

/** Nothing fades in any more: what is half there has other colours. What turns for ever is not waited for. */
async function still(page) {
  await page.evaluate(() => {
    const ends = (animation) => animation.playState === 'running' && Number.isFinite(animation.effect?.getComputedTiming().endTime);
    return Promise.allSettled(document.getAnimations().filter(ends).map((animation) => animation.finished));
  });
}

export async function accessible(page, what) {
  await still(page);
  // Evaluated through the debugger, which the content security policy does not concern.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help} – ${nodes.map((node) => node.html).slice(0, 3).join(' | ')}`);
  assert.deepEqual(found, [], `axe-core on ${what}`);
}
