/**
 * All clusters: applies what the server tells and says which keys changed;
 * asks for actions through an interface. It never invents a state: what was
 * asked for and is not yet seen is told apart, in `asked`.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type {
  IChange,
  IClusters,
  IEngines,
  IHostTesting,
  ILoads,
  Link
} from '../tokens';
import { isCluster } from './check';
import { Engines } from './engines';
import { Loads } from './loads';
import { Rows } from './rows';
import type { IClusterActions, ITopicSource, Row } from './source';
import type {
  Asked,
  ICluster,
  IConnection,
  ILauncherModel,
  IPreview,
  IProfile
} from './state';

/** The collection behind the token `IClusters`. */
export class Clusters implements IClusters, IDisposable {
  constructor(source: ITopicSource, actions: IClusterActions) {
    this._source = source;
    this._actions = actions;
    this._reading = source.read('clusters', {
      snapshot: rows => this._apply(rows, true),
      changes: rows => this._apply(rows, false),
      error: () => undefined
    });
    source.linkChanged.connect(this._onLink, this);
  }

  get all(): readonly ICluster[] {
    return this._rows.all;
  }

  get ready(): boolean {
    return this._ready;
  }

  get link(): Link {
    return this._source.link;
  }

  get asked(): ReadonlyMap<string, Asked> {
    return this._asked;
  }

  get selected(): string | null {
    return this._selected;
  }

  set selected(key: string | null) {
    if (key !== this._selected) {
      this._selected = key;
      this._selectedChanged.emit(key);
    }
  }

  get changed(): ISignal<IClusters, IChange<string>> {
    return this._changed;
  }

  get linkChanged(): ISignal<IClusters, Link> {
    return this._linkChanged;
  }

  get selectedChanged(): ISignal<IClusters, string | null> {
    return this._selectedChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    this._source.linkChanged.disconnect(this._onLink, this);
    this._reading.dispose();
    Signal.clearData(this);
  }

  get(key: string): ICluster | undefined {
    return this._rows.get(key);
  }

  engines(key: string): IEngines {
    return new Engines(this._source, key);
  }

  loads(key: string): ILoads {
    return new Loads(this._source, key);
  }

  async hostTesting(): Promise<IHostTesting> {
    const { HostTesting } = await import('./hosttesting');
    return new HostTesting(this._actions);
  }

  async define(
    profile: string,
    clusterId?: string,
    launcher?: string,
    options?: Record<string, unknown>,
    engines?: number
  ): Promise<ICluster> {
    return this._actions.define(profile, clusterId, launcher, options, engines);
  }

  async start(
    key: string,
    engines?: number,
    options?: Record<string, unknown>
  ): Promise<void> {
    await this._ask(key, 'start', () =>
      this._actions.start(key, engines, options)
    );
  }

  async scale(key: string, engines: number, restart?: boolean): Promise<void> {
    await this._ask(key, 'scale', () =>
      this._actions.scale(key, engines, restart)
    );
  }

  async stop(key: string): Promise<void> {
    await this._ask(key, 'stop', () => this._actions.stop(key));
  }

  async interrupt(key: string): Promise<void> {
    await this._ask(key, 'interrupt', () => this._actions.interrupt(key));
  }

  async keep(key: string): Promise<void> {
    await this._actions.keep(key);
  }

  async forget(key: string): Promise<void> {
    await this._actions.forget(key);
  }

  async clear(key: string, mark: string): Promise<void> {
    await this._actions.clear(key, mark);
  }

  async stopEngine(key: string, slot: number): Promise<void> {
    await this._actions.engine(key, slot, 'stop');
  }

  async restartEngine(key: string, slot: number): Promise<void> {
    await this._actions.engine(key, slot, 'restart');
  }

  async interruptEngine(key: string, slot: number): Promise<void> {
    await this._actions.engine(key, slot, 'interrupt');
  }

  async launchers(): Promise<readonly ILauncherModel[]> {
    return this._actions.launchers();
  }

  async profiles(): Promise<readonly IProfile[]> {
    return this._actions.profiles();
  }

  async saveProfile(
    name: string,
    launcher: string,
    options: Readonly<Record<string, unknown>>,
    engines: number | null
  ): Promise<void> {
    await this._actions.saveProfile(name, launcher, options, engines);
  }

  async preview(
    key: string,
    engines: number,
    options?: Record<string, unknown>,
    launcher?: string
  ): Promise<IPreview> {
    return this._actions.preview(key, engines, options, launcher);
  }

  async connection(key: string, content: boolean): Promise<IConnection> {
    return this._actions.connection(key, content);
  }

  /** `asked` holds from the click until the server has answered. */
  private async _ask(
    key: string,
    verb: Asked,
    act: () => Promise<ICluster>
  ): Promise<void> {
    this._asked.set(key, verb);
    this._changed.emit({ keys: [key] });
    try {
      await act();
    } finally {
      if (this._asked.get(key) === verb) {
        this._asked.delete(key);
      }
      this._changed.emit({ keys: [key] });
    }
  }

  private _apply(rows: readonly Row[], whole: boolean): void {
    const keys = whole ? this._rows.snapshot(rows) : this._rows.changes(rows);
    this._ready = true;
    if (this._selected !== null && !this._rows.get(this._selected)) {
      this.selected = null;
    }
    this._changed.emit({ keys });
  }

  private _onLink(_: ITopicSource, link: Link): void {
    this._linkChanged.emit(link);
  }

  private readonly _source: ITopicSource;
  private readonly _actions: IClusterActions;
  private readonly _rows = new Rows<ICluster, string>(
    'key',
    row => (isCluster(row) ? row : null),
    inOrder
  );
  private readonly _reading: IDisposable;
  private readonly _asked = new Map<string, Asked>();
  private readonly _changed = new Signal<IClusters, IChange<string>>(this);
  private readonly _linkChanged = new Signal<IClusters, Link>(this);
  private readonly _selectedChanged = new Signal<IClusters, string | null>(
    this
  );
  private _selected: string | null = null;
  private _ready = false;
  private _disposed = false;
}

/** As the server lists them: the default profile first, then by name. */
function inOrder(a: ICluster, b: ICluster): number {
  const first = (c: ICluster) => (c.profile === 'default' ? 0 : 1);
  const compare = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  return (
    first(a) - first(b) ||
    compare(a.profile, b.profile) ||
    compare(a.cluster_id, b.cluster_id)
  );
}
