import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { NotebookModel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { CommandRegistry } from '@lumino/commands';

import { clientCode } from '../../cluster/clientcode';
import { CommandIDs } from '../../tokens';
import { notebook } from '../notebook';
import { FakeClusters, cluster } from './fakeclusters';

const notices = () => Notification.manager.notifications.map(n => n.message);

// Cells complain of being read before they are in a notebook, as all do.
beforeAll(() => jest.spyOn(console, 'warn').mockImplementation());

beforeEach(() => Notification.manager.dismiss());

/** A real notebook of two cells before a kernel of this language. */
function made(language: string | null) {
  const content = NBTestUtils.createNotebook();
  const model = new NotebookModel();
  content.model = model;
  model.sharedModel.insertCells(0, [
    { cell_type: 'code', source: 'a' },
    { cell_type: 'code', source: 'b' }
  ]);
  while (model.sharedModel.cells.length > 2) {
    model.sharedModel.deleteCell(2);
  }
  content.activeCellIndex = 0;
  const spec = Promise.resolve({ language });
  const session = language === null ? null : { kernel: { spec } };
  const panel = { content, model, sessionContext: { session } };
  const registry = new CommandRegistry();
  const app = { commands: registry, shell: { currentWidget: panel } };
  const clusters = new FakeClusters([cluster()]);
  const run = (notebooks: unknown) =>
    void notebook.activate(
      app as unknown as JupyterFrontEnd,
      clusters.contract,
      notebooks as INotebookTracker | null,
      null,
      null,
      null,
      null
    );
  const sources = () => model.sharedModel.cells.map(cell => cell.getSource());
  return { content, model, registry, panel, run, sources };
}

it('inserts a cell below the active one and makes it active', async () => {
  const { registry, panel, run, sources, content } = made('python');
  run({ currentWidget: panel });
  await registry.execute(CommandIDs.insertCode, { key: 'default:' });
  expect(sources()).toEqual(['a', clientCode(cluster()), 'b']);
  expect(content.activeCellIndex).toBe(1);
  expect(notices()).toEqual([]);
});

it('puts no Python before another kernel', async () => {
  const { registry, panel, run, sources } = made('julia');
  run({ currentWidget: panel });
  await registry.execute(CommandIDs.insertCode, { key: 'default:' });
  expect(sources()).toEqual(['a', 'b']);
  expect(notices()).toEqual(['The client code is Python; this is julia.']);
});

it('says so when nothing is open', async () => {
  const { registry, run } = made('python');
  run(null);
  await registry.execute(CommandIDs.insertCode, { key: 'default:' });
  expect(notices()).toEqual(['No notebook, console or editor is open.']);
});

it('leaves a notebook that cannot be edited alone', async () => {
  const { registry, panel, run, sources, model } = made(null);
  model.readOnly = true;
  run({ currentWidget: panel });
  await registry.execute(CommandIDs.insertCode, { key: 'default:' });
  expect(sources()).toEqual(['a', 'b']);
  expect(notices()).toEqual(['This cannot be edited.']);
});
