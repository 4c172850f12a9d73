/** Where else in JupyterLab clusters are seen: the status bar and the running list. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IRunningSessions } from '@jupyterlab/running';
import { RunningSessionManagers } from '@jupyterlab/running';
import { StatusBar } from '@jupyterlab/statusbar';
import { CommandRegistry } from '@lumino/commands';

import type { ICluster } from '../../cluster/state';
import { CommandIDs } from '../../tokens';
import { running } from '../running';
import { status } from '../status';
import { FakeClusters, Refusal, cluster } from './fakeclusters';

function lab() {
  const shown: unknown[] = [];
  const commands = new CommandRegistry();
  const describedBy = { args: null };
  const execute = (args: unknown) => shown.push(args);
  commands.addCommand(CommandIDs.show, { execute, describedBy });
  commands.addCommand(CommandIDs.stop, { execute, describedBy });
  return { app: { commands } as JupyterFrontEnd, shown };
}

const tell = (clusters: FakeClusters, all: readonly ICluster[]) => {
  clusters.all = all;
  clusters.changed.emit({ keys: all.map(one => one.key) });
};

describe('status bar', () => {
  function bar() {
    const { app, shown } = lab();
    const clusters = new FakeClusters([cluster({ state: 'stopped' })]);
    const statusBar = new StatusBar();
    void status.activate(app, clusters.contract, statusBar, null);
    const button = statusBar.node.querySelector('.jlc-Status');
    if (!(button instanceof HTMLElement)) {
      throw new Error('No item in the status bar.');
    }
    const hidden = () =>
      button.parentElement?.classList.contains('lm-mod-hidden');
    return { clusters, button, shown, hidden, statusBar };
  }

  it('is empty while nothing runs, and counts what does', () => {
    const { clusters, button, hidden, statusBar } = bar();
    expect(hidden()).toBe(true);
    const engines = { launched: 6, registered: 5, busy: 0, lost: 0 };
    tell(clusters, [
      cluster({ wanted: 4 }),
      cluster({ key: 'b:', profile: 'b', wanted: 6, engines })
    ]);
    expect(hidden()).toBe(false);
    expect(button.textContent).toBe('2 clusters, 9/10 engines');
    tell(clusters, [cluster({ state: 'stopped' })]);
    expect(hidden()).toBe(true);
    statusBar.dispose();
  });

  it('leads to the sidebar', () => {
    const { button, shown, statusBar } = bar();
    button.click();
    expect(shown).toHaveLength(1);
    statusBar.dispose();
  });
});

describe('running list', () => {
  function list(all: readonly ICluster[]) {
    const { app, shown } = lab();
    const clusters = new FakeClusters(all);
    const managers = new RunningSessionManagers();
    void running.activate(app, clusters.contract, managers, null);
    const manager: IRunningSessions.IManager = managers.items()[0];
    return { clusters, manager, shown };
  }

  it('has what runs, with how much of it is there', () => {
    const { manager, shown } = list([
      cluster({ wanted: 5 }),
      cluster({ key: 'b:', profile: 'b', state: 'stopped' })
    ]);
    const items = manager.running({ mode: 'list' });
    expect(items).toHaveLength(1);
    expect(items[0].label()).toBe('default');
    expect(items[0].detail?.()).toBe('4 of 5 engines');
    items[0].open?.();
    items[0].shutdown?.();
    expect(shown).toEqual([{ key: 'default:' }, { key: 'default:' }]);
  });

  it('is drawn anew when clusters change, and not more often than can be seen', async () => {
    const { clusters, manager } = list([cluster()]);
    let drawn = 0;
    manager.runningChanged.connect(() => drawn++);
    for (let i = 0; i < 50; i++) {
      tell(clusters, [cluster()]);
    }
    await new Promise(resolve => setTimeout(resolve, 400));
    expect(drawn).toBeGreaterThan(0);
    expect(drawn).toBeLessThan(5);
  });

  it('stops all, and says which could not be', async () => {
    const { clusters, manager } = list([cluster(), cluster({ key: 'b:' })]);
    clusters.refusals.push(new Refusal('The site allows no stop.', 'policy'));
    Notification.manager.dismiss();
    manager.shutdownAll();
    await new Promise(resolve => setTimeout(resolve));
    expect(clusters.asked).toEqual(['stop default:', 'stop b:']);
    expect(Notification.manager.notifications).toMatchObject([
      { message: 'The site allows no stop.', type: 'error' }
    ]);
  });
});
