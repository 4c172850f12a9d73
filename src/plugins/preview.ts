/** The command *Preview…*: what a start of a cluster would do. Starts nothing. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { isAtRest } from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';
import { ENGINES, KEY, chosen, enginesIn } from './chosen';
import { refused } from './refused';

/** Adds the command. */
export const preview: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:preview',
  description: 'Shows what a start of a cluster would do.',
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
    app.commands.addCommand(CommandIDs.preview, {
      label: trans.__('Preview Start…'),
      caption: trans.__('What a start would run and write, without doing it'),
      isEnabled: args => {
        const cluster = chosen(clusters, args);
        return cluster !== undefined && isAtRest(cluster);
      },
      execute: async args => {
        const cluster = chosen(clusters, args);
        try {
          if (cluster) {
            const engines = enginesIn(args) ?? cluster.wanted;
            const [{ showPreview }, told] = await Promise.all([
              import('../ui/preview/dialog'),
              clusters.preview(cluster.key, engines)
            ]);
            await showPreview(cluster, engines, told, trans);
          }
        } catch (error) {
          refused(error);
        }
      },
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...ENGINES } }
      }
    });
    const category = trans.__('Clusters');
    palette?.addItem({ command: CommandIDs.preview, category });
  }
};
