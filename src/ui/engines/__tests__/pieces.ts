/** Engines and a cluster as the server tells them, for the specs of the table. */
import { Signal } from '@lumino/signaling';

import type { ICluster, IEngine } from '../../../cluster/state';
import type { IChange, IEngines } from '../../../tokens';

export const ALL_CAN = {
  scale: 'live',
  stop_one: true,
  restart_one: true,
  interrupt_one: true,
  log_per_engine: true
} as const;

export function engine(slot: number, fields: Partial<IEngine> = {}): IEngine {
  return {
    slot,
    id: slot,
    uuid: `uuid-${slot}`,
    host: 'here',
    pid: 1000 + slot,
    state: 'idle',
    cause: null,
    completed: 0,
    cpu: 0,
    memory: 64 * 2 ** 20,
    started_at: '2026-01-01T00:00:00Z',
    ...fields
  };
}

export const LOST = engine(1, {
  state: 'lost',
  cause: { signal: 9, exit_code: null, sentence: 'Killed: out of memory.' }
});

export function cluster(fields: Partial<ICluster> = {}): ICluster {
  return {
    key: 'default:',
    profile: 'default',
    cluster_id: '',
    launcher: 'local',
    host: null,
    origin: 'ours',
    state: 'running',
    step: null,
    wanted: 4,
    engines: { launched: 4, registered: 4, busy: 0, lost: 0 },
    degraded: false,
    failure: null,
    job: null,
    capabilities: ALL_CAN,
    started_at: null,
    connection_file: null,
    as_written: null,
    stale: null,
    unreachable: null,
    idle: null,
    notice: null,
    no_start: null,
    no_stop: null,
    max_engines: 10000,
    ...fields
  };
}

/** Engines that change when told to. */
export class Told implements IEngines {
  constructor(
    public all: readonly IEngine[],
    readonly ready = true
  ) {}

  readonly changed: Signal<IEngines, IChange<number>> = new Signal(this);
  readonly isDisposed = false;

  tell(all: readonly IEngine[]): void {
    this.all = all;
    this.changed.emit({ keys: all.map(one => one.slot) });
  }

  dispose(): void {
    Signal.clearData(this);
  }
}
