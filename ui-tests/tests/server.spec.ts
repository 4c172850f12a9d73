/** The Jupyter server dies without a word, and comes back. */
import { expect, test } from '../fixtures';
import { alive } from '../server/processes';

const KEY = 'default:';

// Nothing between the page and the server: Galata's stand-ins cannot bear a server that is away.
test.use({ kernels: null, sessions: null, terminals: null, mockState: false });

test('a killed server finds its cluster again, with the same processes', async ({
  page,
  jupyter,
  sidebar
}) => {
  // JupyterLab itself tells of the lost server, in front of everything.
  const told = page.getByRole('dialog', { name: /Server Connection Error/ });
  await page.addLocatorHandler(told, async () => {
    // It goes by itself when the server is back.
    const dismiss = told.getByRole('button', { name: 'Dismiss' });
    await dismiss.click({ timeout: 2000 }).catch(() => undefined);
  });
  const row = sidebar.row('default');
  await row.choose(2);
  await row.start();
  await row.is('running');
  const pids = await jupyter.enginePids(KEY);
  expect(pids).toHaveLength(2);

  await jupyter.kill();
  await expect(sidebar.root).toContainText('reconnecting');
  // What was last known stays to be seen.
  await row.is('running');
  expect(pids.filter(alive)).toEqual(pids);

  await jupyter.start();
  await expect(sidebar.root).not.toContainText('reconnecting', {
    timeout: 60000
  });
  await row.is('running');
  expect(await jupyter.enginePids(KEY)).toEqual(pids);

  await row.choose(4);
  await expect
    .poll(async () => (await jupyter.enginePids(KEY)).length)
    .toBe(4);
  await row.stop();
  await row.is('stopped');
  expect(pids.filter(alive)).toEqual([]);
});
