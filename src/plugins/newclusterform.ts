/** Opens the form of a new cluster, and does what it was filled in for. */
import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import type { IProfile } from '../cluster/state';
import type { IClusters } from '../tokens';
import { CommandIDs } from '../tokens';
import type { IWanted } from '../ui/newcluster/body';
import { newCluster } from '../ui/newcluster/dialog';
import { Choices } from './choices';

/** Returns when the form is closed. */
export async function newClusterForm(
  commands: CommandRegistry,
  clusters: IClusters,
  state: IStateDB | null,
  trans: TranslationBundle
): Promise<void> {
  const choices = new Choices(state);
  const hosts = await clusters.hostTesting();
  try {
    const [launchers, profiles, last] = await Promise.all([
      clusters.launchers(),
      readProfiles(clusters),
      choices.last()
    ]);
    const local = launchers.find(one => one.name === 'local');
    const cores = local?.options['x-cores'];
    await newCluster({
      profiles,
      launchers,
      cores: typeof cores === 'number' ? cores : 1,
      last,
      hosts,
      trans,
      copy: text => Clipboard.copyToSystem(text),
      preview: ({ profile, clusterId, launcher, options, engines }) =>
        clusters.preview(`${profile}:${clusterId}`, engines, options, launcher),
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
          await commands.execute(CommandIDs.start, { key: made.key, engines });
        }
      }
    });
  } finally {
    hosts.dispose();
  }
}

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
