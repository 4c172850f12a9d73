/** Text that engines write is text: in the log, in the cause of a failure, wherever it is shown. */
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import * as path from 'path';

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
    await row.says(IMAGE);
    await row.select();
    await sidebar.engine(0).openLog();
    await log.says(SCRIPT);
    await log.says(IMAGE);
    await log.says('a link');

    await expect(page.locator('img.hostile')).toHaveCount(0);
    await expect(page.locator('[href^="javascript:"]')).toHaveCount(0);
    expect(await page.evaluate(() => 'hurt' in window)).toBe(false);
    expect(await page.title()).not.toContain('a title');
    // Characters that would turn or clear what a person reads are shown as such.
    const shown = (await row.root.innerText()) + (await log.text.innerText());
    expect(shown).not.toMatch(/[\u001b\u202e]/);
  } finally {
    await jupyter.stopClusters();
    rmSync(profile, { recursive: true, force: true });
  }
});
