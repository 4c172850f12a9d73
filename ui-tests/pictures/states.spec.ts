/** Pictures of every state, in the light and the dark theme, for README and docs. */
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import * as path from 'path';

import { test } from '../fixtures';
import { Notebook, connect, say } from '../pages/notebook';

const FOLDER = path.resolve(__dirname, '..', '..', 'docs', 'pictures');
const THEMES = { light: 'JupyterLab Light', dark: 'JupyterLab Dark' };

/** Work that keeps two of the engines busy for a while. */
const WORK = [
  'import time',
  'busy = client[:2].apply_async(time.sleep, 8)',
  'squares = client[2:].map_sync(lambda x: x * x, range(8))',
  'print(squares)'
].join('\n');

// Nothing between the page and the server, which is killed for one of the pictures.
test.use({ kernels: null, sessions: null, terminals: null });

for (const [name, theme] of Object.entries(THEMES)) {
  test(`pictures in ${name}`, async ({ page, jupyter, sidebar, log }) => {
    const shoot = async (state: string) =>
      page.screenshot({
        path: path.join(FOLDER, `${state}-${name}.png`),
        animations: 'disabled'
      });
    await page.theme.setTheme(theme);
    await page.sidebar.setWidth(380);
    const row = sidebar.row('default');
    await row.is('stopped');
    await shoot('stopped');

    const notebook = await Notebook.create(page);
    await sidebar.open();
    await row.choose(4);
    await row.start();
    await row.is('starting');
    await shoot('starting');

    await row.is('running');
    await row.select();
    await notebook.run(connect(4));
    await notebook.run(WORK);
    await row.says('2 busy');
    await sidebar.engine(3).is('idle');
    await shoot('running');

    const pids = await jupyter.enginePids('default:');
    await notebook.run('busy.get()');
    await notebook.run('import os\n' + say(pids[2], 'a line from engine two'));
    process.kill(pids[2], 'SIGKILL');
    await row.is('degraded');
    await sidebar.engine(2).openLog();
    await log.says('a line from engine two');
    await shoot('lost');

    await row.stop();
    await row.is('stopped');

    await jupyter.kill();
    await sidebar.root.getByText(/reconnecting/).waitFor();
    await shoot('reconnecting');
    await jupyter.start();
    await row.is('stopped');

    const profile = path.join(jupyter.home, 'ipython', 'profile_broken');
    mkdirSync(profile, { recursive: true });
    writeFileSync(
      path.join(profile, 'ipcluster_config.py'),
      'c = get_config()\nc.Cluster.n = 1 / 0\n'
    );
    await page.reload();
    // Asked for the notebook, whose kernel went with the server.
    await page.getByRole('button', { name: 'No Kernel' }).click();
    await sidebar.open();
    await sidebar.row('broken').says('ZeroDivisionError');
    await shoot('profile-error');
    rmSync(profile, { recursive: true });
  });
}
