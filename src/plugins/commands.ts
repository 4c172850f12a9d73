/**
 * What can be done with clusters, as commands: buttons, menus, palette and
 * keys all run these. A failure is shown with its sentence.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ICapabilities, ICluster } from '../cluster/state';
import { canStart, canStop, isAtRest, nameOf } from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';
import type { Acting } from './acting';
import { ENGINES, KEY, chosen, enginesIn } from './chosen';
import { refused } from './refused';

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
      execute: args =>
        this._act(args, (acting, c) => acting.start(c, enginesIn(args))),
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
      execute: args =>
        this._act(args, (acting, c) => acting.scale(c, enginesIn(args))),
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...ENGINES } }
      }
    });
    registry.addCommand(CommandIDs.stop, {
      label: trans.__('Stop Cluster'),
      caption: trans.__('Stop the engines and the controller'),
      icon: stopIcon,
      isEnabled: args => this._is(args, canStop),
      execute: args => this._act(args, (acting, c) => acting.stop(c)),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.interrupt, {
      label: trans.__('Interrupt Engines'),
      caption: trans.__('Interrupt what all engines of the cluster compute'),
      isEnabled: args =>
        this._is(args, c => c.state === 'running' && c.no_stop === null),
      execute: args => this._try(args, c => this.clusters.interrupt(c.key)),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.keep, {
      label: trans.__('Keep Idle Cluster'),
      caption: trans.__('Begin to count its idle time anew'),
      isEnabled: args => this._is(args, c => c.idle !== null),
      execute: args => this._try(args, c => this.clusters.keep(c.key)),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.forget, {
      label: trans.__('Forget Cluster…'),
      caption: trans.__(
        'Remove a stopped cluster from the list, with its logs'
      ),
      isEnabled: args => this._is(args, c => isAtRest(c) && c.no_stop === null),
      execute: args => this._act(args, (acting, c) => acting.forget(c)),
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    registry.addCommand(CommandIDs.clear, {
      label: trans.__('Clear Stale File'),
      caption: trans.__(
        'Remove the file that a cluster left, if still nothing answers'
      ),
      isEnabled: args => this._is(args, c => c.stale !== null),
      execute: args =>
        this._act(args, (acting, c) =>
          acting.clear(c, typeof args.mark === 'string' ? args.mark : undefined)
        ),
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
        execute: args => this._try(args, c => act(c.key, Number(args.slot))),
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

  /** What the verbs do is fetched when the first of them is used. */
  private _act(
    args: Args,
    act: (acting: Acting, cluster: ICluster) => Promise<void>
  ): Promise<void> {
    return this._try(args, async cluster => {
      const { Acting } = await import('./acting');
      await act(new Acting(this.registry, this.clusters, this.trans), cluster);
    });
  }

  private async _try(
    args: Args,
    act: (cluster: ICluster) => Promise<void>
  ): Promise<void> {
    const cluster = this._cluster(args);
    if (!cluster) {
      return;
    }
    try {
      await act(cluster);
    } catch (error) {
      refused(error, nameOf(cluster));
    }
  }
}

function isUp(cluster: ICluster): boolean {
  return cluster.state === 'running' || cluster.state === 'starting';
}
