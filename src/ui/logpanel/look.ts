/** How a log is looked at: what the toolbar sets and the view obeys. */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { ILogModel } from '../../cluster/state';

export interface ILook {
  readonly log: string;
  /** The logs to choose from; empty until they were asked for. */
  readonly logs: readonly ILogModel[];
  readonly follow: boolean;
  readonly wrap: boolean;
  readonly times: boolean;
  readonly level: 'all' | 'warning' | 'error';
  readonly text: string;
  /** What the last search came to, as a sentence. */
  readonly found: string;
}

export class Look {
  constructor(log: string) {
    this._now = {
      log,
      logs: [],
      follow: true,
      wrap: false,
      times: false,
      level: 'all',
      text: '',
      found: ''
    };
  }

  get now(): ILook {
    return this._now;
  }

  /** Tells what it was before. */
  get changed(): ISignal<this, ILook> {
    return this._changed;
  }

  set(some: Partial<ILook>): void {
    const before = this._now;
    const names = Object.keys(some) as (keyof ILook)[];
    if (names.some(name => some[name] !== before[name])) {
      this._now = { ...before, ...some };
      this._changed.emit(before);
    }
  }

  private _now: ILook;
  private readonly _changed = new Signal<this, ILook>(this);
}
