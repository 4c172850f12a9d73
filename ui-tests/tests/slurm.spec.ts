/** Engines in a queue: what is submitted is seen before, why it waits is told, logs come from every node, nothing is left. */
import { expect, test } from '../fixtures';
import { NewCluster } from '../pages/newcluster';
import { Notebook } from '../pages/notebook';
import { until } from '../server/processes';
import { Slurm } from '../server/slurm';

/** Every engine writes the name of its node. */
const SAY_WHERE = [
  'import ipyparallel as ipp',
  'client = ipp.Client(cluster_id="queue")',
  'code = \'import os; print("this is", os.environ["SLURMD_NODENAME"], flush=True)\'',
  'print(len(client[:].execute(code, block=True)), "have said")'
].join('\n');

test('a job is previewed, waits, runs on three nodes and is given back', async ({
  page,
  jupyter,
  sidebar,
  log
}) => {
  const slurm = await Slurm.begin(jupyter);
  try {
    const other = await slurm.fill();
    // What the queue has is asked for in the background.
    await expect
      .poll(async () => JSON.stringify(await jupyter.ask('launchers')))
      .toContain('short: up to 10 min');

    const dialog = new NewCluster(page);
    await test.step('the form has the choices of this site', async () => {
      await dialog.open();
      await dialog.fill('Name', 'queue');
      await dialog.launcher('Slurm queue');
      await dialog.fill('Engines', '6');
      const offered = dialog.root.locator(
        '#root_partition ~ datalist option[value="short"]'
      );
      await expect(offered).toHaveCount(1);
      await dialog.option('partition', 'short');
      await dialog.option('time', '5');
      await dialog.option('nodes', '3');
    });

    await test.step('the preview is the very script, and nothing is submitted', async () => {
      await dialog.preview();
      const script = dialog.root.getByRole('region', { name: 'Script' });
      await expect(script).toContainText('#SBATCH --partition=short');
      await expect(script).toContainText('#SBATCH --nodes=3');
      expect(slurm.jobs()).toHaveLength(1);
      await dialog.back.click();
      await expect(dialog.root.locator('#root_partition')).toHaveValue('short');
    });

    const row = sidebar.row('default / queue');
    await test.step('it waits, and says why', async () => {
      await dialog.start();
      await row.is('starting');
      await expect(row.root).toContainText(/in use|waiting|priority|resources/i, {
        timeout: 30000
      });
      expect(slurm.jobs()).toHaveLength(2);
    });

    await test.step('it runs on three nodes', async () => {
      slurm.cancel(other);
      await row.is('running');
      await row.says('6 engines');
      const hosts = (await jupyter.engines('default:queue')).map(
        one => one.host
      );
      expect([...new Set(hosts)].sort()).toEqual(['node1', 'node2', 'node3']);
    });

    await test.step('the log of an engine on each node is read', async () => {
      const notebook = await Notebook.create(page);
      expect(await notebook.run(SAY_WHERE)).toBe('6 have said');
      await sidebar.open();
      await row.select();
      const engines = await jupyter.engines('default:queue');
      for (const node of ['node1', 'node2', 'node3']) {
        const { slot } = engines.find(one => one.host === node)!;
        await sidebar.engine(slot).openLog();
        await log.says(`this is ${node}`);
      }
    });

    await test.step('stop leaves nothing in the queue', async () => {
      await row.stop();
      await row.is('stopped');
      await until(() => slurm.jobs().length === 0, 'the queue is empty', 20);
    });
  } finally {
    await jupyter.stopClusters();
    await slurm.end();
  }
});
