/**
 * Tests of hosts: begins them, asks how they stand until all hosts are done,
 * and passes on that a person accepts a key. It says only what the server told.
 */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { IHostTesting } from '../tokens';
import type { IClusterActions } from './source';
import type { IHostTest, IHostTests } from './state';

/** How long to wait before asking again (milliseconds). */
const WAIT = 300;

type Actions = Pick<
  IClusterActions,
  'testHosts' | 'hostTests' | 'acceptHostKey'
>;

/** The model behind `IClusters.hostTesting`. */
export class HostTesting implements IHostTesting {
  constructor(actions: Actions) {
    this._actions = actions;
  }

  get hosts(): readonly IHostTest[] {
    return this._now?.hosts ?? [];
  }

  get testing(): boolean {
    return this._testing;
  }

  get error(): string | null {
    return this._error;
  }

  get tested(): Readonly<Record<string, unknown>> | null {
    return this._tested;
  }

  get changed(): ISignal<IHostTesting, void> {
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
    this._run += 1;
    Signal.clearData(this);
  }

  async test(
    launcher: string,
    options: Record<string, unknown>
  ): Promise<void> {
    this._launcher = launcher;
    this._tested = options;
    this._now = null;
    await this._follow(() => this._actions.testHosts(launcher, options));
  }

  async accept(host: string, fingerprint: string): Promise<void> {
    const before = this._now;
    await this._follow(() =>
      this._actions.acceptHostKey(this._launcher, host, fingerprint)
    );
    if (this._error !== null && before) {
      // What stood against it stands at the host now.
      const error = this._error;
      await this._follow(() =>
        this._actions.hostTests(this._launcher, before.id)
      );
      this._error = this._error ?? error;
      this._changed.emit();
    }
  }

  /** Ask, then ask how it stands until nothing is left to come; a later question ends an earlier one. */
  private async _follow(ask: () => Promise<IHostTests>): Promise<void> {
    const run = (this._run += 1);
    this._tell(this._now, true, null);
    try {
      let now = await ask();
      while (run === this._run) {
        const testing = now.hosts.some(one => one.state === 'testing');
        this._tell(now, testing, null);
        if (!testing) {
          return;
        }
        await new Promise(resolve => setTimeout(resolve, WAIT));
        if (run === this._run) {
          now = await this._actions.hostTests(this._launcher, now.id);
        }
      }
    } catch (error) {
      if (run === this._run) {
        const why = error instanceof Error ? error.message : String(error);
        this._tell(done(this._now), false, why);
      }
    }
  }

  private _tell(
    now: IHostTests | null,
    testing: boolean,
    error: string | null
  ): void {
    this._now = now;
    this._testing = testing;
    this._error = error;
    this._changed.emit();
  }

  private readonly _actions: Actions;
  private readonly _changed = new Signal<IHostTesting, void>(this);
  private _launcher = '';
  private _now: IHostTests | null = null;
  private _tested: Readonly<Record<string, unknown>> | null = null;
  private _testing = false;
  private _error: string | null = null;
  private _run = 0;
  private _disposed = false;
}

/** Without the hosts of which nobody will hear any more. */
function done(now: IHostTests | null): IHostTests | null {
  return (
    now && { ...now, hosts: now.hosts.filter(one => one.state === 'done') }
  );
}
