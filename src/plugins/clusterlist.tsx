/** The list of clusters as a widget: joins rows to commands, and fetches what rows show besides state. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { Menu } from '@lumino/widgets';
import React from 'react';

import { clientCode } from '../cluster/clientcode';
import type { IProfile } from '../cluster/state';
import type { IClusters } from '../tokens';
import { CommandIDs } from '../tokens';
import { dragCode } from '../ui/drag/drag';
import { List } from '../ui/sidebar/list';
import type { IRowActions } from '../ui/sidebar/row';
import '../../style/drag.css';

/** How long a profile may be read before it is asked for again (milliseconds). */
const READING = 1000;

/** What the menu of a row offers. */
const MENU = [
  CommandIDs.openLog,
  CommandIDs.scale,
  CommandIDs.interrupt,
  CommandIDs.preview,
  null,
  CommandIDs.insertCode,
  CommandIDs.copyCode,
  CommandIDs.connect,
  null,
  CommandIDs.openProfile,
  CommandIDs.clear,
  CommandIDs.forget
] as const;

/** The body of the first section of the sidebar. */
export class ClusterList extends ReactWidget {
  constructor(
    private readonly _commands: CommandRegistry,
    private readonly _clusters: IClusters,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jlc-ClusterList');
    _clusters.changed.connect(this._select, this);
    this._select();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this._look();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    void this._look();
  }

  protected render(): JSX.Element {
    return (
      <List
        clusters={this._clusters}
        profiles={this._profiles}
        cores={this._cores}
        actions={this._actions()}
        trans={this._trans}
      />
    );
  }

  private _actions(): IRowActions {
    const run = (
      id: string,
      args: { key: string; engines?: number; log?: string; mark?: string }
    ) => void this._commands.execute(id, args);
    return {
      select: key => {
        this._clusters.selected = key;
      },
      start: (key, engines) => run(CommandIDs.start, { key, engines }),
      stop: key => run(CommandIDs.stop, { key }),
      scale: (key, engines) => run(CommandIDs.scale, { key, engines }),
      clear: (key, mark) => run(CommandIDs.clear, { key, mark }),
      keep: key => run(CommandIDs.keep, { key }),
      openLog: (key, log) => run(CommandIDs.openLog, { key, log }),
      showOutput: key => run(CommandIDs.showOutput, { key }),
      insertCode: key => run(CommandIDs.insertCode, { key }),
      menu: (key, beside) => this._menu(key, beside),
      drag: (key, event) => {
        const cluster = this._clusters.get(key);
        if (cluster) {
          dragCode(event.nativeEvent, clientCode(cluster));
        }
      }
    };
  }

  private _menu(key: string, beside: HTMLElement): void {
    const menu = new Menu({ commands: this._commands });
    for (const command of MENU) {
      menu.addItem(
        command ? { command, args: { key } } : { type: 'separator' }
      );
    }
    const { left, bottom } = beside.getBoundingClientRect();
    menu.aboutToClose.connect(() => {
      // After the command has run.
      requestAnimationFrame(() => menu.dispose());
    });
    menu.open(left, bottom);
  }

  /** Something is always selected, so that engines and load are seen without another click. */
  private _select(): void {
    const { all, selected } = this._clusters;
    if (selected === null && all.length > 0) {
      const active = all.find(one => one.state !== 'stopped');
      this._clusters.selected = (active ?? all[0]).key;
    }
  }

  /** Profiles and the size of the machine, when the list comes into view; not by the clock. */
  private async _look(): Promise<void> {
    if (!this.isVisible || this._looking) {
      return;
    }
    this._looking = true;
    try {
      const launchers = await this._clusters.launchers();
      const cores = launchers.find(one => one.name === 'local')?.options[
        'x-cores'
      ];
      this._cores = typeof cores === 'number' ? cores : this._cores;
      this._profiles = await this._clusters.profiles();
      this.update();
      for (
        let tries = 0;
        tries < 8 && this._profiles.some(one => one.loading);
        tries++
      ) {
        await new Promise(resolve => setTimeout(resolve, READING));
        this._profiles = await this._clusters.profiles();
        this.update();
      }
    } catch {
      // The server is out of reach: the list says so, and the next look tries again.
    } finally {
      this._looking = false;
    }
  }

  private _profiles: readonly IProfile[] = [];
  private _cores = navigator.hardwareConcurrency || 1;
  private _looking = false;
}
