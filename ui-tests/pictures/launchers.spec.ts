/** Pictures of forms, pages and rows of the launchers, in the light and the dark theme, for the how-tos. */
import type { Page } from '@playwright/test';
import { execFileSync } from 'child_process';
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import { hostname } from 'os';
import * as path from 'path';

import { expect, test } from '../fixtures';
import { NewCluster } from '../pages/newcluster';
import { Hosts } from '../server/hosts';
import type { Jupyter } from '../server/jupyter';
import { Slurm } from '../server/slurm';

const ROOT = path.resolve(__dirname, '..', '..');
const FOLDER = path.join(ROOT, 'docs', 'pictures');
const THEMES = { light: 'JupyterLab Light', dark: 'JupyterLab Dark' };
const PYTHON = execFileSync('python', [
  '-c',
  'import sys; print(sys.executable)'
])
  .toString()
  .trim();

/** As a university's hub would have it. */
const SITE = `c = get_config()

c.Cluster.controller_launcher_class = "ssh"
c.Cluster.engine_launcher_class = "sshproxy"
c.Cluster.n = 16
for launcher in (c.SSHControllerLauncher, c.SSHProxyEngineSetLauncher):
    launcher.hostname = "login.cluster.example.org"
    launcher.remote_profile_dir = "/home/ada/.ipython/profile_mpi"
    launcher.remote_python = "/home/ada/bin/python-with-modules"
c.SSHProxyEngineSetLauncher.ipcluster_args = ["--engines", "mpi"]
`;

/** The folders of this run, as those of a person. */
async function tidy(page: Page, jupyter: Jupyter): Promise<void> {
  await page.evaluate(
    ([root, home, host]) => {
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        node.nodeValue = (node.nodeValue ?? '')
          .replaceAll(`${root}/.venv`, '/opt/lab')
          .replaceAll(root, '/opt/lab')
          .replaceAll(`${home}/ipython`, '/home/ada/.ipython')
          .replaceAll(`${home}/data`, '/home/ada/.local/share/jupyter')
          .replaceAll('root@', 'ada@')
          .replaceAll(new RegExp(`\\b${host}\\b`, 'g'), 'login1');
      }
    },
    [ROOT, jupyter.home, hostname()]
  );
}

for (const [name, theme] of Object.entries(THEMES)) {
  test(`pictures of launchers in ${name}`, async ({
    page,
    jupyter,
    sidebar,
    log
  }) => {
    test.setTimeout(300000);
    const shoot = async (what: string) => {
      await tidy(page, jupyter);
      await page.screenshot({
        path: path.join(FOLDER, `${what}-${name}.png`),
        animations: 'disabled'
      });
    };
    await page.theme.setTheme(theme);
    await page.sidebar.setWidth(380);
    const dialog = new NewCluster(page);

    const hosts = await Hosts.begin(jupyter);
    await dialog.open();
    await dialog.fill('Name', 'far');
    await dialog.launcher('Other machines by SSH');
    await dialog.host(0, 'far0', 8);
    await dialog.host(1, 'far1', 8);
    await dialog.host(2, 'node3', 4);
    await dialog.options();
    await dialog.option('python', PYTHON);
    await dialog.root.getByText('More options').click();
    await dialog.root.getByRole('button', { name: 'Test hosts' }).click();
    await expect(dialog.root).toContainText('2 of 3 hosts are ready');
    await dialog.root.getByLabel('Host 1', { exact: true }).scrollIntoViewIfNeeded();
    await shoot('ssh-hosts');
    await page.keyboard.press('Escape');
    await hosts.end();

    await dialog.open();
    await dialog.fill('Name', 'ranks');
    await dialog.launcher('MPI');
    await dialog.fill('Engines', '64');
    await dialog.start();
    const ranks = sidebar.row('default / ranks');
    await ranks.is('failed');
    await ranks.select();
    await shoot('mpi-slots');
    await jupyter.stopClusters();

    const slurm = await Slurm.begin(jupyter);
    try {
      const other = await slurm.fill();
      await expect
        .poll(async () => JSON.stringify(await jupyter.ask('launchers')))
        .toContain('short: up to 10 min');
      await dialog.open();
      await dialog.fill('Name', 'queue');
      await dialog.launcher('Slurm queue');
      await dialog.fill('Engines', '12');
      await dialog.option('partition', 'short');
      await dialog.option('time', '8');
      await dialog.option('nodes', '3');
      await shoot('slurm-form');
      await dialog.preview();
      await shoot('slurm-preview');
      await dialog.start();
      const row = sidebar.row('default / queue');
      await row.select();
      await expect(row.root.locator('.jlc-Row-middle')).toContainText(
        /in use|waiting|priority|resources/i
      );
      await shoot('slurm-queued');
      slurm.cancel(other);
      await row.is('running');
      await sidebar.engine(0).openLog();
      await log.says('Completed registration');
      await shoot('slurm-running');
      await row.stop();
      await row.is('stopped');
    } finally {
      await jupyter.stopClusters();
      await slurm.end();
    }

    const folder = path.join(jupyter.home, 'ipython', 'profile_study');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      path.join(folder, 'ipcluster_config.py'),
      [
        'c = get_config()',
        '',
        'c.Cluster.engine_launcher_class = "slurm"',
        'c.Cluster.n = 24',
        'c.SlurmEngineSetLauncher.queue = "long"',
        'c.SlurmEngineSetLauncher.timelimit = "2:00:00"',
        ''
      ].join('\n')
    );
    writeFileSync(
      path.join(folder, 'ipcluster_config.json'),
      '{\n "Cluster": {\n  "n": 48\n }\n}\n'
    );
    await sidebar.row('study').menu('Open Profile Settings');
    const profile = page.locator('.jlc-ProfilePage:visible');
    await expect(profile).toContainText('overrides');
    await profile.getByText('More options').click();
    await shoot('profile-page');

    const site = path.join(jupyter.home, 'ipython', 'profile_mpi');
    mkdirSync(site, { recursive: true });
    writeFileSync(path.join(site, 'ipcluster_config.py'), SITE);
    const asWritten = sidebar.row('mpi');
    await asWritten.menu('Open Profile Settings');
    await asWritten.select();
    await expect(asWritten.root).toContainText('ipcluster on the other machine');
    await expect(page.locator('.jlc-ProfilePage:visible')).toContainText(
      'sshproxy'
    );
    await shoot('profile-as-written');

    const row = sidebar.row('default');
    await row.choose(4);
    await row.start();
    await row.is('running');
    await row.menu('Connect from Elsewhere…');
    await expect(page.getByRole('dialog')).toContainText('In Python there');
    await page.getByLabel('ssh reaches it as').fill('ada@login1');
    await shoot('connect');
    await page.keyboard.press('Escape');
    rmSync(folder, { recursive: true });
    rmSync(site, { recursive: true });
  });
}
