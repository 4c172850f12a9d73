/** The command *New Cluster…*; the dialog is fetched when it is first asked for. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';

import { CommandIDs, IClusters } from '../tokens';

/** Adds the command. */
export const newCluster: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:new-cluster',
  description: 'Adds the dialog that defines a new cluster.',
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
    app.commands.addCommand(CommandIDs.create, {
      label: trans.__('New Cluster…'),
      caption: trans.__('Define a cluster with a profile, a name and options'),
      icon: addIcon,
      execute: async () => {
        const hosts = clusters.hostTesting();
        try {
          const [dialog, launchers, profiles] = await Promise.all([
            import('../ui/newcluster/dialog'),
            clusters.launchers(),
            clusters.profiles()
          ]);
          const local = launchers.find(one => one.name === 'local');
          const cores = local?.options['x-cores'];
          await dialog.newCluster({
            profiles,
            launchers,
            cores: typeof cores === 'number' ? cores : 1,
            hosts,
            trans,
            create: async (draft, start) => {
              const { profile, clusterId, launcher, options, engines } = draft;
              const made = await clusters.define(
                profile,
                clusterId || undefined,
                launcher,
                options
              );
              clusters.selected = made.key;
              if (start) {
                await app.commands.execute(CommandIDs.start, {
                  key: made.key,
                  engines
                });
              }
            }
          });
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          Notification.error(why, { autoClose: 8000 });
        } finally {
          hosts.dispose();
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
