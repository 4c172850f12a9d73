/**
 * The panels of logs and the dialog of a failure, as commands. Panels come
 * back after a reload; the editor is loaded when the first one opens.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs, IClusterLogs, IClusters } from '../tokens';
import type { LogPanel } from '../ui/logpanel';
import { KEY, chosen } from './chosen';

type Args = ReadonlyPartialJSONObject;
type Panel = MainAreaWidget<LogPanel>;

const LOG = {
  log: {
    type: 'string',
    description:
      'The log: controller, slot-0 and so on, submit, job or all; absent: controller.'
  }
} as const;

/** Shows logs and why clusters failed. */
export const logs: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:logs',
  description: 'Panels that show the logs of clusters and their engines.',
  autoStart: true,
  requires: [IClusters, IClusterLogs],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    clusterLogs: IClusterLogs,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const tracker = new WidgetTracker<Panel>({
      namespace: 'jupyterlab-clusters-logs'
    });
    const area = labShell ? 'main' : 'down';
    const panels = new Panels(app, clusters, clusterLogs, tracker, area, trans);
    app.commands.addCommand(CommandIDs.openLog, {
      label: trans.__('Open Cluster Log'),
      caption: trans.__('Show what the controller or an engine writes'),
      isEnabled: args =>
        typeof args.key === 'string' || chosen(clusters, args) !== undefined,
      execute: args => panels.open(args),
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...LOG } }
      }
    });
    app.commands.addCommand(CommandIDs.showOutput, {
      label: trans.__('Show Why Cluster Failed'),
      caption: trans.__('Show the command that failed and what it printed'),
      isEnabled: args => Boolean(chosen(clusters, args)?.failure),
      execute: async args => {
        const cluster = chosen(clusters, args);
        if (cluster?.failure) {
          const { showOutput } = await import('../ui/logpanel/whyfailed');
          await showOutput(cluster, cluster.failure, trans);
        }
      },
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    const category = trans.__('Clusters');
    palette?.addItem({ command: CommandIDs.openLog, category });
    palette?.addItem({ command: CommandIDs.showOutput, category });
    void restorer?.restore(tracker, {
      command: CommandIDs.openLog,
      args: ({ content }) => ({ key: content.key, log: content.log }),
      name: ({ content }) => `${content.key}/${content.log}`
    });
  }
};

/** The panels that are open. */
class Panels {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _clusters: IClusters,
    private readonly _logs: IClusterLogs,
    private readonly _tracker: WidgetTracker<Panel>,
    private readonly _area: string,
    private readonly _trans: TranslationBundle
  ) {}

  /** Shows the panel of a log, an open one before a new one. */
  async open(args: Args): Promise<Panel | undefined> {
    const key =
      typeof args.key === 'string'
        ? args.key
        : chosen(this._clusters, args)?.key;
    if (key === undefined) {
      return undefined;
    }
    const log = typeof args.log === 'string' ? args.log : 'controller';
    const { createLogPanel } = await import('../ui/logpanel');
    const { _clusters: clusters, _logs, _trans: trans } = this;
    const panel =
      this._find(key, log) ??
      (await this._add(
        createLogPanel({ clusters, logs: _logs, key, log, trans })
      ));
    this._app.shell.activateById(panel.id);
    return panel;
  }

  private _find(key: string, log: string): Panel | undefined {
    return this._tracker.find(
      ({ content }) => content.key === key && content.log === log
    );
  }

  private async _add(panel: Panel): Promise<Panel> {
    panel.content.logChanged.connect(() => {
      this._tracker.save(panel).catch(console.error);
    });
    const added = this._tracker.add(panel);
    this._app.shell.add(panel, this._area, { type: 'Cluster Log' });
    await added;
    return panel;
  }
}
