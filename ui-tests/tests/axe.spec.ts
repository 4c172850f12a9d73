/** No rule of axe is broken by our parts, in any of the three themes, in the states that show most. */
import AxeBuilder from '@axe-core/playwright';

import { expect, test } from '../fixtures';
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
}
