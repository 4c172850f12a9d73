/** Text that engines write is text: in the log, in the cause of a failure, wherever it is shown. */
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import * as path from 'path';

import type { Page } from '@playwright/test';

import { expect, test } from '../fixtures';

const IMAGE = '<img src=x class=hostile onerror="window.hurt = 1">';
const SCRIPT = '</script><script>window.hurt = 1</script>';
const LINK = '\\x1b]8;;javascript:window.hurt=1\\x07a link\\x1b]8;;\\x07';

/** Runs in each engine of the profile as it begins. */
const STARTUP = `
import os, sys

print('''${IMAGE}''')
print('''${SCRIPT}''')
print('''${LINK} \\x1b[31mred\\x1b[0m \\x1b[2J\\x1b]0;a title\\x07''', flush=True)
sys.stderr.write('''${IMAGE} \\x1b[2J\\u202eback\\n''')
sys.stderr.flush()
os._exit(3)
`;

/** Characters that would turn round or wipe out what a person reads: they are to be shown as such. */
const UNSEEN = /[\u001b\u202e]/;

async function unhurt(page: Page): Promise<void> {
  await expect(page.locator('img.hostile')).toHaveCount(0);
  await expect(page.locator('[href^="javascript:"]')).toHaveCount(0);
  expect(await page.evaluate(() => 'hurt' in window)).toBe(false);
  expect(await page.title()).not.toContain('a title');
}

test('what engines write is never more than text', async ({
  page,
  jupyter,
  sidebar,
  log
}) => {
  const profile = path.join(jupyter.home, 'ipython', 'profile_hostile');
  mkdirSync(path.join(profile, 'startup'), { recursive: true });
  writeFileSync(path.join(profile, 'startup', '00-hostile.py'), STARTUP);
  try {
    const row = sidebar.row('hostile');
    await expect(row.root).toBeVisible();
    await row.choose(1);
    await row.start();
    await row.is('failed');
    await row.root.getByRole('button', { name: 'Show output' }).click();
    const output = page.getByRole('dialog');
    await expect(output).toContainText(IMAGE);
    await unhurt(page);
    expect(await output.innerText()).not.toMatch(UNSEEN);
    await page.keyboard.press('Escape');
    await row.root.getByRole('button', { name: 'Open log' }).click();
    await log.says(SCRIPT);
    await log.says(IMAGE);
    await log.says('a link');

    await unhurt(page);
    expect(await log.text.innerText()).not.toMatch(UNSEEN);
  } finally {
    await jupyter.stopClusters();
    rmSync(profile, { recursive: true, force: true });
  }
});
