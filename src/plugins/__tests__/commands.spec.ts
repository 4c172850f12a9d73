import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { acceptDialog, dismissDialog } from '@jupyterlab/testing';
import { CommandRegistry } from '@lumino/commands';

import type { ICluster } from '../../cluster/state';
import { CommandIDs } from '../../tokens';
import { commands } from '../commands';
import { FakeClusters, Refusal, cluster } from './fakeclusters';

const KEY = { key: 'default:' };
const BUSY = { launched: 4, registered: 4, busy: 3, lost: 0 };

function made(fields: Partial<ICluster> = {}) {
  const clusters = new FakeClusters([cluster(fields)]);
  const registry = new CommandRegistry();
  const app = { commands: registry } as JupyterFrontEnd;
  void commands.activate(app, clusters.contract, null, null);
  return { clusters, registry };
}

const notices = () => Notification.manager.notifications.map(n => n.message);

beforeEach(() => Notification.manager.dismiss());

const { start, scale, stop, interrupt, forget, stopEngine } = CommandIDs;

it.each<[Partial<ICluster>, string[]]>([
  [{ state: 'stopped' }, [start, forget]],
  [{ state: 'starting' }, [scale, stop]],
  [{ state: 'running' }, [scale, stop, interrupt]],
  [{ state: 'stopping' }, []],
  [{ state: 'failed' }, [start, stop, forget]],
  [{ state: 'stopped', origin: 'external' }, []]
])('only what makes sense is enabled: %j', (fields, enabled) => {
  const { registry } = made(fields);
  const all = [start, scale, stop, interrupt, forget];
  expect(all.filter(id => registry.isEnabled(id, KEY))).toEqual(enabled);
});

it('no key means the selected cluster, else the only one', async () => {
  const { clusters, registry } = made();
  expect(registry.isEnabled(stop)).toBe(true);
  clusters.all = [cluster(), cluster({ key: 'b:', state: 'stopped' })];
  expect(registry.isEnabled(stop)).toBe(false);
  clusters.selected = 'default:';
  await registry.execute(interrupt);
  expect(clusters.asked).toEqual(['interrupt default:']);
  expect(registry.isEnabled(stop, { key: 'gone:' })).toBe(false);
});

it('stops idle engines without a question', async () => {
  const { clusters, registry } = made();
  await registry.execute(stop, KEY);
  expect(clusters.asked).toEqual(['stop default:']);
});

it('asks before busy engines are stopped', async () => {
  const { clusters, registry } = made({ engines: BUSY });
  let done = registry.execute(stop, KEY);
  await dismissDialog();
  await done;
  expect(clusters.asked).toEqual([]);
  done = registry.execute(stop, KEY);
  await acceptDialog();
  await done;
  expect(clusters.asked).toEqual(['stop default:']);
});

it('asks before scaling down stops busy engines', async () => {
  const { clusters, registry } = made({ engines: BUSY });
  await registry.execute(scale, { ...KEY, engines: 3 });
  const done = registry.execute(scale, { ...KEY, engines: 2 });
  await dismissDialog();
  await done;
  expect(clusters.asked).toEqual(['scale default: 3']);
});

it('asks before a whole set is replaced, then tries again', async () => {
  const { clusters, registry } = made();
  clusters.refusals.push(new Refusal('All at once.', 'restart-needed'));
  const done = registry.execute(scale, { ...KEY, engines: 8 });
  await acceptDialog();
  await done;
  expect(clusters.asked).toEqual(['scale default: 8', 'scale default: 8 true']);
  expect(notices()).toEqual([]);
});

it('is silent when the person would rather not replace the set', async () => {
  const { clusters, registry } = made();
  clusters.refusals.push(new Refusal('All at once.', 'restart-needed'));
  const done = registry.execute(scale, { ...KEY, engines: 8 });
  await dismissDialog();
  await done;
  expect(clusters.asked).toEqual(['scale default: 8']);
  expect(notices()).toEqual([]);
});

it('shows a refusal with its sentence', async () => {
  const { clusters, registry } = made();
  clusters.refusals.push(new Refusal('The port is taken.', 'conflict'));
  await registry.execute(stop, KEY);
  expect(notices()).toEqual(['default: The port is taken.']);
});

it('asks before it forgets', async () => {
  const { clusters, registry } = made({ state: 'stopped' });
  const done = registry.execute(forget, KEY);
  await acceptDialog();
  await done;
  expect(clusters.asked).toEqual(['forget default:']);
});

it('says why one engine cannot be stopped alone', () => {
  const { capabilities } = cluster();
  const args = { ...KEY, slot: 1 };
  const { registry } = made({
    capabilities: { ...capabilities, stop_one: false }
  });
  expect(registry.isEnabled(stopEngine, args)).toBe(false);
  expect(registry.caption(stopEngine, args)).toMatch(/only all together/);
  expect(made().registry.isEnabled(stopEngine, args)).toBe(true);
});

it('clears the stale file that was shown', async () => {
  const stale = { path: '/p/x', sentence: 'Left.', mark: 'now' };
  const { registry, clusters } = made({ state: 'stopped', stale });
  await registry.execute(CommandIDs.clear, KEY);
  await registry.execute(CommandIDs.clear, { ...KEY, mark: 'then' });
  expect(clusters.asked).toEqual(['clear default: now', 'clear default: then']);
  expect(
    made({ state: 'stopped' }).registry.isEnabled(CommandIDs.clear, KEY)
  ).toBe(false);
});
