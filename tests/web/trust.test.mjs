// Who does not know the installation's certificate authority sees no page of it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { launch } from './browser.mjs';
import { modules, portal } from './installation.mjs';

test('a browser without the authority refuses the pages', { skip: portal.protocol !== 'https:' && 'this installation has no TLS' }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'bic-stranger-'));
  const browser = await launch(home);
  try {
    const page = await browser.newPage();
    for (const { href } of [portal, ...modules]) await assert.rejects(page.goto(href), /ERR_CERT_AUTHORITY_INVALID/, href);
  } finally {
    await browser.close();
    rmSync(home, { recursive: true, force: true });
  }
});

test('a browser that has it shows them', async () => {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    for (const { href } of [portal, ...modules]) assert.equal((await page.goto(href)).status(), 200);
  } finally {
    await browser.close();
  }
});
