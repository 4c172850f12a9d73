/** Clusters that only remember what was asked of them, or refuse it. */
import { Signal } from '@lumino/signaling';
import * as fs from 'fs';
import * as path from 'path';

import { isCluster } from '../../cluster/check';
import type { ICluster } from '../../cluster/state';
import type { IChange, IClusters } from '../../tokens';

const SAMPLE = path.resolve(
  __dirname,
  '../../../jupyterlab_clusters/tests/wire/clusters-snapshot.json'
);

/** A running cluster of four engines, as recorded, but for some fields. */
export function cluster(fields: Partial<ICluster> = {}): ICluster {
  const { message } = JSON.parse(fs.readFileSync(SAMPLE, 'utf-8'));
  const row: unknown = {
    ...message.snapshot[0],
    state: 'running',
    engines: { launched: 4, registered: 4, busy: 0, lost: 0 },
    ...fields
  };
  if (!isCluster(row)) {
    throw new Error('The sample is no cluster.');
  }
  return row;
}

/** A refusal as the requests throw it. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly reason: string
  ) {
    super(message);
  }
}

/** The part of `IClusters` that commands use. */
export class FakeClusters {
  constructor(public all: readonly ICluster[]) {}

  /** What was asked, as words. */
  readonly asked: string[] = [];
  /** What the next calls answer with instead of obeying. */
  readonly refusals: Error[] = [];
  selected: string | null = null;
  readonly changed = new Signal<FakeClusters, IChange<string>>(this);

  get(key: string): ICluster | undefined {
    return this.all.find(one => one.key === key);
  }

  start = (...args: unknown[]) => this._ask('start', args);
  stop = (...args: unknown[]) => this._ask('stop', args);
  scale = (...args: unknown[]) => this._ask('scale', args);
  keep = (...args: unknown[]) => this._ask('keep', args);
  interrupt = (...args: unknown[]) => this._ask('interrupt', args);
  forget = (...args: unknown[]) => this._ask('forget', args);
  clear = (...args: unknown[]) => this._ask('clear', args);
  stopEngine = (...args: unknown[]) => this._ask('stopEngine', args);

  /** As the contract that plugins require. */
  get contract(): IClusters {
    return this as unknown as IClusters;
  }

  private async _ask(verb: string, args: unknown[]): Promise<void> {
    const given = args.filter(one => one !== undefined);
    this.asked.push([verb, ...given].join(' '));
    const refusal = this.refusals.shift();
    if (refusal) {
      throw refusal;
    }
  }
}
