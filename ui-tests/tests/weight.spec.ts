/** What this extension costs those who do not open it. */
import { expect, test } from '../fixtures';

/** Bytes of script that may be fetched at the start, and in one piece when it is first needed. */
const AT_START = 60_000;
const LATER = 300_000;

test('little is fetched at the start, and the rest in pieces when it is needed', async ({
  page
}) => {
  const fetched = new Map<string, number>();
  page.on('response', async response => {
    const url = new URL(response.url());
    if (/extensions\/jupyterlab-clusters\/.*\.js$/.test(url.pathname)) {
      fetched.set(url.pathname, (await response.body()).length);
    }
  });
  await page.reload();
  await page.getByRole('tab', { name: 'Launcher' }).waitFor();
  await expect.poll(() => fetched.size).toBeGreaterThan(1);
  // Nothing more comes while nobody asks for it.
  await page.waitForTimeout(3000);
  const sizes = () => [...fetched.values()];
  const atStart = sizes().reduce((sum, size) => sum + size, 0);
  expect(atStart).toBeGreaterThan(AT_START / 4);
  expect(atStart).toBeLessThanOrEqual(AT_START);

  const before = fetched.size;
  await page.sidebar.openTab('jupyterlab-clusters-sidebar');
  await page.locator('.jlc-ClusterList').waitFor();
  await page.getByRole('button', { name: 'New cluster' }).click();
  await page.getByRole('dialog').waitFor();
  expect(fetched.size).toBeGreaterThan(before);
  expect(Math.max(...sizes())).toBeLessThanOrEqual(LATER);
});
