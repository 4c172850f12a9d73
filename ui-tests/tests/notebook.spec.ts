/** The client code and the log panel, by pointer, as a person at work uses them. */
import { expect, test } from '../fixtures';
import { Notebook, connect } from '../pages/notebook';

test('the code is dragged into a notebook and computes', async ({
  page,
  sidebar
}) => {
  const row = sidebar.row('default');
  await row.choose(2);
  await row.start();
  await row.is('running');
  await Notebook.create(page);
  await sidebar.open();

  const code = row.root.getByRole('button', { name: 'Insert code' });
  const cell = page.locator('.jp-NotebookPanel:visible .jp-Cell').first();
  const from = await code.boundingBox();
  const to = await cell.boundingBox();
  if (!from || !to) {
    throw new Error('Nothing to drag, or nowhere to drop it.');
  }
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + 200, to.y + to.height / 2, { steps: 12 });
  await page.mouse.up();

  const cells = page.locator('.jp-NotebookPanel:visible .jp-Cell');
  await expect(cells).toHaveCount(2);
  const dropped = await page.notebook.getCellTextInput(0);
  expect(dropped).toContain('ipp.Client(');
  expect(await page.notebook.runCell(0, true)).toBe(true);
  await page.notebook.setCell(1, 'code', 'view.apply_sync(lambda: 6 * 7)');
  expect(await page.notebook.runCell(1, true)).toBe(true);
  expect(await page.notebook.getCellTextOutput(1)).toEqual(['[42, 42]']);
});

test('the log keeps its place for a reader and follows again when asked', async ({
  page,
  sidebar,
  log
}) => {
  const row = sidebar.row('default');
  await row.choose(1);
  await row.start();
  await row.is('running');
  const notebook = await Notebook.create(page);
  await notebook.run(connect(1));
  await notebook.run(
    'client[0].execute("for i in range(400): print(\'early line\', i)", block=True)'
  );
  await notebook.run(
    'late = client[0].execute("import time; time.sleep(6)\\nfor i in range(50): print(\'late line\', i)")'
  );
  await sidebar.open();
  await row.select();
  await sidebar.engine(0).openLog();
  await log.says('early line 399');

  const scroller = log.root.locator('.cm-scroller');
  await scroller.hover();
  await page.mouse.wheel(0, -2500);
  const follow = page.getByRole('button', { name: 'Follow' });
  await expect(follow).toHaveAttribute('aria-pressed', 'false');
  const top = () => scroller.evaluate(node => node.scrollTop);
  const place = await top();
  const height = () => scroller.evaluate(node => node.scrollHeight);
  const before = await height();
  await expect.poll(height, { timeout: 15000 }).toBeGreaterThan(before);
  expect(Math.abs((await top()) - place)).toBeLessThan(5);

  await follow.click();
  await log.says('late line 49');
});
