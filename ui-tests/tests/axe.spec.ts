/** No rule of axe is broken by our parts, in any of the three themes, in the states that show most. */
import AxeBuilder from '@axe-core/playwright';
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import * as path from 'path';

import { expect, test } from '../fixtures';
import { NewCluster } from '../pages/newcluster';
import { SIDEBAR } from '../pages/sidebar';

const THEMES = ['JupyterLab Light', 'JupyterLab Dark', 'JupyterLab Dark High Contrast'];

for (const theme of THEMES) {
  test(`axe finds nothing in ${theme}`, async ({ page, jupyter, sidebar, log }) => {
    await page.theme.setTheme(theme);
    const row = sidebar.row('default');
    const broken = async (part: string) => {
      const found = await new AxeBuilder({ page }).include(part).analyze();
      return found.violations.map(
        one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`
      );
    };
    expect(await broken(`#${SIDEBAR}`)).toEqual([]);

    await row.choose(2);
    await row.start();
    await row.is('running');
    await row.select();
    await sidebar.engine(0).is('idle');
    expect(await broken(`#${SIDEBAR}`)).toEqual([]);

    process.kill((await jupyter.enginePids('default:'))[0], 'SIGKILL');
    await sidebar.engine(0).is('lost');
    await sidebar.engine(0).openLog();
    await expect(log.text).toBeVisible();
    expect(await broken(`#${SIDEBAR}`)).toEqual([]);
    expect(await broken('.jlc-Log')).toEqual([]);
  });

  test(`axe finds nothing in forms and pages in ${theme}`, async ({
    page,
    jupyter,
    sidebar
  }) => {
    await page.theme.setTheme(theme);
    const broken = async (part: string) => {
      const found = await new AxeBuilder({ page }).include(part).analyze();
      return found.violations.map(
        one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`
      );
    };
    const dialog = new NewCluster(page);
    await dialog.open();
    await dialog.launcher('Other machines by SSH');
    await dialog.host(0, '127.0.0.99:1', 2);
    await dialog.root.getByRole('button', { name: /^More for/ }).click();
    await dialog.options();
    await dialog.root.getByRole('button', { name: 'Test hosts' }).click();
    await expect(dialog.root).toContainText('refuses the connection');
    expect(await broken('.jlc-NewCluster')).toEqual([]);
    await dialog.preview();
    expect(await broken('.jlc-NewCluster')).toEqual([]);
    await page.keyboard.press('Escape');

    const folder = path.join(jupyter.home, 'ipython', 'profile_axe');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      path.join(folder, 'ipcluster_config.py'),
      'c = get_config()\nc.Cluster.n = 3\n'
    );
    writeFileSync(path.join(folder, 'ipcluster_config.json'), '{"Cluster": {"n": 4}}');
    writeFileSync(path.join(folder, 'ipengine_config.py'), 'nonsense');
    await sidebar.row('axe').menu('Open Profile Settings');
    const profile = page.locator('.jlc-ProfilePage:visible');
    await expect(profile).toContainText('overrides');
    await expect(profile).toContainText('NameError');
    await profile.getByText('More options').click();
    expect(await broken('.jlc-ProfilePage')).toEqual([]);
    rmSync(folder, { recursive: true });

    const row = sidebar.row('default');
    await row.choose(1);
    await row.start();
    await row.is('running');
    await row.menu('Connect from Elsewhere…');
    await page.getByRole('button', { name: 'Show the connection file' }).click();
    await expect(page.getByRole('dialog')).toContainText('"key"');
    expect(await broken('.jlc-Connect')).toEqual([]);
    await page.keyboard.press('Escape');
  });
}
