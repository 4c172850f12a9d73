/** The engines of one cluster, live while somebody holds them. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IChange, IEngines } from '../tokens';
import { isEngine } from './check';
import { Rows } from './rows';
import type { ITopicSource, Row } from './source';
import type { IEngine } from './state';

/** Reads `engines/<key>` until disposed. */
export class Engines implements IEngines {
  constructor(source: ITopicSource, key: string) {
    this._reading = source.read(`engines/${key}`, {
      snapshot: rows => this._apply(rows, true),
      changes: rows => this._apply(rows, false),
      error: () => undefined
    });
  }

  get all(): readonly IEngine[] {
    return this._rows.all;
  }

  get ready(): boolean {
    return this._ready;
  }

  get changed(): ISignal<IEngines, IChange<number>> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    this._reading.dispose();
    Signal.clearData(this);
  }

  private _apply(rows: readonly Row[], whole: boolean): void {
    const keys = whole ? this._rows.snapshot(rows) : this._rows.changes(rows);
    this._ready = true;
    this._changed.emit({ keys });
  }

  private readonly _rows = new Rows<IEngine, number>(
    'slot',
    row => (isEngine(row) ? row : null),
    (a, b) => a.slot - b.slot
  );
  private readonly _reading: IDisposable;
  private readonly _changed = new Signal<IEngines, IChange<number>>(this);
  private _ready = false;
  private _disposed = false;
}
