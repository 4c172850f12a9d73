/** Engines elsewhere: on hosts by SSH, and as ranks of an MPI program. */
import { execFileSync } from 'child_process';
import * as path from 'path';

import { expect, test } from '../fixtures';
import { NewCluster } from '../pages/newcluster';
import { Notebook } from '../pages/notebook';
import { Hosts } from '../server/hosts';

const PYTHON = execFileSync('python', [
  '-c',
  'import sys; print(sys.executable)'
])
  .toString()
  .trim();

test('one bad host of two is named, the other computes', async ({
  page,
  jupyter,
  sidebar
}) => {
  const hosts = await Hosts.begin(jupyter);
  try {
    const dialog = new NewCluster(page);
    await dialog.open();
    await dialog.fill('Name', 'far');
    await dialog.launcher('Other machines by SSH');
    await dialog.host(0, hosts.names[0], 1);
    await dialog.host(1, '127.0.0.99:1', 1);
    await dialog.options();
    await dialog.option('python', PYTHON);
    await dialog.option('profile_dir', path.join(jupyter.home, 'there'));
    await dialog.root.getByRole('button', { name: 'Test hosts' }).click();
    await expect(dialog.root).toContainText('refuses the connection');
    const first = dialog.root.getByRole('row').nth(1);
    await expect(first).toContainText(/ready.*core/i);
    await dialog.start();

    const row = sidebar.row('default / far');
    await row.is('degraded');
    await row.says('127.0.0.99:1 refuses the connection');
    await sidebar.engine(0).is('idle');
    const notebook = await Notebook.create(page);
    await notebook.run(
      "import ipyparallel as ipp\nclient = ipp.Client(cluster_id='far')\n" +
        'print("sum", client[:].apply_sync(sum, [20, 22]))'
    );
    await expect(page.locator('.jp-OutputArea').last()).toContainText(
      'sum [42]'
    );
    await sidebar.open();
    await row.stop();
    await row.is('stopped');
  } finally {
    await jupyter.stopClusters();
    await hosts.end();
  }
});

test('too few slots for an MPI program are told with what to do', async ({
  page,
  sidebar
}) => {
  const dialog = new NewCluster(page);
  await dialog.open();
  await dialog.fill('Name', 'ranks');
  await dialog.launcher('MPI');
  await dialog.fill('Engines', '64');
  await dialog.start();
  const row = sidebar.row('default / ranks');
  await row.is('failed');
  await row.says(/Open MPI has only \d+ slots? here, 64 engines were asked for/);
  await row.says('--oversubscribe');
  await expect(sidebar.engine(0).root).toBeHidden();
});
