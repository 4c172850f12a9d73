/** Engines and a cluster as the server tells them, for the specs of the table. */
import { Signal } from '@lumino/signaling';

import type { IEngine } from '../../../cluster/state';
import type { IChange, IEngines } from '../../../tokens';

export { ALL_CAN, cluster } from '../../../cluster/__tests__/pieces';

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
