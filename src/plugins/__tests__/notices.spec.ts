import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import type { ICluster } from '../../cluster/state';
import { CommandIDs } from '../../tokens';
import { followStart } from '../notices';
import { FakeClusters, cluster } from './fakeclusters';

const trans = nullTranslator.load('jupyterlab_clusters');
const ENGINES = { launched: 4, registered: 1, busy: 0, lost: 0 };
const FAILURE = {
  step: 'controller',
  cause: 'The disk is full.',
  hint: 'Make room and try again.',
  command: null,
  exit_code: 1,
  output: null,
  log: 'slot-1'
} as const;

/** A start that is followed; `becomes` is what the server tells next. */
function followed() {
  const clusters = new FakeClusters([
    cluster({ state: 'starting', wanted: 4, engines: ENGINES })
  ]);
  const commands = new CommandRegistry();
  const opened: unknown[] = [];
  commands.addCommand(CommandIDs.openLog, {
    execute: args => opened.push(args),
    describedBy: { args: null }
  });
  followStart(clusters.contract, 'default:', commands, trans);
  const becomes = (fields: Partial<ICluster>) => {
    clusters.all = [cluster(fields)];
    clusters.changed.emit({ keys: ['default:'] });
  };
  return { clusters, opened, becomes };
}

const notices = () => Notification.manager.notifications;

beforeEach(() => {
  jest.useFakeTimers();
  Notification.manager.dismiss();
});
afterEach(() => jest.useRealTimers());

it('says nothing of a start that is quick', () => {
  const { becomes } = followed();
  jest.advanceTimersByTime(600);
  becomes({ state: 'running' });
  jest.advanceTimersByTime(5000);
  expect(notices()).toEqual([]);
});

it('tells how far a slow start has come, and when it is done', () => {
  const { becomes } = followed();
  jest.advanceTimersByTime(1600);
  expect(notices().map(one => one.message)).toEqual([
    'default: 1 of 4 engines registered'
  ]);
  const three = { ...ENGINES, registered: 3 };
  becomes({ state: 'starting', wanted: 4, engines: three });
  expect(notices()[0].options.progress).toBe(0.75);
  becomes({ state: 'running' });
  expect(notices()).toMatchObject([
    { message: 'default runs with 4 engines', type: 'success' }
  ]);
});

it('keeps a failure on the screen, with the way to its log', () => {
  const { becomes, opened } = followed();
  becomes({ state: 'failed', failure: FAILURE });
  const [notice] = notices();
  expect(notice).toMatchObject({
    message: 'default: The disk is full.',
    type: 'error',
    options: { autoClose: false }
  });
  notice.options.actions?.[0].callback(new MouseEvent('click'));
  expect(opened).toEqual([{ key: 'default:', log: 'slot-1' }]);
});

it('takes its notice away when the start is stopped, and then listens no more', () => {
  const { becomes } = followed();
  jest.advanceTimersByTime(1600);
  becomes({ state: 'stopping' });
  expect(notices()).toEqual([]);
  becomes({ state: 'failed', failure: FAILURE });
  expect(notices()).toEqual([]);
});
