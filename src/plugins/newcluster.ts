/** The command *New Cluster…*; the dialog is fetched when it is first asked for. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';

import type { IProfile } from '../cluster/state';
import { CommandIDs, IClusters } from '../tokens';
import type { IWanted } from '../ui/newcluster/body';
import { Choices } from './choices';
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
    const choices = new Choices(state);
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    app.commands.addCommand(CommandIDs.create, {
      label: trans.__('New Cluster…'),
      caption: trans.__('Define a cluster with a profile, a name and options'),
      icon: addIcon,
      execute: async () => {
        const hosts = clusters.hostTesting();
        try {
          const [dialog, launchers, profiles, last] = await Promise.all([
            import('../ui/newcluster/dialog'),
            clusters.launchers(),
            readProfiles(clusters),
            choices.last()
          ]);
          const local = launchers.find(one => one.name === 'local');
          const cores = local?.options['x-cores'];
          await dialog.newCluster({
            profiles,
            launchers,
            cores: typeof cores === 'number' ? cores : 1,
            last,
            hosts,
            trans,
            copy: text => Clipboard.copyToSystem(text),
            preview: ({ profile, clusterId, launcher, options, engines }) =>
              clusters.preview(
                `${profile}:${clusterId}`,
                engines,
                options,
                launcher
              ),
            create: async (wanted, start) => {
              const { profile, clusterId, launcher, options, engines } = wanted;
              const made = await clusters.define(
                profile,
                clusterId || undefined,
                launcher,
                options,
                engines
              );
              clusters.selected = made.key;
              void choices.keep(profile, launcher, wanted.whole);
              await remember(clusters, wanted, trans);
              if (start) {
                await app.commands.execute(CommandIDs.start, {
                  key: made.key,
                  engines
                });
              }
            }
          });
        } catch (error) {
          refused(error);
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

/** A cluster that was made is there: that its profile could not be written is said beside it. */
async function remember(
  clusters: IClusters,
  { profile, launcher, engines, forProfile }: IWanted,
  trans: TranslationBundle
): Promise<void> {
  if (forProfile === null) {
    return;
  }
  try {
    await clusters.saveProfile(
      profile,
      launcher,
      forProfile,
      // A controller alone is for once.
      engines > 0 ? engines : null
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    Notification.warning(
      trans.__('The choices are not remembered in the profile: %1', why),
      { autoClose: 8000 }
    );
  }
}

/** What profiles suggest is known once they were read, mostly long before. */
async function readProfiles(clusters: IClusters): Promise<readonly IProfile[]> {
  for (const wait of [200, 400, 800]) {
    const profiles = await clusters.profiles();
    if (profiles.every(one => !one.loading)) {
      return profiles;
    }
    await new Promise(resolve => setTimeout(resolve, wait));
  }
  return clusters.profiles();
}
