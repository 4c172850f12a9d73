/** A profile of a person's own: seen with its files and lines, changed, previewed, and used from elsewhere. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'fs';
import * as path from 'path';

import { expect, test } from '../fixtures';
import { NewCluster } from '../pages/newcluster';

const OWN = 'c = get_config()\n\nc.Cluster.n = 3\nc.IPController.ping = 500\n';

test('what a profile sets is seen with its place, changed, and remembered', async ({
  page,
  jupyter,
  sidebar
}) => {
  const folder = path.join(jupyter.home, 'ipython', 'profile_study');
  const json = path.join(folder, 'ipcluster_config.json');
  mkdirSync(folder, { recursive: true });
  const shared = path.join(jupyter.home, 'files');
  writeFileSync(
    path.join(folder, 'ipcluster_config.py'),
    `${OWN}load_subconfig("shared_config.py", path="${shared}")\n`
  );
  writeFileSync(
    path.join(shared, 'shared_config.py'),
    'c = get_config()\n\nc.Cluster.delay = 2\n'
  );
  try {
    const row = sidebar.row('study');
    await expect(row.root).toBeVisible();
    await row.menu('Open Profile Settings');
    const profile = page.locator('.jlc-ProfilePage:visible');
    const setting = profile.getByRole('row', { name: /^Cluster\.n/ });
    await expect(setting).toContainText('ipcluster_config.py, line 3');

    await test.step('it is searched', async () => {
      await profile.getByLabel('Search settings').fill('cluster.n 3');
      await expect(profile.getByText('1 of')).toBeVisible();
      await profile.getByLabel('Search settings').fill('');
    });

    await test.step('a place is copied, or opened where the file browser shows it', async () => {
      await setting.getByRole('button').click();
      await expect(profile).toContainText(
        `Copied: ${path.join(folder, 'ipcluster_config.py')}:3`
      );
      const delay = profile.getByRole('row', { name: /^Cluster\.delay/ });
      await delay.getByRole('button').click();
      await expect(page.getByRole('button', { name: 'Ln 3, Col 1' })).toBeVisible();
      await row.menu('Open Profile Settings');
      await expect(profile).toBeVisible();
    });

    await test.step('a number is saved, and goes before the one in the file', async () => {
      await profile.getByLabel('Engines', { exact: true }).fill('2');
      await profile.getByText('More options').click();
      await profile.locator('#root_threads').fill('1');
      await profile.getByRole('button', { name: 'Save to profile' }).click();
      await expect(setting).toContainText('overrides ipcluster_config.py, line 3');
      await expect(setting).toContainText('ipcluster_config.json');
      expect(JSON.parse(readFileSync(json, 'utf-8')).Cluster.n).toBe(2);
      await expect(profile.locator('#root_threads')).toHaveValue('1');
    });

    await test.step('the form of a new cluster begins with it', async () => {
      const dialog = new NewCluster(page);
      await dialog.open();
      await dialog.fill('Profile', 'study');
      const engines = dialog.root.getByLabel('Engines', { exact: true });
      await expect(engines).toHaveValue('2');
      await dialog.options();
      await expect(dialog.root.locator('#root_threads')).toHaveValue('1');
      await dialog.fill('Engines', '4');
      await dialog.create();
      // Without a start the number is kept, in the row and in the profile.
      await row.is('stopped');
      await expect(row.root.getByRole('combobox')).toHaveValue('4');
      await expect
        .poll(() => JSON.parse(readFileSync(json, 'utf-8')).Cluster.n)
        .toBe(4);
    });

    await test.step('a start can be seen before', async () => {
      await row.menu('Preview Start…');
      const dialog = page.getByRole('dialog');
      await expect(dialog).toContainText('run 4 times');
      await dialog.getByRole('button', { name: 'Close' }).click();
      await row.is('stopped');
    });
  } finally {
    await jupyter.stopClusters();
    rmSync(folder, { recursive: true });
    rmSync(path.join(shared, 'shared_config.py'));
  }
});

test('a running cluster tells how to connect, its key only when asked', async ({
  page,
  sidebar
}) => {
  const asked: string[] = [];
  page.on('request', request => {
    if (request.url().includes('/connection')) {
      asked.push(request.url().replace(/.*connection/, ''));
    }
  });
  const row = sidebar.row('default');
  await row.choose(1);
  await row.start();
  await row.is('running');
  await row.menu('Connect from Elsewhere…');
  const dialog = page.getByRole('dialog');
  const code = dialog.getByRole('region', { name: 'In Python there' });
  await expect(code).toContainText(/Client\("ipcontroller-client.json", sshserver="\w+@/);
  await dialog.getByLabel('ssh reaches it as').fill('ada@login.example');
  await expect(code).toContainText('sshserver="ada@login.example"');
  await expect(
    dialog.getByRole('region', { name: 'In a terminal there' })
  ).toContainText('scp ada@login.example:/');
  await dialog.getByLabel('My home folder is the same there').check();
  await expect(code).toContainText('Client(sshserver="ada@login.example"');
  expect(asked.every(query => query.startsWith('?content=no'))).toBe(true);
  await expect(dialog).not.toContainText('"key"');

  await dialog.getByRole('button', { name: 'Show the connection file' }).click();
  await expect(
    dialog.getByRole('region', { name: 'ipcontroller-client.json' })
  ).toContainText('"key"');
  const saved = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Save as a file' }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe('ipcontroller-client.json');
  expect(
    JSON.parse(readFileSync(await file.path(), 'utf-8')).registration
  ).toBeGreaterThan(0);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await row.stop();
  await row.is('stopped');
});

test('a list of hosts is pasted', async ({ page, context, sidebar: _ }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const dialog = new NewCluster(page);
  await dialog.open();
  await dialog.launcher('Other machines by SSH');
  await page.evaluate(() =>
    navigator.clipboard.writeText('node1 slots=4\nada@node2:2222\nnode3 8\n')
  );
  // As JupyterLab starts it takes the keyboard to its main area once, when it likes: who types then types again.
  await expect(async () => {
    await dialog.root.getByLabel('Host 1', { exact: true }).click();
    await page.keyboard.press('Control+v');
    await expect(
      dialog.root.getByLabel('Host 3', { exact: true })
    ).toHaveValue('node3', { timeout: 1000 });
  }).toPass({ timeout: 15000 });
  await expect(dialog.root.getByLabel('Engines', { exact: true })).toHaveValue(
    '13'
  );
  await page.keyboard.press('Escape');
});
