/**
 * The command *Connect from Elsewhere…*. The key of a cluster is fetched when
 * the person asks for it in the dialog, and never kept.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs, IClusters } from '../tokens';
import { KEY, chosen } from './chosen';
import { refused } from './refused';

/** Adds the command. */
export const connect: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:connect',
  description: 'Shows how other computers connect to a running cluster.',
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
    app.commands.addCommand(CommandIDs.connect, {
      label: trans.__('Connect from Elsewhere…'),
      caption: trans.__('How another computer connects to this cluster'),
      isEnabled: args => {
        const cluster = chosen(clusters, args);
        return cluster?.origin === 'ours' && cluster.state === 'running';
      },
      execute: async args => {
        const cluster = chosen(clusters, args);
        try {
          if (cluster) {
            const { key } = cluster;
            const [{ showConnect }, place] = await Promise.all([
              import('../ui/connect/dialog'),
              clusters.connection(key, false)
            ]);
            const content = async () =>
              (await clusters.connection(key, true)).content ?? '';
            await showConnect(cluster, place, content, trans);
          }
        } catch (error) {
          refused(error);
        }
      },
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    const category = trans.__('Clusters');
    palette?.addItem({ command: CommandIDs.connect, category });
  }
};
