/** The sample messages that pytest reads too, through decoder and model. */
import * as fs from 'fs';
import * as path from 'path';

import { Clusters } from '../../cluster/clusters';
import { isCluster, isEngine, isLoad } from '../../cluster/check';
import type {
  IClusterActions,
  ITopicReader,
  ITopicSource
} from '../../cluster/source';
import type {
  ICluster,
  IEngine,
  ILauncherModel,
  IHostTests,
  ILoad,
  ILogMatches,
  ILogModel,
  ILogPage,
  IPreview,
  IProfile
} from '../../cluster/state';
import { decode } from '../messages';
import type { components } from '../wire';
import { Signal } from '@lumino/signaling';

const FOLDER = path.resolve(
  __dirname,
  '../../../jupyterlab_clusters/tests/wire'
);
const FILES = fs.readdirSync(FOLDER).filter(name => name.endsWith('.json'));

type Schemas = components['schemas'];
type Fits<Ours, Theirs extends Ours> = Theirs;
/** Compiles only while what the server declares fits what the window reads. */
export type InStep = [
  Fits<ICluster, Schemas['ClusterModel']>,
  Fits<IEngine, Schemas['EngineModel']>,
  Fits<ILoad, Schemas['LoadModel']>,
  Fits<ILauncherModel, Schemas['LauncherModel']>,
  Fits<ILogModel, Schemas['LogModel']>,
  Fits<ILogMatches, Schemas['Matches']>,
  Fits<Pick<ILogPage, 'start' | 'end' | 'size'>, Schemas['Page']>,
  Fits<IHostTests, Schemas['HostTests']>,
  Fits<IPreview, Schemas['Preview']>,
  Fits<IProfile, Schemas['ProfileModel']>
];

function sample(name: string): { message: unknown } {
  return JSON.parse(fs.readFileSync(path.join(FOLDER, name), 'utf-8'));
}

describe('sample messages', () => {
  it.each(FILES.filter(name => !name.startsWith('rest-')))(
    '%s is understood',
    name => {
      const { message } = sample(name);
      const read = decode(JSON.stringify(message));
      expect(read).not.toBeNull();
      expect(Object.keys(message as object)).toContain(
        read?.kind === 'lagged' ? 'lagged' : read?.kind
      );
    }
  );

  it.each([
    ['clusters-snapshot.json', isCluster],
    ['engines-snapshot.json', isEngine],
    ['load-snapshot.json', isLoad]
  ])('%s holds whole models', (name, check) => {
    const { snapshot } = sample(name).message as { snapshot: unknown[] };
    expect(snapshot.length).toBeGreaterThan(0);
    expect(snapshot.every(check)).toBe(true);
  });

  it('tell the life of a cluster to the model', () => {
    let reader: ITopicReader | null = null;
    const link = {};
    const source: ITopicSource = {
      link: 'live',
      linkChanged: new Signal<ITopicSource, 'live'>(link as ITopicSource),
      read: (_, one) => {
        reader = one;
        return { isDisposed: false, dispose: () => undefined };
      }
    };
    const model = new Clusters(source, {} as IClusterActions);
    const keys: string[][] = [];
    model.changed.connect((_, change) => void keys.push([...change.keys]));
    const tell = (name: string) => {
      const read = decode(JSON.stringify(sample(name).message));
      if (read?.kind === 'snapshot' || read?.kind === 'changes') {
        reader?.[read.kind](read.rows);
      }
      return model.get('default:');
    };
    expect(model.ready).toBe(false);
    expect(tell('clusters-snapshot.json')?.state).toBe('stopped');
    expect(model.ready).toBe(true);
    const other = model.get('hpc:night');
    expect(tell('clusters-changes-starting.json')?.step).toBe('engines');
    expect(tell('clusters-changes-running.json')?.engines.registered).toBe(4);
    const lost = tell('clusters-changes-degraded.json');
    expect([lost?.state, lost?.degraded]).toEqual(['running', true]);
    expect(lost?.failure?.log).toBe('slot-2');
    expect(tell('clusters-changes-stopping.json')?.state).toBe('stopping');
    expect(tell('clusters-changes-stopped.json')?.host).toBeNull();
    expect(tell('clusters-changes-failed.json')?.failure?.exit_code).toBe(1);
    tell('clusters-changes-new.json');
    expect(model.get('mpi:')?.origin).toBe('external');
    tell('clusters-changes-gone.json');
    expect(model.get('mpi:')).toBeUndefined();
    expect(keys[0].sort()).toEqual(['default:', 'hpc:night']);
    expect(keys[1]).toEqual(['default:']);
    expect(model.get('hpc:night')).toBe(other);
    model.dispose();
  });
});
