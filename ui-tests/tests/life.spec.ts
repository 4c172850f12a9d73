/** The whole way of a cluster, from the dropdown to the last process. */
import { expect, test } from '../fixtures';
import { Notebook, PIDS, connect, say } from '../pages/notebook';
import { Sidebar } from '../pages/sidebar';
import { alive, until } from '../server/processes';

const KEY = 'default:';

// The layout is kept by the server, as for a person; Galata's stand-in forgets it at a reload.
test.use({ mockState: false });

test('a cluster lives from Start to Stop', async ({
  page,
  jupyter,
  sidebar,
  log
}) => {
  const row = sidebar.row('default');

  await test.step('start 4 from the dropdown', async () => {
    await row.is('stopped');
    await row.choose(4);
    await row.start();
    await row.is('running');
    expect(await jupyter.enginePids(KEY)).toHaveLength(4);
  });

  let notebook: Notebook;
  await test.step('a cell computes on them', async () => {
    notebook = await Notebook.create(page);
    expect(await notebook.run(connect(4))).toBe('4');
    const pids = (await jupyter.enginePids(KEY)).sort((a, b) => a - b);
    expect(await notebook.run(PIDS)).toBe(pids.join(' '));
  });

  await test.step('scale to 6', async () => {
    await sidebar.open();
    await row.choose(6);
    await row.says('6 engines');
    await until(
      async () => (await jupyter.enginePids(KEY)).length === 6,
      'six engines are there',
      15
    );
    expect(
      await notebook.run('client.wait_for_engines(6, timeout=30)\nprint(len(client))')
    ).toBe('6');
  });

  const pids = await jupyter.enginePids(KEY);
  await test.step('kill -9 one: the row tells', async () => {
    await notebook.run(say(pids[2], 'last words of two'));
    process.kill(pids[2], 'SIGKILL');
    await row.says('1 lost');
    await row.is('degraded');
    await row.select();
    await sidebar.engine(2).is('lost');
  });

  await test.step('its log is read after its death', async () => {
    // JupyterLab saves its layout a moment after it changed; a person reloads later than that.
    const saved = page.waitForRequest(
      request =>
        request.method() === 'PUT' &&
        request.url().includes('/lab/api/workspaces') &&
        (request.postData() ?? '').includes('jupyterlab-clusters-logs')
    );
    await sidebar.engine(2).openLog();
    await log.says('last words of two');
    await saved;
  });

  await test.step('after a reload all is still there', async () => {
    await page.reload();
    await sidebar.open();
    await row.is('degraded');
    await row.says('1 lost');
    await log.says('last words of two');
    const left = await jupyter.enginePids(KEY);
    expect(left).toEqual(pids.filter(pid => pid !== pids[2]));
  });

  await test.step('stop: nothing is left', async () => {
    await row.stop();
    await row.is('stopped');
    expect(pids.filter(alive)).toEqual([]);
    expect((await jupyter.clusters())[0].engines.launched).toBe(0);
  });
});

test('a second tab shows the same', async ({ page, jupyter, sidebar }) => {
  const other = await page.context().newPage();
  await other.goto(`${jupyter.url}/lab/workspaces/second?reset`);
  const there = new Sidebar(other);
  await there.open();

  await sidebar.row('default').choose(2);
  await sidebar.row('default').start();
  await there.row('default').is('running');
  await sidebar.row('default').is('running');

  await there.row('default').stop();
  await sidebar.row('default').is('stopped');
  await other.close();
});
