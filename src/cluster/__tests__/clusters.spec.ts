import * as fs from 'fs';
import * as path from 'path';

import { DisposableDelegate } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { Link } from '../../tokens';
import { Clusters } from '../clusters';
import type {
  IClusterActions,
  ITopicReader,
  ITopicSource,
  Row
} from '../source';
import type { ICluster } from '../state';
import { MOVES } from '../state';

const OURS = path.resolve(__dirname, '../../../jupyterlab_clusters');

/** A sample message that the server's own tests make. */
function sample(name: string): { snapshot?: Row[]; changes?: Row[] } {
  const file = path.join(OURS, 'tests/wire', `${name}.json`);
  return JSON.parse(fs.readFileSync(file, 'utf-8')).message;
}

/** Topics that are told by hand. */
class Source implements ITopicSource {
  link: Link = 'live';
  readonly linkChanged: Signal<ITopicSource, Link> = new Signal(this);
  readonly readers = new Map<string, ITopicReader>();

  read(topic: string, reader: ITopicReader) {
    this.readers.set(topic, reader);
    return new DisposableDelegate(() => {
      this.readers.delete(topic);
    });
  }

  tell(topic: string, name: string): void {
    const { snapshot, changes } = sample(name);
    if (snapshot) {
      this.readers.get(topic)?.snapshot(snapshot);
    } else {
      this.readers.get(topic)?.changes(changes ?? []);
    }
  }
}

function made(actions: Partial<IClusterActions> = {}) {
  const source = new Source();
  const clusters = new Clusters(source, actions as IClusterActions);
  const heard: (readonly string[])[] = [];
  clusters.changed.connect((_, { keys }) => {
    heard.push(keys);
  });
  return { source, clusters, heard };
}

describe('clusters', () => {
  it('are what the server told, and nothing before', () => {
    const { source, clusters, heard } = made();
    expect(clusters.ready).toBe(false);
    source.tell('clusters', 'clusters-snapshot');
    expect(clusters.ready).toBe(true);
    expect(clusters.get('default:')?.profile).toBe('default');
    expect(heard).toEqual([clusters.all.map(one => one.key)]);
    expect(clusters.all[0].key).toBe('default:');
  });

  it('merge changes and keep the others as the same objects', () => {
    const { source, clusters, heard } = made();
    source.tell('clusters', 'clusters-snapshot');
    const before = new Map(clusters.all.map(one => [one.key, one]));
    source.tell('clusters', 'clusters-changes-starting');
    expect(clusters.get('default:')?.state).toBe('starting');
    expect(clusters.get('default:')?.engines.registered).toBe(1);
    expect(heard[1]).toEqual(['default:']);
    for (const one of clusters.all.filter(one => one.key !== 'default:')) {
      expect(one).toBe(before.get(one.key));
    }
  });

  it('go when they are forgotten, and so does the selection', () => {
    const { source, clusters } = made();
    source.tell('clusters', 'clusters-snapshot');
    const gone = String(sample('clusters-changes-gone').changes?.[0].key);
    source.readers
      .get('clusters')
      ?.changes([{ ...clusters.all[0], key: gone }]);
    clusters.selected = gone;
    source.tell('clusters', 'clusters-changes-gone');
    expect(clusters.get(gone)).toBeUndefined();
    expect(clusters.selected).toBeNull();
  });

  it('pass over rows that are not clusters', () => {
    const { source, clusters } = made();
    source.readers.get('clusters')?.snapshot([{ key: 'x:', state: 'dancing' }]);
    expect(clusters.all).toEqual([]);
  });

  it('tell what was asked for until the server has answered', async () => {
    let answer: (cluster: ICluster) => void = () => undefined;
    const { clusters } = made({
      stop: () => new Promise(resolve => (answer = resolve))
    });
    const stopping = clusters.stop('default:');
    expect(clusters.asked.get('default:')).toBe('stop');
    answer({} as ICluster);
    await stopping;
    expect(clusters.asked.size).toBe(0);
  });

  it('tell no longer what was refused', async () => {
    const { clusters } = made({ start: () => Promise.reject(new Error('no')) });
    await expect(clusters.start('default:', 4)).rejects.toThrow('no');
    expect(clusters.asked.size).toBe(0);
  });

  it('hold engines and load only as long as somebody does', () => {
    const { source, clusters } = made();
    const engines = clusters.engines('default:');
    const loads = clusters.loads('default:');
    source.tell('engines/default:', 'engines-snapshot');
    source.tell('load/default:', 'load-snapshot');
    const points = loads.points.length;
    source.tell('load/default:', 'load-changes');
    expect(engines.all.map(one => one.slot)).toEqual(
      [...engines.all.map(one => one.slot)].sort((a, b) => a - b)
    );
    expect(loads.points.length).toBe(points + 1);
    source.tell('engines/default:', 'engines-changes-lost');
    expect(engines.all.some(one => one.state === 'lost' && one.cause)).toBe(
      true
    );
    engines.dispose();
    loads.dispose();
    expect([...source.readers.keys()]).toEqual(['clusters']);
  });
});

it('has the same table of states as the server', () => {
  const text = fs.readFileSync(path.join(OURS, 'cluster/states.py'), 'utf-8');
  const rows = [...text.matchAll(/^ {4}"(\w+)": frozenset\(\{(.*)\}\),$/gm)];
  const moves = Object.fromEntries(
    rows.map(([, from, to]) => [
      from,
      [...to.matchAll(/"(\w+)"/g)].map(m => m[1])
    ])
  );
  const sorted = (table: Readonly<Record<string, readonly string[]>>) =>
    Object.fromEntries(
      Object.entries(table).map(([from, to]) => [from, [...to].sort()])
    );
  expect(rows.length).toBeGreaterThan(0);
  expect(sorted(moves)).toEqual(sorted(MOVES));
});
