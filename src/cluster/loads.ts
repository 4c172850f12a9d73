/** The load of one cluster over the last minutes, live while somebody holds it. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { ILoads } from '../tokens';
import { isLoad } from './check';
import type { ITopicSource, Row } from './source';
import type { ILoad } from './state';

/** How many points are kept, one a second. */
const MOST = 600;

/** Reads `load/<key>` until disposed. */
export class Loads implements ILoads {
  constructor(source: ITopicSource, key: string) {
    this._reading = source.read(`load/${key}`, {
      snapshot: rows => this._take([], rows),
      changes: rows => this._take(this._points, rows),
      error: () => undefined
    });
  }

  get points(): readonly ILoad[] {
    return this._points;
  }

  get changed(): ISignal<ILoads, void> {
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

  private _take(before: readonly ILoad[], rows: readonly Row[]): void {
    this._points = [
      ...before,
      ...rows.flatMap(row => (isLoad(row) ? [row] : []))
    ].slice(-MOST);
    this._changed.emit();
  }

  private readonly _reading: IDisposable;
  private readonly _changed = new Signal<ILoads, void>(this);
  private _points: readonly ILoad[] = [];
  private _disposed = false;
}
