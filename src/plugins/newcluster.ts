/** The command *New Cluster…*; the dialog is fetched when it is first asked for. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';

import { CommandIDs, IClusters } from '../tokens';
import { refused } from './refused';

/** Adds the command. */
export const newCluster: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:new-cluster',
  description: 'Adds the dialog that defines a new cluster.',
  autoStart: true,
  requires: [IClusters],
  optional: [ITranslator, ICommandPalette, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    state: IStateDB | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    app.commands.addCommand(CommandIDs.create, {
      label: trans.__('New Cluster…'),
      caption: trans.__('Define a cluster with a profile, a name and options'),
      icon: addIcon,
      execute: async () => {
        try {
          const { newClusterForm } = await import('./newclusterform');
          await newClusterForm(app.commands, clusters, state, trans);
        } catch (error) {
          refused(error);
        }
      },
      describedBy: { args: { type: 'object', properties: {} } }
    });
    palette?.addItem({
      command: CommandIDs.create,
      category: trans.__('Clusters')
    });
  }
};
