/** Clusters that somebody started in a terminal: seen, read, stopped, and cleared away when they crashed. */
import { existsSync } from 'fs';

import { expect, test } from '../fixtures';
import type { Jupyter } from '../server/jupyter';
import { alive, command, crash, of, until } from '../server/processes';

const NAME = 'theirs';
const CRASHED = 'crashed';
const FILES = ['ipcontroller-client.json', 'cluster-.json'];

/** As a person starts a cluster in a terminal. */
function ipcluster(jupyter: Jupyter, profile: string, engines: number): void {
  jupyter.terminal(
    'ipcluster',
    'start',
    `--profile=${profile}`,
    `--n=${engines}`,
    '--daemonize',
    '--HeartMonitor.period=500'
  );
}

test('a cluster of a terminal is seen with its engines and log, and stopped', async ({
  jupyter,
  sidebar,
  log
}) => {
  ipcluster(jupyter, NAME, 2);
  const row = sidebar.row(NAME);

  await test.step('its engines are seen', async () => {
    await row.is('running');
    await row.says('external');
    await row.says('2 engines');
    await row.select();
    await sidebar.engine(0).is('idle');
    await sidebar.engine(1).is('idle');
  });

  await test.step('and its log', async () => {
    await row.menu('Open Cluster Log');
    await log.says('engine::Engine Connected');
  });

  await test.step('stop: nothing is left', async () => {
    const theirs = of(jupyter.home).filter(pid =>
      command(pid).includes('ipyparallel.engine')
    );
    expect(theirs.length).toBeGreaterThan(0);
    await row.stop();
    await row.is('stopped');
    await until(() => !theirs.some(alive), 'the engines ended', 15);
  });

  await test.step('what ipcluster left is named, and cleared', async () => {
    await row.says('cluster-.json was left behind');
    await row.clear();
    await until(
      () => !existsSync(jupyter.security(NAME, 'cluster-.json')),
      'it is cleared',
      10
    );
  });
});

test('the files of one that crashed are named, and cleared one by one', async ({
  jupyter,
  sidebar
}) => {
  ipcluster(jupyter, CRASHED, 1);
  const row = sidebar.row(CRASHED);
  await row.is('running');
  crash(jupyter.home, 'ipyparallel.');
  for (const name of FILES) {
    const file = jupyter.security(CRASHED, name);
    await row.says(`${name} was left behind`);
    await row.says(file);
    expect(existsSync(file)).toBe(true);
    await row.clear();
    await until(() => !existsSync(file), `${name} is cleared`, 10);
  }
  await row.is('stopped');
  await expect(row.root.getByRole('button', { name: 'Clear' })).toHaveCount(0);
  await row.start();
  await row.is('running');
});
