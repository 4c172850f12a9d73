/**
 * What can be done with clusters, as commands: buttons, menus, palette and
 * keys all run these. They ask before work would be lost, and show a failure
 * with its sentence.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  Notification,
  showDialog
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ICapabilities, ICluster } from '../cluster/state';
import {
  busyLost,
  canStart,
  canStop,
  isAtRest,
  nameOf
} from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';
import { ENGINES, KEY, chosen } from './chosen';

type Args = ReadonlyPartialJSONObject;

const SLOT = {
  slot: { type: 'integer', minimum: 0, description: 'The slot of the engine.' }
} as const;

const MARK = {
  mark: {
    type: 'string',
    description:
      'Of the stale file as it was shown; without it, the one shown now.'
  }
} as const;

/** The commands of clusters and engines. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:commands',
  description: 'Commands to start, scale, interrupt, stop and forget clusters.',
  autoStart: true,
  requires: [IClusters],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    new ClusterCommands(app.commands, clusters, trans).add();
    const category = trans.__('Clusters');
    for (const command of [
      CommandIDs.start,
      CommandIDs.scale,
      CommandIDs.stop,
      CommandIDs.interrupt,
      CommandIDs.keep,
      CommandIDs.forget,
      CommandIDs.clear
    ]) {
      palette?.addItem({ command, category });
    }
  }
};

/** Adds the commands to a registry. */
class ClusterCommands {
  constructor(
    private readonly registry: CommandRegistry,
    private readonly clusters: IClusters,
    private readonly trans: TranslationBundle
  ) {}

