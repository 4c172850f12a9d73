/** The pages of profiles: the command that opens one. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs, IClusters } from '../tokens';
import type { ProfilePanel } from '../ui/profilepage/panel';
import { KEY, chosen } from './chosen';
import { clusterIcon } from './icons';
import { refused } from './refused';

const PROFILE = {
  profile: {
    type: 'string',
    description: 'The name of the profile; absent: that of the cluster.'
  }
} as const;

/** Adds the command. */
export const profiles: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:profiles',
  description: 'Pages that show what IPython profiles set, and where.',
  autoStart: true,
  requires: [IClusters],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const tracker = new WidgetTracker<MainAreaWidget<ProfilePanel>>({
      namespace: 'jupyterlab-clusters-profiles'
    });
    const named = (args: ReadonlyPartialJSONObject) =>
      typeof args.profile === 'string'
        ? args.profile
        : chosen(clusters, args)?.profile;
    const make = async (profile: string) => {
      const [{ createProfilePanel }, { open }, launchers, hosts] =
        await Promise.all([
          import('../ui/profilepage/panel'),
          import('./openplace'),
          clusters.launchers(),
          clusters.hostTesting()
        ]);
      const panel = createProfilePanel({
        profile,
        launchers,
        hosts,
        trans,
        profiles: () => clusters.profiles(),
        save: (launcher, options, engines) =>
          clusters.saveProfile(profile, launcher, options, engines),
        open: place => open(app, place)
      });
      panel.title.icon = clusterIcon;
      app.shell.add(panel, labShell ? 'main' : 'down', {
        type: 'Profile Settings'
      });
      await tracker.add(panel);
      return panel;
    };
    app.commands.addCommand(CommandIDs.openProfile, {
      label: trans.__('Open Profile Settings'),
      caption: trans.__('What the profile sets, where, and how to change it'),
      isEnabled: args => named(args) !== undefined,
      execute: async args => {
        const profile = named(args);
        if (profile === undefined) {
          return;
        }
        try {
          const panel =
            tracker.find(({ content }) => content.profile === profile) ??
            (await make(profile));
          app.shell.activateById(panel.id);
        } catch (error) {
          refused(error);
        }
      },
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...PROFILE } }
      }
    });
    palette?.addItem({
      command: CommandIDs.openProfile,
      category: trans.__('Clusters')
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openProfile,
      args: ({ content }) => ({ profile: content.profile }),
      name: ({ content }) => content.profile
    });
  }
};
