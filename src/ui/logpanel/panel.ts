/**
 * A log of a cluster: joins what is read, how it is looked at, and the view.
 * Text of a log is only ever text. Ends its streams when disposed.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { ClusterState, IEngine } from '../../cluster/state';
import { isFresh } from '../../cluster/summary';
import type { IKept } from '../../logs/buffer';
import { passing } from '../../logs/buffer';
import type { IChange, IClusterLogs, IClusters, IEngines } from '../../tokens';
import { Finding } from './finding';
import { footOf } from './foot';
import type { ILook } from './look';
import { Look } from './look';
import { logName, panelTitle, slotOf } from './names';
import type { IPrinting } from './print';
import type { Loaded } from './reading';
import { Reading } from './reading';
import { LogView } from './view';

export interface ILogPanelOptions {
  readonly clusters: IClusters;
  readonly logs: IClusterLogs;
  readonly key: string;
  readonly log: string;
  readonly trans: TranslationBundle;
  /** At most this many lines are kept. */
  readonly limit?: number;
}

export class LogPanel extends Widget {
  constructor(private readonly _options: ILogPanelOptions) {
    super();
    const { clusters, log } = _options;
    this.addClass('jlc-Log');
    this._host = this._part('jlc-Log-view');
    this._foot = this._part('jlc-Log-foot');
    this._foot.setAttribute('role', 'status');
    this.look = new Look(log);
    this.look.changed.connect(this._onLook, this);
    this._view = new LogView(this._host, '', {
      scrolled: place => this._onScrolled(place)
    });
    this._reading = this._read();
    this.finding = new Finding(this.look, this._view, _options.trans);
    clusters.changed.connect(this._onClusters, this);
    clusters.linkChanged.connect(this._onLink, this);
    this._onLog();
  }

  /** How the log is looked at. */
  readonly look: Look;

  /** Finds texts and errors. */
  readonly finding: Finding;

  get key(): string {
    return this._options.key;
  }

  get log(): string {
    return this.look.now.log;
  }

  /** Another log was chosen. */
  get logChanged(): ISignal<this, void> {
    return this._logChanged;
  }

  /** Where the whole log can be had. */
  get downloadUrl(): string {
    return this._options.logs.downloadUrl(this.key, this.log);
  }

  /** The text as it is shown. */
  get text(): string {
    return this._view.text;
  }

  /** Asks which logs there are. */
  async refreshLogs(): Promise<void> {
    try {
      const logs = await this._options.logs.list(this.key);
      if (!this.isDisposed) {
        this.look.set({ logs });
      }
    } catch {
      return; // the choice stays as it was; the foot says what is wrong
    }
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._engines?.dispose();
    this._reading.dispose();
    this._view.dispose();
    Signal.clearData(this);
    super.dispose();
  }

  protected override onActivateRequest(_: Message): void {
    this._view.focus();
  }

  protected override onAfterShow(_: Message): void {
    this._view.measure();
    this._stick();
  }

  protected override onResize(_: Widget.ResizeMessage): void {
    this._view.measure();
    this._stick();
  }

  private _part(className: string): HTMLElement {
    const part = document.createElement('div');
    part.className = className;
    this.node.appendChild(part);
    return part;
  }

  private _read(): Reading {
    const { logs, limit, trans } = this._options;
    const reading = new Reading({
      logs,
      key: this.key,
      log: this.log,
      gap: trans.__('Lines were left out here: more came than could be sent.'),
      limit
    });
    reading.changed.connect(this._onLoaded, this);
    return reading;
  }

  /** What belongs to the chosen log: its title, its engine, its lines. */
  private _onLog(): void {
    const { clusters, trans } = this._options;
    this.title.label = panelTitle(this.key, this.log, trans);
    this.title.caption = this.title.label;
    this._view.label = this.title.label;
    this._engines?.changed.disconnect(this._showFoot, this);
    this._engines?.dispose();
    this._engines = null;
    if (slotOf(this.log) !== null) {
      this._engines = clusters.engines(this.key);
      this._engines.changed.connect(this._showFoot, this);
    }
    this.finding.reading = this._reading;
    this._state = clusters.get(this.key)?.state;
    this._showFoot();
    void this._reading.toEnd();
  }