  add(): void {
    const { registry, trans } = this;
    registry.addCommand(CommandIDs.start, {
      label: trans.__('Start Cluster'),
      caption: trans.__('Start the controller and the engines'),
      icon: runIcon,
      isEnabled: args => this._is(args, canStart),
      execute: args => this._start(args),
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...ENGINES } }
      }
    });
    registry.addCommand(CommandIDs.scale, {
      label: trans.__('Scale Cluster…'),
      caption: trans.__('Change the number of engines'),
      isEnabled: args =>
        this._is(
          args,
          c =>
            c.origin === 'ours' &&
            isUp(c) &&
            c.no_start === null &&
            c.capabilities.scale !== 'none'
        ),
      execute: args => this._scale(args),
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...ENGINES } }
      }
    });
    registry.addCommand(CommandIDs.stop, {
      label: trans.__('Stop Cluster'),
      caption: trans.__('Stop the engines and the controller'),
      icon: stopIcon,
      isEnabled: args => this._is(args, canStop),
      execute: args => this._stop(args),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.interrupt, {
      label: trans.__('Interrupt Engines'),
      caption: trans.__('Interrupt what all engines of the cluster compute'),
      isEnabled: args =>
        this._is(args, c => c.state === 'running' && c.no_stop === null),
      execute: args =>
        this._try(this._cluster(args), c => this.clusters.interrupt(c.key)),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.keep, {
      label: trans.__('Keep Idle Cluster'),
      caption: trans.__('Begin to count its idle time anew'),
      isEnabled: args => this._is(args, c => c.idle !== null),
      execute: args =>
        this._try(this._cluster(args), c => this.clusters.keep(c.key)),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.forget, {
      label: trans.__('Forget Cluster…'),
      caption: trans.__(
        'Remove a stopped cluster from the list, with its logs'
      ),
      isEnabled: args => this._is(args, c => isAtRest(c) && c.no_stop === null),
      execute: args => this._forget(args),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.clear, {
      label: trans.__('Clear Stale File'),
      caption: trans.__(
        'Remove the file that a cluster left, if still nothing answers'
      ),
      isEnabled: args => this._is(args, c => c.stale !== null),
      execute: args => this._clear(args),
      describedBy: { args: { type: 'object', properties: { ...KEY, ...MARK } } }
    });
    this._addEngineCommands();
  }

  private _addEngineCommands(): void {
    const { registry, trans, clusters } = this;
    const one = (
      id: string,
      label: string,
      caption: string,
      can: keyof Pick<
        ICapabilities,
        'stop_one' | 'restart_one' | 'interrupt_one'
      >,
      act: (key: string, slot: number) => Promise<void>
    ) =>
      registry.addCommand(id, {
        label,
        caption: args =>
          this._is(args, c => c.capabilities[can])
            ? caption
            : trans.__('This launcher controls its engines only all together'),
        isEnabled: args =>
          typeof args.slot === 'number' &&
          this._is(args, c => isUp(c) && c.capabilities[can]),
        execute: args =>
          this._try(this._cluster(args), c => act(c.key, Number(args.slot))),
        describedBy: {
          args: { type: 'object', properties: { ...KEY, ...SLOT } }
        }
      });
    one(
      CommandIDs.interruptEngine,
      trans.__('Interrupt Engine'),
      trans.__('Interrupt what this engine computes'),
      'interrupt_one',
      (key, slot) => clusters.interruptEngine(key, slot)
    );
    one(
      CommandIDs.restartEngine,
      trans.__('Restart Engine'),
      trans.__('End this engine and start a new one in its slot'),
      'restart_one',
      (key, slot) => clusters.restartEngine(key, slot)
    );
    one(
      CommandIDs.stopEngine,
      trans.__('Stop Engine'),
      trans.__('End this engine'),
      'stop_one',
      (key, slot) => clusters.stopEngine(key, slot)
    );
  }

  private _cluster(args: Args): ICluster | undefined {
    return chosen(this.clusters, args);
  }

  private _is(args: Args, check: (cluster: ICluster) => boolean): boolean {
    const cluster = this._cluster(args);
    return cluster !== undefined && check(cluster);
  }

  private async _start(args: Args): Promise<void> {
    const engines = typeof args.engines === 'number' ? args.engines : undefined;
    await this._try(this._cluster(args), async cluster => {
      await this.clusters.start(cluster.key, engines);
      const { followStart } = await import('./notices');
      followStart(this.clusters, cluster.key, this.registry, this.trans);
    });
  }

  private async _scale(args: Args): Promise<void> {
    const cluster = this._cluster(args);
    if (!cluster) {
      return;
    }
    const engines =
      typeof args.engines === 'number'
        ? args.engines
        : await this._number(cluster);
    if (engines === null || !(await this._mayLose(cluster, engines))) {
      return;
    }
    await this._try(cluster, async () => {
      try {
        await this.clusters.scale(cluster.key, engines);
      } catch (error) {
        if (!needsRestart(error)) {
          throw error;
        }
        if (await this._mayReplace(cluster)) {
          await this.clusters.scale(cluster.key, engines, true);
        }
      }
    });
  }

  private async _number(cluster: ICluster): Promise<number | null> {
    const { InputDialog } = await import('@jupyterlab/apputils');
    const { trans } = this;
    const asked = await InputDialog.getNumber({
      title: trans.__('Scale %1', nameOf(cluster)),
      label: trans.__('Number of engines'),
      value: cluster.wanted,
      okLabel: trans.__('Scale')
    });
    const value = asked.button.accept ? asked.value : null;
    return value !== null && Number.isInteger(value) && value >= 0
      ? value
      : null;
  }

  private async _mayLose(cluster: ICluster, engines: number): Promise<boolean> {
    const busy = busyLost(cluster, engines);
    const { trans } = this;
    return (
      busy === 0 ||
      this._sure(
        trans.__('Stop engines that are at work?'),
        trans._n(
          'Scaling %2 to %3 stops %1 engine that is busy; what it computes is lost.',
          'Scaling %2 to %3 stops %1 engines that are busy; what they compute is lost.',
          busy,
          nameOf(cluster),
          engines
        ),
        trans.__('Scale Down')
      )
    );
  }

  private async _mayReplace(cluster: ICluster): Promise<boolean> {
    const { trans } = this;
    return this._sure(
      trans.__('Replace all engines?'),
      trans.__(
        'With this launcher the number of engines of %1 can only be changed by stopping them all and starting new ones.',
        nameOf(cluster)
      ),
      trans.__('Replace')
    );
  }

  private async _stop(args: Args): Promise<void> {
    const cluster = this._cluster(args);
    const { trans } = this;
    if (!cluster) {
      return;
    }
    const { busy, launched } = cluster.engines;
    const name = nameOf(cluster);
    if (busy > 0) {
      const all = trans._n('%1 engine', '%1 engines', launched);
      const sure = await this._sure(
        trans.__('Stop %1?', name),
        trans._n(
          '%1 engine of %2 is busy (of %3); what it computes is lost.',
          '%1 engines of %2 are busy (of %3); what they compute is lost.',
          busy,
          name,
          all
        ),
        trans.__('Stop')
      );
      if (!sure) {
        return;
      }
    }
    await this._try(cluster, () => this.clusters.stop(cluster.key));
  }

  private async _forget(args: Args): Promise<void> {
    const cluster = this._cluster(args);
    const { trans } = this;
    if (!cluster) {
      return;
    }
    const sure = await this._sure(
      trans.__('Forget %1?', nameOf(cluster)),
      trans.__(
        'Its logs and its options are removed. The profile and its files stay.'
      ),
      trans.__('Forget')
    );
    if (sure) {
      await this._try(cluster, () => this.clusters.forget(cluster.key));
    }
  }

  private async _clear(args: Args): Promise<void> {
    await this._try(this._cluster(args), async ({ key, stale }) => {
      const mark = typeof args.mark === 'string' ? args.mark : stale?.mark;
      if (mark !== undefined) {
        await this.clusters.clear(key, mark);
      }
    });
  }

  private async _sure(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const { trans } = this;
    const answer = await showDialog({
      title,
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label })
      ]
    });
    return answer.button.accept;
  }

  private async _try(
    cluster: ICluster | undefined,
    act: (cluster: ICluster) => Promise<void>
  ): Promise<void> {
    if (!cluster) {
      return;
    }
    try {
      await act(cluster);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      Notification.error(`${nameOf(cluster)}: ${why}`, { autoClose: 8000 });
    }
  }
}

function isUp(cluster: ICluster): boolean {
  return cluster.state === 'running' || cluster.state === 'starting';
}

function needsRestart(error: unknown): boolean {
  return (
    error instanceof Error &&
    'reason' in error &&
    error.reason === 'restart-needed'
  );
}