  private _onLook(_: Look, before: ILook): void {
    const { now } = this.look;
    if (now.log !== before.log) {
      this._reading.dispose();
      this._reading = this._read();
      this._view.show([], this._printing());
      this.look.set({ follow: true, found: '' });
      this._onLog();
      this._logChanged.emit();
      return;
    }
    if (now.wrap !== before.wrap) {
      this._view.wrap = now.wrap;
      this._stick();
    }
    if (
      now.times !== before.times ||
      now.level !== before.level ||
      now.text !== before.text
    ) {
      this._show();
    }
    if (now.follow !== before.follow) {
      this._onFollow();
    }
  }

  private _onFollow(): void {
    const { follow } = this.look.now;
    this._reading.held = !follow;
    if (follow && this._reading.where !== 'end') {
      void this._reading.toEnd();
    }
    this._stick();
  }

  private _onLoaded(_: Reading, loaded: Loaded): void {
    const all = this._reading.lines;
    if (this._reading.where === 'apart' && loaded.kind !== 'state') {
      this.look.set({ follow: false });
    }
    switch (loaded.kind) {
      case 'all':
        this._show();
        break;
      case 'appended':
        this._view.append(this._pass(loaded.lines), all[0]?.number ?? 0);
        this._stick();
        break;
      case 'prepended':
        this._view.prepend(
          this._pass(loaded.lines),
          all[all.length - 1]?.number ?? 0
        );
        break;
    }
    this._showFoot();
  }

  private _onScrolled(place: {
    readonly start: boolean;
    readonly end: boolean;
  }): void {
    if (place.start) {
      void this._reading.older();
    }
    if (!place.end) {
      this.look.set({ follow: false });
    } else if (this._reading.where === 'end') {
      this.look.set({ follow: true });
    } else {
      void this._reading.newer();
    }
  }

  private _onClusters(_: IClusters, change: IChange<string>): void {
    if (!change.keys.includes(this.key)) {
      return;
    }
    const state = this._options.clusters.get(this.key)?.state;
    if (state !== this._state) {
      this._state = state;
      this._again();
    }
    this._showFoot();
  }

  private _onLink(): void {
    this._again();
    this._showFoot();
  }

  /** A log that could not be read may be there now. */
  private _again(): void {
    if (
      this._reading.where === 'failed' &&
      isFresh(this._options.clusters.link) &&
      this._options.clusters.get(this.key)
    ) {
      void this._reading.toEnd();
    }
  }

  private _show(): void {
    this._view.show(this._pass(this._reading.lines), this._printing());
    this._stick();
  }

  private _stick(): void {
    if (this.look.now.follow) {
      this._view.toEnd();
    }
  }

  private _pass(lines: readonly IKept[]): readonly IKept[] {
    return lines.filter(passing(this.look.now));
  }

  private _printing(): IPrinting {
    const { trans } = this._options;
    const label = (slot: number | undefined) =>
      logName(slot === undefined ? 'controller' : `slot-${slot}`, trans);
    return {
      times: this.look.now.times,
      label: this.log === 'all' ? label : null
    };
  }

  private _engine(): IEngine | undefined {
    const slot = slotOf(this.log);
    return this._engines?.all.find(engine => engine.slot === slot);
  }

  private _showFoot(): void {
    const { clusters, trans } = this._options;
    const { where, error } = this._reading;
    const engine = this._engine();
    const text = footOf(
      { clusters, key: this.key, engine, where, error },
      trans
    );
    if (this._foot.textContent !== text) {
      this._foot.textContent = text;
      this._foot.hidden = text === '';
    }
  }

  private readonly _host: HTMLElement;
  private readonly _foot: HTMLElement;
  private readonly _view: LogView;
  private readonly _logChanged = new Signal<this, void>(this);
  private _reading: Reading;
  private _engines: IEngines | null = null;
  private _state: ClusterState | undefined;
}
